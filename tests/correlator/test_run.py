"""The live correlator over a real store: repair at the start, stale writes, two at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from core.records import (
    Assessed,
    Audience,
    Decision,
    DecisionKind,
    Event,
    Heartbeat,
    Post,
    ReportState,
)
from core.settings import Settings
from correlator.correlate import correlate
from correlator.freshness import Freshness
from correlator.model import PairModel
from correlator.run import LiveCorrelator
from correlator.sharing import Share, handled_by_all
from store.protocol import ALL, OPEN, EventQuery, EventWrite, Neighbouring
from store.sqlite import SqliteStore
from tests.correlator.neighbourly import NeighbourlyStore

SETTINGS = Settings()
ANY = EventQuery(limit=1000)


@dataclass
class HandClock:
    """A clock that the test sets."""

    at: datetime

    def now(self) -> datetime:
        return self.at


@pytest.fixture(params=[SqliteStore, NeighbourlyStore])
def store(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[SqliteStore]:
    """One whose window is read, and one that is asked for neighbours."""
    opened: SqliteStore = request.param(tmp_path / "oqiga.db")
    yield opened
    opened.close()


@pytest.fixture
def clock(at: Callable[[float], datetime]) -> HandClock:
    return HandClock(at(60))


def beat(store: SqliteStore, clock: HandClock) -> None:
    for feed in SETTINGS.intake.feeds:
        store.beat(Heartbeat(feed=feed, at=clock.at, limit_s=300.0))


def give(store: SqliteStore, records: list[Assessed]) -> None:
    """Posts and reports as the readers and the assessor would leave them in the store."""
    for record in records:
        if isinstance(record.subject, Post):
            store.accept_posts([(record.subject, None)])
        else:
            store.accept_reports([record.subject])
        store.save_assessments([(record.assessment, record.audience)], record.subject.accepted_at)


def facts(events: list[Event]) -> set[tuple[object, ...]]:
    return {
        (frozenset(k.id for k in (*e.posts, *e.reports)), e.category, e.report_state, e.location)
        for e in events
    }


def expected(model: PairModel, records: list[Assessed], now: datetime) -> set[tuple[object, ...]]:
    return facts(
        correlate(
            records,
            settings=SETTINGS.correlator,
            model=model,
            as_of=now,
            freshness=Freshness.always(),
        )
    )


def run_dry(live: LiveCorrelator) -> None:
    while live.step():
        pass


def test_the_store_ends_as_the_batch_does(
    store: SqliteStore, model: PairModel, clock: HandClock, world: list[Assessed]
) -> None:
    beat(store, clock)
    live = LiveCorrelator(store, SETTINGS, model, clock)
    live.start()
    for record in world:
        give(store, [record])
        run_dry(live)
    events = store.events(ANY, ALL)
    assert facts(events) == expected(model, world, clock.at)
    assert {e.audience for e in store.events(ANY, OPEN)} == {Audience.OPEN}
    position = store.last_event_change(Audience.OPEN)
    run_dry(live)
    assert store.last_event_change(Audience.OPEN) == position


def test_start_repairs_what_a_killed_process_left(
    store: SqliteStore, model: PairModel, clock: HandClock, world: list[Assessed]
) -> None:
    beat(store, clock)
    give(store, world[:9])
    first = LiveCorrelator(store, SETTINGS, model, clock)
    first.start()
    run_dry(first)
    ids = {k.id: e.id for e in store.events(ANY, ALL) for k in (*e.posts, *e.reports)}
    give(store, world[9:])  # nobody was there to see them
    again = LiveCorrelator(store, SETTINGS, model, clock)
    again.start()
    if isinstance(store, Neighbouring):  # it reads no window: what is new comes with the changes
        run_dry(again)
    events = store.events(ANY, ALL)
    assert facts(events) == expected(model, world, clock.at)
    after = {k.id: e.id for e in events for k in (*e.posts, *e.reports)}
    assert {record: after[record] for record in ids} == ids


def test_two_at_once_end_where_one_does(
    store: SqliteStore, model: PairModel, clock: HandClock, world: list[Assessed]
) -> None:
    beat(store, clock)
    one, two = (LiveCorrelator(store, SETTINGS, model, clock) for _ in range(2))
    one.start()
    two.start()
    for number, record in enumerate(reversed(world)):
        give(store, [record])
        (one, two)[number % 2].step()
        if number % 3 == 0:
            one.step()
    run_dry(one)
    run_dry(two)
    run_dry(one)
    assert facts(store.events(ANY, ALL)) == expected(model, world, clock.at)


def _in_region(record: Assessed, number: int) -> Assessed:
    path = ("place", f"region-{number}", "kz")
    judged = record.assessment.model_copy(update={"location_path": path})
    return record.model_copy(update={"assessment": judged})


@pytest.mark.parametrize("order", [1, -1])
def test_shares_by_region_end_where_one_does(
    store: SqliteStore, model: PairModel, clock: HandClock, world: list[Assessed], order: int
) -> None:
    """Three at once, of which one dies for a while; every share has something to do."""
    beat(store, clock)
    world = [_in_region(record, number % 9) for number, record in enumerate(world)]
    shares = [Share(number, 3) for number in range(3)]
    assert {tuple(s.has(r) for s in shares).count(True) for r in world} == {1}
    assert all(share.of_mine(world) for share in shares)
    lives = [LiveCorrelator(store, SETTINGS, model, clock, share) for share in shares]
    for live in lives:
        live.start()
    for number, record in enumerate(world[::order]):
        give(store, [record])
        lives[number % 3].step()
        if number % 4 == 0:
            lives[0].step()
        if number == len(world) // 2:
            lives[1] = LiveCorrelator(store, SETTINGS, model, clock, shares[1])
    while any([live.step() for live in lives]):
        pass
    assert facts(store.events(ANY, ALL)) == expected(model, world, clock.at)


def test_shares_begin_where_others_had_handled_everything(
    store: SqliteStore, model: PairModel, clock: HandClock, world: list[Assessed]
) -> None:
    beat(store, clock)
    give(store, world[:6])
    run_dry(LiveCorrelator(store, SETTINGS, model, clock))
    give(store, world[6:])
    for share in (Share(0, 2), Share(1, 2)):
        run_dry(LiveCorrelator(store, SETTINGS, model, clock, share))
    assert facts(store.events(ANY, ALL)) == expected(model, world, clock.at)
    done = {"c": 5, "c:0/2": 9, "c:1/2": 7, "c:0/3": 20, "c:2/3": 30}
    assert handled_by_all("c", done, but=4) == 7, "of three one is missing"
    assert handled_by_all("c", done, but=2) == 5
    assert handled_by_all("c", {}, but=2) == 0
    with pytest.raises(ValueError, match="shares of 2 are 0 to 1"):
        Share(2, 2)


def test_a_stale_write_is_read_again(
    store: SqliteStore,
    model: PairModel,
    clock: HandClock,
    world: list[Assessed],
    report: Callable[..., Assessed],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    beat(store, clock)
    give(store, world)
    live = LiveCorrelator(store, SETTINGS, model, clock)
    live.start()
    run_dry(live)
    late = report("rb", "Сбит пешеход, прадо, Саина Толе би", 65, north_m=2490)
    give(store, [late])
    write = store.write_events
    raced: list[int] = []

    def slow(writes: list[EventWrite]) -> None:
        """Between reading and writing, another process writes the same event."""
        if not raced:
            (mine,) = [w for w in writes if w.event.reports]
            newest = store.event(mine.event.id, ALL)
            assert newest is not None
            other = newest.model_copy(update={"version": newest.version + 1, "headline": "другой"})
            write([EventWrite(event=other, based_on=newest.version)])
            raced.append(other.version)
        write(writes)

    monkeypatch.setattr(store, "write_events", slow)
    run_dry(live)
    assert raced
    (event,) = [e for e in store.events(ANY, ALL) if "rb" in {k.id for k in e.reports}]
    assert event.version == raced[0] + 1
    assert facts(store.events(ANY, ALL)) == expected(
        model, [*world, late], clock.at + timedelta(minutes=10)
    )


def test_silent_feed_and_its_return(
    store: SqliteStore, model: PairModel, clock: HandClock, world: list[Assessed]
) -> None:
    beat(store, clock)
    give(store, world)
    live = LiveCorrelator(store, SETTINGS, model, clock)
    run_dry(live)
    clock.at += timedelta(minutes=6)
    run_dry(live)
    states = {e.report_state for e in store.events(ANY, ALL) if not e.reports}
    assert states == {ReportState.UNKNOWN}
    clock.at += timedelta(minutes=1)
    beat(store, clock)
    run_dry(live)
    states = {e.report_state for e in store.events(ANY, ALL) if not e.reports}
    assert states == {ReportState.UNREPORTED}


def test_decisions_are_followed(
    store: SqliteStore,
    model: PairModel,
    clock: HandClock,
    world: list[Assessed],
    decision: Callable[..., Decision],
) -> None:
    beat(store, clock)
    give(store, world)
    live = LiveCorrelator(store, SETTINGS, model, clock)
    run_dry(live)
    (flagged,) = store.events(EventQuery(flagged=True), ALL)
    store.add_decision(
        decision(
            "d1",
            DecisionKind.REJECT,
            event=flagged.id,
            event_version=flagged.version,
            reason="учения",
        )
    )
    run_dry(live)
    assert store.events(EventQuery(flagged=True), ALL) == []
    newest = store.event(flagged.id, ALL)
    assert newest is not None
    assert newest.decided == "reject"


def test_an_unreadable_record_is_set_aside_and_the_rest_goes_on(
    store: SqliteStore,
    model: PairModel,
    clock: HandClock,
    world: list[Assessed],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import correlator.live

    make = correlator.live.make_item

    def failing(record: Assessed, idf: dict[str, float]) -> object:
        if record.subject.id == "n1":
            raise ValueError("made to fail")
        return make(record, idf)

    monkeypatch.setattr(correlator.live, "make_item", failing)
    beat(store, clock)
    give(store, world)
    live = LiveCorrelator(store, SETTINGS, model, clock)
    live.start()
    run_dry(live)
    members = {k.id for e in store.events(ANY, ALL) for k in (*e.posts, *e.reports)}
    assert members == {r.subject.id for r in world} - {"n1"}
    assert live.failures
    (aside,) = store.set_aside_items()
    assert "made to fail" in aside.problem


def test_what_comes_days_late_finds_its_event(
    store: SqliteStore,
    model: PairModel,
    clock: HandClock,
    world: list[Assessed],
    at: Callable[[float], datetime],
    post: Callable[..., Assessed],
) -> None:
    """A late post re-opens the judgement of its own event; others stay as they are."""
    beat(store, clock)
    give(store, world)
    live = LiveCorrelator(store, SETTINGS, model, clock)
    run_dry(live)
    before = {k.id: e.id for e in store.events(ANY, ALL) for k in (*e.posts, *e.reports)}
    clock.at = at(60 * 24 * 8)
    beat(store, clock)
    run_dry(live)
    versions = {e.id: e.version for e in store.events(ANY, ALL)}
    late = post("late", "На Саина Абая столкнулись камри и ларгус, третья машина рядом", 2)
    give(store, [late])
    run_dry(live)
    LiveCorrelator(store, SETTINGS, model, clock).start()
    events = store.events(ANY, ALL)
    assert facts(events) == expected(model, [*world, late], clock.at)
    after = {k.id: e.id for e in events for k in (*e.posts, *e.reports)}
    assert {r: after[r] for r in before} == before
    changed = {e.id for e in events if e.version != versions.get(e.id)}
    assert after["late"] in changed
    assert len(changed) <= 2, "beside it, at most the event that it makes a candidate"


@pytest.mark.parametrize("hours", [0, 14, 24, 24 * 9])
@pytest.mark.parametrize("turned", [False, True])
def test_a_day_that_is_filled_in_later_ends_as_the_live_one(
    store: SqliteStore,
    model: PairModel,
    clock: HandClock,
    world: list[Assessed],
    at: Callable[[float], datetime],
    hours: int,
    turned: bool,
) -> None:
    """Half of the records comes when the events of the other half are long closed, by fresh
    processes as a scheduler starts them.
    """
    clock.at = at(60 + 60 * hours)
    beat(store, clock)
    halves = [world[::2], world[1::2]]
    for half in halves[::-1] if turned else halves:
        give(store, half)
        run_dry(LiveCorrelator(store, SETTINGS, model, clock))
    assert facts(store.events(ANY, ALL)) == expected(model, world, clock.at)


def test_a_decision_about_a_closed_event_is_followed(
    store: SqliteStore,
    model: PairModel,
    clock: HandClock,
    world: list[Assessed],
    at: Callable[[float], datetime],
) -> None:
    beat(store, clock)
    give(store, world)
    run_dry(LiveCorrelator(store, SETTINGS, model, clock))
    event = next(e for e in store.events(EventQuery(flagged=True), OPEN))
    clock.at = at(60 * 24 * 8)
    beat(store, clock)
    live = LiveCorrelator(store, SETTINGS, model, clock)
    run_dry(live)
    newest = store.event(event.id, OPEN)
    assert newest is not None
    store.add_decision(
        Decision(
            id="d1",
            event=event.id,
            event_version=newest.version,
            kind=DecisionKind.CONFIRM,
            by="s1",
            at=clock.at,
        )
    )
    run_dry(live)
    after = store.event(event.id, OPEN)
    assert after is not None
    assert (after.decided, after.flagged) == ("confirm", False)


def test_an_edit_of_a_closed_event_stays_in_one_event(
    store: SqliteStore,
    model: PairModel,
    clock: HandClock,
    world: list[Assessed],
    at: Callable[[float], datetime],
) -> None:
    """Judged anew long after, each record is still in exactly one event, and in its own."""
    beat(store, clock)
    give(store, world)
    run_dry(LiveCorrelator(store, SETTINGS, model, clock))
    before = {k.id: e.id for e in store.events(ANY, ALL) for k in (*e.posts, *e.reports)}
    incident = {e.id: e.incident for e in store.events(ANY, ALL)}[before[world[0].subject.id]]
    clock.at = at(60 * 24 * 8)
    beat(store, clock)
    run_dry(LiveCorrelator(store, SETTINGS, model, clock))
    for record in world[::3]:
        again = record.assessment.model_copy(update={"incident": 0.99, "assessor": "another=1"})
        store.save_assessments([(again, record.audience)], clock.at)
    run_dry(LiveCorrelator(store, SETTINGS, model, clock))
    events = store.events(ANY, ALL)
    listed = [k.id for e in events for k in (*e.posts, *e.reports)]
    assert sorted(listed) == sorted(before), "nothing is in two events"
    after = {k.id: e.id for e in events for k in (*e.posts, *e.reports)}
    assert after == before
    (mine,) = [e for e in events if e.id == after[world[0].subject.id]]
    assert mine.incident > incident, "what was assessed anew is judged anew"
