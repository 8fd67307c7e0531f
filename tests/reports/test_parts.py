"""Periods, the norm's test, what is due, intervals, words."""

from __future__ import annotations

import string
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.intervals import wilson
from core.records import Category, ReportState
from core.settings import ReportCopy
from reports.norms import NORM_DAYS, compare, daily, dispersion, two_sided
from reports.periods import Span, just_ended, period
from reports.places import PlaceNames
from reports.schedule import due
from reports.service import quantile
from reports.texts import LANGUAGES, Words

ALMATY = ZoneInfo("Asia/Almaty")
CRASH = ("road_crash", "kz/almaty")


def test_bounds_are_those_of_local_days() -> None:
    day = period(Span.NIGHTLY, date(2026, 3, 20), ALMATY)
    assert (day.since, day.until) == (
        datetime(2026, 3, 19, 19, tzinfo=UTC),
        datetime(2026, 3, 20, 19, tzinfo=UTC),
    )
    # A zone that changes its clocks on that day.
    short = period(Span.NIGHTLY, date(2026, 3, 29), ZoneInfo("Europe/Berlin"))
    assert short.until - short.since == timedelta(hours=23)
    week = period(Span.WEEKLY, date(2026, 3, 20), ALMATY)
    assert (week.first, week.last) == (date(2026, 3, 16), date(2026, 3, 22))
    month = period(Span.MONTHLY, date(2028, 2, 3), ALMATY)
    assert (month.first, month.days) == (date(2028, 2, 1), 29)
    new_year = datetime(2026, 1, 1, 0, 30, tzinfo=ALMATY)
    assert just_ended(Span.MONTHLY, new_year, ALMATY).first == date(2025, 12, 1)
    assert just_ended(Span.NIGHTLY, new_year, ALMATY).first == date(2025, 12, 31)


def test_due_by_each_copys_own_clock() -> None:
    """At one moment it is six o'clock in one zone only; weeks end on Sundays, months on 1st."""
    copies = [
        ReportCopy(name="west", time_zone="Etc/GMT-4"),
        ReportCopy(name="country", time_zone="Asia/Almaty"),
    ]
    six = datetime(2026, 6, 1, 1, 20, tzinfo=UTC)  # Monday the first, 06:20 in Almaty
    assert [(d.copy, d.span.value, d.day) for d in due(copies, six)] == [
        ("country", "nightly", date(2026, 5, 31)),
        ("country", "weekly", date(2026, 5, 25)),
        ("country", "monthly", date(2026, 5, 1)),
    ]
    assert [d.copy for d in due(copies, six + timedelta(hours=1))] == ["west"] * 3
    assert [d.span for d in due(copies, six + timedelta(days=1))] == [Span.NIGHTLY]
    assert list(due(copies, six + timedelta(hours=3))) == []


@pytest.mark.parametrize(("mean", "variance"), [(4.0, 4.0), (4.0, 9.0), (0.3, 0.5)])
def test_the_tails_are_those_of_the_distribution(mean: float, variance: float) -> None:
    from scipy import stats

    law = (
        stats.poisson(mean)
        if variance == mean
        else stats.nbinom(mean * mean / (variance - mean), mean / variance)
    )
    for count in (0, 1, 3, 8, 15):
        both = min(1.0, 2 * min(law.cdf(count), law.sf(count - 1)))
        assert two_sided(count, mean, variance) == pytest.approx(both, rel=1e-5, abs=1e-12)


def test_an_unusual_cell_is_marked_and_an_ordinary_one_is_not() -> None:
    first = date(2026, 2, 20)
    norm = {CRASH: [3, 4, 5, 4] * 7, ("drugs", "kz/astana"): [0, 1] * 14}
    marks = {
        count: [c.mark for c in compare({CRASH: count}, norm, 1) if c.category == "road_crash"]
        for count in (4, 8, 20)
    }
    assert marks == {4: [""], 8: [""], 20: ["high"]}
    low = compare({}, {CRASH: [30] * NORM_DAYS}, 1)
    assert low[0].mark == "low"
    weekly = {c.category: c for c in compare({CRASH: 28}, norm, 7)}
    assert weekly["road_crash"].expected == pytest.approx(28.125)
    counts = daily([(CRASH, first), (CRASH, first), (CRASH, first - timedelta(days=1))], first)
    assert counts == {CRASH: [2] + [0] * 27}
    assert dispersion([[0, 10] * 14]) > 5
    assert dispersion([]) == 1.0


def test_a_first_event_in_a_quiet_place_is_not_marked() -> None:
    """Thirty cells of 280 have their first event on one day: each alone would be rare."""
    norm = {(CRASH[0], f"t{t}"): [0, 1] * 14 for t in range(20)}
    first = {("drugs", f"t{t}"): 1 for t in range(20)} | {("weapon", f"t{t}"): 1 for t in range(10)}
    assert not any(cell.mark for cell in compare(first, norm, 1) if cell.category != CRASH[0])


def test_few_false_marks_when_nothing_changed() -> None:
    """The stated 5 % hold: on days like those before, few reports have any mark at all."""
    import random

    rng = random.Random(7)

    def count(mean: float) -> int:
        return sum(rng.random() < mean / 20 for _ in range(20))

    cells = [(c.value, f"t{t}") for c in list(Category)[:10] for t in range(8)]
    means = {cell: rng.choice([0.05, 0.3, 1.0, 4.0]) for cell in cells}
    marked = 0
    for _ in range(40):
        norm = {cell: [count(means[cell]) for _ in range(NORM_DAYS)] for cell in cells}
        today = {cell: count(means[cell]) for cell in cells}
        marked += any(cell.mark for cell in compare(today, norm, 1))
    assert marked <= 6


@given(st.integers(0, 400), st.integers(0, 400))
def test_wilson_holds_the_share(hits: int, more: int) -> None:
    low, high = wilson(hits, hits + more)
    assert 0 <= low <= high <= 1
    if hits + more:
        assert low <= hits / (hits + more) <= high


def test_quantile() -> None:
    assert quantile([], 0.5) is None
    assert [quantile([3.0, 1.0, 2.0, 4.0], q) for q in (0.25, 0.5, 0.9, 1.0)] == [1, 2, 4, 4]


def test_both_languages_say_everything() -> None:
    places = PlaceNames.load()
    words = {language: Words.load(language, places) for language in LANGUAGES}
    assert words["ru"].keys == words["kk"].keys
    for key in words["ru"].keys:
        fields = [
            {name for _, name, _, _ in string.Formatter().parse(w(key)) if name}
            for w in words.values()
        ]
        assert fields[0] == fields[1], key
    for group, names in (("category", Category), ("state", ReportState)):
        assert {f"{group}.{name.value}" for name in names} <= words["ru"].keys
    assert words["kk"].place("kz/almaty/district/auezov") == "Алматы: Әуезов ауданы"
    assert words["ru"].span(3_700) == "1 ч 2 мин"
    assert words["ru"].span(200_000) == "2 сут 7 ч"
