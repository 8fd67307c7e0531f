"""Towns that a channel or chat is about: from its ``home``, or from its own name.

Half of the posts about an incident name no town: everybody in the chat knows which one it is.
The table holds points rounded to 100 m (see ``towns.md``).
"""

from __future__ import annotations

import csv
import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from core.spelling import fold, tokens

TABLE = Path(__file__).with_name("towns.csv")
SETTLEMENTS = frozenset({"city", "village"})
"""Kinds of places in a text that are towns."""
MIN_PART = 5
"""Letters from which the beginning of a town's name in a channel's name is believed."""
_PARTS = re.compile(r"[^\W\d_]+")


class Town(NamedTuple):
    """A town: its folded name, its point (degrees), its radius in metres."""

    key: str
    lat: float
    lon: float
    radius_m: float


@lru_cache(maxsize=16_384)
def town_of_home(home: str) -> Town | None:
    """The town of a source's ``home``, in any of its names; ``None`` for one not in the table."""
    return _table()[0].get(fold("".join(tokens(home))))


def radius_of(key: str) -> float | None:
    """Radius (metres) of a town by its folded name; ``None``: not in the table, so a small one."""
    town = _table()[0].get(key)
    return None if town is None else town.radius_m


@lru_cache(maxsize=16_384)
def town_of_channel(source: str) -> Town | None:
    """The town in a channel's name ("shymkent_today", "alm_dtp"), if there is just one."""
    names = _table()[1]
    found: dict[str, Town] = {}
    for part in map(fold, _PARTS.findall(source)):
        for name, town in names.items():
            if part == name or (
                min(len(part), len(name)) >= MIN_PART
                and (part.startswith(name) or name.startswith(part))
            ):
                found[town.key] = town
    return next(iter(found.values())) if len(found) == 1 else None


@lru_cache(maxsize=65_536)
def town_at(lat: float, lon: float) -> Town | None:
    """The nearest town whose radius covers a point (degrees)."""
    best: tuple[float, Town] | None = None
    for town in _table()[2]:
        dy = (town.lat - lat) * 111_195.0
        dx = (town.lon - lon) * 111_195.0 * 0.69  # cosine of 46.5°, the country's middle
        away = (dx * dx + dy * dy) ** 0.5
        if away <= 1.2 * town.radius_m and (best is None or away < best[0]):
            best = (away, town)
    return None if best is None else best[1]


@lru_cache(maxsize=1)
def _table() -> tuple[dict[str, Town], dict[str, Town], tuple[Town, ...]]:
    """Towns by name, by what channels call them, and all of them; read once."""
    by_name: dict[str, Town] = {}
    by_channel: dict[str, Town] = {}
    towns = []
    with TABLE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            town = Town(row["key"], float(row["lat"]), float(row["lon"]), float(row["radius_m"]))
            towns.append(town)
            for name in row["names"].split("|"):
                by_name.setdefault(name, town)
            for name in filter(None, row["channels"].split("|")):
                by_channel.setdefault(name, town)
    return by_name, by_channel, tuple(towns)
