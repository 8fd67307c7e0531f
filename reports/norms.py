"""Categories by territories against the norm of the 28 days before, with a stated test.

Test: how probable is a count at least (or at most) this far from the norm, if nothing had
changed? The count is taken as negative binomial around the mean of the 28 days, with the
dispersion that those days show (a Poisson law would call ordinary clustering unusual). Both tails
count; over all cells, each of the 14 categories in each territory that is known, the
Benjamini-Hochberg procedure (J. R. Stat. Soc. B 57, 1995) keeps the expected share of false marks
at 5 %. Cells in which nothing ever happened count too: that one of them has its first event is
only as surprising as they are many.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from pydantic import BaseModel

from core.records import INCIDENT_CATEGORIES
from reports.periods import NORM_DAYS

FALSE_MARKS = 0.05
FEWEST_DAYS = 14
"""Norm days with any event at all; with fewer a norm is not one yet, and nothing is marked."""
PRIOR = 0.5
"""Added to each cell's sum over the norm days (Jeffreys' prior): no norm is exactly zero."""
TERMS = 100_000

Cell = tuple[str, str]
"""Category and territory."""


class NormCell(BaseModel):
    """A cell: what was counted, what the norm expects, and the test's answer.

    ``probability``: two-sided, in [0, 1]. ``mark``: "high", "low" or empty.
    """

    category: str
    territory: str
    count: int
    expected: float
    probability: float
    mark: str = ""


def compare(
    counts: Mapping[Cell, int], norm: Mapping[Cell, Sequence[int]], days: int
) -> list[NormCell]:
    """Each cell that has a count or a norm. ``norm``: counts of the single norm days.

    ``days``: length of the period whose ``counts`` are compared.
    """
    spread = dispersion(norm.values())
    cells = []
    for category, territory in sorted(counts.keys() | norm.keys()):
        count = counts.get((category, territory), 0)
        expected = (sum(norm.get((category, territory), ())) + PRIOR) / NORM_DAYS * days
        # The mean itself is an estimate: its own variance comes on top.
        variance = expected * spread * (1 + days / NORM_DAYS)
        cells.append(
            NormCell(
                category=category,
                territory=territory,
                count=count,
                expected=expected,
                probability=two_sided(count, expected, variance),
            )
        )
    territories = {cell.territory for cell in cells}
    return _marked(cells, len(INCIDENT_CATEGORIES) * len(territories))


def daily(cells: Iterable[tuple[Cell, date]], first: date) -> dict[Cell, list[int]]:
    """Counts by cell and day: ``NORM_DAYS`` numbers a cell, the first for ``first``."""
    found: dict[Cell, list[int]] = {}
    for (cell, day), count in Counter(cells).items():
        index = (day - first).days
        if 0 <= index < NORM_DAYS:
            found.setdefault(cell, [0] * NORM_DAYS)[index] = count
    return found


def dispersion(series: Iterable[Sequence[int]]) -> float:
    """Variance over mean of daily counts, pooled over cells; at least 1, which is Poisson's."""
    variances = means = 0.0
    for counts in series:
        mean = sum(counts) / len(counts)
        variances += sum((count - mean) ** 2 for count in counts) / (len(counts) - 1)
        means += mean
    return max(1.0, variances / means) if means else 1.0


def two_sided(count: int, mean: float, variance: float) -> float:
    """Probability of a count at least as far out as this one, both tails together."""
    lower, point = _up_to(count, mean, variance)
    return min(1.0, 2 * min(lower, 1 - lower + point))


def _up_to(count: int, mean: float, variance: float) -> tuple[float, float]:
    """P(X <= count) and P(X = count) of a negative binomial, by adding up its terms."""
    excess = max(variance / mean - 1, 1e-9)  # nearly none: the Poisson law
    size, chance = mean / excess, excess / (1 + excess)
    log_term = -size * math.log1p(excess)
    total = point = math.exp(log_term)
    for k in range(1, min(count, TERMS) + 1):
        log_term += math.log((size + k - 1) / k * chance)
        point = math.exp(log_term)
        total += point
    return min(1.0, total), point


def _marked(cells: list[NormCell], tested: int) -> list[NormCell]:
    ranked = sorted(cells, key=lambda cell: cell.probability)
    limit = 0.0
    for rank, cell in enumerate(ranked, 1):
        if cell.probability <= FALSE_MARKS * rank / max(tested, len(ranked)):
            limit = cell.probability
    return [
        cell.model_copy(update={"mark": "high" if cell.count > cell.expected else "low"})
        if cell.probability <= limit
        else cell
        for cell in cells
    ]
