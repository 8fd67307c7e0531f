"""Which stretches of the past are in memory again, because something late speaks of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

Span = tuple[datetime, datetime]


def around(at: datetime, reach_s: float) -> Span:
    """What a record may be compared with; all of the events of that come with it."""
    reach = timedelta(seconds=reach_s)
    return at - reach, at + reach


def joined(spans: Iterable[Span]) -> list[Span]:
    """The same stretches, none empty and none overlapping another, by time."""
    found: list[Span] = []
    for since, until in sorted(span for span in spans if span[0] < span[1]):
        if found and since <= found[-1][1]:
            found[-1] = (found[-1][0], max(until, found[-1][1]))
        else:
            found.append((since, until))
    return found


def lacking(spans: Iterable[Span], covered: Iterable[Span]) -> list[Span]:
    """Those that do not lie within what is covered."""
    known = list(covered)
    return [
        (since, until)
        for since, until in spans
        if not any(a <= since and until <= b for a, b in known)
    ]
