"""Charts and maps as SVG that one can read in black and white. Pure: numbers in, SVG out.

Differences are shown by length, pattern, shape and number, never by colour alone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import pairwise

from markupsafe import Markup, escape

from core.records import Category
from reports.nightly import Spot

MAP_WIDTH, MAP_HEIGHT = 760.0, 420.0
BAR_HEIGHT = 120.0
APART = 26.0
"""Marks nearer than this, in the map's units, are one heap."""

SHAPES: dict[Category, str] = {
    Category.THREAT_TO_LIFE: "M0-5 5 4H-5z",
    Category.ROAD_CRASH: "M-4-4H4V4H-4z",
    Category.DRUNK_DRIVING: "M-4-4H4V4H-4zM-4-4L4 4",
    Category.VIOLENCE: "M-4-4L4 4M4-4L-4 4",
    Category.DOMESTIC_VIOLENCE: "M0-5L5 0 3 0 3 4-3 4-3 0-5 0z",
    Category.FIRE_EMERGENCY: "M0-6Q5 0 3 4 0 6-3 4-5 0 0-6z",
    Category.WEAPON: "M0-5V5M-5 0H5",
}
OTHER_SHAPE = "M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0z"


def bars(values: Sequence[int], labels: Sequence[str], title: str) -> Markup:
    """Upright bars with their numbers on top."""
    width, most = 720.0, max(values, default=0) or 1
    step = width / max(1, len(values))
    parts = []
    for index, (value, label) in enumerate(zip(values, labels, strict=True)):
        height = BAR_HEIGHT * value / most
        left, top = index * step, 14 + BAR_HEIGHT - height
        middle = left + step / 2
        parts.append(
            f'<rect class="bar" x="{left + step * 0.12:.1f}" y="{top:.1f}" '
            f'width="{step * 0.76:.1f}" height="{height:.1f}"/>'
        )
        if value:
            parts.append(f'<text class="num" x="{middle:.1f}" y="{top - 3:.1f}">{value}</text>')
        parts.append(
            f'<text class="lab" x="{middle:.1f}" y="{BAR_HEIGHT + 27:.1f}">{escape(label)}</text>'
        )
    base = 14 + BAR_HEIGHT
    parts.append(f'<path class="axis" d="M0 {base}H{width}"/>')
    return _svg(width, BAR_HEIGHT + 34, title, parts)


@dataclass(frozen=True)
class Frame:
    """The part of the Earth that a map shows, in degrees."""

    west: float
    south: float
    east: float
    north: float

    def place(self, lat: float, lon: float) -> tuple[float, float]:
        """Where a point lies on the map, in the map's units."""
        shrink = math.cos(math.radians((self.south + self.north) / 2))
        width, height = (self.east - self.west) * shrink, self.north - self.south
        scale = min(MAP_WIDTH / width, MAP_HEIGHT / height)
        left = (MAP_WIDTH - width * scale) / 2
        return (left + (lon - self.west) * shrink * scale, (self.north - lat) * scale)


COUNTRY = Frame(46.0, 40.3, 87.6, 55.7)


def frame_of(spots: Sequence[Spot]) -> Frame:
    """A frame around the spots, with a margin and at least about 20 km high."""
    if not spots:
        return COUNTRY
    lats, lons = [s.lat for s in spots], [s.lon for s in spots]
    margin = max(0.1, 0.1 * (max(lats) - min(lats)))
    return Frame(min(lons) - margin, min(lats) - margin, max(lons) + margin, max(lats) + margin)


def event_map(spots: Sequence[Spot], frame: Frame, title: str) -> Markup:
    """Regions' borders with a mark an event: filled where 102 never heard of it.

    Events whose marks would overlap become one circle with their number; the arc around it is
    as long as the share of which 102 never heard.
    """
    rings = json.loads(files("reports").joinpath("outline.json").read_text(encoding="utf-8"))
    lines = [
        "M" + "L".join("{:.1f} {:.1f}".format(*frame.place(lat, lon)) for lon, lat in ring) + "z"
        for ring in rings
    ]
    parts = [f'<path class="land" d="{"".join(lines)}"/>']
    heaps = heaped(spots, frame)
    most = max((len(inside) for _, inside in heaps), default=1)
    for at, inside in heaps:
        parts += _mark(at, inside[0]) if len(inside) == 1 else _heap(at, inside, most)
    return _svg(MAP_WIDTH, MAP_HEIGHT, title, parts)


def heaped(spots: Sequence[Spot], frame: Frame) -> list[tuple[tuple[float, float], list[Spot]]]:
    """Spots by where they would overlap, each heap at its first spot."""
    heaps: list[tuple[tuple[float, float], list[Spot]]] = []
    for spot in sorted(spots, key=lambda s: (s.lat, s.lon)):
        x, y = frame.place(spot.lat, spot.lon)
        for (left, top), inside in heaps:
            if math.hypot(x - left, y - top) < APART:
                inside.append(spot)
                break
        else:
            heaps.append(((x, y), [spot]))
    return heaps


def legend(category: Category | None) -> Markup:
    """The mark of a category (``None``: of all that have no shape of their own)."""
    shape = OTHER_SHAPE if category is None else SHAPES[category]
    return Markup(  # noqa: S704 - our own shapes
        f'<svg class="key" viewBox="-7 -7 14 14"><path fill="#fff" stroke="#000" '
        f'stroke-width="1.3" d="{shape}"/></svg>'
    )


def _mark(at: tuple[float, float], spot: Spot) -> list[str]:
    kind = "spot never" if spot.never_reported else "spot"
    shape = SHAPES.get(spot.category, OTHER_SHAPE)
    return [f'<path class="{kind}" transform="translate({at[0]:.1f} {at[1]:.1f})" d="{shape}"/>']


def _heap(at: tuple[float, float], inside: Sequence[Spot], most: int) -> list[str]:
    x, y = at
    radius = max(9 + 5 * math.sqrt(len(inside) / most), 5 + 3.4 * len(str(len(inside))))
    turn = 2 * math.pi * radius
    share = sum(s.never_reported for s in inside) / len(inside)
    return [
        f'<circle class="heap" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"/>',
        f'<circle class="heapshare" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" '
        f'stroke-dasharray="{turn * share:.1f} {turn:.1f}"/>',
        f'<text class="heaped" x="{x:.1f}" y="{y + 3.5:.1f}">{len(inside)}</text>',
    ]


def lead_labels(bounds_s: Sequence[float], unit: str) -> list[str]:
    """What the classes of the lead are called: "<1", "1-5", ..., "180+" with the unit."""
    minutes = [round(bound / 60) for bound in bounds_s]
    between = [f"{a}–{b}" for a, b in pairwise(minutes)]
    return [f"{text} {unit}" for text in (f"<{minutes[0]}", *between, f"{minutes[-1]}+")]


def _svg(width: float, height: float, title: str, parts: Sequence[str]) -> Markup:
    style = files("reports").joinpath("templates/chart.css").read_text(encoding="utf-8")
    body = f"<style>{style}</style>" + "".join(parts)
    return Markup(  # noqa: S704 - made of numbers, our own shapes and escaped labels
        f'<svg class="chart" role="img" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'xmlns="http://www.w3.org/2000/svg"><title>{escape(title)}</title>{body}</svg>'
    )
