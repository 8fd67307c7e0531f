"""Milestones of an OpenStreetMap extract: nodes ``highway=milestone`` with their kilometre.

The road's number stands on the stone (``ref``) or on the way that it is a node of.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nlp.gazetteer.entries import Milestone
from nlp.gazetteer.milestones import road_number

_KM = re.compile(r"(\d{1,4}(?:[.,]\d+)?)\s*(?:km|км)?", re.IGNORECASE)


@dataclass
class Stones:
    """The stones of an extract, by node; ``roads`` are the numbers found so far."""

    where: dict[int, tuple[float, float, float]] = field(default_factory=dict)
    roads: dict[int, list[str]] = field(default_factory=dict)

    @classmethod
    def read(cls, file: Path) -> Stones:
        """All stones with a kilometre; raises RuntimeError for an unreadable file."""
        import osmium

        found = cls()
        nodes = osmium.FileProcessor(str(file), osmium.osm.NODE).with_filter(
            osmium.filter.TagFilter(("highway", "milestone"))
        )
        for node in nodes:
            if not isinstance(node, osmium.osm.Node):
                continue
            km = kilometre_of(node.tags.get("distance") or node.tags.get("pk") or "")
            if km is not None:
                found.where[node.id] = (km, node.location.lat, node.location.lon)
                found.roads[node.id] = _numbers(node.tags)
        return found

    def pass_way(self, way: Any) -> None:
        """Give the stones on a numbered way that have no number the way's."""
        numbers = _numbers(way.tags)
        if not numbers:
            return
        for node in way.nodes:
            if node.ref in self.where and not self.roads[node.ref]:
                self.roads[node.ref] = numbers

    def milestones(self) -> Iterator[Milestone]:
        """A milestone a stone and road."""
        for node, (km, lat, lon) in sorted(self.where.items()):
            for road in self.roads[node]:
                yield Milestone(road, km, lat, lon)


def kilometre_of(text: str) -> float | None:
    """ "35", "35 km", "35,5 км"; ``None`` for anything else."""
    found = _KM.fullmatch(text.strip())
    return None if found is None else float(found[1].replace(",", "."))


def _numbers(tags: Any) -> list[str]:
    parts = (road_number(part) for part in (tags.get("ref") or "").split(";"))
    return list(dict.fromkeys(number for number in parts if number))
