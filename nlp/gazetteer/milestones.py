"""Where the kilometres of numbered roads are.

Milestones of an import say where a kilometre is. The project's own table has towns along a road
and by how much the signs' count may be off, as it is not known from where all of them count.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from core.geo import distance_m
from core.records import Point
from nlp.gazetteer.entries import Entry, Milestone

SHARPEST_M = 5_000.0
"""Best radius of a kilometre of a road: posts count from signs or from memory."""
KM_ERROR = 0.1
"""Share of the way by which a kilometre can be off, as the road bends."""
LONGEST_M = 500_000.0
"""A longer stretch without a kilometre is no location."""
AT_STONE_M = 1_000.0
"""Radius of a kilometre whose stone is known: "35-й км" is anywhere up to the next one."""
SAME_SPOT_M = 5_000.0
"""Stones of one kilometre within this distance are of one count."""
WIDEST_GAP_KM = 60.0
"""Between stones farther apart nothing is interpolated."""
_REF = re.compile(r"([А-Я]{1,3})[\s-]*0*([1-9]\d{0,2})")
_TO_CYRILLIC = str.maketrans("ABCEHKMOPTX", "АВСЕНКМОРТХ")


def road_number(text: str) -> str | None:
    """A road's number in one spelling: "M32", "м 32" and "М-032" are "М-32"; ``None``: is none."""
    found = _REF.fullmatch(text.strip().upper().translate(_TO_CYRILLIC))
    return None if found is None else f"{found[1]}-{found[2]}"


@dataclass(frozen=True)
class Nearest:
    """A point of a road nearest to somewhere, ``away_m`` from it; ``exact``: a stone is there."""

    lat: float
    lon: float
    away_m: float
    exact: bool

    def with_radius(self, radius_m: float) -> Point:
        """The point with its radius."""
        return _point(self.lat, self.lon, radius_m)


class Milestones:
    """Where the kilometres of each numbered road are."""

    def __init__(self, stones: Iterable[Milestone]) -> None:
        self._known: dict[str, list[Milestone]] = {}
        self._towns: dict[str, list[Milestone]] = {}
        for stone in sorted(stones, key=lambda s: (s.road, s.km, s.lat, s.lon)):
            table = self._towns if stone.off_km else self._known
            table.setdefault(stone.road, []).append(stone)

    def __contains__(self, road: str) -> bool:
        return road in self._known or road in self._towns

    def __iter__(self) -> Iterator[Milestone]:
        for table in (self._known, self._towns):
            for stones in table.values():
                yield from stones

    def at(self, road: str, km: float, home: Entry | None = None) -> tuple[Point, str] | None:
        """The kilometre and why it is there: by stones, else by the towns along the road."""
        stone = _by_stones(self._known.get(road, ()), km, home)
        if stone is not None:
            return stone, "milestone"
        town = _by_towns(self._towns.get(road, ()), km)
        return None if town is None else (town, "road_number")

    def nearest(self, road: str, lat: float, lon: float) -> Nearest | None:
        """The point of a road nearest to somewhere: a stone, or the way between two towns."""
        found = [
            Nearest(s.lat, s.lon, distance_m(s.lat, s.lon, lat, lon), True)
            for s in self._known.get(road, ())
        ]
        for a, b in pairwise(self._towns.get(road, ())):
            share = _share(a, b, lat, lon)
            at = (a.lat + (b.lat - a.lat) * share, a.lon + (b.lon - a.lon) * share)
            found.append(Nearest(*at, distance_m(*at, lat, lon), False))
        return min(found, key=lambda n: (n.away_m, n.lat, n.lon), default=None)


def _share(a: Milestone, b: Milestone, lat: float, lon: float) -> float:
    """How far along the straight way from ``a`` to ``b`` the foot of a perpendicular lies."""
    narrow = math.cos(math.radians(lat))
    ahead = (b.lat - a.lat, (b.lon - a.lon) * narrow)
    to = (lat - a.lat, (lon - a.lon) * narrow)
    length = ahead[0] ** 2 + ahead[1] ** 2
    along = to[0] * ahead[0] + to[1] * ahead[1]
    return min(max(along / length, 0.0), 1.0) if length else 0.0


def _by_stones(stones: Sequence[Milestone], km: float, home: Entry | None) -> Point | None:
    near = min((abs(s.km - km) for s in stones), default=None)
    if near is None:
        return None
    if near > 1.0:
        return _between(stones, km)
    at = [s for s in stones if abs(s.km - km) == near]
    if home is not None:
        at = [min(at, key=lambda s: distance_m(s.lat, s.lon, home.lat, home.lon))]
    first = at[0]
    if all(distance_m(first.lat, first.lon, s.lat, s.lon) < SAME_SPOT_M for s in at):
        return _point(first.lat, first.lon, AT_STONE_M + near * 1_000)
    # Two countries or regions count anew: the kilometre is at one of these stones.
    lat, lon = sum(s.lat for s in at) / len(at), sum(s.lon for s in at) / len(at)
    radius = max(distance_m(lat, lon, s.lat, s.lon) for s in at)
    return _point(lat, lon, radius + AT_STONE_M) if radius < LONGEST_M / 2 else None


def _between(stones: Sequence[Milestone], km: float) -> Point | None:
    for a, b in pairwise(stones):
        gap = b.km - a.km
        apart = distance_m(a.lat, a.lon, b.lat, b.lon)
        if a.km < km < b.km and gap <= WIDEST_GAP_KM and apart <= gap * 1_000 * (1 + KM_ERROR):
            return _along(a, b, km, max(AT_STONE_M, gap * 1_000 * KM_ERROR))
    return None


def _by_towns(towns: Sequence[Milestone], km: float) -> Point | None:
    """The kilometre on the way between two towns; before the first and behind the last of them
    there, as far as the count may be off."""
    if not towns or not towns[0].km - towns[0].off_km <= km <= towns[-1].km + towns[-1].off_km:
        return None
    km = min(max(km, towns[0].km), towns[-1].km)
    a, b = next((a, b) for a, b in pairwise(towns) if km <= b.km)
    return _along(a, b, km, max(SHARPEST_M, (b.km - a.km) * 1_000 * KM_ERROR) + a.off_km * 1_000)


def _along(a: Milestone, b: Milestone, km: float, radius_m: float) -> Point:
    share = (km - a.km) / (b.km - a.km) if b.km > a.km else 0.0
    return _point(a.lat + (b.lat - a.lat) * share, a.lon + (b.lon - a.lon) * share, radius_m)


def _point(lat: float, lon: float, radius_m: float) -> Point:
    return Point(lat=round(lat, 5), lon=round(lon, 5), radius_m=round(radius_m))
