"""Clustering of one connected component: deterministic, and a function of its pairs alone.

Agglomerative: the two closest groups are joined until the closest are more likely different
events than the same. How close two groups are is a mean of their best pair and of all pairs that
can be compared, so that one vague post cannot chain two events together. Sums are kept in integers
(millionths), so that the outcome is the same to the last bit whatever the order of the input.

A mean is never above its best pair: only groups with a pair above the threshold can be joined.
So joins come off a heap of such groups, weak pairs are summed up when a join asks for them, and
pairs that were not compared are counted, never listed: a city in uproar is one component of
thousands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from math import inf

import numpy as np

from correlator.constraints import Pair

SCALE = 1_000_000
CEILING = 5.0
"""No pair counts more than these log-odds (p = 0.993), however sure: sums must stay arguable."""
FLOOR = -3.0
"""What an absent pair counts: blocking did not propose it, or it was below 0.05."""
FLOOR_UNITS = round(FLOOR * SCALE)
Edges = Mapping[str, Mapping[str, float]]
"""Log-odds by both nodes of a pair, in both directions."""
Span = tuple[float, float]
"""Time and reach, both in seconds: of a pair further apart than either reach nothing is said."""
ANY_TIME: Span = (0.0, 0.0)
_Entry = tuple[float, int, int, str, str, int, int]


def cluster(
    nodes: Sequence[str],
    edges: Edges,
    *,
    together: Iterable[Pair],
    apart: Iterable[Pair],
    threshold: float,
    average_share: float,
    spans: Mapping[str, Span | None] | None = None,
    threads: Iterable[Pair] = (),
) -> list[list[str]]:
    """Partition ``nodes`` (given in a fixed order).

    ``edges``: the log-odds that two nodes are the same event; what they say of others is ignored.
    An absent pair counts ``FLOOR``, unless by ``spans`` nothing can be said of it: one of the
    nodes has none, or they are further apart in time than the shorter reach. ``together`` and
    ``apart`` bind.
    """
    if len(nodes) == 1:
        return [list(nodes)]
    spans = spans or dict.fromkeys(nodes, ANY_TIME)
    groups = _Groups(nodes, edges, spans, threshold, average_share)
    known = set(nodes)
    for a, b in apart:
        if a in known and b in known:
            groups.ban(a, b)
    for a, b in sorted(together):
        if a in known and b in known:
            groups.join(a, b)
    for a, b in threads:
        groups.hold(a, b)
    groups.join_all()
    return groups.members()


def edges_of(pairs: Mapping[Pair, float]) -> dict[str, dict[str, float]]:
    """Pairs by both of their nodes."""
    edges: dict[str, dict[str, float]] = {}
    for (a, b), value in pairs.items():
        edges.setdefault(a, {})[b] = edges.setdefault(b, {})[a] = value
    return edges


class _Between:
    """Two groups' pairs: the sum and number beyond what ``FLOOR`` for each would be; the best."""

    __slots__ = ("best", "more", "total")

    def __init__(self, total: int = 0, more: int = 0, best: int = FLOOR_UNITS) -> None:
        self.total, self.more, self.best = total, more, best

    def add(self, total: int, more: int, best: int) -> None:
        self.total += total
        self.more += more
        self.best = max(self.best, best)


@dataclass
class _Group:
    """``rank``: the lowest position among its nodes; ``spans``: of those that say something;
    ``near``: the groups with a pair above the threshold.
    """

    rank: int
    nodes: list[str]
    spans: list[Span]
    since: float = inf
    until: float = -inf
    reach: float = inf
    near: dict[str, _Between] = field(default_factory=dict)
    apart: set[str] = field(default_factory=set)
    version: int = 0

    @classmethod
    def of(cls, rank: int, node: str, span: Span | None) -> _Group:
        if span is None:
            return cls(rank, [node], [])
        return cls(rank, [node], [span], span[0], span[0], span[1])

    def take_in(self, other: _Group) -> None:
        self.rank = min(self.rank, other.rank)
        self.nodes += other.nodes
        self.spans += other.spans
        self.since = min(self.since, other.since)
        self.until = max(self.until, other.until)
        self.reach = min(self.reach, other.reach)
        self.apart |= other.apart
        self.version += 1


class _Groups:
    """The groups so far, each known by one of its nodes."""

    def __init__(
        self,
        nodes: Sequence[str],
        edges: Edges,
        spans: Mapping[str, Span | None],
        threshold: float,
        average_share: float,
    ) -> None:
        self._position = {node: i for i, node in enumerate(nodes)}
        self._edges = edges
        self._spans = spans
        self._threshold = threshold * SCALE
        self._share = average_share
        self._home = {node: node for node in nodes}
        self._heap: list[_Entry] = []
        self._groups = {node: _Group.of(i, node, spans[node]) for i, node in enumerate(nodes)}
        for node in nodes:
            for other, value in edges.get(node, {}).items():
                if node < other and value > threshold and other in self._position:
                    between = _Between()
                    self._add(between, node, other, value)
                    self._groups[node].near[other] = self._groups[other].near[node] = between

    def members(self) -> list[list[str]]:
        """The nodes of every group in order, groups by their first."""
        place = self._position.__getitem__
        groups = sorted(self._groups.values(), key=lambda group: group.rank)
        return [sorted(group.nodes, key=place) for group in groups]

    def ban(self, a: str, b: str) -> None:
        """Two nodes that must not be in one group."""
        self._groups[a].apart.add(b)
        self._groups[b].apart.add(a)

    def join(self, a: str, b: str) -> None:
        """Make the groups of two nodes one, whatever bans it."""
        a, b = self._home[a], self._home[b]
        if a == b:
            return
        one, other = self._groups[a], self._groups[b]
        if len(one.nodes) < len(other.nodes):
            a, b, one, other = b, a, other, one
        one.near.pop(b, None)
        other.near.pop(a, None)
        for third in one.near.keys() - other.near.keys():
            self._sum_up(one.near[third], other, self._groups[third])
        for third, between in other.near.items():
            near = self._groups[third].near
            del near[b]
            known = one.near.get(third)
            if known is None:
                self._sum_up(between, one, self._groups[third])
                one.near[third] = near[a] = between
            else:
                known.add(between.total, between.more, between.best)
        for third in other.apart:
            self._groups[third].apart.discard(b)
            self._groups[third].apart.add(a)
        for node in other.nodes:
            self._home[node] = a
        one.take_in(other)
        one.apart -= {a, b}
        del self._groups[b]

    def hold(self, a: str, b: str) -> None:
        """Make the groups of two nodes one, unless something bans it."""
        if self._home[b] not in self._groups[self._home[a]].apart:
            self.join(a, b)

    def join_all(self) -> None:
        """Join the closest groups until none are close enough."""
        self._heap = [
            entry
            for a, group in self._groups.items()
            for b in group.near
            if a < b and (entry := self._entry(a, b)) is not None
        ]
        heapify(self._heap)
        while self._heap:
            _, _, _, a, b, version_a, version_b = heappop(self._heap)
            one, other = self._groups.get(a), self._groups.get(b)
            if one is None or other is None:
                continue
            if (one.version, other.version) != (version_a, version_b):
                continue
            self.join(a, b)
            kept = self._home[a]
            for third in self._groups[kept].near:
                entry = self._entry(kept, third)
                if entry is not None:
                    heappush(self._heap, entry)

    def _entry(self, a: str, b: str) -> _Entry | None:
        """How close two groups are, closest first and then by rank; ``None``: not enough."""
        one, other = self._groups[a], self._groups[b]
        if b in one.apart:
            return None
        between = one.near[b]
        listed = self._count(one, other)
        count = listed + between.more
        if count == 0:
            return None
        mean = (FLOOR_UNITS * listed + between.total) / count
        close = self._share * mean + (1.0 - self._share) * between.best
        if not close > self._threshold:
            return None
        low, high = sorted((one.rank, other.rank))
        return -close, low, high, a, b, one.version, other.version

    def _sum_up(self, between: _Between, one: _Group, other: _Group) -> None:
        """Add all pairs of two groups that were compared."""
        small, large = sorted((one, other), key=lambda group: len(group.nodes))
        home = self._home[large.nodes[0]]
        for node in small.nodes:
            row = self._edges.get(node, {})
            if len(row) < len(large.nodes):
                for third, value in row.items():
                    if self._home.get(third) == home:
                        self._add(between, node, third, value)
            else:
                for third in large.nodes:
                    if (known := row.get(third)) is not None:
                        self._add(between, node, third, known)

    def _add(self, between: _Between, a: str, b: str, value: float) -> None:
        units = round(min(CEILING, max(FLOOR, value)) * SCALE)
        one, other = self._spans[a], self._spans[b]
        if one and other and abs(one[0] - other[0]) <= min(one[1], other[1]):
            between.add(units - FLOOR_UNITS, 0, units)
        else:
            between.add(units, 1, units)

    @staticmethod
    def _count(one: _Group, other: _Group) -> int:
        """Pairs of two groups of which something can be said by their times."""
        furthest = max(one.until, other.until) - min(one.since, other.since)
        if furthest <= min(one.reach, other.reach):
            return len(one.spans) * len(other.spans)
        if not one.spans or not other.spans:
            return 0
        few, many = sorted((np.array(one.spans), np.array(other.spans)), key=len)
        gap = np.abs(few[:, None, 0] - many[None, :, 0])
        return int((gap <= np.minimum(few[:, None, 1], many[None, :, 1])).sum())
