"""Numbered roads in a text: "М-32, 35 км" needs no town, "трасса А-3" alone needs one or a home."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass, replace

from core.records import Place, Point
from nlp.gazetteer.entries import SETTLEMENTS, Entry
from nlp.gazetteer.index import Gazetteer
from nlp.gazetteer.milestones import LONGEST_M, SHARPEST_M, Milestones, road_number
from nlp.gazetteer.relations import TRANSPORT, kilometre_near, said_near
from nlp.reading import Location
from nlp.words import Words

_DASHES = frozenset("-–—")
MOST_LETTERS = 3
AREAS = SETTLEMENTS | {"region", "district"}
_LETTERS = frozenset("МАРЕ")
"""Of roads of the country and its regions; local ones have two letters, in capitals ("ТК-12")."""
ROADS_SAID = ("трас", "жол", "тасжол", "шосе", "автодорог", "дорог", "автобан")
_MAKES = ("ауди", "бмв", "мерс", "мазда", "шкода")
"""Beginnings of makes of cars with models like "А3"."""
TRAFFIC = (
    *ROADS_SAID, *TRANSPORT, "дтп", "авари", "лобов", "столкн", "апат", "кювет", "аудар", "перевер",
    "машин", "бензовоз", "грузовик", "авто", "колик", "водител", "жургизуш",
    "затор", "пробк", "кептел", "сбил", "обгон",
)  # fmt: skip
"""Beginnings of words of which one stands near a number that is a road's: "А-3" is paper too."""
TRAFFIC_REACH = 5
STRETCH_M = 40_000.0
"""Of a road that a channel speaks of without a kilometre: its own part, as far as one drives for a
day's errand. Not measured: hardly a labelled post says so little."""
OFF_M = 150_000.0
"""A road farther from the home is not the home's."""
BESIDE_M = 15_000.0
"""A stone this far from a settlement is where the road passes it."""


@dataclass(frozen=True)
class NumberedRoad:
    """A road's number, said in words ``first`` to ``last``."""

    road: str
    first: int
    last: int

    def place(self, words: Words, point: Point | None, reason: str) -> Place:
        """The number as a place mention, with its point where that is known."""
        start, end = words.starts[self.first], words.end(self.last)
        return Place(
            text=words.text[start:end], start=start, end=end, name=self.road, kind="highway",
            lat=point.lat if point else None, lon=point.lon if point else None,
            radius_m=point.radius_m if point else None, score=1.0, reasons=(reason,),
        )  # fmt: skip


@dataclass(frozen=True)
class RoadPoint:
    """Where on a numbered road something is; ``point`` unknown: it may be anywhere on it."""

    said: NumberedRoad
    point: Point | None
    reason: str

    def place(self, words: Words) -> Place:
        """The road's number as a place mention."""
        return self.said.place(words, self.point, self.reason)


def numbered_roads(words: Words) -> Iterator[NumberedRoad]:
    """What looks like a road's number, in order; whether such a road exists is not asked."""
    for index, form in enumerate(words.forms):
        if len(form.raw) > MOST_LETTERS or form.kind not in ("cyrillic", "latin"):
            continue
        if index and words.forms[index - 1].coarse.startswith(_MAKES):
            continue
        last = index + 1
        if last < len(words) and words.forms[last].raw in _DASHES:
            last += 1
        if last >= len(words) or words.forms[last].kind != "number":
            continue
        road = road_number(form.raw + words.forms[last].raw)
        if road is not None and (_is_national(road) or _is_local(words, index)):
            yield NumberedRoad(road, index, last)


def _is_national(road: str) -> bool:
    return road[0] in _LETTERS and road[1] == "-"


def _is_local(words: Words, index: int) -> bool:
    """ "ТК-12": two or three capitals and a dash; "за 10" is none."""
    raw = words.forms[index].raw
    return len(raw) > 1 and raw.isupper() and words.forms[index + 1].raw in _DASHES


def find_kilometre(words: Words, stones: Milestones, home: Entry | None) -> RoadPoint | None:
    """The first numbered road of a text with a kilometre that is known."""
    for said in numbered_roads(words):
        if said.road not in stones:
            continue
        km = kilometre_near(words, said.first, said.last, besides=said.last)
        found = None if km is None else stones.at(said.road, km, home)
        if found is not None:
            return RoadPoint(said, *found)
    return None


def find_road(words: Words, stones: Milestones) -> NumberedRoad | None:
    """The first number that is a road's: a word of roads or traffic stands near it."""
    for said in numbered_roads(words):
        if said_near(words, said.first, said.last, ROADS_SAID, 2):
            return said
        if said.road in stones and said_near(words, said.first, said.last, TRAFFIC, TRAFFIC_REACH):
            return said
    return None


def on_road(
    said: NumberedRoad, location: Location, passed: Set[str], home: Entry | None,
    gazetteer: Gazetteer,
) -> RoadPoint | None:  # fmt: skip
    """Where a road without a kilometre is meant, once the text's places gave a location: at the
    settlement or area found, else near the home; ``None`` where the text says something finer.

    ``passed``: ids of places that the text only comes from or goes to.
    """
    stones = gazetteer.milestones
    if location.path:
        entry = gazetteer.entries[location.path[0]]
        if entry.kind not in AREAS:
            return None
        found = near_place(said, entry, stones)
        if entry.id in passed and found.point is not None:
            wide = max(found.point.radius_m, STRETCH_M)
            found = replace(found, point=found.point.model_copy(update={"radius_m": wide}))
        return found
    if location.point is not None or location.reasons:
        return None
    return RoadPoint(said, None, "road_number") if home is None else near_home(said, home, stones)


def near_place(said: NumberedRoad, place: Entry, stones: Milestones) -> RoadPoint:
    """Where the road passes a place that the text names, at best to ``SHARPEST_M``.

    By a stone of an import where one is near. The project's own table knows a road's towns only, so
    a settlement is believed itself. A district or region has the road's point nearest to its
    middle; one too wide for that has none.
    """
    nearest = stones.nearest(said.road, place.lat, place.lon)
    if place.kind not in SETTLEMENTS:
        if nearest is None or place.radius_m > LONGEST_M / 2 or nearest.away_m > place.radius_m:
            return RoadPoint(said, None, "road_number")
        return RoadPoint(said, nearest.with_radius(place.radius_m), "road_in_area")
    radius = max(place.radius_m, SHARPEST_M)
    if nearest is not None and nearest.exact and nearest.away_m <= BESIDE_M:
        return RoadPoint(said, nearest.with_radius(radius), "road_near_place")
    return RoadPoint(said, Point(lat=place.lat, lon=place.lon, radius_m=radius), "road_near_place")


def near_home(said: NumberedRoad, home: Entry, stones: Milestones) -> RoadPoint:
    """The part of the road that passes the home; a road that is far from it has no point.

    Of a road that no table knows the home's surroundings.
    """
    if said.road not in stones:
        radius = max(home.radius_m, STRETCH_M)
        return RoadPoint(said, Point(lat=home.lat, lon=home.lon, radius_m=radius), "road_near_home")
    nearest = stones.nearest(said.road, home.lat, home.lon)
    if nearest is None or nearest.away_m > OFF_M:
        return RoadPoint(said, None, "road_number")
    radius = max(nearest.away_m, STRETCH_M)
    return RoadPoint(said, nearest.with_radius(radius), "road_near_home")
