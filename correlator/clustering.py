"""Clustering of one connected component: deterministic, and a function of its pairs alone.

Agglomerative: the two closest groups are joined until the closest are more likely different
events than the same. How close two groups are is a mean of their best pair and of all pairs that
were compared, so that one vague post cannot chain two events together. Sums are kept in integers
(millionths), so that the outcome is the same to the last bit whatever the order of the input.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from correlator.constraints import Pair

SCALE = 1_000_000
CEILING = 5.0
"""No pair counts more than these log-odds (p = 0.993), however sure: sums must stay arguable."""
FLOOR = -3.0
"""What an absent pair counts: blocking did not propose it, or it was below 0.05."""
NEVER = np.int64(-(2**62))


def cluster(
    nodes: Sequence[str],
    log_odds: Mapping[Pair, float | None],
    *,
    together: Iterable[Pair],
    apart: Iterable[Pair],
    threshold: float,
    average_share: float,
) -> list[list[str]]:
    """Partition ``nodes`` (given in a fixed order).

    ``log_odds``: for every pair of nodes (keys as made by ``pair``) the log-odds that they are
    the same event, ``None`` where they were not compared (too far apart in time to say);
    an absent pair counts ``FLOOR``. ``together`` and ``apart`` bind.
    """
    if len(nodes) == 1:
        return [list(nodes)]
    position = {node: i for i, node in enumerate(nodes)}
    size = len(nodes)
    total = np.full((size, size), int(FLOOR * SCALE), dtype=np.int64)
    count = np.ones((size, size), dtype=np.int64)
    for (a, b), value in log_odds.items():
        i, j = position[a], position[b]
        if value is None:
            total[i, j] = total[j, i] = 0
            count[i, j] = count[j, i] = 0
        else:
            clipped = min(CEILING, max(FLOOR, value))
            total[i, j] = total[j, i] = round(clipped * SCALE)
    best = np.where(count > 0, total, NEVER // 4)
    banned = np.zeros((size, size), dtype=bool)
    np.fill_diagonal(banned, True)
    for a, b in apart:
        if a in position and b in position:
            banned[position[a], position[b]] = banned[position[b], position[a]] = True
    groups = _Groups(total, count, best, banned, average_share)
    for a, b in sorted(together):
        if a in position and b in position:
            groups.join(position[a], position[b], forced=True)
    while (found := groups.closest(threshold)) is not None:
        groups.join(*found)
    clusters: dict[int, list[str]] = {}
    for node in nodes:
        clusters.setdefault(groups.home(position[node]), []).append(node)
    return list(clusters.values())


class _Groups:
    """The groups so far; group ``i`` is known by the lowest position among its nodes."""

    def __init__(
        self,
        total: npt.NDArray[np.int64],
        count: npt.NDArray[np.int64],
        best: npt.NDArray[np.int64],
        banned: npt.NDArray[np.bool_],
        average_share: float,
    ) -> None:
        self._total, self._count, self._best, self._banned = total, count, best, banned
        self._share = average_share
        self._parent = list(range(len(total)))
        self._close = self._closeness(slice(None))

    def home(self, node: int) -> int:
        while self._parent[node] != node:
            node = self._parent[node]
        return node

    def closest(self, threshold: float) -> tuple[int, int] | None:
        """The closest two groups that may be joined, the first of equals."""
        flat = int(np.argmax(self._close))
        i, j = divmod(flat, len(self._parent))
        if not self._close[i, j] > threshold * SCALE:
            return None
        return (i, j) if i < j else (j, i)

    def join(self, a: int, b: int, *, forced: bool = False) -> None:
        """Make two groups one; forced: even where a constraint bans it."""
        keep, gone = sorted((self.home(a), self.home(b)))
        if keep == gone or (self._banned[keep, gone] and not forced):
            return
        self._parent[gone] = keep
        for table in (self._total, self._count):
            table[keep] += table[gone]
            table[:, keep] = table[keep]
        self._best[keep] = np.maximum(self._best[keep], self._best[gone])
        self._best[:, keep] = self._best[keep]
        self._banned[keep] |= self._banned[gone]
        self._banned[keep, keep] = True
        self._banned[:, keep] = self._banned[keep]
        self._banned[gone] = self._banned[:, gone] = True
        row = self._closeness(keep)
        self._close[keep], self._close[:, keep] = row, row
        self._close[gone] = self._close[:, gone] = -np.inf

    def _closeness(self, rows: slice | int) -> npt.NDArray[np.float64]:
        count = self._count[rows]
        mean = self._total[rows] / np.maximum(count, 1)
        close = self._share * mean + (1.0 - self._share) * self._best[rows]
        result: npt.NDArray[np.float64] = np.where(
            self._banned[rows] | (count == 0), -np.inf, close
        )
        return result
