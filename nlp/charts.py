"""Figures as charts (SVG): how true probabilities are, and figures with their intervals. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from core.intervals import wilson
from nlp.evaluate import Judged
from nlp.figures import Figure

BINS = 10
SIDE = 300.0
ROW, LABEL, WIDTH = 22.0, 220.0, 640.0
STYLE = (
    "text{font:12px sans-serif;fill:#222}.title{font-weight:bold}"
    ".axis{stroke:#999;fill:none}.ideal{stroke:#999;stroke-dasharray:4 4}"
    ".range{stroke:#1f5fa8;stroke-width:2}.point{fill:#1f5fa8}.small{font-size:10px;fill:#666}"
)


@dataclass(frozen=True)
class Bin:
    """Posts of about one probability: its mean, the share that are incidents with its interval."""

    said: float
    true: float
    low: float
    high: float
    count: int


def reliability(items: Sequence[Judged]) -> list[Bin]:
    """Posts by tenths of their probability of an incident; empty tenths are left out."""
    bins: list[list[Judged]] = [[] for _ in range(BINS)]
    for item in items:
        bins[min(int(item.assessment.incident * BINS), BINS - 1)].append(item)
    found = []
    for part in bins:
        if part:
            hits = sum(j.post.incident for j in part)
            low, high = wilson(hits, len(part))
            said = sum(j.assessment.incident for j in part) / len(part)
            found.append(Bin(said, hits / len(part), low, high, len(part)))
    return found


def reliability_chart(items: Sequence[Judged], title: str) -> str:
    """The reliability diagram: on the dashed line a probability is what it says."""
    left, top = 50.0, 34.0
    parts = [
        f'<path class="axis" d="M{left} {top}V{top + SIDE}H{left + SIDE}"/>',
        f'<path class="ideal" d="M{left} {top + SIDE}L{left + SIDE} {top}"/>',
    ]
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts.append(_text(left + SIDE * tick - 8, top + SIDE + 16, f"{tick:g}"))
        parts.append(_text(left - 30, top + SIDE * (1 - tick) + 4, f"{tick:g}"))
    for found in reliability(items):
        x = left + SIDE * found.said
        low, high, y = (top + SIDE * (1 - v) for v in (found.low, found.high, found.true))
        parts.append(f'<path class="range" d="M{x:.1f} {low:.1f}V{high:.1f}"/>')
        parts.append(f'<circle class="point" cx="{x:.1f}" cy="{y:.1f}" r="4"/>')
        parts.append(_text(x + 6, y - 5, str(found.count), "small"))
    parts.append(_text(left, top + SIDE + 36, "said probability; beside a point its posts"))
    parts.append(_text(left, top - 16, title, "title"))
    return _svg(left + SIDE + 40, top + SIDE + 46, title, parts)


def interval_chart(figures: Sequence[Figure], title: str) -> str:
    """One row a figure: its value between 0 and 1 and its interval."""
    scale = WIDTH - LABEL - 60
    bottom = 40 + ROW * len(figures)
    parts = [_text(0, 16, title, "title")]
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = LABEL + scale * tick
        parts.append(f'<path class="axis" d="M{x:.1f} 28V{bottom:.1f}"/>')
        parts.append(_text(x - 8, bottom + 16, f"{tick:g}"))
    for row, figure in enumerate(figures):
        y = 40 + ROW * row
        low, high, value = (LABEL + scale * v for v in (figure.low, figure.high, figure.value))
        parts.append(_text(0, y + 4, f"{figure.group} ({figure.count})"))
        parts.append(f'<path class="range" d="M{low:.1f} {y:.1f}H{high:.1f}"/>')
        parts.append(f'<circle class="point" cx="{value:.1f}" cy="{y:.1f}" r="4"/>')
        parts.append(_text(LABEL + scale + 12, y + 4, f"{figure.value:.3f}"))
    return _svg(WIDTH, bottom + 24, title, parts)


def charts(figures: Sequence[Figure], items: Sequence[Judged]) -> dict[str, str]:
    """All charts by the name of their file: one a kind of figure that lies between 0 and 1."""
    kinds: dict[str, list[Figure]] = {}
    for figure in figures:
        if figure.high <= 1.0:
            kinds.setdefault(figure.name, []).append(figure)
    found = {"reliability.svg": reliability_chart(items, "Incident: said and true")}
    for name, rows in kinds.items():
        if len(rows) > 1:
            found[f"{_file_name(name)}.svg"] = interval_chart(rows, name)
    return found


def _file_name(name: str) -> str:
    return "_".join("".join(c if c.isalnum() else " " for c in name.lower()).split())


def _text(x: float, y: float, text: str, style: str = "label") -> str:
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'


def _svg(width: float, height: float, title: str, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {width:.0f} {height:.0f}"'
        f' width="{width:.0f}" height="{height:.0f}"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style>{''.join(parts)}</svg>\n"
    )
