"""A mass event is not written for each of its posts, and nothing that matters waits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from core.records import Assessed, Category, Event, Heartbeat, Post, ReportState
from core.settings import CorrelatorSettings, Settings
from correlator.freshness import Freshness
from correlator.growth import GROWTH, MASS, merely_grown
from correlator.live import Correlator
from correlator.model import PairModel
from correlator.run import CURSOR, LiveCorrelator
from store.protocol import ALL, EventQuery, EventWrite
from store.sqlite import SqliteStore
from tests.correlator.conftest import Make

LIVE = Freshness()
MORE = 12


@pytest.fixture(scope="module")
def crowd(post: Make) -> list[Assessed]:
    """Copies of one post, by as many people: cheap to compare, and one event."""
    return [
        post(
            f"p{n}",
            "горит торговый центр Жетысу черный дым видно отовсюду",
            n / 60,
            author=f"a{n}",
            category=Category.FIRE_EMERGENCY,
        )
        for n in range(MASS + MORE)
    ]


def ids(event: Event) -> set[str]:
    return {link.id for link in event.posts}


def of_mass(writes: list[EventWrite]) -> list[Event]:
    return [w.event for w in writes if len(w.event.posts) >= MASS]


@pytest.fixture
def grown(
    model: PairModel, crowd: list[Assessed], at: Callable[[float], datetime]
) -> tuple[Correlator, Event, datetime]:
    """A correlator, its event of so many posts, and the time."""
    live, now = Correlator(CorrelatorSettings(), model), at(7)
    (event,) = of_mass(live.update(crowd[:MASS], now, LIVE))
    return live, event, now


def test_growth_alone_waits_until_it_is_asked_for(
    grown: tuple[Correlator, Event, datetime], crowd: list[Assessed]
) -> None:
    live, event, now = grown
    for record in crowd[MASS:]:
        assert live.update([record], now, LIVE) == []
    assert live.behind
    (write,) = live.catch_up(now, LIVE)
    assert write.based_on == event.version
    assert ids(write.event) == {record.subject.id for record in crowd}
    assert not live.behind
    assert live.catch_up(now, LIVE) == []
    assert live.reconcile(now, LIVE) == []


def test_growth_by_a_share_is_news(
    grown: tuple[Correlator, Event, datetime], post: Make, crowd: list[Assessed]
) -> None:
    live, _, now = grown
    more = [
        post(
            f"q{n}", str(crowd[0].subject.text), 6, author=f"b{n}", category=Category.FIRE_EMERGENCY
        )
        for n in range(round(GROWTH * MASS) + 1)
    ]
    (event,) = of_mass(live.update(more, now, LIVE))
    assert len(event.posts) == MASS + len(more)
    assert not live.behind


def test_a_report_is_written_at_once_with_all_that_waited(
    grown: tuple[Correlator, Event, datetime], report: Make, crowd: list[Assessed]
) -> None:
    live, event, now = grown
    assert event.report_state is ReportState.UNREPORTED
    assert live.update(crowd[MASS:], now, LIVE) == []
    called = report("r", "горит торговый центр Жетысу", 6.5, category=Category.FIRE_EMERGENCY)
    (told,) = of_mass(live.update([called], now, LIVE))
    assert told.report_state is ReportState.REPORTED_AFTER
    assert not told.flagged
    assert ids(told) == {record.subject.id for record in crowd}
    assert not live.behind


def test_silent_feeds_are_written_at_once(
    grown: tuple[Correlator, Event, datetime], crowd: list[Assessed]
) -> None:
    live, _, now = grown
    assert live.update(crowd[MASS:], now, LIVE) == []
    (told,) = of_mass(live.rejudge(now, Freshness(silent=("calls",))))
    assert told.report_state is ReportState.UNKNOWN
    assert ids(told) == {record.subject.id for record in crowd}


@pytest.mark.parametrize(
    "change",
    [
        {"report_state": ReportState.REPORTED_AFTER, "lead_s": 5.0},
        {"flagged": False},
        {"category": Category.WEAPON},
        {"location": None},
        {"priority": 0.0},
        {"decided": "confirm"},
        {"posts": ()},
    ],
)
def test_what_people_act_on_is_no_growth(
    grown: tuple[Correlator, Event, datetime], change: dict[str, object]
) -> None:
    _, event, _ = grown
    more = event.model_copy(update={"posts": (*event.posts, event.posts[0])})
    assert merely_grown(event, more)
    assert not merely_grown(event, more.model_copy(update=change))


def test_a_place_that_moves_is_no_growth(grown: tuple[Correlator, Event, datetime]) -> None:
    _, event, _ = grown
    place = event.location
    assert place is not None
    for moved, same in ((1e-5, True), (1e-3, False)):  # a metre, a hundred metres
        there = place.model_copy(update={"lat": place.lat + moved})
        assert merely_grown(event, event.model_copy(update={"location": there})) is same


def test_what_waits_survives_a_kill(
    tmp_path: Path, model: PairModel, crowd: list[Assessed], at: Callable[[float], datetime]
) -> None:
    class Clock:
        def now(self) -> datetime:
            return at(7)

    def give(records: list[Assessed]) -> None:
        for record in records:
            assert isinstance(record.subject, Post)
            store.accept_posts([(record.subject, None)])
            store.save_assessments([(record.assessment, record.audience)], at(7))

    settings = Settings()
    store = SqliteStore(tmp_path / "oqiga.db")
    for feed in settings.intake.feeds:
        store.beat(Heartbeat(feed=feed, at=at(7), limit_s=300.0))
    give(crowd[:MASS])
    first = LiveCorrelator(store, settings, model, Clock())
    while first.step():
        pass
    noted = store.note(CURSOR)
    give(crowd[MASS:])
    assert first.step() == MORE
    everything = EventQuery(limit=9)
    (event,) = store.events(everything, ALL)
    assert len(event.posts) == MASS
    assert store.note(CURSOR) == noted, "the next process handles them again"
    second = LiveCorrelator(store, settings, model, Clock())
    while second.step():
        pass
    (event,) = store.events(everything, ALL)
    assert ids(event) == {record.subject.id for record in crowd}
    assert store.note(CURSOR) != noted
    store.close()
