"""When a source is read again. Pure."""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime

MAX_WAIT_S = 3600.0
"""A source that fails is asked at least once an hour, so that its return is noticed."""


def next_wait_s(interval_s: float, failures: int, asked_s: float | None = None) -> float:
    """Seconds until the next reading after ``failures`` failed ones in a row.

    The wait doubles with each failure up to ``MAX_WAIT_S`` (or the interval, if that is longer).
    ``asked_s``: what the source asked for (Retry-After), obeyed up to a day.
    """
    wait_s = interval_s
    if failures:
        wait_s = min(interval_s * 2.0 ** min(failures, 30), max(MAX_WAIT_S, interval_s))
    return max(wait_s, min(asked_s or 0.0, 86_400.0))


def retry_after_s(header: str | None, now: datetime) -> float | None:
    """Seconds of a Retry-After header, a number or a date (RFC 9110, 10.2.3); else ``None``."""
    text = (header or "").strip()
    if text.isascii() and text.isdecimal() and len(text) < 9:
        return float(text)
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return None if until.tzinfo is None else max(0.0, (until - now).total_seconds())
