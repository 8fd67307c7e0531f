"""Charts as SVG, written by hand: points with names, and lines over one axis.

Black on white with a second channel besides colour (shape, dashes), so that print keeps them apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 210, 40, 55
COLOURS = ("#0b4f9e", "#b3440b", "#2d7a3a", "#7a2d74", "#8a6d00", "#444444")
DASHES = ("none", "6 3", "2 3", "8 3 2 3", "12 4", "1 2")


@dataclass(frozen=True)
class Axis:
    """What is shown along one side; ``logarithmic`` for powers of ten."""

    name: str
    low: float
    high: float
    logarithmic: bool = False

    def share(self, value: float) -> float:
        """Where a value lies, 0 at the low end and 1 at the high one."""
        low, high = self.low, self.high
        if self.logarithmic:
            low, high, value = log10(low), log10(high), log10(value)
        return (value - low) / (high - low)

    def ticks(self) -> list[float]:
        """Round values within the axis."""
        if self.logarithmic:
            powers = range(floor(log10(self.low)), ceil(log10(self.high)) + 1)
            steps = (1, 2, 5) if self.high / self.low < 200.0 else (1,)
            values = [step * 10.0**power for power in powers for step in steps]
            return [value for value in values if self.low <= value <= self.high]
        step = 10.0 ** floor(log10(self.high - self.low))
        while (self.high - self.low) / step < 4:
            step /= 2
        first = ceil(self.low / step - 1e-9)
        return [i * step for i in range(first, floor(self.high / step + 1e-9) + 1)]


def points(title: str, x: Axis, y: Axis, spots: Mapping[str, tuple[float, float]]) -> str:
    """Named points."""
    parts = _frame(title, x, y)
    for number, (name, (across, up)) in enumerate(spots.items()):
        cx, cy = _place(x, y, across, up)
        parts.append(
            f'<circle cx="{cx:.1f}" cy="{cy:.1f}" r="5" fill="{COLOURS[number % 6]}"/>'
            f'<text x="{cx + 9:.1f}" y="{cy + 4:.1f}">{escape(name)}</text>'
        )
    return _whole(title, parts)


def lines(title: str, x: Axis, y: Axis, series: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """A named line a series, its name beside its end."""
    parts = _frame(title, x, y)
    for number, (name, values) in enumerate(series.items()):
        colour, dash = COLOURS[number % 6], DASHES[number % 6]
        at = [_place(x, y, across, up) for across, up in values]
        path = " ".join(f"{cx:.1f},{cy:.1f}" for cx, cy in at)
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2" '
            f'stroke-dasharray="{dash}"/>'
        )
        key = TOP + 12 + 20 * number
        parts.append(
            f'<line x1="{WIDTH - RIGHT + 12}" y1="{key}" x2="{WIDTH - RIGHT + 40}" y2="{key}" '
            f'stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>'
            f'<text x="{WIDTH - RIGHT + 46}" y="{key + 4}">{escape(name)}</text>'
        )
    return _whole(title, parts)


def _place(x: Axis, y: Axis, across: float, up: float) -> tuple[float, float]:
    return (
        LEFT + x.share(across) * (WIDTH - LEFT - RIGHT),
        HEIGHT - BOTTOM - y.share(up) * (HEIGHT - TOP - BOTTOM),
    )


def _frame(title: str, x: Axis, y: Axis) -> list[str]:
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    parts = [f'<text x="{LEFT}" y="22" font-weight="bold">{escape(title)}</text>']
    for tick in x.ticks():
        cx, _ = _place(x, y, tick, y.low)
        parts.append(
            f'<line x1="{cx:.1f}" y1="{TOP}" x2="{cx:.1f}" y2="{bottom}" stroke="#ddd"/>'
            f'<text x="{cx:.1f}" y="{bottom + 18}" text-anchor="middle">{tick:,.4g}</text>'
        )
    for tick in y.ticks():
        _, cy = _place(x, y, x.low, tick)
        parts.append(
            f'<line x1="{LEFT}" y1="{cy:.1f}" x2="{right}" y2="{cy:.1f}" stroke="#ddd"/>'
            f'<text x="{LEFT - 8}" y="{cy + 4:.1f}" text-anchor="end">{tick:.4g}</text>'
        )
    parts.append(
        f'<path d="M{LEFT} {TOP}V{bottom}H{right}" fill="none" stroke="#333"/>'
        f'<text x="{(LEFT + right) / 2}" y="{HEIGHT - 12}" text-anchor="middle">'
        f"{escape(x.name)}</text>"
        f'<text transform="translate(18 {(TOP + bottom) / 2}) rotate(-90)" text-anchor="middle">'
        f"{escape(y.name)}</text>"
    )
    return parts


def _whole(title: str, parts: Sequence[str]) -> str:
    inside = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="sans-serif" font-size="12" role="img"><title>{escape(title)}</title>\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>\n{inside}\n</svg>\n'
    )
