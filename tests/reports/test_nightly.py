"""The nightly report: counts, bounds of local days, files."""

from __future__ import annotations

import csv
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from core.clock import FixedClock
from core.records import Audience, Category, Event, Link, ReportState
from core.settings import Settings
from reports.nightly import bounds, numbers, region_of
from reports.run import write_nightly
from store.protocol import EventWrite
from store.sqlite import SqliteStore

DAY = date(2026, 3, 20)
ALMATY = ZoneInfo("Asia/Almaty")
NOON = datetime(2026, 3, 20, 7, 0, tzinfo=UTC)


def event(event_id: str, **changes: Any) -> Event:
    values: dict[str, Any] = {
        "id": event_id,
        "version": 1,
        "audience": Audience.OPEN,
        "category": Category.ROAD_CRASH,
        "incident": 0.9,
        "urgency": 0.5,
        "location": None,
        "location_path": ("kz/almaty/street/abaya", "kz/almaty", "kz"),
        "started_at": NOON,
        "last_at": NOON,
        "posts": (Link(kind="post", id=f"p-{event_id}", at=NOON),),
        "report_state": ReportState.UNREPORTED,
        "flagged": True,
        "priority": 0.5,
        "headline": f"ДТП {event_id}, звонить 8 700 000 00 00",
        "updated_at": NOON,
    }
    return Event(**{**values, **changes})


def test_bounds_are_those_of_the_local_day() -> None:
    start, end = bounds(DAY, ALMATY)
    assert (start, end) == (
        datetime(2026, 3, 19, 19, 0, tzinfo=UTC),
        datetime(2026, 3, 20, 19, 0, tzinfo=UTC),
    )
    berlin = ZoneInfo("Europe/Berlin")  # a zone that changes its clocks on that day
    start, end = bounds(date(2026, 3, 29), berlin)
    assert end - start == timedelta(hours=23)


def test_numbers() -> None:
    after = {"report_state": ReportState.REPORTED_AFTER, "flagged": False}
    found = numbers(
        [
            event("a", priority=0.9),
            event("b", **after, lead_s=60.0),
            event("c", **after, lead_s=600.0, decided="confirm"),
            event("d", incident=0.1, flagged=False),
            event("e", category=Category.WEAPON, decided="reject", flagged=False),
            event("f", location_path=(), report_state=ReportState.UNKNOWN),
        ],
        DAY,
        ALMATY,
    )
    assert (found.events, found.incidents, found.flagged_open) == (6, 5, 2)
    assert (found.confirmed, found.rejected) == (1, 1)
    assert found.states == {"unreported": 2, "reported_after": 2, "unknown": 1}
    assert (found.leads, found.lead_median_s, found.lead_p90_s) == (2, 330.0, 600.0)
    assert found.regions == {"kz/almaty": 4, "-": 1}
    assert found.categories["weapon"] == {"unreported": 1}
    assert found.gravest[0].event_id == "a"


def test_a_day_with_nothing() -> None:
    found = numbers([], DAY, ALMATY)
    assert (found.events, found.leads, found.lead_median_s, found.gravest) == (0, 0, None, [])


def test_region() -> None:
    assert region_of(event("x", location_path=("kz/abai/city/semey", "kz/abai", "kz"))) == "kz/abai"


def test_files_hold_the_day_and_nothing_confidential(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "o.db")
    secret = event("secret", audience=Audience.CONFIDENTIAL, headline="гаишник вымогает")
    events = [event("in"), event("out", started_at=NOON - timedelta(days=1)), secret]
    store.write_events([EventWrite(e, 0) for e in events])
    clock = FixedClock(NOON + timedelta(days=1))
    paths = write_nightly(store, Settings(), clock, None, tmp_path / "out")
    store.close()
    html, table, values = paths
    assert html.name == "nightly-2026-03-20.html"
    text = html.read_text("utf-8")
    assert "ДТП in" in text
    assert "8 700" not in text
    for path in paths:
        assert "secret" not in path.read_text("utf-8")
        assert "вымогает" not in path.read_text("utf-8")
        assert "ДТП out" not in path.read_text("utf-8")
    with table.open(encoding="utf-8-sig") as file:
        assert list(csv.reader(file))[1:] == [["road_crash", "unreported", "1"]]
    assert json.loads(values.read_text("utf-8"))["incidents"] == 1


def test_hostile_headline_is_escaped(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "o.db")
    store.write_events([EventWrite(event("x", headline="<script>alert(1)</script>"), 0)])
    clock = FixedClock(NOON)
    html = write_nightly(store, Settings(), clock, DAY, tmp_path / "out")[0]
    store.close()
    assert "<script>" not in html.read_text("utf-8")
