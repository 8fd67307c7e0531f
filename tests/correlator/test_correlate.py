"""The whole batch: promises that hold whatever the weights are."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.records import (
    Assessed,
    Audience,
    Category,
    Decision,
    DecisionKind,
    Event,
    MediaRef,
    ReportState,
)
from core.settings import CorrelatorSettings
from correlator.correlate import correlate
from correlator.freshness import Freshness
from correlator.model import PairModel

SETTINGS = CorrelatorSettings()
LIVE = Freshness.always()
Parts = Callable[[list[Event]], set[frozenset[str]]]
Run = Callable[..., list[Event]]


@pytest.fixture(scope="session")
def run(model: PairModel, at: Callable[[float], datetime]) -> Run:
    def correlated(
        records: list[Assessed],
        decisions: tuple[Decision, ...] = (),
        *,
        as_of: float = 120.0,
        freshness: Freshness = LIVE,
    ) -> list[Event]:
        return correlate(
            records,
            settings=SETTINGS,
            model=model,
            as_of=at(as_of),
            freshness=freshness,
            decisions=decisions,
        )

    return correlated


def event_of(events: list[Event], record: str) -> Event:
    (found,) = [e for e in events if record in {k.id for k in (*e.posts, *e.reports)}]
    return found


def test_one_video_with_other_words_is_one_event(run: Run, post: Callable[..., Assessed]) -> None:
    def with_video(record: Assessed, digest: str) -> Assessed:
        seen = record.subject.model_copy(update={"media": (MediaRef(digest=digest),)})
        return record.model_copy(update={"subject": seen})

    told = post("a", "на кольце кто-то перевернулся, смотрите сами", 0)
    shown = post("b", "бауырлар абайлаңыздар жолда", 9, town=None, incident=0.4, source="other")
    one = run([with_video(told, "d1"), with_video(shown, "d1")])
    assert event_of(one, "a").id == event_of(one, "b").id
    apart = run([with_video(told, "d1"), with_video(shown, "d2")])
    assert event_of(apart, "a").id != event_of(apart, "b").id


def test_the_world_is_understood(run: Run, world: list[Assessed], parts: Parts) -> None:
    assert parts(run(world)) == {
        frozenset({"a1", "a2", "a3", "a4", "ra"}),
        frozenset({"b1", "b2"}),
        frozenset({"f1", "f2", "rf"}),
        frozenset({"n1"}),
        frozenset({"n2", "n3"}),
        frozenset({"rr"}),
        frozenset({"w1"}),
        frozenset({"s1", "rs"}),
    }


@given(seed=st.integers(0, 10_000))
def test_order_of_the_input_does_not_matter(run: Run, world: list[Assessed], seed: int) -> None:
    shuffled = list(world)
    random.Random(seed).shuffle(shuffled)
    assert run(shuffled) == run(world)


@given(data=st.data())
def test_no_record_is_lost_or_twice(run: Run, world: list[Assessed], data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.sampled_from(world), max_size=25))
    events = run(chosen)
    members = [link.id for e in events for link in (*e.posts, *e.reports)]
    assert sorted(members) == sorted({r.subject.id for r in chosen})


def test_only_what_was_known_at_the_time_counts(run: Run, world: list[Assessed]) -> None:
    members = {k.id for e in run(world, as_of=10.0) for k in (*e.posts, *e.reports)}
    assert members == {"a1", "a2", "a3", "a4", "n1", "w1", "rs"}


def test_report_states(run: Run, world: list[Assessed]) -> None:
    events = run(world)
    crash, fire = event_of(events, "a1"), event_of(events, "f1")
    assert (crash.report_state, crash.lead_s) == (ReportState.REPORTED_AFTER, 720.0)
    assert (fire.report_state, fire.lead_s) == (ReportState.REPORTED_BEFORE, None)
    assert event_of(events, "b1").report_state is ReportState.UNREPORTED
    assert event_of(events, "rr").report_state is ReportState.REPORTED_BEFORE
    assert {e.id for e in events if e.flagged} == {event_of(events, "b1").id}


def test_silent_feed_makes_unreported_unknown(run: Run, world: list[Assessed]) -> None:
    events = run(world, freshness=Freshness(silent=("calls",)))
    states = {e.report_state for e in events if not e.reports}
    assert states == {ReportState.UNKNOWN}
    assert event_of(events, "b1").flagged
    assert event_of(events, "a1").report_state is ReportState.REPORTED_AFTER


def test_confidential_report_leaves_open_events_alone(run: Run, world: list[Assessed]) -> None:
    hidden = [
        r.model_copy(update={"audience": Audience.CONFIDENTIAL}) if r.subject.id == "ra" else r
        for r in world
    ]
    crash = event_of(run(hidden), "a1")
    assert crash.report_state is ReportState.UNREPORTED
    assert crash.audience is Audience.OPEN
    assert "ra" not in {k.id for k in crash.candidates}
    assert event_of(run(hidden), "ra").audience is Audience.CONFIDENTIAL


@given(minute=st.floats(0, 60), north_m=st.floats(0, 500))
def test_a_further_matching_report_never_makes_an_event_less_known(
    run: Run, world: list[Assessed], report: Callable[..., Assessed], minute: float, north_m: float
) -> None:
    known = {ReportState.REPORTED_AFTER, ReportState.REPORTED_BEFORE}
    more = report("rx", "Абая Саина столкнулись камри и ларгус", minute, north_m=north_m)
    before, after = event_of(run(world), "a1"), event_of(run([*world, more]), "a1")
    assert after.report_state in known
    assert not after.flagged
    factor = {f.name: f.value for f in before.priority_factors}["unknown_to_102"]
    assert {f.name: f.value for f in after.priority_factors}["unknown_to_102"] <= factor + 1e-9


def test_categories_by_what_the_patrol_is_sent_for(
    run: Run, post: Callable[..., Assessed], report: Callable[..., Assessed]
) -> None:
    drunk, crash = Category.DRUNK_DRIVING, Category.ROAD_CRASH
    events = run(
        [
            post("p1", "пьяный на кобальте врезался в дерево на Абая", 0, category=drunk),
            post("p2", "кобальт врезался в дерево на Абая", 2, category=crash),
        ]
    )
    assert [e.category for e in events] == [drunk]


def test_comments_do_not_lower_an_incident(run: Run, world: list[Assessed]) -> None:
    with_comment = event_of(run(world), "a1").incident
    without = event_of(run([r for r in world if r.subject.id != "a3"]), "a1").incident
    assert with_comment >= without >= 0.9


class TestDecisions:
    """People's decisions bind every later run."""

    def test_link(
        self, run: Run, world: list[Assessed], decision: Callable[..., Decision], parts: Parts
    ) -> None:
        linked = decision("d1", DecisionKind.LINK, anchor="a1", members=("rr", "w1"))
        assert frozenset({"a1", "a2", "a3", "a4", "ra", "rr", "w1"}) in parts(run(world, (linked,)))

    def test_unlink_leaves_the_rest_together(
        self, run: Run, world: list[Assessed], decision: Callable[..., Decision], parts: Parts
    ) -> None:
        unlinked = decision("d1", DecisionKind.UNLINK, anchor="a1", members=("ra",))
        found = parts(run(world, (unlinked,)))
        assert frozenset({"a1", "a2", "a3", "a4"}) in found
        assert frozenset({"ra"}) in found

    def test_undo(self, run: Run, world: list[Assessed], decision: Callable[..., Decision]) -> None:
        done = decision("d1", DecisionKind.UNLINK, anchor="a1", members=("ra",))
        undone = decision("d2", DecisionKind.UNDO, 61.0, undoes="d1")
        redone = decision("d3", DecisionKind.UNDO, 62.0, undoes="d2")
        assert run(world, (done, undone)) == run(world)
        assert run(world, (done, undone, redone)) == run(world, (done,))

    def test_later_decision_wins(
        self, run: Run, world: list[Assessed], decision: Callable[..., Decision], parts: Parts
    ) -> None:
        apart = decision("d1", DecisionKind.UNLINK, 60.0, anchor="a1", members=("ra",))
        again = decision("d2", DecisionKind.LINK, 61.0, anchor="a1", members=("ra",))
        assert parts(run(world, (apart, again))) == parts(run(world))
        assert parts(run(world, (again, apart))) == parts(run(world, (again, apart)))

    @given(data=st.data())
    def test_no_run_breaks_them(
        self,
        run: Run,
        world: list[Assessed],
        decision: Callable[..., Decision],
        data: st.DataObject,
    ) -> None:
        names = [r.subject.id for r in world]
        anchor, member = data.draw(
            st.lists(st.sampled_from(names), min_size=2, max_size=2, unique=True)
        )
        kind = data.draw(st.sampled_from([DecisionKind.LINK, DecisionKind.UNLINK]))
        taken = decision("d", kind, anchor=anchor, members=(member,))
        events = run(world, (taken,))
        together = event_of(events, anchor).id == event_of(events, member).id
        if kind is DecisionKind.UNLINK:
            assert not together
        else:
            one = {r.audience for r in world if r.subject.id in {anchor, member}}
            assert together == (len(one) == 1)

    def test_reject_leaves_the_queue(
        self, run: Run, world: list[Assessed], decision: Callable[..., Decision]
    ) -> None:
        rejected = decision("d1", DecisionKind.REJECT, anchor="b1", reason="учения")
        event_id = event_of(run(world), "b1").id
        rejected = rejected.model_copy(update={"event": event_id})
        crash = event_of(run(world, (rejected,)), "b1")
        assert (crash.decided, crash.flagged) == ("reject", False)
