"""The gazetteer's file: one SQLite database, the same for own tables and imports."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import ModelError
from nlp.gazetteer.entries import Crossing, Entry, Milestone, RoadPoint

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, names TEXT NOT NULL,
    parent TEXT, lat REAL NOT NULL, lon REAL NOT NULL, radius_m REAL NOT NULL,
    population INTEGER, source TEXT NOT NULL, own INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS crossing (
    a TEXT NOT NULL, b TEXT NOT NULL, lat REAL NOT NULL, lon REAL NOT NULL, PRIMARY KEY (a, b)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS road (
    highway TEXT NOT NULL, km REAL NOT NULL, lat REAL NOT NULL, lon REAL NOT NULL,
    PRIMARY KEY (highway, km)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS milestone (
    road TEXT NOT NULL, km REAL NOT NULL, lat REAL NOT NULL, lon REAL NOT NULL,
    off_km REAL NOT NULL, PRIMARY KEY (road, km, lat, lon)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ambiguous (name TEXT PRIMARY KEY) WITHOUT ROWID;
"""


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """The file with its tables, made when absent; commits at the end, all or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(_SCHEMA)
        with connection:
            yield connection


def put_entries(connection: sqlite3.Connection, entries: Iterable[Entry]) -> int:
    """Add or replace entries; how many."""
    rows = [
        (e.id, e.kind, e.name, "|".join(e.names), e.parent, e.lat, e.lon, e.radius_m,
         e.population, e.source, int(e.own))
        for e in entries
    ]  # fmt: skip
    connection.executemany("INSERT OR REPLACE INTO entry VALUES (?,?,?,?,?,?,?,?,?,?,?)", rows)
    return len(rows)


def put_crossings(connection: sqlite3.Connection, crossings: Iterable[Crossing]) -> int:
    """Add or replace crossings; how many. The two ids are kept in alphabetical order."""
    rows = [(min(c.a, c.b), max(c.a, c.b), c.lat, c.lon) for c in crossings]
    connection.executemany("INSERT OR REPLACE INTO crossing VALUES (?,?,?,?)", rows)
    return len(rows)


def put_road_points(connection: sqlite3.Connection, points: Iterable[RoadPoint]) -> int:
    """Add or replace points of highways; how many."""
    rows = [(p.highway, p.km, p.lat, p.lon) for p in points]
    connection.executemany("INSERT OR REPLACE INTO road VALUES (?,?,?,?)", rows)
    return len(rows)


def put_milestones(connection: sqlite3.Connection, stones: Iterable[Milestone]) -> int:
    """Add or replace milestones; how many."""
    rows = [(s.road, s.km, s.lat, s.lon, s.off_km) for s in stones]
    connection.executemany("INSERT OR REPLACE INTO milestone VALUES (?,?,?,?,?)", rows)
    return len(rows)


@dataclass(frozen=True)
class Contents:
    """All that a file holds."""

    entries: list[Entry]
    crossings: list[Crossing]
    ambiguous: set[str]
    roads: list[RoadPoint]
    milestones: list[Milestone]


def read(path: Path) -> Contents:
    """The contents of a file; raises ModelError."""
    if not path.exists():
        raise ModelError(f"{path}: there is no gazetteer; make one with `oqiga train`")
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
            entries = [
                Entry(
                    id=r[0], kind=r[1], name=r[2], names=tuple(r[3].split("|")), parent=r[4],
                    lat=r[5], lon=r[6], radius_m=r[7], population=r[8], source=r[9],
                    own=bool(r[10]),
                )
                for r in db.execute("SELECT * FROM entry ORDER BY id")
            ]  # fmt: skip
            crossings = [Crossing(*r) for r in db.execute("SELECT * FROM crossing ORDER BY a, b")]
            ambiguous = {r[0] for r in db.execute("SELECT name FROM ambiguous")}
            tables = {r[0] for r in db.execute("SELECT name FROM sqlite_master")}
            # A file that an older version made has no highways' points and milestones.
            roads = [RoadPoint(*r) for r in _rows(db, tables, "road", "highway, km")]
            stones = [Milestone(*r) for r in _rows(db, tables, "milestone", "road, km, lat, lon")]
    except sqlite3.Error as error:
        raise ModelError(f"{path}: is no gazetteer of Oqiga ({error})") from error
    return Contents(entries, crossings, ambiguous, roads, stones)


def _rows(
    db: sqlite3.Connection, tables: set[str], table: str, order: str
) -> Iterable[tuple[Any, ...]]:
    return db.execute(f"SELECT * FROM {table} ORDER BY {order}") if table in tables else ()  # noqa: S608


def digest_of(
    entries: Iterable[Entry],
    crossings: Iterable[Crossing],
    roads: Iterable[RoadPoint] = (),
    milestones: Iterable[Milestone] = (),
) -> str:
    """Digest (8 hex characters) of what the gazetteer says, whatever file it is in."""
    hasher = hashlib.sha256()
    for item in (*entries, *crossings, *roads, *milestones):
        hasher.update(repr(item).encode("utf-8"))
    return hasher.hexdigest()[:8]
