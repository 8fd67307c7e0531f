"""Which local days a report is about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

NORM_DAYS = 28
"""Four whole weeks, so that each weekday counts equally."""


class Span(StrEnum):
    """How long a report's period is."""

    NIGHTLY = "nightly"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


@dataclass(frozen=True)
class Period:
    """Whole local days: ``first`` and the ``days`` - 1 after it."""

    span: Span
    first: date
    days: int
    zone: ZoneInfo

    @property
    def last(self) -> date:
        """The last day."""
        return self.first + timedelta(days=self.days - 1)

    @property
    def since(self) -> datetime:
        """The first moment (UTC)."""
        return midnight(self.first, self.zone)

    @property
    def until(self) -> datetime:
        """The first moment after it (UTC)."""
        return midnight(self.first + timedelta(days=self.days), self.zone)

    @property
    def norm_since(self) -> datetime:
        """The first moment of the days that it is compared with (UTC)."""
        return midnight(self.first - timedelta(days=NORM_DAYS), self.zone)

    def day_of(self, time: datetime) -> date:
        """The local day of a moment."""
        return time.astimezone(self.zone).date()


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """First moment of a local day in UTC; days may have 23 or 25 hours."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def period(span: Span, day: date, zone: ZoneInfo) -> Period:
    """The period that holds a day: that day, its week from Monday on, or its calendar month."""
    if span is Span.NIGHTLY:
        return Period(span, day, 1, zone)
    if span is Span.WEEKLY:
        return Period(span, day - timedelta(days=day.weekday()), 7, zone)
    first = day.replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    return Period(span, first, (following - first).days, zone)


def just_ended(span: Span, now: datetime, zone: ZoneInfo) -> Period:
    """The newest period that is over at ``now``."""
    today = now.astimezone(zone).date()
    current = period(span, today, zone)
    return period(span, current.first - timedelta(days=1), zone)
