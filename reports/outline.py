"""Makes ``reports/outline.json``: the borders of Kazakhstan's regions, coarse enough to print.

``python -m reports.outline CONSOLE_OUTLINE.json OUTPUT``; see ``reports/README.md`` for origin
and licence.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import shapely
from shapely.geometry import Polygon

TOLERANCE_DEG = 0.12
"""About 10 km: on a map 170 mm wide a third of a millimetre a kilometre is lost in the line."""


def main(arguments: list[str]) -> None:
    """Write the borders as rings of (lon, lat), the longest first."""
    source, output = (Path(argument) for argument in arguments)
    regions = json.loads(source.read_text(encoding="utf-8"))["regions"]
    shapes = [shapely.union_all([Polygon(ring) for ring in r["rings"]]) for r in regions]
    rings: list[list[list[float]]] = []
    for simple in shapely.coverage_simplify(shapes, TOLERANCE_DEG):
        for part in getattr(simple, "geoms", [simple]):
            rings.append([[round(x, 2), round(y, 2)] for x, y in part.exterior.coords])
    rings = sorted((ring for ring in rings if len(ring) > 4), key=len, reverse=True)
    output.write_text(json.dumps(rings, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
