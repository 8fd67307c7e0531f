"""Times as stores count them."""

from __future__ import annotations

from datetime import datetime


def us(time: datetime) -> int:
    """Microseconds since 1970 (UTC)."""
    return round(time.timestamp() * 1_000_000)
