"""What the commands print for people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table

from core.coverage import Ledger
from core.masking import mask
from core.records import Event, Source
from store.coverage import all_blind_spots, known_ledger
from store.protocol import OPEN, Latency, Store

LOCAL = ZoneInfo("Asia/Almaty")
PRINTED_WIDTH = 160
"""Columns when the output goes to a file or a pipe."""


def flag_row(event: Event) -> dict[str, Any]:
    """A flagged event for programs."""
    return {
        "event_id": event.id,
        "version": event.version,
        "category": event.category.value,
        "incident": round(event.incident, 4),
        "priority": round(event.priority, 4),
        "report_state": event.report_state.value,
        "location": None if event.location is None else event.location.model_dump(),
        "started_at": event.started_at.isoformat(),
        "posts": [link.id for link in event.posts],
        "reports": [link.id for link in event.reports],
        "headline": event.headline,
    }


def print_flags(events: Sequence[Event]) -> None:
    """The queue as a table."""
    table = Table()
    for name in ("priority", "category", "state", "since", "posts", "place"):
        table.add_column(name, no_wrap=True)
    table.add_column("headline", no_wrap=True, overflow="ellipsis", ratio=1)
    for event in events:
        place = event.location
        table.add_row(
            f"{event.priority:.2f}",
            event.category.value,
            event.report_state.value,
            event.started_at.astimezone(LOCAL).strftime("%H:%M"),
            str(len(event.posts)),
            "-" if place is None else f"{place.lat:.4f} {place.lon:.4f} ±{place.radius_m:.0f} m",
            mask(" ".join(event.headline.split())),
        )
    console = Console()
    if not console.is_terminal:
        console.width = PRINTED_WIDTH
    console.print(table)
    console.print(f"{len(events)} flagged events")


def print_status(store: Store, sources: Sequence[Source], now: datetime) -> None:
    """State of the whole."""
    console = Console()
    stats = store.stats(OPEN)
    console.print(
        f"posts {stats.posts}, reports {stats.reports}, events {stats.events}, "
        f"flagged {stats.flagged}, decisions {stats.decisions}, "
        f"set aside {stats.set_aside}, backlog {stats.backlog}"
    )
    latencies = Table("stage", "median s", "95th percentile s")
    for stage, latency in stats.latencies.items():
        latencies.add_row(stage, *_seconds(latency))
    console.print(latencies)
    feeds = Table("feed", "last heartbeat", "age s", "state")
    for beat in store.heartbeats():
        age_s = (now - beat.at).total_seconds()
        state = "live" if age_s <= beat.limit_s else "silent"
        feeds.add_row(beat.feed, _local(beat.at), f"{age_s:.0f}", state)
    console.print(feeds)
    table = Table("source", "kind", "home", "state")
    for source in sources:
        ledger = known_ledger(store, source.name)
        state = "never read" if ledger is None else _source_state(ledger)
        table.add_row(source.name, source.kind, source.home or "-", state)
    console.print(table)
    _print_blind_spots(console, store, sources, now)
    for item in store.set_aside_items(5):
        console.print(f"set aside: {item.where}: {item.problem}", markup=False)


def _print_blind_spots(
    console: Console, store: Store, sources: Sequence[Source], now: datetime
) -> None:
    """What was not seen, and since when: one line each."""
    spots = all_blind_spots(store, [source.name for source in sources], now)
    for spot in spots:
        since = "" if spot.since is None else f" since {_local(spot.since)}"
        console.print(f"blind spot: {spot.source}{since}: {spot.what}", markup=False)
    if sources and not spots:
        console.print("no blind spots: every source was read up to its newest post")


def _source_state(ledger: Ledger) -> str:
    parts = [f"{ledger.posts} posts", f"{ledger.edits} edits", f"{ledger.deletions} deletions"]
    if ledger.last_id is not None:
        parts.append(f"last id {ledger.last_id}")
    if ledger.last_ok_at is not None:
        parts.append(f"read {_local(ledger.last_ok_at)}")
    parts.append(f"gaps {ledger.gaps_found}, filled {ledger.gaps_filled}")
    return ", ".join(parts)


def _seconds(latency: Latency) -> tuple[str, str]:
    p50, p95 = latency.p50_s, latency.p95_s
    return ("-" if p50 is None else f"{p50:.2f}", "-" if p95 is None else f"{p95:.2f}")


def _local(time: datetime) -> str:
    return time.astimezone(LOCAL).strftime("%Y-%m-%d %H:%M:%S")
