"""One place of the gazetteer, and how tables of places are read."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.errors import InputError

CROSSINGS, ROADS, MILESTONES = "crossings_", "roads.csv", "milestones.csv"
"""Tables of other things: how the names of those of crossings begin, and two whole names."""
KINDS = (
    "country",
    "region",
    "district",
    "city",
    "village",
    "microdistrict",
    "street",
    "crossing",
    "house",
    "landmark",
    "highway",
)
SETTLEMENTS = frozenset({"city", "village"})
DEFAULT_RADIUS_M = {
    "country": 1_000_000.0,
    "region": 250_000.0,
    "district": 50_000.0,
    "city": 8_000.0,
    "village": 2_500.0,
    "microdistrict": 800.0,
    "street": 1_500.0,
    "crossing": 150.0,
    "house": 100.0,
    "landmark": 300.0,
    "highway": 50_000.0,
}
"""Radius of an entry whose source states none: the usual extent of its kind."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A place. ``names``: all spellings, the canonical Russian and Kazakh ones first.

    ``parent``: id of the place that contains it. ``radius_m`` covers it nine times in ten.
    ``own``: from the project's tables, which win over imported entries.
    """

    id: str
    kind: str
    name: str
    names: tuple[str, ...]
    parent: str | None
    lat: float
    lon: float
    radius_m: float
    population: int | None
    source: str
    own: bool = True


@dataclass(frozen=True, slots=True)
class Crossing:
    """Where two streets meet, by their ids."""

    a: str
    b: str
    lat: float
    lon: float


@dataclass(frozen=True, slots=True)
class RoadPoint:
    """Where a highway, by its id, has run ``km`` kilometres."""

    highway: str
    km: float
    lat: float
    lon: float


@dataclass(frozen=True, slots=True)
class Milestone:
    """Where a road, by its number ("М-32"), has ``km`` on its signs.

    ``off_km``: by how much the signs may differ; 0 for a stone that stands there.
    """

    road: str
    km: float
    lat: float
    lon: float
    off_km: float = 0.0


def entry_tables(folder: Path) -> list[Path]:
    """The tables of a folder that hold entries, by name; crossings and roads are other tables."""
    return [
        path
        for path in sorted(folder.glob("*.csv"))
        if path.name not in {ROADS, MILESTONES} and not path.name.startswith(CROSSINGS)
    ]


def read_entries(path: Path, *, own: bool) -> Iterator[Entry]:
    """The entries of a CSV table; raises InputError that names the line.

    Columns: id, kind, name_ru, lat, lon; optional name_kk, names_other (``|`` between), parent,
    radius_m, population, source. See ``nlp/gazetteer/README.md``.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        missing = {"id", "kind", "name_ru", "lat", "lon"} - set(rows.fieldnames or ())
        if missing:
            raise InputError(f"{path}: the columns {', '.join(sorted(missing))} are missing")
        for row in rows:
            try:
                yield _entry(row, own=own)
            except ValueError as error:
                raise InputError(f"{path}, line {rows.line_num}: {error}") from error


def read_crossings(path: Path) -> Iterator[Crossing]:
    """The crossings of a table with columns street_a, street_b, lat, lon; raises InputError."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        for row in rows:
            try:
                yield Crossing(
                    row["street_a"], row["street_b"], float(row["lat"]), float(row["lon"])
                )
            except (KeyError, ValueError, TypeError) as error:
                raise InputError(f"{path}, line {rows.line_num}: {error!r}") from error


def read_road_points(path: Path) -> Iterator[RoadPoint]:
    """The points of a table with columns highway, km, lat, lon; raises InputError."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        for row in rows:
            try:
                km, lat, lon = (float(row[column]) for column in ("km", "lat", "lon"))
                yield RoadPoint(row["highway"], km, lat, lon)
            except (KeyError, ValueError, TypeError) as error:
                raise InputError(f"{path}, line {rows.line_num}: {error!r}") from error


def read_milestones(path: Path) -> Iterator[Milestone]:
    """The rows of a table with columns road, km, lat, lon, off_km; raises InputError."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        for row in rows:
            try:
                km, lat, lon, off = (float(row[c]) for c in ("km", "lat", "lon", "off_km"))
                yield Milestone(row["road"], km, lat, lon, off)
            except (KeyError, ValueError, TypeError) as error:
                raise InputError(f"{path}, line {rows.line_num}: {error!r}") from error


def _entry(row: dict[str, str], *, own: bool) -> Entry:
    kind = row["kind"].strip()
    if kind not in KINDS:
        raise ValueError(f"the kind {kind!r} is none of {', '.join(KINDS)}")
    name = (row["name_ru"] or row.get("name_kk") or "").strip()
    identifier = (row["id"] or "").strip()
    if not name or not identifier:
        raise ValueError("id or name is empty")
    lat, lon = float(row["lat"]), float(row["lon"])
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        raise ValueError(f"the point {lat}, {lon} lies outside the Earth")
    others = (row.get("names_other") or "").split("|")
    names = [n.strip() for n in (name, row.get("name_kk") or "", *others)]
    return Entry(
        id=identifier,
        kind=kind,
        name=name,
        names=tuple(dict.fromkeys(n for n in names if n)),
        parent=(row.get("parent") or "").strip() or None,
        lat=lat,
        lon=lon,
        radius_m=float(row.get("radius_m") or DEFAULT_RADIUS_M[kind]),
        population=int(float(row["population"])) if row.get("population") else None,
        source=(row.get("source") or "").strip() or "unknown",
        own=own,
    )
