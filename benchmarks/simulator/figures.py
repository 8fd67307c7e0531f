"""Figures of the simulated city as functions of noise, density and volume; charts of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.charts import Axis, lines
from benchmarks.corpus import ROOT
from benchmarks.correlation_scores import Scores, measure
from benchmarks.simulator.city import City
from benchmarks.simulator.telling import simulate
from benchmarks.simulator.world import Reader, stream_of
from core.settings import Settings
from correlator.model import PairModel
from nlp.assessor import Assessor
from oqiga.context import PROJECT_MODELS

DOCS = ROOT / "docs"
SEEDS = (1, 2, 3, 4)


CALM = City()


@dataclass(frozen=True)
class Sweep:
    """A field of ``City`` and its values; all else as in ``base``. ``axis``: what a chart says."""

    name: str
    field: str
    axis: str
    values: tuple[float, ...]
    base: City = CALM


SWEEPS = (
    Sweep("noise", "place_noise_m", "error of a told place, metres", (50, 150, 400, 1_000, 2_500)),
    Sweep("density", "density", "events an hour in one city", (1, 2, 4, 8, 16, 32)),
    Sweep("volume", "volume", "posts about one event", (1, 2, 4, 8, 16)),
    Sweep("delay", "delay_min", "mean delay of a post, minutes", (5, 15, 45, 120)),
    Sweep(
        "drift",
        "drift_m_min",
        "metres a minute, all events on the move",
        (10, 50, 150, 500),
        City(moving=1.0),
    ),
)
SHOWN: dict[str, Callable[[Scores], float]] = {
    "B-cubed F1": lambda s: s.b_cubed.f1,
    "pair F1": lambda s: s.pairs.f1,
    "post-report F1": lambda s: s.post_report.f1,
    "flagged precision": lambda s: s.flagged.precision,
    "flagged recall": lambda s: s.flagged.recall,
    "report state": lambda s: s.state,
}


@dataclass(frozen=True)
class Row:
    """One value of a sweep: means over the seeds, in the order of ``SHOWN``."""

    value: float
    records: float
    figures: tuple[float, ...]


def scores_of(city: City, reader: Reader, model: PairModel) -> tuple[int, Scores]:
    """Records and scores of one simulation."""
    stream = stream_of(simulate(city), reader)
    return len(stream.records), measure(stream, model, Settings())


def measured(
    sweep: Sweep, *, reader: Reader, model: PairModel, seeds: Sequence[int] = SEEDS
) -> list[Row]:
    """A row a value."""
    rows = []
    for value in sweep.values:
        changed: dict[str, Any] = {sweep.field: value}
        cities = [replace(sweep.base, seed=seed, **changed) for seed in seeds]
        found = [scores_of(city, reader, model) for city in cities]
        rows.append(
            Row(
                value=value,
                records=fmean(count for count, _ in found),
                figures=tuple(fmean(show(s) for _, s in found) for show in SHOWN.values()),
            )
        )
    return rows


def table(axis: str, rows: Sequence[Row]) -> str:
    """A sweep as a table in Markdown."""
    text = [
        f"| {axis} | records | " + " | ".join(SHOWN) + " |",
        "|---|---|" + "---|" * len(SHOWN),
    ]
    text += [
        f"| {row.value:g} | {row.records:.0f} | "
        + " | ".join(f"{value:.3f}" for value in row.figures)
        + " |"
        for row in rows
    ]
    return "\n".join(text)


def chart(axis: str, rows: Sequence[Row]) -> str:
    """A sweep as a chart in SVG."""
    values = [row.value for row in rows]
    return lines(
        "Simulated city",
        Axis(axis, min(values) * 0.9, max(values) * 1.1, logarithmic=True),
        Axis("figure", 0.0, 1.0),
        {
            name: [(row.value, row.figures[number]) for row in rows]
            for number, name in enumerate(SHOWN)
        },
    )


def section(models: Path = PROJECT_MODELS) -> list[str]:
    """Lines of the document: a table a sweep; the charts go to ``docs/``."""
    reader, model = Reader(Assessor.load(models)), PairModel.load()
    text = ["", "## Simulated city", "", f"Means over {len(SEEDS)} seeds."]
    for sweep in SWEEPS:
        rows = measured(sweep, reader=reader, model=model)
        path = DOCS / f"simulator_{sweep.name}.svg"
        path.write_text(chart(sweep.axis, rows), encoding="utf-8")
        text += ["", f"![{sweep.axis}]({path.name})", "", table(sweep.axis, rows)]
    return text
