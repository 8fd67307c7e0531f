"""Measured figures with 95 % bootstrap intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

T = TypeVar("T")
RESAMPLES = 400
SEED = 20261124


@dataclass(frozen=True)
class Figure:
    """One measured figure with its 95 % bootstrap interval over ``count`` items."""

    name: str
    group: str
    value: float
    low: float
    high: float
    count: int


def measured(
    name: str,
    group: str,
    measure: Callable[[Sequence[T]], float],
    items: Sequence[T],
    resamples: int = RESAMPLES,
) -> Figure:
    """A figure of items, each drawn again or not; the same on every run.

    Without ``resamples`` the interval is the value alone.
    """
    rng = np.random.default_rng(SEED)
    draws = [
        measure([items[i] for i in rng.integers(0, len(items), len(items))])
        for _ in range(resamples if len(items) else 0)
    ]
    value = measure(items)
    low, high = np.quantile(draws, [0.025, 0.975]) if draws else (value, value)
    return Figure(name, group, value, float(low), float(high), len(items))


def f1(tp: int, fp: int, fn: int) -> float:
    """F1 of counts; 0 when there is nothing to find."""
    return 2 * tp / (2 * tp + fp + fn) if tp else 0.0


def f1_of(said: Sequence[tuple[bool, bool]]) -> float:
    """F1 of pairs (said, true)."""
    return f1(
        sum(a and b for a, b in said),
        sum(a and not b for a, b in said),
        sum(b and not a for a, b in said),
    )


def table(results: Sequence[Figure]) -> str:
    """The figures as lines of text."""
    lines = [f"{'figure':26} {'group':20} {'value':>7}   95 % interval   count"]
    lines += [
        f"{f.name:26} {f.group:20} {f.value:7.3f}   {f.low:.3f} to {f.high:.3f}  {f.count:6}"
        for f in results
    ]
    return "\n".join(lines)
