"""A report's numbers as one table of rows: part, row, column, value."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from reports.nightly import Headline, Numbers

Row = tuple[str, str, str, object]
RISKY = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes a text that begins so for a formula."""


def csv_text(numbers: Numbers) -> str:
    """The table, with a byte order mark so that spreadsheets read Cyrillic."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(("part", "row", "column", "value"))
    for row in rows(numbers):
        writer.writerow([_safe(item) for item in row])
    return "\ufeff" + buffer.getvalue()


def rows(n: Numbers) -> Iterator[Row]:
    """Everything that the report says in numbers."""
    for name in (
        "events",
        "flagged",
        "confirmed",
        "rejected",
        "never_reported",
        "ahead",
        "waiting",
    ):
        yield ("total", n.first.isoformat(), name, getattr(n, name))
    yield from (("state", state, "events", count) for state, count in n.states.items())
    for category, states in sorted(n.categories.items()):
        yield from (("category", category, state, count) for state, count in sorted(states.items()))
    yield from (("region", region, "events", count) for region, count in n.regions.items())
    yield from (("reason", reason, "events", count) for reason, count in n.reasons.items())
    yield from (("hour", str(hour), "events", count) for hour, count in enumerate(n.hours))
    yield from (("day", day, "events", count) for day, count in n.days.items())
    for cell in n.cells:
        row = f"{cell.category} | {cell.territory}"
        yield ("cell", row, "events", cell.count)
        yield ("cell", row, "expected", round(cell.expected, 3))
        yield ("cell", row, "probability", f"{cell.probability:.3g}")
        if cell.mark:
            yield ("cell", row, "mark", cell.mark)
    yield ("lead", "all", "median_s", n.leads.median_s)
    yield ("lead", "all", "p90_s", n.leads.p90_s)
    bounds = [*(f"under {bound:.0f} s" for bound in n.leads.bounds_s), "longer"]
    yield from (
        ("lead", bound, "events", count)
        for bound, count in zip(bounds, n.leads.classes, strict=True)
    )
    for level in n.levels:
        for column in ("events", "median_s", "p90_s", "aim_s", "within"):
            yield ("level", level.name, column, getattr(level, column))
    for source in n.sources:
        for column in ("posts", "flagged", "confirmed"):
            yield ("source", source.source, column, getattr(source, column))
    yield from (("blind", name, "source", 0) for name in n.blind.sources)
    yield from (("blind", name, "region", 0) for name in n.blind.regions)
    yield from (("blind", s.source, s.kind.value, s.count) for s in n.blind.unread)
    for part, events in (("gravest", n.gravest), ("open", n.open)):
        for event in events:
            yield from _event(part, event)


def _event(part: str, event: Headline) -> Iterator[Row]:
    values = event.model_dump(mode="json", exclude={"event_id"})
    for column, value in values.items():
        if value is not None:
            yield (part, event.event_id, column, value)


def _safe(value: object) -> object:
    if isinstance(value, str) and value.startswith(RISKY):
        return "'" + value
    return "" if value is None else value
