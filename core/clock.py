"""Clocks, passed to whatever needs the time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the present time, aware and in UTC."""

    def now(self) -> datetime:
        """The present time (UTC)."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The machine's time (UTC)."""
        return datetime.now(UTC)


@dataclass(frozen=True)
class FixedClock:
    """A clock that stands still: tests and whole-day replays."""

    at: datetime

    def now(self) -> datetime:
        """The time it was set to (UTC)."""
        return self.at


@dataclass(frozen=True)
class ReplayClock:
    """Runs ``speed`` times as fast as ``base`` from ``start``, until it has caught up with it.

    ``anchor`` is the time of ``base`` at which the replay stood at ``start``. A replay that
    ends "now" therefore turns into the plain clock without a jump, and a process that was
    killed and started again finds itself where it would have been.
    """

    base: Clock
    anchor: datetime
    start: datetime
    speed: float

    def now(self) -> datetime:
        """Simulated time (UTC), never later than the base clock's."""
        real = self.base.now()
        return min(real, self.start + (real - self.anchor) * self.speed)
