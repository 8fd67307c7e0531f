"""The operator's own places: an OpenStreetMap extract, a CSV table, a GeoJSON file.

All go into one SQLite file beside which the project's tables are read; an imported entry of the
name and kind of one of the project's within ``index.OWN_WINS_M`` is not used, the rest adds to it.
A repeated import replaces what the same source brought before.
"""

from __future__ import annotations

import json
import math
import re
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from core.errors import InputError
from core.geo import distance_m
from nlp.gazetteer import storage
from nlp.gazetteer.entries import (
    DEFAULT_RADIUS_M,
    KINDS,
    SETTLEMENTS,
    Crossing,
    Entry,
    Milestone,
    read_entries,
)
from nlp.gazetteer.osm_milestones import Stones
from nlp.words import terms

Progress = Callable[[str, int], None]
"""Told what is being read and how many things were found so far."""

PLACES = {
    "city": ("city", 8_000.0), "town": ("city", 5_000.0), "village": ("village", 2_500.0),
    "hamlet": ("village", 1_200.0), "suburb": ("microdistrict", 1_500.0),
    "quarter": ("microdistrict", 800.0), "neighbourhood": ("microdistrict", 700.0),
}  # fmt: skip
ROADS = frozenset(
    terms(
        "trunk primary secondary tertiary unclassified residential living_street pedestrian road "
        "motorway trunk_link"
    )
)
LANDMARKS = {
    "amenity": frozenset(
        terms(
            "hospital clinic school kindergarten university college "
            "marketplace police fire_station "
            "place_of_worship theatre cinema bus_station fuel"
        )
    ),
    "shop": frozenset({"mall", "supermarket", "department_store"}),
    "leisure": frozenset({"park", "stadium"}),
    "railway": frozenset({"station"}),
    "aeroway": frozenset({"aerodrome"}),
    "highway": frozenset({"bus_stop"}),
    "tourism": frozenset({"attraction", "museum"}),
}
NAME_TAGS = (
    "name", "name:ru", "name:kk", "name:en", "name:kk-Latn", "old_name", "old_name:ru",
    "old_name:kk", "alt_name", "alt_name:ru", "alt_name:kk", "short_name", "loc_name", "int_name",
    "official_name",
)  # fmt: skip
MAX_PARENT_M = 30_000.0
"""A street or landmark farther than this from any settlement gets no parent."""
SAME_CROSSING_M = 300.0
"""Two streets that meet at points farther apart have no one crossing."""
TOLD_EVERY = 20_000
_CELL = 0.25


def import_csv(file: Path, gazetteer_file: Path) -> int:
    """Add the places of a table (columns of ``nlp/gazetteer/README.md``); how many.

    Raises InputError that names the line; nothing is kept then.
    """
    return _put(read_entries(file, own=False), gazetteer_file)


def import_geojson(file: Path, gazetteer_file: Path) -> int:
    """Add the features of a GeoJSON file; how many.

    Properties: ``name`` or ``name_ru``; optional ``id, kind`` (default landmark), ``name_kk,
    names_other, parent, radius_m, population``. Of lines and areas the middle of the bounds is
    taken, with a radius that covers them. Raises InputError.
    """
    try:
        features = json.loads(file.read_text(encoding="utf-8"))["features"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{file}: is no GeoJSON collection of features ({error!r})") from error
    return _put(
        (_feature(file, number, item) for number, item in enumerate(features, 1)), gazetteer_file
    )


def import_osm(file: Path, gazetteer_file: Path, progress: Progress | None = None) -> int:
    """Add settlements, quarters, streets, their crossings, landmarks and milestones; how many.

    Reads the file twice: milestones, then what is named, so that memory holds only named things
    and, in osmium, where every node is. A street is all ways of its name within a settlement:
    their middle, with a radius that covers them. Raises InputError.
    """
    if not file.exists():
        raise InputError(f"{file}: there is no such file")
    try:
        return _import_osm(file, gazetteer_file, progress or _silent)
    except RuntimeError as error:
        raise InputError(f"{file}: is no readable OpenStreetMap extract ({error})") from error


def _silent(step: str, count: int) -> None:
    """No progress wanted."""


def _put(
    entries: Iterable[Entry],
    gazetteer_file: Path,
    crossings: Iterable[Crossing] = (),
    stones: Iterable[Milestone] = (),
) -> int:
    with storage.opened(gazetteer_file) as db:
        count = storage.put_entries(db, entries)
        storage.put_crossings(db, crossings)
        return count + storage.put_milestones(db, stones)


# -- GeoJSON --------------------------------------------------------------------------------------


def _feature(file: Path, number: int, item: Any) -> Entry:
    where = f"{file}, feature {number}"
    try:
        properties = item.get("properties") or {}
        points = list(_points(item["geometry"]["coordinates"]))
        lons, lats = [p[0] for p in points], [p[1] for p in points]
        lat, lon = (min(lats) + max(lats)) / 2, (min(lons) + max(lons)) / 2
    except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
        raise InputError(f"{where}: has no usable geometry ({error!r})") from error
    name = str(properties.get("name_ru") or properties.get("name") or "").strip()
    kind = str(properties.get("kind") or "landmark")
    if not name or kind not in KINDS:
        raise InputError(f"{where}: needs a name and a kind of {', '.join(KINDS)}")
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        raise InputError(f"{where}: the point {lat}, {lon} lies outside the Earth")
    extent = max(distance_m(lat, lon, y, x) for x, y in points)
    radius = properties.get("radius_m") or max(extent, DEFAULT_RADIUS_M[kind] if not extent else 0)
    others = str(properties.get("names_other") or "").split("|")
    names = [name, str(properties.get("name_kk") or ""), *others]
    population = properties.get("population")
    return Entry(
        id=str(properties.get("id") or f"import/{file.stem}/{number}"),
        kind=kind,
        name=name,
        names=tuple(dict.fromkeys(n.strip() for n in names if n.strip())),
        parent=properties.get("parent") or None,
        lat=lat,
        lon=lon,
        radius_m=max(float(radius), 1.0),
        population=int(population) if population else None,
        source=file.name,
        own=False,
    )


def _points(coordinates: Any) -> Iterator[tuple[float, float]]:
    if isinstance(coordinates[0], int | float):
        yield float(coordinates[0]), float(coordinates[1])
        return
    for part in coordinates:
        yield from _points(part)


# -- OpenStreetMap --------------------------------------------------------------------------------


@dataclass
class _Way:
    """A named street's way, or a named area that is a landmark; ``nodes``: ids, 8 bytes each."""

    names: tuple[str, ...]
    nodes: array[int]
    street: bool
    id: str


@dataclass
class _Extract:
    """What is kept of an extract: named places and ways, and where the ways' nodes are."""

    entries: list[Entry] = field(default_factory=list)
    ways: list[_Way] = field(default_factory=list)
    where: dict[int, tuple[float, float]] = field(default_factory=dict)


def _import_osm(file: Path, gazetteer_file: Path, progress: Progress) -> int:
    stones = Stones.read(file)
    progress("milestones", len(stones.where))
    found = _read_named(file, stones, progress)
    towns = _Towns([e for e in found.entries if e.kind in SETTLEMENTS])
    entries = [e if e.kind in SETTLEMENTS else replace(e, parent=towns.of(e.lat, e.lon))
               for e in found.entries]  # fmt: skip
    streets, crossings = _streets([w for w in found.ways if w.street], found.where, towns)
    areas = [_area(w, found.where, towns) for w in found.ways if not w.street]
    progress("streets", len(streets))
    return _put([*entries, *areas, *streets], gazetteer_file, crossings, stones.milestones())


def _read_named(file: Path, stones: Stones, progress: Progress) -> _Extract:
    """The named nodes and ways; what has no name never leaves osmium, which keeps the locations
    of all nodes (16 bytes each)."""
    import osmium

    found = _Extract()
    wanted = osmium.FileProcessor(str(file), osmium.osm.NODE | osmium.osm.WAY)
    for item in wanted.with_locations().with_filter(osmium.filter.KeyFilter("name", "ref")):
        if isinstance(item, osmium.osm.Node):
            entry = _node_entry(item) if "name" in item.tags else None
            if entry is not None:
                found.entries.append(entry)
                _tell(progress, "places", len(found.entries))
        elif isinstance(item, osmium.osm.Way):
            stones.pass_way(item)
            if _keep_way(item, found):
                _tell(progress, "ways", len(found.ways))
    progress("places", len(found.entries))
    progress("ways", len(found.ways))
    return found


def _keep_way(way: Any, found: _Extract) -> bool:
    """Whether a way is a named street or landmark with a known node; it is kept then."""
    tags = way.tags
    street = tags.get("highway") in ROADS
    if "name" not in tags or not (street or _is_landmark(tags)):
        return False
    nodes = [node for node in way.nodes if node.location.valid()]
    if not nodes:
        return False
    found.where.update((node.ref, (node.lat, node.lon)) for node in nodes)
    refs = array("q", (node.ref for node in nodes))
    found.ways.append(_Way(_names(tags), refs, street, f"osm/w{way.id}"))
    return True


def _tell(progress: Progress, step: str, count: int) -> None:
    if count % TOLD_EVERY == 0:
        progress(step, count)


def _names(tags: Any) -> tuple[str, ...]:
    values = (part.strip() for tag in NAME_TAGS for part in (tags.get(tag) or "").split(";"))
    return tuple(dict.fromkeys(value.replace("|", " ") for value in values if value))


def _is_landmark(tags: Any) -> bool:
    return any(tags.get(key) in values for key, values in LANDMARKS.items())


def _node_entry(node: Any) -> Entry | None:
    tags = node.tags
    kind, radius = PLACES.get(tags.get("place") or "", ("", 0.0))
    if not kind:
        if not _is_landmark(tags):
            return None
        kind, radius = "landmark", DEFAULT_RADIUS_M["landmark"]
    digits = re.sub(r"\D", "", tags.get("population") or "")
    names = _names(tags)
    return Entry(
        id=f"osm/n{node.id}",
        kind=kind,
        name=tags.get("name:ru") or names[0],
        names=names,
        parent="kz" if kind in SETTLEMENTS else None,
        lat=node.location.lat,
        lon=node.location.lon,
        radius_m=radius,
        population=int(digits) if digits else None,
        source="osm import",
        own=False,
    )


def _area(way: _Way, where: dict[int, tuple[float, float]], towns: _Towns) -> Entry:
    lat, lon, radius = _middle([where[n] for n in way.nodes])
    return Entry(
        way.id, "landmark", way.names[0], way.names, towns.of(lat, lon), lat, lon,
        max(radius, 100.0), None, "osm import", False,
    )  # fmt: skip


def _middle(points: list[tuple[float, float]]) -> tuple[float, float, float]:
    """The middle of the bounds and the radius, in metres, that covers the points."""
    lats, lons = [p[0] for p in points], [p[1] for p in points]
    lat, lon = (min(lats) + max(lats)) / 2, (min(lons) + max(lons)) / 2
    return lat, lon, max(distance_m(lat, lon, *p) for p in points)


class _Towns:
    """The settlement that a point belongs to: the one whose edge is nearest."""

    def __init__(self, towns: list[Entry]) -> None:
        self._cells: dict[tuple[int, int], list[Entry]] = {}
        for town in towns:
            self._cells.setdefault(self._cell(town.lat, town.lon), []).append(town)

    @staticmethod
    def _cell(lat: float, lon: float) -> tuple[int, int]:
        return math.floor(lat / _CELL), math.floor(lon / _CELL)

    def of(self, lat: float, lon: float) -> str | None:
        """Id of the settlement, ``None`` when all are far."""
        row, column = self._cell(lat, lon)
        near = [
            town
            for i in (-1, 0, 1)
            for j in (-2, -1, 0, 1, 2)
            for town in self._cells.get((row + i, column + j), ())
        ]
        ranked = [(distance_m(lat, lon, t.lat, t.lon) - t.radius_m, t.id) for t in near]
        best = min(ranked, default=(MAX_PARENT_M, ""))
        return best[1] if best[0] < MAX_PARENT_M else None


def _streets(
    ways: list[_Way], where: dict[int, tuple[float, float]], towns: _Towns
) -> tuple[list[Entry], list[Crossing]]:
    """Ways of one name in one settlement as one street; nodes of two streets as crossings."""
    grouped: dict[tuple[str, str], list[_Way]] = {}
    for way in ways:
        town = towns.of(*where[way.nodes[len(way.nodes) // 2]]) or ""
        grouped.setdefault((town, way.names[0]), []).append(way)
    streets: list[Entry] = []
    at_node: dict[int, set[str]] = {}
    for (town, name), parts in sorted(grouped.items()):
        points = [where[n] for part in parts for n in part.nodes]
        lat, lon, radius = _middle(points)
        identifier = min(part.id for part in parts).replace("osm/w", "osm/s")
        names = tuple(dict.fromkeys(n for part in parts for n in part.names))
        streets.append(
            Entry(
                identifier,
                "street",
                name,
                names,
                town or None,
                lat,
                lon,
                max(radius, 50.0),
                None,
                "osm import",
                False,
            )
        )
        for part in parts:
            for node in part.nodes:
                at_node.setdefault(node, set()).add(identifier)
    crossings: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for node, ids in sorted(at_node.items()):
        if not 2 <= len(ids) <= 4:
            continue
        ordered = sorted(ids)
        for i, a in enumerate(ordered):
            for b in ordered[i + 1 :]:
                crossings.setdefault((a, b), []).append(where[node])
    return streets, [
        Crossing(a, b, *_middle(points)[:2])
        for (a, b), points in crossings.items()
        if _middle(points)[2] < SAME_CROSSING_M
    ]
