"""How far the gazetteer's points lie from reference files: settlements and crossings.

The files of a folder, each optional, all CSV with a header:

``osm_places_kz.csv``: columns ``name, name_ru, name_kk, lat, lon``: settlements.
``astana_intersections.csv``: ``street_a, street_b, lat, lon``: nodes that two streets share.
``almaty_street_sections.csv``: ``name, name_local, section, west, south, east, north``: streets in
sections between cross-streets ("A St → B St", "up to A St", "from B St"), each with its box; two
successive sections meet at the crossing.
"""

from __future__ import annotations

import csv
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, product
from pathlib import Path

from core.errors import InputError
from core.geo import distance_m
from nlp.gazetteer.entries import SETTLEMENTS, Entry
from nlp.gazetteer.index import Gazetteer
from nlp.words import coarsen, fold_cyrillic, words_of

PLACES = "osm_places_kz.csv"
ASTANA = "astana_intersections.csv"
ALMATY = "almaty_street_sections.csv"
SAME_PLACE_M = 30_000.0
"""A reference of the name farther off is a namesake, not an error."""
SAME_CROSSING_M = 3_000.0
TOUCHING_M = 60.0
"""Sections whose boxes come no nearer do not meet."""
_SHORT = {"street": "st", "avenue": "ave", "boulevard": "blvd", "road": "rd", "highway": "hwy"}


@dataclass(frozen=True)
class Error:
    """How far one entry lies from its reference, in metres."""

    kind: str
    name: str
    off_m: float


@dataclass(frozen=True)
class Summary:
    """Errors of a kind in metres; ``missing``: entries of which the reference knows nothing."""

    kind: str
    compared: int
    missing: int
    median_m: float
    p95_m: float
    worst: str


def check(gazetteer: Gazetteer, folder: Path) -> list[Summary]:
    """One summary a kind of which the folder has a reference; raises InputError without any."""
    parts = []
    if (folder / PLACES).exists():
        parts += _settlements(gazetteer, folder / PLACES)
    if (folder / ASTANA).exists():
        parts.append(_crossings(gazetteer, "astana", _nodes(gazetteer, folder / ASTANA)))
    if (folder / ALMATY).exists():
        parts.append(_crossings(gazetteer, "almaty", _meetings(gazetteer, folder / ALMATY)))
    if not parts:
        raise InputError(
            f"{folder}: none of {PLACES}, {ASTANA}, {ALMATY} is there to check against"
        )
    return parts


def table(summaries: list[Summary]) -> str:
    """The summaries as lines of text."""
    lines = [f"{'kind':22} compared  missing   median m   95th m   worst"]
    lines += [
        f"{s.kind:22} {s.compared:8} {s.missing:8} {s.median_m:10.0f} {s.p95_m:8.0f}   {s.worst}"
        for s in summaries
    ]
    return "\n".join(lines)


def _summary(kind: str, errors: list[Error], missing: int) -> Summary:
    ordered = sorted(errors, key=lambda e: (e.off_m, e.name))
    if not ordered:
        return Summary(kind, 0, missing, 0.0, 0.0, "")
    ninety_fifth = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    worst = f"{ordered[-1].name} {ordered[-1].off_m:.0f} m"
    median = statistics.median(e.off_m for e in ordered)
    return Summary(kind, len(ordered), missing, median, ninety_fifth.off_m, worst)


def _rows(path: Path, *columns: str) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        missing = set(columns) - set(rows.fieldnames or ())
        if missing:
            raise InputError(f"{path}: the columns {', '.join(sorted(missing))} are missing")
        yield from rows


def _number(path: Path, row: dict[str, str], column: str) -> float:
    try:
        return float(row[column])
    except ValueError as error:
        raise InputError(f"{path}: {row[column]!r} in column {column} is no number") from error


# -- settlements -----------------------------------------------------------------------------------


def _settlements(gazetteer: Gazetteer, path: Path) -> list[Summary]:
    """A summary for each source of our points: those that come from the reference are near it."""
    known: dict[str, list[tuple[float, float]]] = {}
    for row in _rows(path, "name", "lat", "lon"):
        point = _number(path, row, "lat"), _number(path, row, "lon")
        names = {_folded(row.get(column) or "") for column in ("name", "name_ru", "name_kk")}
        for name in sorted(names - {""}):
            known.setdefault(name, []).append(point)
    found: dict[str, list[Error]] = {}
    missing: dict[str, int] = {}
    for entry in gazetteer.entries.values():
        if entry.kind not in SETTLEMENTS or not entry.own or gazetteer.is_foreign(entry.id):
            continue
        kind = f"{entry.kind}, {entry.source}"
        off = _nearest(entry, [p for name in entry.names for p in known.get(_folded(name), ())])
        if off is None:
            missing[kind] = missing.get(kind, 0) + 1
        else:
            found.setdefault(kind, []).append(Error(kind, entry.id, off))
    kinds = sorted(found.keys() | missing.keys())
    return [_summary(kind, found.get(kind, []), missing.get(kind, 0)) for kind in kinds]


def _nearest(entry: Entry, points: list[tuple[float, float]]) -> float | None:
    off = min((distance_m(entry.lat, entry.lon, *p) for p in points), default=None)
    return off if off is not None and off <= SAME_PLACE_M else None


def _folded(name: str) -> str:
    return "".join(coarsen(fold_cyrillic(w)) for w in name.lower().replace("-", " ").split())


# -- crossings -------------------------------------------------------------------------------------

Meeting = tuple[str, str, float, float]
"""Ids of two streets, and where a reference lets them meet."""


def _crossings(gazetteer: Gazetteer, city: str, meetings: Iterator[Meeting]) -> Summary:
    """Of several places where two streets meet the nearest counts: namesakes lie far."""
    kind = f"crossing, {city}"
    nearest: dict[tuple[str, str], float] = {}
    for a, b, lat, lon in meetings:
        point = gazetteer.crossing(a, b)
        if point is None:
            continue
        off = distance_m(*point, lat, lon)
        pair = (min(a, b), max(a, b))
        nearest[pair] = min(off, nearest.get(pair, off))
    errors = [
        Error(kind, f"{gazetteer.entries[a].name} – {gazetteer.entries[b].name}", off)
        for (a, b), off in nearest.items()
        if off <= SAME_CROSSING_M
    ]
    ours = sum(gazetteer.settlement_of(a) == f"kz/{city}" for a, _ in gazetteer.crossings())
    return _summary(kind, errors, ours - len(errors))


def _streets(gazetteer: Gazetteer, city: str, name: str) -> list[str]:
    """Ids of the city's streets that a reference name may mean."""
    words = words_of(name)
    return [
        entry.id
        for match in gazetteer.matches(words)
        for entry in match.name.entries
        if entry.kind == "street" and gazetteer.settlement_of(entry.id) == f"kz/{city}"
    ]


def _nodes(gazetteer: Gazetteer, path: Path) -> Iterator[Meeting]:
    cache: dict[str, list[str]] = {}
    for row in _rows(path, "street_a", "street_b", "lat", "lon"):
        sides = []
        for column in ("street_a", "street_b"):
            name = row[column]
            if name not in cache:
                cache[name] = _streets(gazetteer, "astana", name)
            sides.append(cache[name])
        point = _number(path, row, "lat"), _number(path, row, "lon")
        for a, b in product(*sides):
            if a != b:
                yield a, b, *point


@dataclass(frozen=True)
class _Section:
    street: str
    label: str
    box: tuple[float, float, float, float]


def _meetings(gazetteer: Gazetteer, path: Path) -> Iterator[Meeting]:
    local: dict[str, str] = {}
    sections: list[_Section] = []
    for row in _rows(path, "name", "name_local", "section", "west", "south", "east", "north"):
        local.setdefault(_english(row["name"]), row["name_local"])
        west, south, east, north = (
            _number(path, row, c) for c in ("west", "south", "east", "north")
        )
        sections.append(_Section(row["name_local"], row["section"], (west, south, east, north)))
    ids = {name: _streets(gazetteer, "almaty", name) for name in {*local.values()}}
    for left, right in pairwise(sections):
        cross = _shared(left, right)
        other = local.get(_english(cross)) if cross else None
        point = _touch(left.box, right.box) if other else None
        if other is None or point is None:
            continue
        for a, b in product(ids[left.street], ids[other]):
            if a != b:
                yield a, b, *point


def _shared(left: _Section, right: _Section) -> str | None:
    """The cross-street at which one section of a street ends and the next begins."""
    if left.street != right.street:
        return None
    end = left.label.split("→")[-1].removeprefix("up to ").strip()
    start = right.label.split("→")[0].removeprefix("from ").strip()
    return end if end == start else None


def _english(name: str) -> str:
    words = name.lower().replace(".", "").split()
    return " ".join(_SHORT.get(word, word) for word in words)


def _touch(
    left: tuple[float, float, float, float], right: tuple[float, float, float, float]
) -> tuple[float, float] | None:
    """Where two boxes (west, south, east, north) touch: the middle of their nearest corners."""
    corners = [[(box[y], box[x]) for x, y in product((0, 2), (1, 3))] for box in (left, right)]
    a, b = min(product(*corners), key=lambda pair: distance_m(*pair[0], *pair[1]))
    if distance_m(*a, *b) > TOUCHING_M:
        return None
    return (a[0] + b[0]) / 2, (a[1] + b[1]) / 2
