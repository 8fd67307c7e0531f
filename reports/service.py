"""Service levels, leads and model figures: how fast, how far ahead, how right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from pydantic import BaseModel

from core.intervals import wilson
from reports.history import History

LEAD_BOUNDS_S = (60.0, 300.0, 900.0, 3_600.0, 10_800.0)
"""Upper bounds of the lead's classes: 1, 5, 15, 60 and 180 minutes; the last class is open."""


class Level(BaseModel):
    """A service level: waits in seconds, and the share within the aim. ``None``: no event."""

    name: str
    aim_s: float
    events: int
    median_s: float | None
    p90_s: float | None
    within: float | None


class Leads(BaseModel):
    """How long before the first report Oqiga had the first post. ``classes``: events each."""

    events: int
    median_s: float | None
    p90_s: float | None
    bounds_s: tuple[float, ...] = LEAD_BOUNDS_S
    classes: tuple[int, ...]


class Share(BaseModel):
    """A share with its 95 % interval (Wilson). ``value`` is ``None`` without trials."""

    hits: int
    trials: int
    value: float | None
    low: float
    high: float


def share(hits: int, trials: int) -> Share:
    """``hits`` of ``trials``."""
    low, high = wilson(hits, trials)
    return Share(
        hits=hits, trials=trials, value=hits / trials if trials else None, low=low, high=high
    )


def quantile(values: Sequence[float], q: float) -> float | None:
    """The smallest value that at least the share ``q`` does not exceed; ``None`` without values."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, -int(-q * len(ordered) // 1) - 1)]


def leads(histories: Sequence[History]) -> Leads:
    """The distribution of the leads of events where Oqiga was first."""
    values = [h.event.lead_s for h in histories if h.event.lead_s is not None and h.ahead]
    classes = [0] * (len(LEAD_BOUNDS_S) + 1)
    for value in values:
        classes[sum(value >= bound for bound in LEAD_BOUNDS_S)] += 1
    return Leads(
        events=len(values),
        median_s=quantile(values, 0.5),
        p90_s=quantile(values, 0.9),
        classes=tuple(classes),
    )


def levels(histories: Sequence[History], aims_s: dict[str, float]) -> list[Level]:
    """The waits of the flagged events, by ``WAITS``. ``aims_s``: the aim of each, in seconds."""
    return [
        _level(name, aims_s[name], [wait for h in histories if (wait := of(h)) is not None])
        for name, of in WAITS.items()
    ]


def _level(name: str, aim_s: float, waits: Sequence[float]) -> Level:
    return Level(
        name=name,
        aim_s=aim_s,
        events=len(waits),
        median_s=quantile(waits, 0.5),
        p90_s=quantile(waits, 0.9),
        within=sum(wait <= aim_s for wait in waits) / len(waits) if waits else None,
    )


def _between(first: datetime | None, then: datetime | None) -> float | None:
    if first is None or then is None:
        return None
    return max(0.0, (then - first).total_seconds())


WAITS: dict[str, Callable[[History], float | None]] = {
    "publish_to_accept": lambda h: (
        _between(h.published_at, h.accepted_at) if h.flagged_at else None
    ),
    "accept_to_screen": lambda h: _between(h.accepted_at, h.flagged_at),
    "screen_to_decision": lambda h: _between(h.flagged_at, h.decided_at),
}
