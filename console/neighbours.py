"""Events that could be the same as another one: near in place and time."""

from __future__ import annotations

import math
from collections.abc import Iterable

from core.geo import distance_m
from core.records import Event

NEAR_M = 20_000.0
NEAR_S = 12 * 3600.0
SHOWN = 9
UNPLACED = 0.7
"""How far apart, as a share of the reach, two events count of which one has no place."""


def nearest_events(event: Event, others: Iterable[Event], limit: int = SHOWN) -> list[Event]:
    """The events nearest in place and time together, at most ``limit``."""
    near = [(gap(event, other), other.id, other) for other in others if other.id != event.id]
    return [other for away, _, other in sorted(near, key=lambda n: n[:2])[:limit] if away < 2.0]


def gap(a: Event, b: Event) -> float:
    """How far apart two events are: 0 is the same place and time, from 2 on unlikely the same.

    The sum of distance and time, each as a share of its reach (20 km beyond the radii, 12 h).
    """
    apart_s = max(
        0.0, (max(a.started_at, b.started_at) - min(a.last_at, b.last_at)).total_seconds()
    )
    if a.location is None or b.location is None:
        away = UNPLACED
    else:
        apart_m = distance_m(a.location.lat, a.location.lon, b.location.lat, b.location.lon)
        away = max(0.0, apart_m - a.location.radius_m - b.location.radius_m) / NEAR_M
    return math.inf if away > 1 or apart_s > NEAR_S else away + apart_s / NEAR_S
