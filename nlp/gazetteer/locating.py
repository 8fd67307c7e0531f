"""Where it happens: of all places of a text the one that the event is at.

The finest place wins, unless the text only comes from it or goes to it. Settlements that are the
ends of a road are no place of an event; what lies between them is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from core.geo import distance_m
from core.records import Place, Point
from nlp.gazetteer.context import Context
from nlp.gazetteer.crossings import CROSSING_WORDS
from nlp.gazetteer.entries import SETTLEMENTS, Entry
from nlp.gazetteer.index import Gazetteer
from nlp.gazetteer.mention import Mention
from nlp.gazetteer.names import LOCATIVE, folded
from nlp.gazetteer.relations import PASSING, Role, kilometre_near, role_of, said_near
from nlp.gazetteer.resolve import Resolved, resolve_all
from nlp.gazetteer.road_numbers import AREAS, RoadPoint, find_kilometre, find_road, on_road
from nlp.gazetteer.roads import Stretch, find_stretches, stretch_of_highway
from nlp.gazetteer.scoring import ONLY_CITY
from nlp.reading import Location, Subject
from nlp.words import Words

SEVERAL = "several_regions"
"""Reason of no location: the text names places of several regions and nothing finer."""
PLATFORM_RADIUS_M = 100.0
"""Radius of a platform's own point when it states none: a phone's usual accuracy outdoors."""
APART_M = 12_000.0
"""Two cities of a list that are farther apart are two places."""
FAR_FROM_HOME_M = 150_000.0
"""Beyond it a place is not meant where the text names one nearer to its home too."""
_LIST_JOINTS = folded("и мен пен бен және , /") | {","}
CORNER = (*CROSSING_WORDS, "corner")
CORNER_RADIUS_M = 400.0
"""Of a corner that is put together from two streets of a text."""
WIDE_M = 50_000.0
"""A town that is named says more than a kilometre of a road that is known no better."""
PASSING_FACTOR = 6.0
"""So much wider than it is counts a street that somebody only goes to or comes from."""


@dataclass(frozen=True)
class Findings:
    """All places of a text. ``foreign``: it happens abroad. ``location`` has no home yet."""

    places: tuple[Place, ...]
    location: Location
    foreign: bool
    town: str | None


@dataclass(frozen=True)
class _Candidate:
    """A place inside the country, with its role and whether it is one of a list or of a road."""

    item: Resolved
    entry: Entry
    role: Role
    aside: bool

    @property
    def kind(self) -> str:
        return self.item.place.kind

    @property
    def radius_m(self) -> float:
        return self.item.place.radius_m or 1e7


def read_places(words: Words, subject: Subject, gazetteer: Gazetteer) -> Findings:
    """Find and resolve the places of a text, and choose where it happens."""
    home = gazetteer.home(subject.home)
    resolved, context = resolve_all(words, gazetteer, home)
    stretches = find_stretches(words, resolved, gazetteer)
    inside = _candidates(words, resolved, stretches, gazetteer)
    elsewhere = any(
        _is_where(r.mention)
        for r in resolved
        if r.entry is not None
        and gazetteer.is_foreign(r.entry.id)
        and role_of(words, r.mention) not in PASSING
    )
    if elsewhere and not any(c.kind in AREAS for c in inside):
        # Beside a foreign city "ГКБ №7" is that city's, though only one of ours has the name.
        inside = [c for c in inside if ONLY_CITY not in c.item.place.reasons]
    foreign = elsewhere and all(c.role in PASSING and c.kind in AREAS for c in inside)
    location = Location(None)
    road = kilometre = find_kilometre(words, gazetteer.milestones, home)
    if not foreign:
        location = _locate(words, inside, stretches, resolved, context, gazetteer, kilometre)
    if kilometre is None and (said := find_road(words, gazetteer.milestones)) is not None:
        road = RoadPoint(said, None, "road_number")
        passed = {c.entry.id for c in inside if c.role in PASSING}
        found = None if foreign else on_road(said, location, passed, home, gazetteer)
        if found is not None:
            road = found
            location = Location(
                found.point, location.path, (found.reason if found.point else SEVERAL,)
            )
    if subject.lat is not None and subject.lon is not None:
        location = _with_platform(subject, location, subject.lat, subject.lon)
    places = [r.place for r in resolved]
    if road is not None:
        number = road.place(words)
        if all(p.end <= number.start or p.start >= number.end for p in places):
            places = sorted([*places, number], key=lambda p: p.start)
    return Findings(tuple(places), location, foreign, _town_of(inside, context, gazetteer))


def _candidates(
    words: Words, resolved: Sequence[Resolved], stretches: Sequence[Stretch], gazetteer: Gazetteer
) -> list[_Candidate]:
    ends = {index for stretch in stretches for index in stretch.members}
    found = []
    for item in resolved:
        entry = item.entry
        if entry is None or entry.kind == "country" or gazetteer.is_foreign(entry.id):
            continue
        crossing = item.place.kind == "crossing" or item.mention.until is not None
        settled = item.place.kind in AREAS
        role = Role.HERE if crossing else role_of(words, item.mention, settled=settled)
        found.append(_Candidate(item, entry, role, item.mention.first in ends))
    return _listed_alike(words, found)


def _listed_alike(words: Words, found: list[_Candidate]) -> list[_Candidate]:
    """ "в Павлодаре, Семее и Уральске": cities of a list have one role."""
    for index, (left, right) in enumerate(pairwise(found)):
        gap = words.forms[left.item.mention.last + 1 : right.item.mention.first]
        listed = len(gap) == 1 and gap[0].coarse in _LIST_JOINTS
        if not listed or left.kind != "city" or right.kind != "city":
            continue
        if {left.role, right.role} == {Role.HERE, Role.PLAIN}:
            found[index] = replace(left, role=Role.HERE)
            found[index + 1] = replace(right, role=Role.HERE)
    return found


def _is_where(mention: Mention) -> bool:
    return (
        mention.before in ("в", "во", "на", "под", "около", "v", "vo", "na")
        or mention.ending in LOCATIVE
        or mention.first == 0
        or not mention.placed
    )


def _town_of(inside: Sequence[_Candidate], context: Context, gazetteer: Gazetteer) -> str | None:
    for candidate in inside:
        if town := gazetteer.settlement_of(candidate.entry.id):
            return town
    return context.home.id if context.home is not None else None


# -- choosing --------------------------------------------------------------------------------------


def _locate(
    words: Words, inside: list[_Candidate], stretches: list[Stretch], resolved: list[Resolved],
    context: Context, gazetteer: Gazetteer, kilometre: RoadPoint | None = None,
) -> Location:  # fmt: skip
    fine = [c for c in inside if c.kind not in AREAS and c.kind != "highway"]
    there = [c for c in inside if c.kind in AREAS and c.role not in PASSING and not c.aside]
    if fine:
        best = min(enumerate(fine + there), key=lambda pair: (_extent(pair[1]), pair[0]))[1]
        corner = _corner(words, fine, gazetteer) if best.kind == "street" else None
        return corner or _at(best, context, gazetteer)
    roads = [s for c in inside if c.kind == "highway"
             if (s := stretch_of_highway(words, c.item, gazetteer))]  # fmt: skip
    ways = [s for s in stretches if s.sure] + roads
    measured = next((p for w in ways if w.km is not None and (p := w.point())), None)
    said = [c for c in there if c.role is Role.HERE and c.kind in SETTLEMENTS]
    if measured is not None and not said:
        return Location(measured, (), ("kilometre",))
    at = None if kilometre is None else kilometre.point
    if kilometre and at and not (said or (there and at.radius_m > WIDE_M)):
        return Location(at, (), (kilometre.reason,))
    if there:
        if _is_list(there):
            known = context.home is not None and any(c.entry.id == context.home.id for c in there)
            return Location(None, (), () if known else (SEVERAL,))
        there = _in_one_region(there, context, gazetteer)
        if not there:
            return Location(None, (), (SEVERAL,))
        there = _near_home(there, context)
        best = min(enumerate(there), key=lambda pair: (_extent(pair[1]), pair[0]))[1]
        if best.kind in SETTLEMENTS or not ways:
            return _beside(words, best, inside, context, gazetteer)
    for candidate in inside:
        if candidate.kind == "highway" and not ways:
            return _at(candidate, context, gazetteer)
    if ways and (point := ways[0].point()) is not None:
        return Location(point, (), ("between",))
    if stretches and context.home is None:
        near = _regions(inside, gazetteer) == 1 and stretches[0].point()
        return Location(near, (), ("between",)) if near else Location(None, (), (SEVERAL,))
    return _passing(inside, resolved, context, gazetteer)


def _corner(words: Words, fine: Sequence[_Candidate], gazetteer: Gazetteer) -> Location | None:
    """ "На Абая дерутся, прямо на углу Розыбакиева": two streets apart, and a corner's word."""
    streets = {c.entry.id: c for c in fine if c.kind == "street" and c.role not in PASSING}
    if len(streets) != 2:
        return None
    a, b = streets
    known = gazetteer.crossing(a, b)
    said = any(
        said_near(words, c.item.mention.first, c.item.mention.last, CORNER, 2)
        for c in streets.values()
    )
    if known is None or not said:
        return None
    point = Point(lat=known[0], lon=known[1], radius_m=CORNER_RADIUS_M)
    return Location(point, (a, *gazetteer.path(b)), ("crossing_of_named_streets",))


def _near_home(there: list[_Candidate], context: Context) -> list[_Candidate]:
    """Without the far ones, where others are the home itself or near it."""
    home = context.home
    if home is None:
        return there
    near = [
        c for c in there
        if distance_m(home.lat, home.lon, c.entry.lat, c.entry.lon) < FAR_FROM_HOME_M
    ]  # fmt: skip
    return near or there


def _in_one_region(
    there: list[_Candidate], context: Context, gazetteer: Gazetteer
) -> list[_Candidate]:
    """Of places in several regions those where the text says that it is, or of the home's region;
    none when that leaves several."""
    if _regions(there, gazetteer) <= 1:
        return there
    if context.home is not None:
        region = gazetteer.region_of(context.home.id)
        own = [c for c in there if gazetteer.region_of(c.entry.id) == region]
        if own:
            return own
    here = [c for c in there if c.role is Role.HERE]
    return here if _regions(here, gazetteer) == 1 else []


def _passing(
    inside: list[_Candidate], resolved: list[Resolved], context: Context, gazetteer: Gazetteer
) -> Location:
    """The text only comes from or goes to its places: its home if it has one, else the source."""
    unknown = _without_entry(resolved, context, gazetteer)
    inside = [c for c in inside if c.role is not Role.HOMETOWN]
    if unknown.point is not None or context.home is not None or not inside:
        return unknown
    if _regions(inside, gazetteer) > 1:
        return Location(None, (), (SEVERAL,))
    sources = [c for c in inside if c.role is Role.SOURCE and c.kind in SETTLEMENTS]
    targets = [c for c in inside if c.role is Role.TARGET and c.kind in SETTLEMENTS]
    if len(sources) == 1 == len(targets) and sources[0].entry.id != targets[0].entry.id:
        way = Stretch(sources[0].entry, targets[0].entry, None, frozenset(), True)
        return Location(way.point(), (), ("between",))
    order = (Role.SOURCE, Role.HERE, Role.PLAIN, Role.TARGET, Role.ORIGIN)
    best = min(inside, key=lambda c: (order.index(c.role), c.radius_m))
    return _at(best, context, gazetteer)


def _extent(candidate: _Candidate) -> float:
    radius = candidate.radius_m
    if candidate.kind == "house":
        radius *= 0.9
    if candidate.role in PASSING:
        radius *= PASSING_FACTOR
    return radius


def _regions(candidates: Sequence[_Candidate], gazetteer: Gazetteer) -> int:
    return len({gazetteer.region_of(c.entry.id) for c in candidates} - {None})


def _is_list(candidates: Sequence[_Candidate]) -> bool:
    """ "Атырау, Кульсары": two cities apart, neither of which is said to be the place."""
    cities = [c for c in candidates if c.kind == "city"]
    if len(cities) < 2 or any(c.role is Role.HERE or c.kind == "village" for c in candidates):
        return False
    first = cities[0].entry
    return any(distance_m(first.lat, first.lon, c.entry.lat, c.entry.lon) > APART_M for c in cities)


# -- points ----------------------------------------------------------------------------------------


def _at(best: _Candidate, context: Context, gazetteer: Gazetteer) -> Location:
    place = best.item.place
    if best.kind in ("region", "district"):
        return _in_area(best, context, gazetteer)
    if place.lat is None or place.lon is None:
        return Location(None)
    point = Point(lat=place.lat, lon=place.lon, radius_m=place.radius_m or 1_000.0)
    return Location(point, place.path, place.reasons)


def _in_area(best: _Candidate, context: Context, gazetteer: Gazetteer) -> Location:
    """A district is its middle and extent; a whole region is no location, but for the home in
    it."""
    area, path = best.entry, best.item.place.path
    home = context.home
    if home is not None and area.kind == "region" and area.id in gazetteer.path(home.id)[1:]:
        return _settlement(home, gazetteer, "home")
    if area.kind == "region":
        return Location(None, path, ("region_only",))
    reason = best.item.place.reasons if gazetteer.settlement_of(area.id) else ("district_only",)
    return Location(Point(lat=area.lat, lon=area.lon, radius_m=area.radius_m), path, reason)


def _beside(
    words: Words, best: _Candidate, inside: list[_Candidate], context: Context,
    gazetteer: Gazetteer,
) -> Location:  # fmt: skip
    """The settlement, or the point some kilometres from it on the way that is said."""
    km = None
    mention = best.item.mention
    if best.kind in SETTLEMENTS and mention.before in ("от", "из", "ot"):
        km = kilometre_near(words, mention.first, mention.first, 3)
    if km is None:
        return _at(best, context, gazetteer)
    others = [c.entry for c in inside if c.kind in SETTLEMENTS and c.entry.id != best.entry.id]
    if others:
        way = Stretch(best.entry, others[0], km, frozenset(), True)
        if (point := way.point()) is not None and km * 1_000 < way.length_m * 1.3:
            return Location(point, (), ("kilometre",))
    point = Point(
        lat=best.entry.lat,
        lon=best.entry.lon,
        radius_m=max(best.entry.radius_m, km * 1_000),
    )
    return Location(point, best.item.place.path, ("kilometres_from",))


def _without_entry(resolved: list[Resolved], context: Context, gazetteer: Gazetteer) -> Location:
    """A street or house that the gazetteer lacks lies in its settlement, where that is known."""
    for item in resolved:
        if item.entry is not None or not item.specific or not item.place.path:
            continue
        town = gazetteer.entries[item.place.path[0]]
        if item.place.kind == "landmark" and town.id not in context.towns:
            continue  # "в школе № 7": every settlement has one
        return _settlement(town, gazetteer, "city_of_unknown_street")
    return Location(None)


def _with_platform(subject: Subject, location: Location, lat: float, lon: float) -> Location:
    """The platform's own point, unless the text says something finer or somewhere else."""
    radius = subject.radius_m or PLATFORM_RADIUS_M
    own = Point(lat=lat, lon=lon, radius_m=max(radius, 1.0))
    if location.point is None:
        return Location(own, (), ("platform_point",))
    apart = distance_m(lat, lon, location.point.lat, location.point.lon)
    if location.point.radius_m <= radius or apart > 2 * location.point.radius_m + radius + 500:
        return location
    return Location(own, location.path[1:] or location.path, ("platform_point",))


def at_home(home: str | None, gazetteer: Gazetteer) -> Location:
    """The settlement that the source is about."""
    entry = gazetteer.home(home)
    return Location(None) if entry is None else _settlement(entry, gazetteer, "home")


def _settlement(entry: Entry, gazetteer: Gazetteer, reason: str) -> Location:
    point = Point(lat=entry.lat, lon=entry.lon, radius_m=entry.radius_m)
    return Location(point, gazetteer.path(entry.id), (reason,))
