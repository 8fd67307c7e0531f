"""Stretches between two settlements: roads, journeys, "между А и Б", with kilometres."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from core.geo import distance_m
from core.records import Point
from nlp.gazetteer.entries import SETTLEMENTS, Entry, RoadPoint
from nlp.gazetteer.index import Gazetteer
from nlp.gazetteer.milestones import KM_ERROR, LONGEST_M, SHARPEST_M
from nlp.gazetteer.names import folded
from nlp.gazetteer.relations import ROAD_WORDS, TRANSPORT, kilometre_near, said_near
from nlp.gazetteer.resolve import Resolved
from nlp.words import Form, Words

WINDING = 1.2
"""Kilometres of road to a kilometre as the crow flies: median of 30 roads of the tables."""
ROAD_REACH = 5
"""Words from a road's word to its ends: "трасса А-17 Кызылорда — Жезказган"."""
_DASHES = frozenset("-–—")
_AND = folded("мен пен бен и men pen ben")
_BETWEEN = folded("между арасы арасында")


@dataclass(frozen=True)
class Stretch:
    """The way from ``a`` to ``b``; ``km`` counts from ``a``. ``members``: the mentions' words.

    ``course``: points of the highway between them, where one is known.
    """

    a: Entry
    b: Entry
    km: float | None
    members: frozenset[int]
    sure: bool
    course: tuple[RoadPoint, ...] = ()

    @property
    def length_m(self) -> float:
        """As the crow flies."""
        return distance_m(self.a.lat, self.a.lon, self.b.lat, self.b.lon)

    def point(self) -> Point | None:
        """The kilometre, or the middle with half the way as radius; ``None`` when too long."""
        if self.km is not None and self.course and self.km <= self.course[-1].km * 1.05:
            return self._on_course(self.km)
        length = self.length_m
        way = length * WINDING
        if self.km is not None and self.km * 1_000 <= way * 1.15:
            share = min(1.0, self.km * 1_000 / way) if way else 0.0
            return self._at(share, max(SHARPEST_M, way * KM_ERROR))
        if length > LONGEST_M:
            return None
        return self._at(0.5, max(length / 2 * 1.05, self.a.radius_m))

    def _on_course(self, km: float) -> Point:
        a, b = next(((a, b) for a, b in pairwise(self.course) if km <= b.km), self.course[-2:])
        share = min(1.0, (km - a.km) / (b.km - a.km)) if b.km > a.km else 0.0
        return Point(
            lat=round(a.lat + (b.lat - a.lat) * share, 5),
            lon=round(a.lon + (b.lon - a.lon) * share, 5),
            radius_m=round(max(SHARPEST_M, (b.km - a.km) * 1_000 * KM_ERROR)),
        )

    def _at(self, share: float, radius_m: float) -> Point:
        return Point(
            lat=round(self.a.lat + (self.b.lat - self.a.lat) * share, 5),
            lon=round(self.a.lon + (self.b.lon - self.a.lon) * share, 5),
            radius_m=round(radius_m),
        )


def find_stretches(
    words: Words, resolved: Sequence[Resolved], gazetteer: Gazetteer
) -> list[Stretch]:
    """Pairs of neighbouring settlements that the text joins to a way.

    ``sure``: a road, a means of transport, a kilometre or "between" says so; a mere dash does not.
    """
    towns = [r for r in resolved if r.entry is not None and r.place.kind in SETTLEMENTS]
    towns.sort(key=lambda r: r.mention.first)
    return [s for left, right in pairwise(towns) if (s := _stretch(words, left, right, gazetteer))]


def _stretch(words: Words, left: Resolved, right: Resolved, gazetteer: Gazetteer) -> Stretch | None:
    a, b = left.mention, right.mention
    if left.entry is None or right.entry is None or left.entry.id == right.entry.id:
        return None
    gap = words.forms[a.last + 1 : b.first]
    dashed = bool(gap) and all(f.raw in _DASHES for f in gap)
    if not dashed and a.last > a.core[1]:
        return None  # "Шымкент жолында Түркістан …": the road is the first one's alone
    joined = len(gap) <= 1 and all(f.coarse in _AND for f in gap)
    if not dashed and not joined:
        return None
    between = _says_between(words, a.first, b.last)
    road = said_near(words, a.first, b.last, ROAD_WORDS, ROAD_REACH) or a.before in ("по", "po")
    km = kilometre_near(words, a.first, b.last)
    moving = said_near(words, a.first, b.last, TRANSPORT, 4)
    if not (dashed or between or (joined and road and not _listed(gap))):
        return None
    members = frozenset({a.first, b.first})
    sure = between or road or km is not None or moving
    course = gazetteer.course(left.entry, right.entry) if km is not None else ()
    return Stretch(left.entry, right.entry, km, members, sure, course)


def _listed(gap: list[Form]) -> bool:
    return any(f.coarse in ("и",) for f in gap)


def _says_between(words: Words, first: int, last: int) -> bool:
    before = words.forms[max(0, first - 2) : first]
    after = words.forms[last + 1 : last + 3]
    return any(f.coarse in _BETWEEN for f in before) or any(
        f.coarse.startswith("арас") for f in after
    )


def stretch_of_highway(words: Words, item: Resolved, gazetteer: Gazetteer) -> Stretch | None:
    """A highway that is named by its ends, as the way between them; ``None`` for other names."""
    entry = item.entry
    if entry is None:
        return None
    ends = [e for part in entry.name.split(" — ") if (e := gazetteer.home(part)) is not None]
    if len(ends) != 2:
        return None
    a, b = ends
    km = kilometre_near(words, item.mention.first, item.mention.last)
    if km is not None and _named_backwards(words, item, b):
        a, b = b, a
    course = gazetteer.course(a, b) if km is not None else ()
    return Stretch(a, b, km, frozenset({item.mention.first}), True, course)


def _named_backwards(words: Words, item: Resolved, end: Entry) -> bool:
    """Whether the text names the highway's second end first."""
    core = words.forms[item.mention.core[0]]
    return any(core.coarse.startswith(name.lower()[:4]) for name in end.names)
