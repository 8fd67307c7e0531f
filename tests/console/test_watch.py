"""The supervisor's figures, the board, regions, places and the search."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from console.board import Board, Filters
from console.places import Places
from console.regions import load_regions, region_of
from console.rows import View
from console.watch import ESCALATES_AFTER, budgets, precision, waiting
from console.web import attach
from core.clock import FixedClock
from core.coverage import Gap, Ledger
from core.records import Category, Decision, DecisionKind, ReportState, Role
from store.coverage import keep_ledger
from store.protocol import CONFIDENTIAL, OPEN, EventWrite
from tests.console.browser import add_event
from tests.console.conftest import NOW

LIMITS = {"urgent": 5.0, "raised": 15.0, "calm": 60.0}


def board_of(filled: Any, minutes: float = 0) -> Board:
    """A board at a time."""
    clock = FixedClock(NOW + timedelta(minutes=minutes))
    return Board(filled.store, clock, regions=load_regions(), incident_at=0.5)


@pytest.mark.parametrize(
    ("lat", "lon", "key"),
    [
        (43.2383, 76.8425, "almaty-city"),
        (51.13, 71.43, "astana-city"),
        (42.32, 69.59, "shymkent-city"),
        (43.87, 77.06, "almaty"),
        (50.06, 72.96, "karagandy"),
        (55.75, 37.62, None),
    ],
)
def test_the_region_of_a_point(lat: float, lon: float, key: str | None) -> None:
    found = region_of(load_regions(), lat, lon)
    assert (found.key if found else None) == key


def test_the_board_is_a_function_of_the_store(filled: Any) -> None:
    board = board_of(filled)
    everything = Filters(view=View.ALL)
    before = [e.event.id for e in board.entries(OPEN, everything)]
    new = add_event(filled, "late", 0.97)
    after = [e.event.id for e in board.entries(OPEN, everything)]
    assert set(after) - set(before) == {new.id}
    assert after == [e.event.id for e in board_of(filled).entries(OPEN, everything)]
    assert board.entries(OPEN, Filters())[0].event.id == new.id  # the most pressing
    quiet = new.model_copy(update={"version": 2, "incident": 0.1, "flagged": False})
    filled.store.write_events([EventWrite(quiet, 1)])
    assert new.id not in {e.event.id for e in board.entries(OPEN, everything)}
    assert {e.event.id for e in board.entries(CONFIDENTIAL, everything)} == {filled.confidential}


def test_decisions_of_another_console_are_heard(filled: Any) -> None:
    board = board_of(filled)
    assert filled.crash in {e.event.id for e in board.entries(OPEN, Filters())}
    filled.store.add_decision(
        Decision(
            id="elsewhere",
            event=filled.crash,
            event_version=2,
            kind=DecisionKind.CONFIRM,
            by="bob",
            at=NOW,
        )
    )
    assert filled.crash not in {e.event.id for e in board.entries(OPEN, Filters())}


@pytest.mark.parametrize(
    ("filters", "check"),
    [
        (Filters(regions=("almaty-city",)), lambda e: e.region == "almaty-city"),
        (Filters(categories=(Category.WEAPON,)), lambda e: e.event.category == "weapon"),
        (Filters(states=(ReportState.UNKNOWN,)), lambda e: e.event.report_state == "unknown"),
        (Filters(languages=("kk",)), lambda e: "kk" in e.facts.languages),
        (
            Filters(sources=("telegram:ochevidec_kz",)),
            lambda e: "telegram:ochevidec_kz" in e.facts.sources,
        ),
        (Filters(hours=0.25), lambda e: NOW - e.event.started_at <= timedelta(minutes=15)),
    ],
)
def test_every_filter_leaves_what_fits_and_nothing_else(
    filled: Any, filters: Filters, check: Callable[[Any], bool]
) -> None:
    board = board_of(filled)
    found = board.entries(OPEN, filters)
    assert 0 < len(found) < len(board.entries(OPEN, Filters()))
    assert all(check(entry) for entry in found)


def test_overdue_and_escalated_by_severity(filled: Any) -> None:
    entries = board_of(filled).all(OPEN)
    found = waiting(entries, {}, LIMITS, NOW + timedelta(minutes=6))
    urgent = [w for w in found if w.level == "urgent"]
    assert urgent
    for one in found:
        assert one.overdue == (one.waited_s > 60 * LIMITS[one.level])
        assert one.escalated == (one.waited_s > ESCALATES_AFTER * 60 * LIMITS[one.level])
    shares = [w.waited_s / w.limit_s for w in found]
    assert shares == sorted(shares, reverse=True)


def test_precision_and_the_cost_of_a_budget(
    person: Callable[[Role], Any], filled: Any, app: Any
) -> None:
    who = person(Role.SPECIALIST)
    events = who.get("/api/queue").json()["events"]
    for number, event in enumerate(events[:10]):
        wish = {"kind": "confirm"} if number < 6 else {"kind": "reject", "reason": "not_real"}
        who.decide(event["id"], version=event["version"], **wish)
    board = app.state.console.board
    found = precision(board.all(OPEN, learn=True))
    assert sum(p.right for p in found) >= 6
    assert all(0 <= p.share <= 1 for p in found)
    lines = budgets(board.all(OPEN), (1, 1_000), 0, NOW + timedelta(minutes=1))
    assert lines[0].alerts <= 24
    assert lines[0].alerts + lines[0].held == lines[1].alerts
    assert lines[0].missed <= lines[0].held
    assert lines[0].recall == pytest.approx(1.0 - lines[0].missed / 6)
    assert (lines[1].held, lines[1].missed, lines[1].recall) == (0, 0, 1.0)
    figures = person(Role.SUPERVISOR).get("/api/supervisor").json()
    work = {w["name"]: w for w in figures["work"]}
    assert (work["specialist"]["confirmed"], work["specialist"]["rejected"]) == (6, 4)
    assert "police_corruption" not in str(figures)


def test_a_budget_holds_back_the_least_in_each_hour_and_says_what_it_missed(
    person: Callable[[Role], Any], app: Any
) -> None:
    who = person(Role.SPECIALIST)
    board = app.state.console.board
    flagged = [e for e in board.all(OPEN) if e.event.flagged]
    hour = [e for e in flagged if NOW - e.flagged_at < timedelta(hours=1)]
    hour.sort(key=lambda e: e.event.priority)
    for entry in (hour[0], hour[-1]):  # the least of an hour and its first
        told = who.decide(entry.event.id, version=entry.event.version, kind="confirm")
        assert told.status_code == 200
    (line,) = budgets(board.all(OPEN), (len(hour) - 1,), 1, NOW)
    assert (line.missed, line.recall) == (1, 0.5)
    (line,) = budgets(board.all(OPEN), (len(hour) - 1,), 2, NOW)
    assert (line.missed, line.recall) == (0, 1.0), "two on shift are told of twice as many"


def test_a_supervisor_chooses_the_budget_and_it_is_written_down(
    person: Callable[[Role], Any], app: Any, filled: Any
) -> None:
    boss = person(Role.SUPERVISOR)
    assert 'data-per-h="30"' in person(Role.SPECIALIST).get("/queue").text
    assert boss.form("/supervisor/budget", per_hour="7").status_code == 303
    assert app.state.console.budget.per_hour == 7
    assert 'data-per-h="7"' in person(Role.SPECIALIST).get("/queue").text
    assert [b["per_hour"] for b in boss.get("/api/supervisor").json()["budgets"]][1] == 7
    assert boss.form("/supervisor/budget", per_hour="0").status_code == 422
    (entry,) = [e for e in filled.store.audit(OPEN) if e.action == "alert_budget"]
    assert (entry.by, entry.detail) == ("supervisor", "30 to 7")


def test_blind_spots_of_sources_are_on_the_page_in_the_readers_language(
    person: Callable[[Role], Any], filled: Any, settings: Any, app: Any, tmp_path: Path
) -> None:
    sources = tmp_path / "sources.toml"
    sources.write_text(
        "".join(
            f'[[source]]\nname = "{name}"\nkind = "feed"\naddress = "https://{name}.example/"\n'
            for name in ("broken", "unread")
        )
    )
    console = app.state.console
    crawlers = console.settings.crawlers.model_copy(update={"sources_file": sources})
    attach(app, replace(console, settings=settings.model_copy(update={"crawlers": crawlers})))
    gap = Gap(first="5", last="9", found_at=NOW, why="the page began at 10", missing=5)
    ledger = Ledger(
        source="broken", gaps=(gap,), failures=3, problem="answered 503", problem_since=NOW
    )
    keep_ledger(filled.store, ledger)
    boss = person(Role.SUPERVISOR)
    page = boss.get("/supervisor").text
    for told in ("answered 503", "5–9: the page began at 10", "ещё ни разу не прочитан"):
        assert told in page
    spots = boss.get("/api/supervisor").json()["blind_spots"]
    assert [(s["source"], s["kind"], s["count"]) for s in spots] == [
        ("broken", "unreadable", 3),
        ("broken", "gap", 5),
        ("unread", "never_read", None),
    ]


def test_places_are_found_in_both_languages_and_by_their_beginning() -> None:
    places = Places.load()
    for name in ("Алматы", "алма-ата", "АЛМАТЫ ҚАЛАСЫ"):
        found = places.find(name)
        assert found is not None
        assert found.id == "kz/almaty"
    assert places.find("Караган") is not None
    assert places.find("нет такого места") is None
    assert places.find("  ") is None
    assert len(places.table) > 2_000


@pytest.mark.parametrize(
    ("query", "crash"),
    [
        ("q=скорая", True),
        ("q=СКОРАЯ+подъехала", True),
        ("q=скорая&place=Алматы&km=30", True),
        ("place=Алматы&km=30", True),
        ("q=скорая&place=Астана&km=30", False),
        ("q=скорая&since=2026-03-20&until=2026-03-20", True),
        ("q=скорая&until=2026-03-19", False),
        ("q=скорая&since=2026-03-21", False),
    ],
)
def test_search_by_text_place_and_day(
    person: Callable[[Role], Any], filled: Any, query: str, crash: bool
) -> None:
    who = person(Role.SPECIALIST)
    found = {e["id"] for e in who.get(f"/api/search?{query}").json()["events"]}
    assert (filled.crash in found) is crash
    assert (filled.crash in who.get(f"/search?{query}").text) is crash


def test_a_search_is_never_for_a_person_or_an_unknown_place(
    person: Callable[[Role], Any],
) -> None:
    who = person(Role.SPECIALIST)
    for query in ("q=8 701 222 33 44", "place=777 ABC 02", "place=нет такого места"):
        assert who.get(f"/api/search?{query}").status_code == 422
        assert 'class="problem"' in who.get(f"/search?{query}").text
    assert who.get("/api/search?since=2026-02-31").status_code == 422
    assert who.get("/search?since=nonsense").status_code == 200
