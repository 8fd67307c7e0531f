"""Which reports are due. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from core.settings import ReportCopy
from reports.periods import Span, just_ended


@dataclass(frozen=True)
class Due:
    """A report to make: the copy's name, its span, and the first day of its period."""

    copy: str
    span: Span
    day: date


def due(copies: Sequence[ReportCopy], at: datetime) -> Iterator[Due]:
    """Reports whose hour it is, in each copy's own time zone.

    Asked once an hour. A weekly report is due on the morning after its Sunday, a monthly one on
    the first of a month.
    """
    for copy in copies:
        zone = ZoneInfo(copy.time_zone)
        local = at.astimezone(zone)
        if local.hour != copy.hour:
            continue
        for name in copy.spans:
            span = Span(name)
            first_morning = {
                Span.NIGHTLY: True,
                Span.WEEKLY: local.weekday() == 0,
                Span.MONTHLY: local.day == 1,
            }[span]
            if first_morning:
                yield Due(copy.name, span, just_ended(span, at, zone).first)
