"""Cells of the map: what lies near one another has one in common."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import cos, floor, radians

METRES_A_DEGREE = 111_195.0

Cell = tuple[int, int]


@dataclass(frozen=True)
class Grid:
    """Cells of ``lat`` by ``lon`` degrees. ``slack_deg`` is added to every radius: the truth lies
    outside it one time in ten. A place that is wider than ``widest_m`` has no cells: too many
    others would share them.
    """

    lat: float
    lon: float
    slack_deg: float
    widest_m: float

    def touched(self, lat: float, lon: float, radius_m: float) -> Iterator[Cell]:
        """Cells that the circle around a point touches."""
        if radius_m > self.widest_m:
            return
        lat_by = radius_m / METRES_A_DEGREE + self.slack_deg
        lon_by = lat_by / max(cos(radians(lat)), 0.1)
        for x in range(floor((lat - lat_by) / self.lat), floor((lat + lat_by) / self.lat) + 1):
            for y in range(floor((lon - lon_by) / self.lon), floor((lon + lon_by) / self.lon) + 1):
                yield x, y


WIDE = Grid(lat=0.15, lon=0.22, slack_deg=0.03, widest_m=30_000.0)
"""About 17 km by 17 km at 45° north: a town is covered by four to nine. Slack of some 3 km."""
CLOSE = Grid(lat=0.03, lon=0.044, slack_deg=0.003, widest_m=2_000.0)
"""About 3.3 km by 3.4 km: in an hour in which a town has too many incidents to compare with all of
them, those near by are."""
