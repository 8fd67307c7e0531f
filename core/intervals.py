"""Intervals for shares."""

from __future__ import annotations

import math

Z95 = 1.959964
"""Standard normal quantile of a two-sided 95 % interval."""


def wilson(hits: int, trials: int, z: float = Z95) -> tuple[float, float]:
    """Score interval of a share (Wilson 1927), in [0, 1]; (0, 1) without trials.

    Unlike the plain normal interval it keeps its coverage for few trials and shares near 0 or 1.
    """
    if trials <= 0:
        return (0.0, 1.0)
    share = hits / trials
    middle = share + z * z / (2 * trials)
    spread = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    return (
        max(0.0, min(share, (middle - spread) / scale)),
        max(share, min(1.0, (middle + spread) / scale)),
    )
