"""Decisions by the API: confirm, reject, link, unlink, undo, stale, twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from core.records import Category, DecisionKind, Point, ReportState, Role
from store.protocol import OPEN, EventWrite


def todo(who: Any) -> set[str]:
    """Ids in the queue."""
    return {event["id"] for event in who.get("/api/queue").json()["events"]}


def test_confirming_takes_the_event_from_the_queue_before_any_correlator_ran(
    person: Callable[[Role], Any], filled: Any
) -> None:
    who = person(Role.SPECIALIST)
    assert filled.crash in todo(who)
    answer = who.decide(filled.crash, kind="confirm", version=2)
    assert answer.status_code == 200
    assert answer.json()["decided"] == "confirm"
    assert filled.crash not in todo(who)
    decided = who.get("/api/queue?view=decided").json()["events"]
    assert [(e["id"], e["decided"]) for e in decided] == [(filled.crash, "confirm")]
    (kept,) = filled.store.decisions(OPEN, filled.crash)
    assert (kept.kind, kept.by, kept.event_version) == (DecisionKind.CONFIRM, "specialist", 2)


def test_undo_brings_it_back_and_is_a_decision_of_its_own(
    person: Callable[[Role], Any], filled: Any
) -> None:
    who = person(Role.SPECIALIST)
    first = who.decide(filled.crash, kind="reject", version=2, reason="old", words="вчера").json()
    assert filled.crash not in todo(who)
    undone = who.decide(filled.crash, kind="undo", version=None, undoes=first["id"])
    assert undone.status_code == 200
    assert filled.crash in todo(who)
    kinds = [(d.kind, d.reason, d.undoes) for d in filled.store.decisions(OPEN, filled.crash)]
    assert kinds == [
        (DecisionKind.REJECT, "old: вчера", None),
        (DecisionKind.UNDO, None, first["id"]),
    ]
    assert who.decide(filled.crash, kind="undo", undoes=first["id"]).status_code == 422
    page = who.get(f"/events/{filled.crash}").text
    assert "Решение отменено" in page


def test_a_stale_page_is_told_what_changed(person: Callable[[Role], Any], filled: Any) -> None:
    who = person(Role.SPECIALIST)
    answer = who.decide(filled.crash, kind="confirm", version=1)
    assert answer.status_code == 409
    assert answer.json()["version"] == 2
    assert filled.store.decisions(OPEN) == []
    event = filled.store.event(filled.crash, OPEN)
    newer = event.model_copy(
        update={"version": 3, "report_state": ReportState.REPORTED_AFTER, "posts": event.posts[:1]}
    )
    filled.store.write_events([EventWrite(newer, 2)])
    answer = who.decide(filled.crash, kind="confirm", version=2)
    assert answer.status_code == 409
    told = {change["what"]: change["text"] for change in answer.json()["changes"]}
    assert set(told) == {"report_state", "posts"}
    assert told["report_state"] == "Состояние: Нет в 102 → 102 узнала позже"
    assert who.decide(filled.crash, kind="confirm", version=3).status_code == 200


def test_a_write_that_comes_between_check_and_decision_is_stale_too(
    person: Callable[[Role], Any], filled: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = person(Role.SPECIALIST)
    add = filled.store.add_decision

    def write_first(decision: Any) -> None:
        event = filled.store.event(filled.crash, OPEN)
        newer = event.model_copy(
            update={"version": event.version + 1, "category": Category.VIOLENCE}
        )
        filled.store.write_events([EventWrite(newer, event.version)])
        add(decision)

    monkeypatch.setattr(filled.store, "add_decision", write_first)
    answer = who.decide(filled.crash, kind="confirm", version=2)
    assert answer.status_code == 409
    assert [change["what"] for change in answer.json()["changes"]] == ["category"]


def test_two_people_cannot_decide_the_same_event(
    person: Callable[[Role], Any], filled: Any
) -> None:
    one, two = person(Role.SPECIALIST), person(Role.SUPERVISOR)
    assert one.decide(filled.crash, kind="confirm", version=2).status_code == 200
    answer = two.decide(filled.crash, kind="reject", version=2, reason="old")
    assert answer.status_code == 409
    assert answer.json()["changes"][0]["what"] == "decided"
    assert len(filled.store.decisions(OPEN)) == 1


def test_the_same_request_twice_decides_once(person: Callable[[Role], Any], filled: Any) -> None:
    who = person(Role.SPECIALIST)
    body = {"kind": "confirm", "version": 2, "request": "one-click-1"}
    first, second = who.decide(filled.crash, **body), who.decide(filled.crash, **body)
    assert first.json() == second.json()
    assert len(filled.store.decisions(OPEN)) == 1


def test_link_and_unlink_name_their_anchor(person: Callable[[Role], Any], filled: Any) -> None:
    who = person(Role.SPECIALIST)
    event = filled.store.event(filled.crash, OPEN)
    posts = [link.id for link in event.posts]
    linked = who.decide(filled.crash, kind="link", version=2, members=[filled.candidate])
    assert linked.status_code == 200
    apart = who.decide(filled.crash, kind="unlink", version=2, members=[posts[1]])
    assert apart.status_code == 200
    link, unlink = filled.store.decisions(OPEN, filled.crash)
    assert (link.anchor, link.members) == (posts[0], (filled.candidate,))
    assert (unlink.anchor, unlink.members) == (posts[0], (posts[1],))


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "reject", "version": 2},
        {"kind": "reject", "version": 2, "reason": "because"},
        {"kind": "reject", "version": 2, "reason": "other"},
        {"kind": "reject", "version": 2, "reason": "old", "words": "а" * 501},
        {"kind": "link", "version": 2},
        {"kind": "link", "version": 2, "members": ["nobody-knows"]},
        {"kind": "unlink", "version": 2, "members": ["nobody-knows"]},
        {"kind": "snooze", "version": 2},
        {"kind": "undo", "version": 2},
        {"kind": "confirm", "version": 0},
        {"kind": "confirm", "version": 2, "by": "somebody else"},
        {"kind": "explode", "version": 2},
        {},
    ],
)
def test_what_makes_no_sense_is_refused(
    person: Callable[[Role], Any], filled: Any, body: dict[str, Any]
) -> None:
    assert person(Role.SPECIALIST).decide(filled.crash, **body).status_code == 422
    assert filled.store.decisions(OPEN) == []


def test_a_verdict_needs_the_version_that_was_looked_at(
    person: Callable[[Role], Any], filled: Any
) -> None:
    assert person(Role.SPECIALIST).decide(filled.crash, kind="confirm").status_code == 409


def standing_of(who: Any, event_id: str) -> list[str]:
    """Kinds of the event's decisions, as its page tells them."""
    return [d["kind"] for d in who.get(f"/api/events/{event_id}").json()["decisions"]]


@pytest.mark.parametrize(
    ("wish", "kept"),
    [
        ({"kind": "note", "words": "Едет патруль"}, {"reason": "Едет патруль"}),
        ({"kind": "snooze", "snooze_min": 15}, {}),
        ({"kind": "category", "category": "violence"}, {"category": Category.VIOLENCE}),
        (
            {"kind": "move", "point": {"lat": 43.25, "lon": 76.9, "radius_m": 80}},
            {"point": Point(lat=43.25, lon=76.9, radius_m=80)},
        ),
        ({"kind": "unsure", "members": ["r-near-0"]}, {"members": ("r-near-0",)}),
        ({"kind": "unlink", "members": ["r-near-0"]}, {"members": ("r-near-0",)}),
        ({"kind": "link", "members": ["r-near-0"]}, {"members": ("r-near-0",)}),
    ],
)
def test_every_kind_is_kept_and_undone(
    person: Callable[[Role], Any], filled: Any, wish: dict[str, Any], kept: dict[str, Any]
) -> None:
    who = person(Role.SPECIALIST)
    done = who.decide(filled.crash, version=2, **wish)
    assert done.status_code == 200, done.text
    (decision,) = filled.store.decisions(OPEN, filled.crash)
    assert {key: getattr(decision, key) for key in kept} == kept
    back = who.decide(filled.crash, kind="undo", undoes=done.json()["id"])
    assert back.status_code == 200
    assert standing_of(who, filled.crash) == [wish["kind"], "undo"]


@pytest.mark.parametrize(
    "wish",
    [
        {"kind": "note", "words": "  "},
        {"kind": "snooze"},
        {"kind": "snooze", "snooze_min": 0},
        {"kind": "category"},
        {"kind": "category", "category": "none"},
        {"kind": "move"},
        {"kind": "move", "point": {"lat": 91, "lon": 0, "radius_m": 100}},
        {"kind": "move", "point": {"lat": 43, "lon": 76, "radius_m": 0}},
        {"kind": "merge"},
        {"kind": "split"},
        {"kind": "split", "members": ["r-near-0"]},
        {"kind": "unsure", "members": []},
        {"kind": "link", "members": ["no-such-report"]},
    ],
)
def test_what_makes_no_sense_of_any_kind_is_refused(
    person: Callable[[Role], Any], filled: Any, wish: dict[str, Any]
) -> None:
    answer = person(Role.SPECIALIST).decide(filled.crash, version=2, **wish)
    assert answer.status_code == 422
    assert filled.store.decisions(OPEN) == []


def test_snoozing_hides_it_until_its_time(person: Callable[[Role], Any], filled: Any) -> None:
    who = person(Role.SPECIALIST)
    who.decide(filled.crash, kind="snooze", version=2, snooze_min=15)
    assert filled.crash not in todo(who)
    later = who.get("/api/queue?view=snoozed").json()["events"]
    assert [event["id"] for event in later] == [filled.crash]
    assert "Отложено до" in who.get(f"/events/{filled.crash}").text


def test_a_changed_category_shows_at_once(person: Callable[[Role], Any], filled: Any) -> None:
    who = person(Role.SPECIALIST)
    who.decide(filled.crash, kind="category", version=2, category="weapon")
    (row,) = [e for e in who.get("/api/queue").json()["events"] if e["id"] == filled.crash]
    assert row["category"] == "weapon"


def test_police_corruption_hands_the_event_over(person: Callable[[Role], Any], filled: Any) -> None:
    who, officer = person(Role.SPECIALIST), person(Role.INTERNAL_SECURITY)
    done = who.decide(filled.crash, kind="category", version=2, category="police_corruption")
    assert done.json()["gone"] is True
    for path in (f"/events/{filled.crash}", f"/api/events/{filled.crash}"):
        assert who.get(path).status_code == 404
    assert filled.crash not in who.get("/queue?view=all").text
    assert filled.crash not in {e["id"] for e in who.get("/api/search?q=Саина").json()["events"]}
    assert filled.store.decisions(OPEN) == []
    assert filled.crash in {e["id"] for e in officer.get("/api/queue?view=all").json()["events"]}
    assert officer.get(f"/events/{filled.crash}").status_code == 200


def test_merging_names_all_records_of_both(person: Callable[[Role], Any], filled: Any) -> None:
    who = person(Role.SPECIALIST)
    other, *_ = [e for e in who.get("/api/queue").json()["events"] if e["id"] != filled.crash]
    stale = who.decide(filled.crash, kind="merge", version=2, other=other["id"], other_version=9)
    assert stale.status_code == 409
    done = who.decide(filled.crash, kind="merge", version=2, other=other["id"], other_version=1)
    assert done.status_code == 200
    (decision,) = filled.store.decisions(OPEN, filled.crash)
    both = [filled.store.event(i, OPEN) for i in (filled.crash, other["id"])]
    named = {decision.anchor, *decision.members}
    assert named == {link.id for event in both for link in (*event.posts, *event.reports)}
    secret = who.decide(filled.crash, kind="merge", version=2, other=filled.confidential)
    unknown = who.decide(filled.crash, kind="merge", version=2, other="0" * 24)
    assert (secret.status_code, secret.text) == (unknown.status_code, unknown.text)


def test_neighbours_are_near_in_place_and_time(person: Callable[[Role], Any], filled: Any) -> None:
    who = person(Role.SPECIALIST)
    found = who.get(f"/api/events/{filled.crash}/neighbours").json()
    assert found
    assert filled.crash not in {one["id"] for one in found}
    here = filled.store.event(filled.crash, OPEN).location
    for one in found[:3]:
        there = filled.store.event(one["id"], OPEN).location
        assert there is None or abs(there.lat - here.lat) < 0.3


def test_a_split_says_who_stays(person: Callable[[Role], Any], filled: Any) -> None:
    who = person(Role.SPECIALIST)
    event = filled.store.event(filled.crash, OPEN)
    first, second = (link.id for link in event.posts)
    done = who.decide(filled.crash, kind="split", version=2, members=[second])
    assert done.status_code == 200
    (decision,) = filled.store.decisions(OPEN, filled.crash)
    assert (decision.anchor, decision.members, decision.staying) == (first, (second,), ())
    everything = who.decide(filled.crash, kind="split", version=2, members=[first, second])
    assert everything.status_code == 422


def test_many_at_once_and_one_undo(person: Callable[[Role], Any], filled: Any) -> None:
    who, other = person(Role.SPECIALIST), person(Role.SUPERVISOR)
    events = who.get("/api/queue").json()["events"][:6]
    held, stale = events[4], events[5]
    other.post(f"/api/events/{held['id']}/claim")
    items = [{"event": e["id"], "version": e["version"]} for e in events]
    items[5]["version"] += 7
    body = {"wish": {"kind": "reject", "reason": "old", "request": "batch-one"}, "items": items}
    answer = who.post("/api/decisions", body).json()
    assert [item["status"] for item in answer["items"]] == [200] * 4 + [409, 409]
    assert answer["items"][4]["held_by"] == "supervisor"
    assert answer["items"][5]["version"] == stale["version"]
    decided = [item for item in answer["items"] if item["status"] == 200]
    assert {i["event"] for i in decided} & todo(who) == set()
    assert {d.batch for d in filled.store.decisions(OPEN)} == {answer["batch"]}
    again = who.post("/api/decisions", body).json()
    assert [i["status"] for i in again["items"]][:4] == [200] * 4
    assert len(filled.store.decisions(OPEN)) == 4  # sent twice, decided once
    undo = {
        "wish": {"kind": "undo"},
        "items": [{"event": i["event"], "undoes": i["id"]} for i in decided],
    }
    assert [i["status"] for i in who.post("/api/decisions", undo).json()["items"]] == [200] * 4
    assert {i["event"] for i in decided} <= todo(who)
    for kind in ("merge", "split", "move", "link"):
        body = {"wish": {"kind": kind}, "items": items}
        assert who.post("/api/decisions", body).status_code == 422


def test_ten_thousand_wishes_are_too_many(person: Callable[[Role], Any]) -> None:
    items = [{"event": "x", "version": 1}] * 300
    body = {"wish": {"kind": "confirm"}, "items": items}
    assert person(Role.SPECIALIST).post("/api/decisions", body).status_code == 422
