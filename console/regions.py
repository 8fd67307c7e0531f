"""The regions of the map: which one a point is in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from console.towns import FILE

Ring = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Region:
    """A region: its key in addresses, names by language, rings of (lon, lat), its box."""

    key: str
    names: dict[str, str]
    city: bool
    rings: tuple[Ring, ...]
    box: tuple[float, float, float, float]

    def holds(self, lat: float, lon: float) -> bool:
        """Whether the point lies in it (even-odd rule over all rings)."""
        west, south, east, north = self.box
        if not (west <= lon <= east and south <= lat <= north):
            return False
        return sum(_crosses(ring, lat, lon) for ring in self.rings) % 2 == 1


def load_regions(file: Path = FILE) -> list[Region]:
    """The regions of the map's data, cities first: they lie inside others' outlines."""
    found = []
    for region in json.loads(file.read_text(encoding="utf-8"))["regions"]:
        rings = tuple(tuple((lon, lat) for lon, lat in ring) for ring in region["rings"])
        lons = [lon for ring in rings for lon, _ in ring]
        lats = [lat for ring in rings for _, lat in ring]
        suffix = "-city" if region["city"] else ""
        found.append(
            Region(
                key=region["en"].lower().replace(" ", "-") + suffix,
                names={lang: region[lang] for lang in ("ru", "kk", "en")},
                city=region["city"],
                rings=rings,
                box=(min(lons), min(lats), max(lons), max(lats)),
            )
        )
    return sorted(found, key=lambda region: (not region.city, region.key))


def region_of(regions: Sequence[Region], lat: float, lon: float) -> Region | None:
    """The region that a point is in, ``None`` abroad."""
    return next((region for region in regions if region.holds(lat, lon)), None)


def _crosses(ring: Ring, lat: float, lon: float) -> int:
    count = 0
    for (x1, y1), (x2, y2) in zip(ring, (*ring[1:], ring[0]), strict=True):
        if (y1 > lat) != (y2 > lat) and lon < (x2 - x1) * (lat - y1) / (y2 - y1) + x1:
            count += 1
    return count
