"""Writes the nightly report: reads the store, counts, renders, files."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment

from core.clock import Clock
from core.settings import Settings
from reports.nightly import NightlyNumbers, bounds, numbers
from store.protocol import OPEN, EventQuery, Store

MOST_EVENTS = 1_000_000


def write_nightly(
    store: Store, settings: Settings, clock: Clock, day: date | None, folder: Path
) -> list[Path]:
    """The report of a local day (default: yesterday) as HTML, CSV and JSON; returns the files.

    Open events only: no file holds a trace of confidential ones.
    """
    zone = ZoneInfo(settings.console.time_zone)
    if day is None:
        day = clock.now().astimezone(zone).date() - timedelta(days=1)
    since, until = bounds(day, zone)
    events = store.events(
        EventQuery(since=since, until=until, order="time", limit=MOST_EVENTS), OPEN
    )
    found = numbers(events, day, zone)
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / f"nightly-{day.isoformat()}"
    paths = [stem.with_suffix(suffix) for suffix in (".html", ".csv", ".json")]
    paths[0].write_text(_html(found), encoding="utf-8")
    _write_csv(found, paths[1])
    paths[2].write_text(found.model_dump_json(indent=2), encoding="utf-8")
    return paths


def _html(found: NightlyNumbers) -> str:
    template = files("reports").joinpath("templates/nightly.html").read_text(encoding="utf-8")
    environment = Environment(autoescape=True)
    return environment.from_string(template).render(
        n=found, zone=ZoneInfo(found.time_zone), most=max(found.regions.values(), default=1)
    )


def _write_csv(found: NightlyNumbers, path: Path) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["category", "report_state", "events"])
        for category, states in sorted(found.categories.items()):
            for state, count in sorted(states.items()):
                rows.writerow([category, state, count])
