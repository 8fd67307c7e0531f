"""Filed reports that spoke of an event whose words had to go: made again, without them."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

from core import filing
from core.clock import Clock
from core.settings import Settings
from reports.periods import Span
from reports.run import home_of, make_report
from store.protocol import Store


def refile(store: Store, settings: Settings, clock: Clock, events: Collection[str]) -> list[Path]:
    """Make again each filed report that names one of the events; the files made.

    A report of a copy that is configured no more is removed.
    """
    made: list[Path] = []
    folder = settings.under_home(settings.reports.folder)
    copies = {(copy.audience, copy.name): copy for copy in settings.reports.copies}
    for audience in ("open", "confidential"):
        for report in filing.listed(folder, audience):
            home = folder / audience / report.copy
            stem = filing.stem(report.span, report.first)
            if not _names(home / f"{stem}.json", events):
                continue
            for name in report.files:
                (home / name).unlink(missing_ok=True)
            copy = copies.get((audience, report.copy))
            if copy is not None and home_of(settings, copy) == home:
                span = Span(report.span)
                made += make_report(store, settings, clock, copy=copy, span=span, day=report.first)
    return made


def _names(path: Path, events: Collection[str]) -> bool:
    if not path.is_file():
        return False
    found = json.loads(path.read_text("utf-8"))
    return any(item["event_id"] in events for part in ("open", "gravest") for item in found[part])
