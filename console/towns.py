"""The towns of the map, to say where an event is in words."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).parent / "static" / "kz_outline.json"
BELONGS_KM = 30.0
"""A place this near to a town's centre is told with the town's name."""
LARGE = 500_000
LARGE_BELONGS_KM = 45.0


@dataclass(frozen=True)
class Town:
    """A town: names by language, coordinates in degrees."""

    names: dict[str, str]
    lat: float
    lon: float
    population: int


def load_towns(file: Path = FILE) -> list[Town]:
    """The towns of the map's data."""
    return [
        Town(
            names={lang: town[lang] for lang in ("ru", "kk", "en")},
            lat=town["at"][1],
            lon=town["at"][0],
            population=town["pop"],
        )
        for town in json.loads(file.read_text(encoding="utf-8"))["towns"]
    ]


def nearest(towns: Sequence[Town], lat: float, lon: float) -> Town | None:
    """The town that a point belongs to, ``None`` in the open steppe."""
    best: tuple[float, Town] | None = None
    for town in towns:
        reach = LARGE_BELONGS_KM if town.population >= LARGE else BELONGS_KM
        share = _km(lat, lon, town) / reach
        if share <= 1 and (best is None or share < best[0]):
            best = (share, town)
    return best[1] if best else None


def _km(lat: float, lon: float, town: Town) -> float:
    north = (lat - town.lat) * 111.2
    east = (lon - town.lon) * 111.2 * math.cos(math.radians(lat))
    return math.hypot(north, east)
