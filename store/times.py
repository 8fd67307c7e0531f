"""Times as stores count them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def us(time: datetime) -> int:
    """Microseconds since 1970 (UTC)."""
    return round(time.timestamp() * 1_000_000)


def time_of(at_us: int) -> datetime:
    """The time (UTC) of that many microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=at_us)
