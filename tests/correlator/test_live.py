"""The incremental correlator ends where the batch does, with ids that stay."""

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
    ReportState,
)
from core.settings import CorrelatorSettings
from correlator.correlate import correlate
from correlator.freshness import Freshness
from correlator.graph import Graph
from correlator.items import Item
from correlator.live import Correlator
from correlator.model import PairModel
from store.protocol import EventWrite

SETTINGS = CorrelatorSettings()
LIVE = Freshness()


class Kept:
    """What a store would hold: newest versions, each write checked against the one before."""

    def __init__(self) -> None:
        self.events: dict[str, Event] = {}
        self.written = 0

    def write(self, writes: list[EventWrite]) -> None:
        for write in writes:
            known = self.events.get(write.event.id)
            assert write.based_on == (known.version if known else 0)
            assert write.event.version == write.based_on + 1
            self.events[write.event.id] = write.event
            self.written += 1

    @property
    def open(self) -> list[Event]:
        return [e for e in self.events.values() if e.merged_into is None]


def facts(events: list[Event]) -> set[tuple[object, ...]]:
    """Events in the sense of the promises: partition, category, report state, location."""
    return {
        (
            frozenset(k.id for k in (*e.posts, *e.reports)),
            e.category,
            e.report_state,
            e.location,
            e.flagged,
        )
        for e in events
    }


@pytest.fixture(scope="session")
def batch(model: PairModel, at: Callable[[float], datetime]) -> Callable[..., list[Event]]:
    def of(records: list[Assessed], decisions: tuple[Decision, ...] = ()) -> list[Event]:
        return correlate(
            records,
            settings=SETTINGS,
            model=model,
            as_of=at(120),
            freshness=LIVE,
            decisions=decisions,
        )

    return of


@given(seed=st.integers(0, 100_000), data=st.data())
def test_any_order_any_batches_any_restarts(
    model: PairModel,
    world: list[Assessed],
    at: Callable[[float], datetime],
    batch: Callable[..., list[Event]],
    seed: int,
    data: st.DataObject,
) -> None:
    chance = random.Random(seed)
    records = list(world) + chance.sample(world, 5)  # some are delivered twice
    chance.shuffle(records)
    kept, live, seen = Kept(), Correlator(SETTINGS, model), {}
    while records:
        size = chance.randint(1, 6)
        now, records = records[:size], records[size:]
        kept.write(live.update(now, at(120), LIVE))
        seen.update({r.subject.id: r for r in now})
        if chance.random() < 0.2:
            live = Correlator(SETTINGS, model)
            live.load(seen.values(), kept.open)
            kept.write(live.reconcile(at(120), LIVE))
    assert facts(kept.open) == facts(batch(world))
    assert facts(live.events) == facts(kept.open)
    members = [k.id for e in kept.open for k in (*e.posts, *e.reports)]
    assert len(members) == len(set(members))
    aliases = {a for e in kept.open for a in e.aliases}
    assert aliases == {e.id for e in kept.events.values() if e.merged_into is not None}


def test_the_same_again_writes_nothing(
    model: PairModel, world: list[Assessed], at: Callable[[float], datetime]
) -> None:
    live = Correlator(SETTINGS, model)
    assert live.update(world, at(120), LIVE)
    assert live.update(world, at(120), LIVE) == []
    assert live.reconcile(at(120), LIVE) == []
    assert live.rejudge(at(120), LIVE) == []


def test_a_late_report_turns_the_state(
    model: PairModel,
    world: list[Assessed],
    at: Callable[[float], datetime],
    report: Callable[..., Assessed],
) -> None:
    live = Correlator(SETTINGS, model)
    live.update(world, at(60), LIVE)
    (flagged,) = [e for e in live.events if e.flagged]
    late = report("rb", "Сбит пешеход, прадо, Саина Толе би", 65, north_m=2490)
    (write,) = live.update([late], at(65), LIVE)
    assert write.event.id == flagged.id
    assert write.event.report_state is ReportState.REPORTED_AFTER
    assert write.event.lead_s == 45 * 60
    assert not write.event.flagged


def test_silence_of_a_feed_and_back(
    model: PairModel, world: list[Assessed], at: Callable[[float], datetime]
) -> None:
    live = Correlator(SETTINGS, model)
    live.update(world, at(60), LIVE)
    silent = Freshness(silent=("calls",))
    states = {w.event.report_state for w in live.rejudge(at(60), silent)}
    assert states == {ReportState.UNKNOWN}
    assert not [e for e in live.events if e.report_state is ReportState.UNREPORTED]
    assert live.rejudge(at(60), silent) == []
    assert {w.event.report_state for w in live.rejudge(at(61), LIVE)} == {ReportState.UNREPORTED}


def test_a_connecting_post_merges_and_keeps_the_older_id(
    model: PairModel,
    at: Callable[[float], datetime],
    decision: Callable[..., Decision],
    world: list[Assessed],
) -> None:
    live, kept = Correlator(SETTINGS, model), Kept()
    kept.write(live.update(world, at(60), LIVE))
    before = {k.id: e.id for e in live.events for k in (*e.posts, *e.reports)}
    merge = decision("d1", DecisionKind.MERGE, members=("a1", "b1"))
    kept.write(live.update([], at(61), LIVE, [merge]))
    merged = kept.events[before["a1"]]
    assert {"a1", "b1", "b2"} <= {k.id for k in merged.posts}
    assert merged.aliases == (before["b1"],)
    assert kept.events[before["b1"]].merged_into == before["a1"]
    undo = decision("d2", DecisionKind.UNDO, 62.0, undoes="d1")
    kept.write(live.update([], at(62), LIVE, [merge, undo]))
    after = {k.id: e.id for e in live.events for k in (*e.posts, *e.reports)}
    assert after["a1"] == before["a1"] != after["b1"]


def test_rejected_leaves_the_queue_and_undo_brings_it_back(
    model: PairModel,
    world: list[Assessed],
    at: Callable[[float], datetime],
    decision: Callable[..., Decision],
) -> None:
    live = Correlator(SETTINGS, model)
    live.update(world, at(60), LIVE)
    (flagged,) = [e for e in live.events if e.flagged]
    reject = decision("d1", DecisionKind.REJECT, event=flagged.id)
    (write,) = live.update([], at(61), LIVE, [reject])
    assert (write.event.decided, write.event.flagged) == ("reject", False)
    undo = decision("d2", DecisionKind.UNDO, 62.0, event=flagged.id, undoes="d1")
    (write,) = live.update([], at(62), LIVE, [reject, undo])
    assert (write.event.decided, write.event.flagged) == (None, True)


def test_snooze_ends_by_itself(
    model: PairModel,
    world: list[Assessed],
    at: Callable[[float], datetime],
    decision: Callable[..., Decision],
) -> None:
    live = Correlator(SETTINGS, model)
    live.update(world, at(60), LIVE)
    (flagged,) = [e for e in live.events if e.flagged]
    snooze = decision("d1", DecisionKind.SNOOZE, event=flagged.id, until=at(90))
    (write,) = live.update([], at(61), LIVE, [snooze])
    assert not write.event.flagged
    assert not any(e.flagged for e in live.events)
    assert [w.event.flagged for w in live.rejudge(at(91), LIVE)] == [True]


def test_an_edit_can_move_a_post_out(
    model: PairModel,
    world: list[Assessed],
    at: Callable[[float], datetime],
    post: Callable[..., Assessed],
    batch: Callable[..., list[Event]],
) -> None:
    live = Correlator(SETTINGS, model)
    live.update(world, at(60), LIVE)
    edited = post(
        "a2", "Астана, Кабанбай батыра, фура сложилась на мосту", 4, town="astana", version=2
    )
    live.update([edited], at(61), LIVE)
    changed = [edited if r.subject.id == "a2" else r for r in world]
    assert {f[0] for f in facts(live.events)} == {f[0] for f in facts(batch(changed))}


def test_when_a_member_turns_confidential_the_old_id_goes_with_it(
    model: PairModel, at: Callable[[float], datetime], world: list[Assessed]
) -> None:
    live, kept = Correlator(SETTINGS, model), Kept()
    kept.write(live.update(world, at(60), LIVE))
    before = {k.id: e.id for e in live.events for k in (*e.posts, *e.reports)}
    hidden = next(r for r in world if r.subject.id == "a2").model_copy(
        update={"audience": Audience.CONFIDENTIAL}
    )
    kept.write(live.update([hidden], at(61), LIVE))
    after = {k.id: e for e in live.events for k in (*e.posts, *e.reports)}
    assert after["a2"].id == before["a2"]  # its earlier versions name a2, so they go with it
    assert after["a2"].audience is Audience.CONFIDENTIAL
    assert after["a1"].id != before["a1"]
    assert "a2" not in {k.id for k in after["a1"].posts}


def test_closed_events_leave_memory(
    model: PairModel, world: list[Assessed], at: Callable[[float], datetime]
) -> None:
    live = Correlator(SETTINGS, model)
    live.update(world, at(60), LIVE)
    assert live.close(at(60)) == 0
    assert live.close(at(60 * 20)) > 0
    assert {k.id for e in live.events for k in e.posts} == {"f1", "f2"}  # fires stay open longer
    assert live.close(at(60 * 24 * 9)) == 1
    assert len(live) == 0


def test_a_flood_of_copies_is_one_event(
    model: PairModel, at: Callable[[float], datetime], post: Callable[..., Assessed]
) -> None:
    text = "Горит рынок, чёрный дым до неба, товар выносим сами"
    flood = [
        post(f"c{n:03}", text, n / 10, source=f"s{n}", forwarded_from="n-c000") for n in range(300)
    ]
    random.Random(7).shuffle(flood)
    live = Correlator(SETTINGS, model)
    for start in range(0, 300, 50):
        live.update(flood[start : start + 50], at(60), LIVE)
    (event,) = live.events
    assert len(event.posts) == 300
    assert event.incident == pytest.approx(0.9)  # copies are no further witnesses


WITNESSED = (
    "на рынке горит третий ряд, дым до неба, люди бегут к выходу",
    "базар жанып жатыр, үшінші қатар, адамдар қашып жатыр",
    "пожар на рынке! контейнеры полыхают, сирены слышно",
    "рынок горит, тушат, уже два ряда контейнеров в огне",
    "контейнеры на базаре горят, газовые баллоны взрываются",
)
ELSEWHERE = (
    "мужчина с ножом у остановки, все разбежались",
    "остановкада пышақ ұстаған адам жүр, абайлаңдар",
)


def test_a_mass_event_is_one_in_any_order_though_only_some_are_compared(
    model: PairModel,
    post: Callable[..., Assessed],
    at: Callable[[float], datetime],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("correlator.graph.CROWD", 30)
    monkeypatch.setattr("correlator.graph.SOME", 6)
    chosen = random.Random(5)
    crowd = [
        post(
            f"f{n:03}",
            f"{chosen.choice(WITNESSED)} {n}",
            n / 6,
            category=Category.FIRE_EMERGENCY,
            north_m=chosen.gauss(0, 60),
        )
        for n in range(120)
    ]
    others = [
        post(f"k{n}", f"{chosen.choice(ELSEWHERE)} {n}", 2 * n, category=Category.WEAPON)
        for n in range(4)
    ]

    def found(records: list[Assessed], restart: int) -> list[Event]:
        correlator, kept = Correlator(SETTINGS, model), Kept()
        for start in range(0, len(records), 10):
            if start == restart:
                correlator = Correlator(SETTINGS, model)
                correlator.load(records[:start], kept.open, ())
            kept.write(correlator.update(records[start : start + 10], at(25), LIVE))
        return kept.open

    in_time = sorted([*crowd, *others], key=lambda r: r.subject.accepted_at)
    shuffled = chosen.sample(in_time, len(in_time))
    asked = 0
    edge = Graph._edge

    def counted(graph: Graph, a: Item, b: Item) -> float | None:
        nonlocal asked
        asked += 1
        return edge(graph, a, b)

    monkeypatch.setattr(Graph, "_edge", counted)
    for order in (in_time, shuffled):
        asked = 0
        assert sorted(len(e.posts) for e in found(order, restart=60)) == [4, 120]
        assert asked < 124 * 123 / 2  # a restart in the middle included
