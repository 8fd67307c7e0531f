"""A report's numbers as HTML, for print and for a phone, as plain text, and as PDF."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from core.errors import SettingsError
from core.records import Category, ReportState
from reports import charts
from reports.nightly import Headline, Numbers
from reports.norms import FEWEST_DAYS, NormCell
from reports.sources import MOST_SHOWN
from reports.texts import Words

GRID_ROWS, GRID_COLUMNS = 25, 12
MARKED_SHOWN = 15


@dataclass(frozen=True)
class Grid:
    """Categories by territories, the busiest of each; a cell is ``None`` where nothing is."""

    categories: list[str]
    rows: list[tuple[str, list[NormCell | None]]]


def html(numbers: Numbers, words: Words) -> str:
    """The whole report as one self-contained page."""
    return _render("report.html", numbers, words)


def short_html(numbers: Numbers, words: Words) -> str:
    """The short version, for a phone."""
    return _render("short.html", numbers, words)


def short_text(numbers: Numbers, words: Words) -> str:
    """The short version as the text of an e-mail."""
    return _render("short.txt", numbers, words)


def title(numbers: Numbers, words: Words) -> str:
    """What the report is called."""
    return words(f"title.{numbers.span}")


def place(numbers: Numbers, words: Words) -> str:
    """What the report is about."""
    return words("country") if numbers.region is None else words.place(numbers.region)


def pdf(page: str) -> bytes:
    """The page as PDF with embedded fonts; nothing is fetched. Raises SettingsError."""
    try:
        from weasyprint import HTML, URLFetcher
    except OSError as error:
        raise SettingsError(
            f"PDF: a library of this machine is missing ({error}); install Pango "
            "(Debian: libpango-1.0-0, libpangoft2-1.0-0, libharfbuzz-subset0)"
        ) from error
    for library in ("weasyprint", "fontTools"):
        logging.getLogger(library).setLevel(logging.WARNING)  # each step of the layout else
    content: bytes = HTML(
        string=page, url_fetcher=URLFetcher(allowed_protocols=[]), media_type="print"
    ).write_pdf()
    return content


def grid(cells: list[NormCell]) -> Grid:
    """The busiest categories and territories; marked cells come first."""

    def busiest(part: str, most: int) -> list[str]:
        weights: dict[str, float] = {}
        for cell in cells:
            name = getattr(cell, part)
            weights[name] = weights.get(name, 0) + cell.count + (1_000 if cell.mark else 0)
        ranked = sorted((name for name, w in weights.items() if w), key=lambda n: (-weights[n], n))
        return ranked[:most]

    by_key = {(cell.category, cell.territory): cell for cell in cells}
    categories = busiest("category", GRID_COLUMNS)
    return Grid(
        categories,
        [
            (territory, [by_key.get((category, territory)) for category in categories])
            for territory in busiest("territory", GRID_ROWS)
        ],
    )


def path(event: Headline) -> Iterator[tuple[str, datetime]]:
    """The steps of an event's path that were reached, in the order of their times."""
    steps = [
        ("published", event.published_at),
        ("accepted", event.accepted_at),
        ("flagged", event.flagged_at),
        ("decided", event.decided_at),
        ("reported", event.reported_at),
    ]
    reached = [(name, time) for name, time in steps if time is not None]
    yield from sorted(reached, key=lambda step: step[1])


def _render(name: str, n: Numbers, words: Words) -> str:
    folder = files("reports").joinpath("templates")
    environment = Environment(
        autoescape=name.endswith(".html"), undefined=StrictUndefined, trim_blocks=False
    )
    marked = sorted((c for c in n.cells if c.mark), key=lambda c: (c.probability, c.category))
    categories = sorted(n.categories.items(), key=lambda item: -sum(item[1].values()))
    template = environment.from_string(folder.joinpath(name).read_text(encoding="utf-8"))
    css = folder.joinpath("report.css").read_text(encoding="utf-8")
    return template.render(
        n=n,
        w=words,
        zone=ZoneInfo(n.time_zone),
        title=title(n, words),
        place=place(n, words),
        days=words.days(n.first, n.last),
        css=Markup(css),  # noqa: S704 - our own file
        tiles=_tiles(n, words),
        path=path,
        states=[state.value for state in ReportState],
        categories=categories,
        most_category=max((sum(c.values()) for _, c in categories), default=1),
        most_region=max(n.regions.values(), default=1),
        marked=marked[:MARKED_SHOWN],
        grid=grid(n.cells),
        fewest_days=FEWEST_DAYS,
        sources=n.sources[:MOST_SHOWN],
        **(_drawings(n, words) if name == "report.html" and n.events else {}),
    )


def _drawings(n: Numbers, words: Words) -> dict[str, Any]:
    if n.first == n.last:
        counts, labels = n.hours, [str(hour) for hour in range(24)]
    else:
        counts, labels = list(n.days.values()), [day[8:] for day in n.days]
    frame = charts.COUNTRY if n.region is None else charts.frame_of(n.spots)
    shapes: list[Category | None] = [*charts.SHAPES, None]
    return {
        "map": charts.event_map(n.spots, frame, words("part.map")),
        "legend": [(category, charts.legend(category)) for category in shapes],
        "timeline": charts.bars(counts, labels, words("part.hours")),
        "leads": charts.bars(
            n.leads.classes,
            charts.lead_labels(n.leads.bounds_s, words("unit.min")),
            words("part.leads"),
        ),
    }


def _tiles(n: Numbers, words: Words) -> list[tuple[str, str]]:
    return [
        ("events", str(n.events)),
        ("flagged", str(n.flagged)),
        ("confirmed", str(n.confirmed)),
        ("rejected", str(n.rejected)),
        ("never_reported", str(n.never_reported)),
        ("ahead", str(n.ahead)),
        ("median_lead", words.span(n.leads.median_s)),
        ("waiting", str(n.waiting)),
    ]
