"""What every backend has to pass: subclass ``StoreContract`` and give a ``store`` fixture."""

from __future__ import annotations

import itertools
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.chain import first_break
from core.errors import InputError, StaleWriteError, StoreError
from core.ids import content_digest
from core.inputs import make_post, make_report
from core.records import (
    Assessment,
    Audience,
    AuditEntry,
    Category,
    Decision,
    DecisionKind,
    Event,
    Heartbeat,
    Language,
    Link,
    Outcome,
    Point,
    Post,
    RawPost,
    Report,
    ReportState,
    Role,
    Session,
    SetAside,
    User,
)
from oqiga.verify import broken
from store.protocol import ALL, CONFIDENTIAL, OPEN, EventQuery, EventWrite, Stages, Store

NOW = datetime(2026, 3, 20, 14, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def a_post(native_id: str = "1", text: str = "Өрт Сайында", **changes: Any) -> Post:
    value = {"id": native_id, "text": text, "posted_at": "2026-03-20T19:00:00+05:00", **changes}
    return make_post(value, now=NOW, key=b"k")


def a_report(report_id: str = "r1", text: str = "пожар в гараже", **changes: Any) -> Report:
    value = {"id": report_id, "text": text, "received_at": "2026-03-20T19:01:00+05:00", **changes}
    return make_report(value, now=NOW)


def an_assessment(subject: str, version: int = 1, **changes: Any) -> Assessment:
    values: dict[str, Any] = {
        "subject": subject,
        "version": version,
        "assessor": "test",
        "language": Language.KK,
        "incident": 0.9,
        "category": Category.FIRE_EMERGENCY,
        "categories": {Category.FIRE_EMERGENCY: 0.9},
        "urgency": 0.5,
    }
    return Assessment(**{**values, **changes})


def an_event(
    event_id: str = "e1", version: int = 1, *members: Post | Report, **changes: Any
) -> Event:
    links = [
        Link(kind="post" if isinstance(m, Post) else "report", id=m.id, at=NOW) for m in members
    ]
    values: dict[str, Any] = {
        "id": event_id,
        "version": version,
        "audience": Audience.OPEN,
        "category": Category.FIRE_EMERGENCY,
        "incident": 0.9,
        "urgency": 0.5,
        "location": Point(lat=43.2, lon=76.8, radius_m=150),
        "started_at": NOW,
        "last_at": NOW,
        "posts": tuple(link for link in links if link.kind == "post"),
        "reports": tuple(link for link in links if link.kind == "report"),
        "report_state": ReportState.UNREPORTED,
        "flagged": True,
        "priority": 0.5,
        "updated_at": NOW,
    }
    return Event(**{**values, **changes})


def a_decision(
    decision_id: str, event_id: str = "e1", version: int = 1, **changes: Any
) -> Decision:
    values: dict[str, Any] = {
        "id": decision_id,
        "event": event_id,
        "event_version": version,
        "kind": DecisionKind.CONFIRM,
        "by": "ann",
        "at": NOW,
    }
    return Decision(**{**values, **changes})


def accept(store: Store, *posts: Post) -> list[Outcome]:
    return store.accept_posts([(post, None) for post in posts])


def assess(
    store: Store, *subjects: str, audience: Audience = Audience.OPEN, version: int = 1
) -> None:
    store.save_assessments([(an_assessment(s, version), audience) for s in subjects], NOW)


def write(store: Store, *events: Event) -> None:
    store.write_events([EventWrite(event, event.version - 1) for event in events])


def need_whole(store: Store) -> None:
    """Chains unbroken, every link's record there."""
    for name in ("evidence", "audit_open", "audit_confidential"):
        assert first_break(store.chain(name)) is None
        assert store.broken_links(name) == []


class StoreContract:
    """The contract. Each test gets an empty store."""

    # -- inputs --

    def test_repeat_and_conflict(self, store: Store) -> None:
        post = a_post()
        assert accept(store, post, post) == [Outcome.ACCEPTED, Outcome.REPEATED]
        assert accept(store, a_post(text="другое")) == [Outcome.CONFLICT]
        assert accept(store, post) == [Outcome.REPEATED]
        assert [v.text for v in store.post_versions(post.id, ALL)] == [post.text]

    def test_versions_are_numbered_in_order_of_arrival(self, store: Store) -> None:
        first, edit = a_post(), a_post(text="в", edited_at="2026-03-20T19:05:00+05:00")
        assert accept(store, edit, first, edit) == [
            Outcome.ACCEPTED,
            Outcome.ACCEPTED,
            Outcome.REPEATED,
        ]
        kept = store.post_versions(first.id, ALL)
        assert [(v.version, v.text) for v in kept] == [(1, "в"), (2, first.text)]

    def test_post_comes_back_as_it_was(self, store: Store) -> None:
        post = a_post(
            lat=43.25, lon=76.9, author="n", home="Алматы", media=["https://example.org/1"], x=[1]
        )
        raw = RawPost(
            id=post.id, source=post.source, native_id="1", url=None, fetched_at=NOW,
            media_type="text/html", payload="<p>өрт</p>".encode(), parser="p1",
        )  # fmt: skip
        assert store.accept_posts([(post, raw)]) == [Outcome.ACCEPTED]
        assert store.post_versions(post.id, ALL) == [post]
        assess(store, post.id)
        assert store.post_versions(post.id, OPEN) == [post]

    def test_payloads_come_back_untouched_and_go_with_their_post(self, store: Store) -> None:
        def raw(payload: bytes) -> RawPost:
            return RawPost(
                id=content_digest(payload.hex()), source="unnamed", native_id="1", url=None,
                fetched_at=NOW, media_type="text/html", payload=payload, parser="p/1",
            )  # fmt: skip

        first, edit = a_post(), a_post(text="Өрт", edited_at="2026-03-20T19:05:00+05:00")
        bare = a_post(text="Өр", edited_at="2026-03-20T19:06:00+05:00")
        payloads = [raw(b"<p>\xff\x00</p>"), raw(b"<p>2</p>")]
        store.accept_posts([(first, payloads[0]), (edit, payloads[1]), (bare, None)])
        assert store.raw_posts(first.id, ALL) == payloads
        assert store.raw_posts(first.id, OPEN) == []
        for version in (1, 2, 3):
            assess(store, first.id, version=version, audience=Audience.CONFIDENTIAL)
        assert store.raw_posts(first.id, CONFIDENTIAL) == payloads
        assert store.raw_posts(first.id, OPEN) == store.raw_posts("unknown", ALL) == []

    def test_reports(self, store: Store) -> None:
        report = a_report(lat=43.2, lon=76.8)
        assert store.accept_reports([report, report]) == [Outcome.ACCEPTED, Outcome.REPEATED]
        assert store.accept_reports([a_report(text="другое")]) == [Outcome.CONFLICT]
        assert store.report("r1", OPEN) is None
        assess(store, "r1")
        assert store.report("r1", OPEN) == report

    def test_set_aside_keeps_the_bytes(self, store: Store) -> None:
        item = SetAside(
            id="s1", kind="post", where="f:3", problem="not JSON", at=NOW, size_bytes=3,
            record=b'{"\xff\x00',
        )  # fmt: skip
        store.set_aside([item])
        store.set_aside([item])
        assert store.set_aside_items() == [item]
        assert store.stats(OPEN).set_aside == 1

    def test_a_post_and_a_report_never_share_an_id(self, store: Store) -> None:
        post, report = a_post(), a_report()
        accept(store, post)
        assert store.accept_reports([a_report(post.id), report]) == [
            Outcome.CONFLICT,
            Outcome.ACCEPTED,
        ]
        squatted = a_post("2").model_copy(update={"id": "r1"})
        assert accept(store, squatted) == [Outcome.CONFLICT]

    def test_what_could_not_be_read_back_is_refused(self, store: Store) -> None:
        """One record that no reader can parse would stop every stage that reads a batch."""
        deep: Any = 0
        for _ in range(300):
            deep = [deep]
        for hostile in (deep, "\ud800"):
            bad = a_post().model_copy(update={"extra": {"x": hostile}})
            with pytest.raises(InputError, match=bad.id):
                accept(store, a_post("2"), bad)
            with pytest.raises(InputError):
                store.accept_reports([a_report().model_copy(update={"extra": {"x": hostile}})])
        assert store.unassessed(10) == []
        assert list(store.chain("evidence")) == []

    # -- assessment --

    def test_unassessed_oldest_first_until_assessed(self, store: Store) -> None:
        late = a_post("2").model_copy(update={"accepted_at": NOW + MINUTE})
        accept(store, late, a_post("1"))
        store.accept_reports([a_report()])
        waiting = store.unassessed(10)
        assert {r.id for r in waiting} == {a_post("1").id, late.id, "r1"}
        assert waiting[-1] == late
        assert len(store.unassessed(2)) == 2
        assert store.stats(OPEN).backlog == 3
        assess(store, a_post("1").id, "r1")
        assert [r.id for r in store.unassessed(10)] == [late.id]

    def test_pending_is_readable_by_the_pipeline_alone(self, store: Store) -> None:
        post = a_post()
        accept(store, post)
        for audience in (OPEN, CONFIDENTIAL):
            assert store.post_versions(post.id, audience) == []
            assert store.search_posts("өрт", audience) == []
            assert store.stats(audience).posts == 0

    def test_assessing_again_replaces(self, store: Store) -> None:
        post = a_post()
        accept(store, post)
        assess(store, post.id)
        better = an_assessment(post.id, incident=0.2)
        store.save_assessments([(better, Audience.OPEN)], NOW)
        assert store.assessments([post.id], OPEN) == {post.id: better}

    def test_the_same_assessment_again_changes_nothing(self, store: Store) -> None:
        post = a_post()
        accept(store, post)
        store.accept_reports([a_report()])
        assess(store, post.id, "r1")
        before = store.last_change(), store.stats(OPEN)
        assess(store, post.id, "r1")
        store.save_assessments([(an_assessment(post.id), Audience.OPEN)], NOW + MINUTE)
        assert (store.last_change(), store.stats(OPEN)) == before

    def test_the_same_assessment_for_another_audience_moves(self, store: Store) -> None:
        post = a_post()
        accept(store, post)
        store.accept_reports([a_report(lat=43.2, lon=76.8)])
        assess(store, post.id, "r1")
        assess(store, post.id, "r1", audience=Audience.CONFIDENTIAL)
        assess(store, post.id, "r1", audience=Audience.OPEN)
        assert store.assessed([post.id, "r1"], OPEN) == []
        assert store.report("r1", OPEN) is None
        assert store.reports_near(43.2, 76.8, 500, NOW - MINUTE, OPEN) == []
        assert len(store.assessed([post.id, "r1"], ALL)) == 2
        assert len(store.reports_near(43.2, 76.8, 500, NOW - MINUTE, ALL)) == 1

    def test_only_versions_that_exist_are_assessed(self, store: Store) -> None:
        accept(store, a_post())
        store.accept_reports([a_report()])
        for subject in (a_post().id, "r1"):
            with pytest.raises(StoreError, match="version 2"):
                assess(store, subject, version=2)
        with pytest.raises(StoreError, match="not pending"):
            assess(store, "r1", audience=Audience.PENDING)

    def test_assessing_what_is_unknown_is_an_error(self, store: Store) -> None:
        with pytest.raises(StoreError, match="never accepted"):
            assess(store, "nobody")

    def test_a_batch_is_all_or_nothing(self, store: Store) -> None:
        post = a_post()
        accept(store, post)
        with pytest.raises(StoreError):
            assess(store, post.id, "nobody")
        assert [r.id for r in store.unassessed(10)] == [post.id]
        assert store.assessments([post.id], ALL) == {}

    def test_new_version_waits_while_the_old_stays_readable(self, store: Store) -> None:
        post, edit = a_post(), a_post(text="в", edited_at="2026-03-20T19:05:00+05:00")
        accept(store, post)
        assess(store, post.id)
        accept(store, edit)
        assert [v.text for v in store.post_versions(post.id, OPEN)] == [post.text]
        assert [v.version for v in store.unassessed(5) if isinstance(v, Post)] == [2]
        assess(store, post.id, version=2)
        assert [v.text for v in store.post_versions(post.id, OPEN)] == [post.text, "в"]
        assert store.assessed([post.id], OPEN)[0].subject.text == "в"

    def test_deletion_marks_and_the_witness_still_speaks(self, store: Store) -> None:
        post = a_post()
        gone = a_post(text="", deleted_at="2026-03-20T19:09:00+05:00")
        accept(store, post, gone)
        assess(store, post.id)
        assess(store, post.id, version=2)
        (found,) = store.assessed([post.id], OPEN)
        assert isinstance(found.subject, Post)
        assert found.subject.text == post.text
        assert found.subject.deleted_at == gone.deleted_at
        assert found.assessment.version == 1

    def test_confidential_is_sticky_and_takes_all_versions(self, store: Store) -> None:
        post = a_post()
        later = ("2026-03-20T19:05:00+05:00", "2026-03-20T19:06:00+05:00")
        accept(store, post)
        assess(store, post.id)
        accept(store, a_post(text="гаишник вымогает", edited_at=later[0]))
        assess(store, post.id, version=2, audience=Audience.CONFIDENTIAL)
        accept(store, a_post(text="ничего", edited_at=later[1]))
        assess(store, post.id, version=3, audience=Audience.OPEN)
        assert store.post_versions(post.id, OPEN) == []
        assert store.assessments([post.id], OPEN) == {}
        assert store.search_posts("өрт", OPEN) == []
        assert store.search_posts("ничего", OPEN) == []
        assert list(store.window(NOW - MINUTE, OPEN)) == []
        assert store.stats(OPEN).posts == 0
        assert len(store.post_versions(post.id, CONFIDENTIAL)) == 3
        assert store.stats(CONFIDENTIAL).posts == 1

    # -- reading --

    def test_window_oldest_first(self, store: Store) -> None:
        posts = [a_post(str(i), posted_at=f"2026-03-20T19:0{i}:00+05:00") for i in range(5)]
        accept(store, *reversed(posts))
        store.accept_reports([a_report(received_at="2026-03-20T19:02:30+05:00")])
        assess(store, *(p.id for p in posts[:4]), "r1")
        found = [a.subject.id for a in store.window(posts[1].posted_at, OPEN)]
        assert found == [posts[1].id, posts[2].id, "r1", posts[3].id]

    def test_search_folds_both_languages_and_survives_any_query(self, store: Store) -> None:
        posts = [a_post("1", "Өрт Сайында"), a_post("2", "орт болды"), a_post("3", "ёлка горит")]
        accept(store, *posts)
        assess(store, *(p.id for p in posts))
        assert {p.native_id for p in store.search_posts("өрт", OPEN)} == {"1", "2"}
        assert {p.native_id for p in store.search_posts("Орт сайын", OPEN)} == {"1"}
        assert {p.native_id for p in store.search_posts("елка", OPEN)} == {"3"}
        for hostile in ('"', "* OR", "NEAR(", "'; DROP TABLE note", "a:b", "", "  ", "(", "^x-y"):
            store.search_posts(hostile, OPEN)
            store.events(EventQuery(text=hostile), OPEN)

    def test_search_goes_by_the_newest_words(self, store: Store) -> None:
        post = a_post(text="қой жоғалды")
        edit = a_post(text="сиыр жоғалды", edited_at="2026-03-20T19:05:00+05:00")
        gone = a_post(text="", deleted_at="2026-03-20T19:09:00+05:00")
        accept(store, gone, edit, post)
        for version in (3, 2):
            assess(store, post.id, version=version)
        write(store, an_event("e", 1, post))

        def found(text: str) -> bool:
            events = store.events(EventQuery(text=text), OPEN)
            posts = store.search_posts(text, OPEN)
            assert bool(events) == bool(posts)
            return bool(posts)

        assert not found("қой")
        assert found("сиыр")
        assess(store, post.id)
        assert found("сиыр"), "a deletion does not unsay it"
        assert store.search_posts("сиыр", OPEN)[0].deleted_at == gone.deleted_at

    def test_a_long_search_is_no_error(self, store: Store) -> None:
        accept(store, a_post(text=" ".join(f"сөз{i}" for i in range(3000))))
        assess(store, a_post().id)
        assert len(store.search_posts(" ".join(f"сөз{i}" for i in range(3000)), OPEN)) == 1

    def test_reports_near(self, store: Store) -> None:
        store.accept_reports(
            [
                a_report("near", lat=43.2005, lon=76.8),
                a_report("nearer", lat=43.2001, lon=76.8),
                a_report("far", lat=43.3, lon=76.8),
                a_report("nowhere"),
            ]
        )
        assess(store, "near", "nearer", "far", "nowhere")
        found = store.reports_near(43.2, 76.8, 500, NOW - MINUTE, OPEN)
        assert [r.id for r in found] == ["nearer", "near"]
        assert store.reports_near(43.2, 76.8, 500, NOW + 5 * MINUTE, OPEN) == []
        assert store.reports_near(43.2, 76.8, 500, NOW - MINUTE, CONFIDENTIAL) == []

    # -- correlation --

    def test_changes_in_order(self, store: Store) -> None:
        accept(store, a_post("1"), a_post("2"))
        assert store.last_change() == 0
        assess(store, a_post("2").id)
        assess(store, a_post("1").id)
        changes = store.changes(0)
        assert [(c.kind, c.id) for c in changes] == [
            ("post", a_post("2").id),
            ("post", a_post("1").id),
        ]
        assert store.changes(changes[0].position) == changes[1:]
        assert store.last_change() == changes[-1].position

    def test_every_version_of_an_event_can_be_read_back(self, store: Store) -> None:
        post = a_post()
        first = an_event("e1", 1, post)
        second = an_event("e1", 2, post, a_report(), priority=0.7)
        write(store, first)
        write(store, second)
        assert store.event("e1", OPEN) == second
        assert store.event("e1", OPEN, version=1) == first
        assert store.event("e1", OPEN, version=9) is None
        assert store.event_versions("e1", OPEN) == [first, second]

    def test_stale_writes_are_refused_whole(self, store: Store) -> None:
        write(store, an_event("e1", 1), an_event("e2", 1))
        write(store, an_event("e1", 2, priority=0.6))
        stale = [EventWrite(an_event("e2", 2), 1), EventWrite(an_event("e1", 2, priority=0.1), 1)]
        with pytest.raises(StaleWriteError, match="e1"):
            store.write_events(stale)
        kept = store.event("e2", OPEN)
        assert kept is not None
        assert kept.version == 1
        with pytest.raises(StaleWriteError):
            store.write_events([EventWrite(an_event("e3", 2), 1)])
        with pytest.raises(StaleWriteError):
            store.write_events([EventWrite(an_event("e1", 1), 0)])

    def test_writing_the_same_version_again_changes_nothing(self, store: Store) -> None:
        write(store, an_event())
        before = store.last_event_change(Audience.OPEN)
        write(store, an_event())
        assert store.last_event_change(Audience.OPEN) == before

    def test_members(self, store: Store) -> None:
        one, two = a_post("1"), a_post("2")
        write(store, an_event("a", 1, one, two), an_event("b", 1, a_report()))
        assert store.events_of([one.id, two.id, "r1", "x"], OPEN) == {
            one.id: "a",
            two.id: "a",
            "r1": "b",
        }
        both = store.events_with([one.id, two.id, "r1", "x"], OPEN)
        assert both == [an_event("a", 1, one, two), an_event("b", 1, a_report())]
        assert store.events_with([one.id], CONFIDENTIAL) == []
        write(store, an_event("b", 2, a_report(), two), an_event("a", 2, one))
        assert store.events_with([two.id], OPEN) == [an_event("b", 2, a_report(), two)]
        assert store.events_of([one.id, two.id], OPEN) == {one.id: "a", two.id: "b"}
        write(store, an_event("b", 3, merged_into="a"), an_event("a", 3, one, two, a_report()))
        assert set(store.events_of([one.id, two.id, "r1"], OPEN).values()) == {"a"}
        assert [e.id for e in store.open_events(NOW, OPEN)] == ["a"]
        assert [e.id for e in store.events(EventQuery(), OPEN)] == ["a"]

    def test_stages_of_a_post(self, store: Store) -> None:
        one, two, late, secret = (a_post(n) for n in ("1", "2", "3", "4"))
        accept(store, one, two, late, secret)
        for post in (one, two, late):
            store.save_assessments([(an_assessment(post.id), Audience.OPEN)], NOW + MINUTE)
        assess(store, secret.id, audience=Audience.CONFIDENTIAL)
        write(
            store,
            an_event("e", 1, one, two, updated_at=NOW + 2 * MINUTE),
            an_event("s", 1, secret, audience=Audience.CONFIDENTIAL, updated_at=NOW + 2 * MINUTE),
        )
        ids = [one.id, two.id, late.id, secret.id, "unknown"]
        assert store.stages(ids, OPEN)[one.id] == Stages(NOW + MINUTE, NOW + 2 * MINUTE, None)
        assert store.stages(ids, OPEN)[late.id] == Stages(NOW + MINUTE, None, None)
        shown = dict.fromkeys([one.id, two.id, late.id, secret.id, "x"], NOW + 3 * MINUTE)
        store.mark_shown(shown)
        store.mark_shown({})
        write(store, an_event("e", 2, one, two, late, updated_at=NOW + 4 * MINUTE))
        found = store.stages(ids, OPEN)
        assert found[one.id].shown_at == found[two.id].shown_at == NOW + 3 * MINUTE
        assert found[late.id].shown_at is None, "it was in no event then"
        store.mark_shown(dict.fromkeys(shown, NOW + 9 * MINUTE))
        found = store.stages(ids, OPEN)
        assert found[one.id].shown_at == NOW + 3 * MINUTE, "the first time stays"
        assert found[late.id].shown_at == NOW + 9 * MINUTE
        assert found.keys() == {one.id, two.id, late.id}
        assert store.stages(ids, CONFIDENTIAL)[secret.id].shown_at == NOW + 3 * MINUTE
        assert store.stats(OPEN).latencies["event_to_show"].p95_s == pytest.approx(300)
        assert store.stats(CONFIDENTIAL).latencies["event_to_show"].p95_s == pytest.approx(60)

    def test_the_time_of_showing_moves_with_its_post(self, store: Store) -> None:
        post = a_post()
        accept(store, post)
        assess(store, post.id)
        write(store, an_event("a", 1, post))
        store.mark_shown({post.id: NOW + MINUTE})
        write(store, an_event("b", 1, post, updated_at=NOW + 2 * MINUTE))
        assert store.stages([post.id], OPEN)[post.id].shown_at == NOW + MINUTE
        store.mark_shown({post.id: NOW + 3 * MINUTE})
        assert store.stages([post.id], OPEN)[post.id].shown_at == NOW + MINUTE

    def test_queue_queries(self, store: Store) -> None:
        post = a_post()
        accept(store, post)
        assess(store, post.id)
        write(
            store,
            an_event("a", 1, post, priority=0.2),
            an_event("b", 1, priority=0.9, category=Category.WEAPON, started_at=NOW + MINUTE),
            an_event("c", 1, priority=0.5, flagged=False, location=None, decided="reject"),
            an_event("d", 1, priority=0.4, report_state=ReportState.UNKNOWN, incident=0.6),
        )

        def ids(**conditions: Any) -> list[str]:
            return [e.id for e in store.events(EventQuery(**conditions), OPEN)]

        assert ids() == ["b", "c", "d", "a"]
        assert ids(limit=2) == ["b", "c"]
        assert ids(flagged=True) == ["b", "d", "a"]
        assert ids(undecided=False) == ["c"]
        assert ids(categories=[Category.WEAPON]) == ["b"]
        assert ids(states=[ReportState.UNKNOWN]) == ["d"]
        assert ids(since=NOW + MINUTE) == ["b"]
        assert ids(until=NOW + MINUTE) == ["c", "d", "a"]
        assert ids(min_incident=0.7) == ["b", "c", "a"]
        assert ids(bbox=(76.7, 43.1, 76.9, 43.3)) == ["b", "d", "a"]
        assert ids(bbox=(70.0, 50.0, 71.0, 51.0)) == []
        assert ids(text="сайын") == ["a"]
        assert ids(order="time")[0] == "b"
        assert store.events(EventQuery(), CONFIDENTIAL) == []

    def test_event_changes_per_audience(self, store: Store) -> None:
        secret = an_event("s", 1, audience=Audience.CONFIDENTIAL)
        write(store, an_event("a", 1), secret, an_event("b", 1))
        write(store, an_event("a", 2, priority=0.9))
        changes = store.event_changes(Audience.OPEN, 0)
        assert [(c.event.id, c.event.version) for c in changes] == [("a", 1), ("b", 1), ("a", 2)]
        positions = [c.position for c in changes]
        gaps = {later - earlier for earlier, later in itertools.pairwise(positions)}
        assert gaps == {1}, "a gap would tell that something confidential was written"
        assert store.event_changes(Audience.OPEN, positions[1]) == changes[2:]
        assert store.last_event_change(Audience.OPEN) == positions[-1]
        assert [c.event for c in store.event_changes(Audience.CONFIDENTIAL, 0)] == [secret]

    def test_event_that_turns_confidential_leaves_no_trace(self, store: Store) -> None:
        post = a_post()
        write(store, an_event("e", 1, post, headline="гаишник"))
        decision = Decision(
            id="d1", event="e", event_version=1, kind=DecisionKind.CONFIRM, by="ann", at=NOW
        )
        store.add_decision(decision)
        write(store, an_event("e", 2, post, audience=Audience.CONFIDENTIAL))
        assert store.event("e", OPEN) is None
        assert store.event_versions("e", OPEN) == []
        assert store.events(EventQuery(), OPEN) == []
        assert store.events_of([post.id], OPEN) == {}
        assert store.decisions(OPEN) == []
        assert all(c.event.id != "e" for c in store.event_changes(Audience.OPEN, 0))
        assert store.stats(OPEN).events == store.stats(OPEN).decisions == 0
        assert len(store.event_versions("e", CONFIDENTIAL)) == 2
        assert [d.id for d in store.decisions(CONFIDENTIAL, "e")] == ["d1"]

    def test_what_turns_confidential_takes_its_event_out_of_sight(self, store: Store) -> None:
        """At once, not when the correlator has judged anew: the headline says what it said."""
        post, other = a_post(), a_post("2")
        accept(store, post, other)
        assess(store, post.id, other.id)
        write(store, an_event("e", 1, post, other, headline="гаишник"))
        store.add_decision(a_decision("d", "e", reason="гаишник"))
        store.add_audit(AuditEntry(at=NOW, by="ann", action="reveal", subject="e", detail="а"))
        store.add_audit(AuditEntry(at=NOW, by="ann", action="reveal", subject=post.id, detail="б"))
        store.add_audit(AuditEntry(at=NOW, by="ann", action="sign_in", subject="ann"))
        assess(store, post.id, audience=Audience.CONFIDENTIAL)
        assert store.event("e", OPEN) is None
        assert store.events(EventQuery(), OPEN) == []
        assert store.open_events(NOW - MINUTE, OPEN) == []
        assert store.event_changes(Audience.OPEN, 0) == []
        assert store.events_of([post.id, other.id], OPEN) == {}
        assert store.decisions(OPEN) == []
        assert [entry.subject for entry in store.audit(OPEN)] == ["ann"]
        assert store.stats(OPEN).events == store.stats(OPEN).decisions == 0
        held = store.event("e", CONFIDENTIAL)
        assert held is not None
        assert (held.version, held.audience) == (1, Audience.CONFIDENTIAL)
        assert store.events_of([post.id, other.id], ALL) == {post.id: "e", other.id: "e"}
        assert [d.audience for d in store.decisions(ALL)] == [Audience.CONFIDENTIAL]
        assert {e.detail for e in store.audit(CONFIDENTIAL)} == {"d", "а", "б"}
        assert {e.audience for e in store.audit(CONFIDENTIAL)} == {Audience.CONFIDENTIAL}
        assert [c.event.id for c in store.event_changes(Audience.CONFIDENTIAL, 0)] == ["e"]
        for name in ("evidence", "audit_open", "audit_confidential"):
            assert store.broken_links(name) == []
            assert first_break(store.chain(name)) is None

    def test_the_rest_of_such_an_event_can_be_open_again(self, store: Store) -> None:
        post, other = a_post(), a_post("2")
        accept(store, post, other)
        assess(store, post.id, other.id)
        write(store, an_event("e", 1, other))
        store.add_decision(a_decision("c", "e", version=1, reason="бос"))
        store.add_decision(a_decision("l", "e", version=1, anchor=other.id, members=(post.id,)))
        write(store, an_event("e", 2, post, other, headline="гаишник"))
        store.add_decision(a_decision("d", "e", version=2, reason="гаишник"))
        assess(store, post.id, audience=Audience.CONFIDENTIAL)
        write(store, an_event("s", 1, post, audience=Audience.CONFIDENTIAL))
        write(store, an_event("e", 3, other))
        assert [e.version for e in store.event_versions("e", OPEN)] == [1, 3]
        assert [e.version for e in store.event_versions("e", ALL)] == [1, 2, 3]
        assert store.event("e", ALL) == store.event("e", OPEN) == an_event("e", 3, other)
        assert [e.id for e in store.events(EventQuery(), OPEN)] == ["e"]
        assert [e.id for e in store.events(EventQuery(), CONFIDENTIAL)] == ["s"]
        assert store.events_of([post.id, other.id], OPEN) == {other.id: "e"}
        assert store.events_of([post.id, other.id], CONFIDENTIAL) == {post.id: "s"}
        assert [d.id for d in store.decisions(OPEN)] == ["c"]
        assert [d.id for d in store.decisions(ALL, "e")] == ["c", "l", "d"]

    def test_earlier_versions_that_name_it_go_too(self, store: Store) -> None:
        post, other = a_post(), a_post("2")
        accept(store, post, other)
        assess(store, post.id, other.id)
        write(store, an_event("e", 1, post, other, headline="гаишник"))
        store.add_decision(a_decision("d", "e", anchor=other.id, members=(post.id,)))
        write(store, an_event("e", 2, other))
        store.add_decision(a_decision("d2", "e", version=2))
        assess(store, post.id, audience=Audience.CONFIDENTIAL)
        assert [e.version for e in store.event_versions("e", OPEN)] == [2]
        assert store.event("e", OPEN, version=1) is None
        assert store.event("e", ALL) == an_event("e", 2, other)
        assert [d.id for d in store.decisions(OPEN)] == ["d2"]
        assert [d.id for d in store.decisions(ALL)] == ["d", "d2"]

    def test_a_candidate_that_turns_confidential_is_struck_out(self, store: Store) -> None:
        """The event stays in sight: nobody may learn from its absence that there is a report."""
        post, report = a_post(), a_report()
        accept(store, post)
        store.accept_reports([report])
        assess(store, post.id, report.id)
        candidates = (Link(kind="report", id=report.id, at=NOW, probability=0.3),)
        write(store, an_event("e", 1, post, candidates=candidates))
        assess(store, report.id, audience=Audience.CONFIDENTIAL)
        assert store.event_versions("e", OPEN) == [an_event("e", 1, post)]
        write(store, an_event("e", 2, post))

    def test_an_open_event_never_names_what_is_confidential(self, store: Store) -> None:
        post, report = a_post(), a_report()
        accept(store, post)
        store.accept_reports([report])
        assess(store, post.id, report.id, audience=Audience.CONFIDENTIAL)
        link = (Link(kind="report", id=report.id, at=NOW),)
        for event in (
            an_event("e", 1, post),
            an_event("e", 1, report),
            an_event("e", 1, candidates=link),
        ):
            with pytest.raises(StaleWriteError, match="event e"):
                write(store, event)
        write(store, an_event("e", 1, post, report, audience=Audience.CONFIDENTIAL))

    # -- decisions, audit --

    def test_decisions_in_the_order_in_which_they_were_taken(self, store: Store) -> None:
        write(store, an_event("a", 1), an_event("b", 1, audience=Audience.CONFIDENTIAL))
        taken = ["z", "a", "m", "b"]
        for number, name in enumerate(taken):
            store.add_decision(a_decision(name, "ab"[number % 2]))
        assert [d.id for d in store.decisions(ALL)] == taken
        assert [d.id for d in store.decisions(OPEN)] == ["z", "m"]

    def test_a_decision_that_names_what_is_confidential(self, store: Store) -> None:
        """Whoever may see both sides may join them; it is for them alone, now and later."""
        post, secret, later = a_post(), a_post("2"), a_post("3")
        accept(store, post, secret, later)
        assess(store, post.id, later.id)
        assess(store, secret.id, audience=Audience.CONFIDENTIAL)
        write(store, an_event("e", 1, post))
        store.add_decision(a_decision("a", "e", anchor=post.id, members=(secret.id,)))
        store.add_decision(a_decision("b", "e", anchor=post.id, members=(later.id,)))
        store.add_decision(a_decision("a", "e", anchor=post.id, members=(secret.id,)))
        assert [d.id for d in store.decisions(OPEN)] == ["b"]
        assert [entry.detail for entry in store.audit(OPEN)] == ["b"]
        assess(store, later.id, audience=Audience.CONFIDENTIAL)
        assert store.decisions(OPEN) == []
        assert [d.id for d in store.decisions(ALL, "e")] == ["a", "b"]
        assert store.event("e", OPEN) == an_event("e", 1, post)

    def test_nothing_pending_is_audited_or_written(self, store: Store) -> None:
        entry = AuditEntry(at=NOW, by="a", action="x", subject="s", audience=Audience.PENDING)
        with pytest.raises(StoreError, match="not pending"):
            store.add_audit(entry)
        with pytest.raises(StoreError, match="not pending"):
            write(store, an_event(audience=Audience.PENDING))

    def test_decisions_are_conditional_and_idempotent(self, store: Store) -> None:
        write(store, an_event("e", 1))
        decision = Decision(
            id="d1", event="e", event_version=1, kind=DecisionKind.REJECT, by="ann", at=NOW,
            reason="old",
        )  # fmt: skip
        store.add_decision(decision)
        write(store, an_event("e", 2, decided="reject"))
        store.add_decision(decision)
        stale = decision.model_copy(update={"id": "d2"})
        with pytest.raises(StaleWriteError, match="look again"):
            store.add_decision(stale)
        with pytest.raises(StoreError, match="no event"):
            store.add_decision(decision.model_copy(update={"id": "d3", "event": "x"}))
        assert store.decisions(OPEN) == store.decisions(OPEN, "e") == [decision]
        assert store.decisions(OPEN, "other") == []
        assert [(c.kind, c.id) for c in store.changes(0)] == [("decision", "d1")]
        assert [(a.by, a.action) for a in store.audit(OPEN)] == [("ann", "decide:reject")]

    def test_chains(self, store: Store) -> None:
        accept(store, a_post("1"), a_post("2"), a_post("1"))
        store.accept_reports([a_report()])
        assess(store, a_post("1").id)
        secret = AuditEntry(
            at=NOW, by="eve", action="read", subject="e", audience=Audience.CONFIDENTIAL
        )
        store.add_audit(secret)
        store.add_audit(secret)
        evidence = list(store.chain("evidence"))
        assert [link.subject for link in evidence] == [a_post("1").id, a_post("2").id, "r1"]
        assert first_break(evidence) is None
        assert len(list(store.chain("audit_confidential"))) == 2
        assert list(store.chain("audit_open")) == []
        assert store.audit(OPEN) == []
        assert store.audit(CONFIDENTIAL) == [secret, secret]
        for name in ("evidence", "audit_open", "audit_confidential"):
            assert store.broken_links(name) == []
        with pytest.raises(StoreError, match="no chain"):
            list(store.chain("gold"))

    def test_nothing_seems_broken_while_others_write(self, store: Store) -> None:
        """Records are assessed, withheld and logged while the chains are checked."""
        problems: list[str] = []

        def work() -> None:
            for number in range(12):
                post = a_post(f"w{number}")
                accept(store, post)
                store.add_audit(AuditEntry(at=NOW, by="ann", action="read", subject=post.id))
                assess(store, post.id)
                assess(store, post.id, audience=Audience.CONFIDENTIAL)

        writer = threading.Thread(target=work)
        writer.start()
        rounds = 0
        while writer.is_alive() or rounds < 2:
            rounds += 1
            problems += [problem for *_, found in broken(store) for problem in found]
        writer.join()
        assert problems == []

    # -- feeds, progress, accounts --

    def test_heartbeats_never_go_back(self, store: Store) -> None:
        newer = Heartbeat(feed="app", at=NOW, limit_s=300)
        store.beat(newer)
        store.beat(Heartbeat(feed="app", at=NOW - MINUTE, limit_s=300))
        store.beat(Heartbeat(feed="a-calls", at=NOW - MINUTE, limit_s=60))
        assert [(h.feed, h.at) for h in store.heartbeats()] == [
            ("a-calls", NOW - MINUTE),
            ("app", NOW),
        ]

    def test_notes(self, store: Store) -> None:
        assert store.note("k") is None
        store.put_note("k", "1")
        store.put_note("k", "2")
        assert store.note("k") == "2"
        assert store.put_note_once("k", "3") == "2"
        assert store.put_note_once("fresh", "4") == store.note("fresh") == "4"

    def test_notes_are_swapped_atomically(self, store: Store) -> None:
        assert store.swap_note("claim:1", None, "a")
        assert not store.swap_note("claim:1", None, "b")
        assert not store.swap_note("claim:1", "b", "c")
        assert store.note("claim:1") == "a"
        assert store.swap_note("claim:1", "a", "b")
        assert store.swap_note("claim:2", None, "x")
        store.put_note("clai", "no")
        store.put_note("claim_1", "no")
        assert store.notes("claim:") == {"claim:1": "b", "claim:2": "x"}
        assert store.swap_note("claim:1", "b", None)
        assert store.note("claim:1") is None
        assert store.notes("claim:1") == {}

    def test_accounts(self, store: Store) -> None:
        user = User(name="ann", role=Role.SPECIALIST, password_hash="x", created_at=NOW)
        store.put_user(user)
        store.put_user(user.model_copy(update={"role": Role.ANALYST}))
        kept = store.user("ann")
        assert kept is not None
        assert kept.role is Role.ANALYST
        assert [u.name for u in store.users()] == ["ann"]
        session = Session(id="s", user="ann", created_at=NOW, expires_at=NOW + MINUTE, csrf="c")
        store.put_session(session)
        prolonged = session.model_copy(update={"expires_at": NOW + 2 * MINUTE})
        store.put_session(prolonged)
        assert store.session("s") == prolonged
        later = session.model_copy(update={"id": "a", "created_at": NOW + MINUTE})
        store.put_session(later)
        assert store.sessions() == [prolonged, later]
        store.drop_session("s")
        assert store.session("s") is None
        assert store.user("bob") is None

    def test_stats(self, store: Store) -> None:
        post = a_post()
        accept(store, post)
        accept(store, a_post("late", posted_at="2026-03-20T18:59:00+05:00"))
        waiting = store.stats(OPEN)
        assert (waiting.posts, waiting.backlog) == (0, 2)
        assert waiting.latencies["publish_to_accept"].p95_s == pytest.approx(60)
        store.save_assessments([(an_assessment(post.id), Audience.OPEN)], NOW + 2 * MINUTE)
        write(store, an_event("e", 1, post, updated_at=NOW + 3 * MINUTE))
        stats = store.stats(OPEN)
        assert (stats.posts, stats.reports, stats.events, stats.flagged) == (1, 0, 1, 1)
        assert stats.latencies["accept_to_assess"].p95_s == pytest.approx(120)
        assert stats.latencies["assess_to_event"].p50_s == pytest.approx(60)
        assert stats.latencies["publish_to_accept"].p95_s == pytest.approx(60), "both count"
        assert store.stats(CONFIDENTIAL).latencies["accept_to_assess"].p50_s is None
