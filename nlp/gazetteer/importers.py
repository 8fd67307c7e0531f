"""The operator's own places: an OpenStreetMap extract, a CSV table, a GeoJSON file.

All go into one SQLite file beside which the project's tables are read; an imported entry of the
name and kind of one of the project's within ``index.OWN_WINS_M`` is not used, the rest adds to it.
A repeated import replaces what the same source brought before.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
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

    Reads the file three times: milestones, then which nodes are wanted, then where they are, so
    that memory holds only named things. A street is all ways of its name within a settlement:
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
    """A named street's way, or a named area that is a landmark."""

    names: tuple[str, ...]
    nodes: tuple[int, ...]
    street: bool
    id: str


def _import_osm(file: Path, gazetteer_file: Path, progress: Progress) -> int:
    import osmium

    stones = Stones.read(file)
    progress("milestones", len(stones.where))
    ways: list[_Way] = []
    wanted: set[int] = set()
    for way in osmium.FileProcessor(str(file), osmium.osm.WAY):
        if not isinstance(way, osmium.osm.Way):
            continue
        tags = way.tags
        stones.pass_way(way)
        street = tags.get("highway") in ROADS
        if "name" not in tags or not (street or _is_landmark(tags)):
            continue
        nodes = tuple(n.ref for n in way.nodes)
        if not nodes:
            continue
        ways.append(_Way(_names(tags), nodes, street, f"osm/w{way.id}"))
        wanted.update(nodes)
        if len(ways) % 20_000 == 0:
            progress("ways", len(ways))
    progress("ways", len(ways))
    where: dict[int, tuple[float, float]] = {}
    entries: list[Entry] = []
    for node in osmium.FileProcessor(str(file), osmium.osm.NODE):
        if not isinstance(node, osmium.osm.Node):
            continue
        if node.id in wanted:
            where[node.id] = (node.location.lat, node.location.lon)
        entry = _node_entry(node) if "name" in node.tags else None
        if entry is not None:
            entries.append(entry)
            if len(entries) % 20_000 == 0:
                progress("places", len(entries))
    progress("places", len(entries))
    towns = _Towns([e for e in entries if e.kind in SETTLEMENTS])
    entries = [e if e.kind in SETTLEMENTS else replace(e, parent=towns.of(e.lat, e.lon))
               for e in entries]  # fmt: skip
    streets, crossings = _streets([w for w in ways if w.street], where, towns)
    areas = [e for w in ways if not w.street and (e := _area(w, where, towns)) is not None]
    progress("streets", len(streets))
    return _put([*entries, *areas, *streets], gazetteer_file, crossings, stones.milestones())


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


def _area(way: _Way, where: dict[int, tuple[float, float]], towns: _Towns) -> Entry | None:
    points = [where[n] for n in way.nodes if n in where]
    if not points:
        return None
    lat, lon, radius = _middle(points)
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
        points = [where[n] for n in way.nodes if n in where]
        if not points:
            continue
        town = towns.of(*points[len(points) // 2]) or ""
        grouped.setdefault((town, way.names[0]), []).append(way)
    streets: list[Entry] = []
    at_node: dict[int, set[str]] = {}
    for (town, name), parts in sorted(grouped.items()):
        points = [where[n] for part in parts for n in part.nodes if n in where]
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
        if node not in where or not 2 <= len(ids) <= 4:
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
