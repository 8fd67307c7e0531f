"""The adaptive schedule and the budget it lives in."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.pacing import Budget, Budgets
from crawlers.schedule import Load, intervals_s, mean_delay_s, schedule_s

DAY = 86_400.0


def _load(
    per_day: float | None, cost: float = 1.0, shortest: float = 1.0, longest: float = 1e9
) -> Load:
    return Load(None if per_day is None else per_day / DAY, cost, shortest, longest)


def test_intervals_go_by_the_square_root_of_rates_and_spend_the_budget() -> None:
    loads = [_load(100), _load(400), _load(400, cost=4)]
    times = intervals_s(loads, 0.1)
    assert times[0] / times[1] == pytest.approx(2)
    assert times[2] / times[1] == pytest.approx(2)
    spent = sum(load.cost / t for load, t in zip(loads, times, strict=True))
    assert spent == pytest.approx(0.1)


def test_no_small_change_of_the_intervals_is_better() -> None:
    """The rule against numbers: move budget between any two sources and the delay grows."""
    loads = [_load(rate) for rate in (5, 50, 500, 5000)]
    times = intervals_s(loads, 0.05)
    best = mean_delay_s(times, loads)
    for i, j in itertools.permutations(range(4), 2):
        moved = list(times)
        moved[i] = 1 / (1 / times[i] * 1.05)
        moved[j] = 1 / (1 / times[j] - (1 / moved[i] - 1 / times[i]))
        if moved[j] > 0:
            assert mean_delay_s(moved, loads) > best


def test_bounds_hold_and_the_rest_is_shared() -> None:
    loads = [_load(50_000, shortest=60), _load(20, longest=1800), _load(20, longest=1800)]
    times = intervals_s(loads, 0.02)
    assert times[0] == 60
    assert times[1] == times[2] <= 1800
    assert intervals_s([_load(1, longest=100)] * 5, 0.001) == [100] * 5
    assert intervals_s([_load(1e6, shortest=30)], 10.0) == [30]
    assert intervals_s([], 1.0) == []


@given(
    st.lists(
        st.tuples(st.floats(0.01, 1e5), st.floats(1, 30), st.floats(1, 600)),
        min_size=1,
        max_size=40,
    ),
    st.floats(0.001, 50),
)
def test_any_mix_stays_within_bounds_and_budget(
    rows: list[tuple[float, float, float]], budget: float
) -> None:
    loads = [_load(rate, cost, shortest, 3600.0) for rate, cost, shortest in rows]
    times = intervals_s(loads, budget)
    for load, t in zip(loads, times, strict=True):
        assert load.shortest_s * 0.999 <= t <= load.longest_s * 1.001
    least = sum(load.cost / load.longest_s for load in loads)
    spent = sum(load.cost / t for load, t in zip(loads, times, strict=True))
    assert spent <= max(budget, least) * 1.001


@given(st.permutations(range(8)))
def test_the_order_of_sources_does_not_matter(order: list[int]) -> None:
    loads = [_load(3.0**n, shortest=20, longest=2000) for n in range(8)]
    plain = intervals_s(loads, 0.03)
    mixed = intervals_s([loads[i] for i in order], 0.03)
    assert [round(mixed[order.index(i)], 6) for i in range(8)] == [round(t, 6) for t in plain]


def test_it_beats_a_fixed_interval() -> None:
    """On a mix as skewed as real channels the posts wait less than half as long."""
    rates = [20_000 / 60 * (0.9**n) for n in range(100)]
    loads = [_load(rate) for rate in rates]
    fixed = [100 / 0.5] * 100
    assert mean_delay_s(intervals_s(loads, 0.5), loads) < 0.65 * mean_delay_s(fixed, loads)


def test_each_host_has_its_own_budget() -> None:
    loads = {"a": _load(10), "b": _load(10), "c": _load(10)}
    hosts = {"a": "t.me", "b": "t.me", "c": "n.example"}
    times = schedule_s(hosts, loads, {"t.me": 0.1, "n.example": 0.1})
    assert times == {"a": pytest.approx(20), "b": pytest.approx(20), "c": pytest.approx(10)}


@given(
    st.integers(1, 500),
    st.lists(st.floats(0, 300), min_size=1, max_size=400),
)
def test_no_hour_sees_more_requests_than_the_budget(per_hour: int, rests: list[float]) -> None:
    """Whatever the rhythm of asking: in no window of an hour are there more than the budget."""
    budget = Budget(float(per_hour))
    now, spent = 1.0, []
    for rest in rests:
        now += rest
        while budget.wait_s(now) <= 0 and len(spent) < 2_000:
            budget.spend(now)
            spent.append(now)
    for i, first in enumerate(spent):
        inside = sum(1 for at in spent[i:] if at < first + 3600)
        assert inside <= max(per_hour, 1) + 1


def test_a_host_that_asks_for_patience_gets_it() -> None:
    now = [100.0]
    budgets = Budgets(lambda host: 3600.0 if host == "a" else 7200.0, 2.0, lambda: now[0])
    assert budgets.wait_s("a") == 0
    budgets.spend("a")
    assert budgets.wait_s("a") == 2.0
    budgets.hold("a", 60)
    now[0] += 59
    assert budgets.wait_s("a") == 1.0
    assert budgets.wait_s("b") == 0
    assert budgets.spent == {"a": 1}
