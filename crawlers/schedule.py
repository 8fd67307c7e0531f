"""How often each source is read, so that posts are seen soonest for the requests there are. Pure.

A source that posts at random at rate r and is read every T makes a post wait T/2 on average. Over
all sources the mean delay is proportional to sum(r T); the requests an hour are sum(c / T), with c
the requests that one reading takes. The least delay within a budget has T proportional to
sqrt(c / r): set the derivative of sum(r T / 2) + k sum(c / T) to zero. Bounds are kept by fixing
what lies outside them and sharing the rest of the budget anew.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

UNKNOWN_RATE_PER_S = 20 / 86_400
"""What a source without a history is taken for: 20 posts a day, the median of a city channel."""
LEAST_RATE_PER_S = 1 / 86_400
"""A source that almost never posts may wake up: it is read as if it posted once a day."""


@dataclass(frozen=True)
class Load:
    """What a source asks of the schedule. ``cost``: requests that one reading takes.

    ``rate_per_s``: posts a second, ``None`` while unknown. ``shortest_s``, ``longest_s``: bounds.
    """

    rate_per_s: float | None
    cost: float
    shortest_s: float
    longest_s: float

    @property
    def weight(self) -> float:
        """Square root of cost over rate: the interval's share."""
        rate = UNKNOWN_RATE_PER_S if self.rate_per_s is None else self.rate_per_s
        return math.sqrt(max(self.cost, 1e-9) / max(rate, LEAST_RATE_PER_S))


def intervals_s(loads: Sequence[Load], budget_per_s: float) -> list[float]:
    """Seconds between two readings of each source, in their order.

    Within ``budget_per_s`` requests a second where the longest intervals allow it; where not, all
    have their longest. A budget with more than all need at their shortest is left unspent.
    """
    chosen: dict[int, float] = {}
    free = set(range(len(loads)))
    while free:
        left = budget_per_s - sum(loads[i].cost / chosen[i] for i in chosen)
        if left <= 0:
            chosen.update({i: loads[i].longest_s for i in free})
            break
        scale = sum(loads[i].cost / loads[i].weight for i in free) / left
        wanted = {i: scale * loads[i].weight for i in free}
        short = {i for i in free if wanted[i] < loads[i].shortest_s}
        long = {i for i in free if wanted[i] > loads[i].longest_s}
        if not short and not long:
            chosen.update(wanted)
            break
        # Of the two sides the one that moves more of the budget is surely out of its bounds.
        saved = sum(loads[i].cost * (1 / wanted[i] - 1 / loads[i].shortest_s) for i in short)
        spent = sum(loads[i].cost * (1 / loads[i].longest_s - 1 / wanted[i]) for i in long)
        for i in short if saved >= spent else long:
            chosen[i] = loads[i].shortest_s if saved >= spent else loads[i].longest_s
            free.discard(i)
    return [chosen[i] for i in range(len(loads))]


def mean_delay_s(intervals: Sequence[float], loads: Sequence[Load]) -> float:
    """Mean delay of a post from publishing to reading, in seconds; weights are the rates."""
    rates = [load.rate_per_s or 0.0 for load in loads]
    total = sum(rates)
    if total <= 0:
        return 0.0
    return sum(r * t / 2 for r, t in zip(rates, intervals, strict=True)) / total


def schedule_s(
    hosts: Mapping[str, str], loads: Mapping[str, Load], budgets_per_s: Mapping[str, float]
) -> dict[str, float]:
    """Intervals of all sources, each host's within its own budget. ``hosts``: source to host."""
    chosen: dict[str, float] = {}
    for host in sorted(set(hosts.values())):
        names = [name for name in hosts if hosts[name] == host]
        times = intervals_s([loads[name] for name in names], budgets_per_s[host])
        chosen.update(zip(names, times, strict=True))
    return chosen
