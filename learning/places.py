"""What moves teach about places: how far off they were, and places that the gazetteer lacks. Pure.

A name that people moved an event for, again and again and to the same spot, becomes a proposal; an
administrator accepts it. House numbers never do: a home is no landmark.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from core.geo import distance_m
from core.ids import digest
from core.records import Place, Point, Record
from nlp.gazetteer.entries import DEFAULT_RADIUS_M, Entry
from nlp.gazetteer.find import find
from nlp.gazetteer.index import Gazetteer
from nlp.words import coarsen, fold_cyrillic

KINDS = frozenset({"street", "microdistrict", "landmark", "village"})
FEWEST_EVENTS, FEWEST_PERSONS = 2, 2
"""A single move, or a single person, proposes nothing."""
NEAR_M = 1_000.0
"""A place this near to where people moved it was right, and moves this near to each other agree."""
SOURCE = "moves"


@dataclass(frozen=True)
class Text:
    """A post of a moved event: its text and the settlement that its source is about."""

    text: str
    home: str | None


@dataclass(frozen=True)
class Correction:
    """One move: by whom, to where, from where (``None``: nowhere), and what the posts said."""

    event: str
    by: str
    to: Point
    shown: Point | None
    texts: tuple[Text, ...]


class Proposal(Record):
    """A place to be added. ``events``: how many moves speak for it, of how many ``persons``.

    ``right``: of the moved events' posts, how many are read right before and with it.
    ``gate``: share of the corpus' posts that are located within a kilometre, before and with it.
    """

    id: str
    name: str
    kind: str
    names: tuple[str, ...]
    parent: str
    point: Point
    events: int
    persons: int
    right: tuple[int, int] = (0, 0)
    of: int = 0
    gate: tuple[float, float] = (0.0, 0.0)

    @property
    def entry(self) -> Entry:
        """As the gazetteer keeps it."""
        return Entry(
            id=self.id,
            kind=self.kind,
            name=self.name,
            names=self.names,
            parent=self.parent,
            lat=self.point.lat,
            lon=self.point.lon,
            radius_m=self.point.radius_m,
            population=None,
            source=SOURCE,
            own=False,
        )


class Distances(Record):
    """How far off moved events were shown. ``right``: within a kilometre by today's reading."""

    moves: int
    nowhere: int
    median_m: float | None
    texts: int
    right: int


def distances(corrections: Sequence[Correction], gazetteer: Gazetteer) -> Distances:
    """What moves say of the places that were shown, and of today's."""
    off = [
        distance_m(c.shown.lat, c.shown.lon, c.to.lat, c.to.lon)
        for c in corrections
        if c.shown is not None
    ]
    return Distances(
        moves=len(corrections),
        nowhere=sum(c.shown is None for c in corrections),
        median_m=median(off) if off else None,
        texts=sum(len(c.texts) for c in corrections),
        right=right(corrections, gazetteer),
    )


def right(corrections: Sequence[Correction], gazetteer: Gazetteer) -> int:
    """Texts of moved events that the gazetteer locates within a kilometre of where they moved."""
    count = 0
    for correction in corrections:
        for text in correction.texts:
            _, location = find(gazetteer, text.text, text.home)
            count += location.point is not None and _near(location.point, correction.to)
    return count


def proposals(corrections: Sequence[Correction], gazetteer: Gazetteer) -> list[Proposal]:
    """Names that at least two persons moved at least two events for, to spots that agree."""
    groups: dict[tuple[str, str, str], list[tuple[str, Correction]]] = {}
    for correction in corrections:
        for key, name in _named(correction, gazetteer):
            groups.setdefault(key, []).append((name, correction))
    found = (_proposal(key, group) for key, group in sorted(groups.items()))
    return [proposal for proposal in found if proposal is not None]


def _named(correction: Correction, gazetteer: Gazetteer) -> set[tuple[tuple[str, str, str], str]]:
    """Names that do not lie where the event was moved: ((folded, kind, town), as written)."""
    named = set()
    for text in correction.texts:
        places, _ = find(gazetteer, text.text, text.home)
        for place in places:
            if place.kind in KINDS and not _is_there(place, correction.to):
                town = _town(place, text.home, gazetteer)
                named.add(((_folded(place.name), place.kind, town), place.name))
    return named


def _proposal(
    key: tuple[str, str, str], group: Sequence[tuple[str, Correction]]
) -> Proposal | None:
    folded, kind, town = key
    lat = median(c.to.lat for _, c in group)
    lon = median(c.to.lon for _, c in group)
    agreeing = [
        (name, c) for name, c in group if distance_m(lat, lon, c.to.lat, c.to.lon) <= NEAR_M
    ]
    events, persons = ({getattr(c, what) for _, c in agreeing} for what in ("event", "by"))
    if len(events) < FEWEST_EVENTS or len(persons) < FEWEST_PERSONS:
        return None
    if 2 * len(agreeing) <= len(group):
        return None
    reach = max(distance_m(lat, lon, c.to.lat, c.to.lon) for _, c in agreeing)
    spelled = Counter(name for name, _ in agreeing)
    names = tuple(sorted(spelled, key=lambda name: (-spelled[name], name)))
    return Proposal(
        id=f"kz/moves/{digest(folded, kind, town)[:12]}",
        name=names[0],
        kind=kind,
        names=names,
        parent=town,
        point=Point(lat=lat, lon=lon, radius_m=min(DEFAULT_RADIUS_M[kind], max(100.0, 2 * reach))),
        events=len(events),
        persons=len(persons),
    )


def _town(place: Place, home: str | None, gazetteer: Gazetteer) -> str:
    for step in place.path:
        town = gazetteer.settlement_of(step)
        if town is not None:
            return town
    settlement = gazetteer.home(home)
    return "kz" if settlement is None else settlement.id


def _is_there(place: Place, to: Point) -> bool:
    return (
        place.lat is not None
        and place.lon is not None
        and distance_m(place.lat, place.lon, to.lat, to.lon) <= NEAR_M
    )


def _near(a: Point, b: Point) -> bool:
    return distance_m(a.lat, a.lon, b.lat, b.lon) <= NEAR_M


def _folded(name: str) -> str:
    return coarsen(fold_cyrillic(name.lower())).strip()
