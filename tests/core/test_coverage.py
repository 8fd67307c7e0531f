"""The completeness ledger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from core.coverage import (
    FIRST_HABIT,
    KEPT_GAPS,
    Gap,
    Habit,
    Ledger,
    blind_spots,
    learn,
    silent_since,
    with_gap,
    without_gap,
)

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)


def _gap(n: int) -> Gap:
    return Gap(first=str(n), last=str(n + 1), found_at=NOW, why="x", missing=2)


def _hourly(hours: int) -> Habit:
    return learn(Habit(), [NOW - timedelta(hours=n) for n in range(hours)])


def test_the_rate_is_learned_and_old_days_fade() -> None:
    rate = _hourly(200).rate_per_s
    assert rate is not None
    assert 0.9 / 3600 < rate < 1.1 / 3600
    sparse = learn(_hourly(200), [NOW + timedelta(days=n) for n in range(1, 15)])
    assert sparse.rate_per_s is not None
    assert sparse.rate_per_s < 2.5 / 86_400


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=30, unique=True), st.randoms())
def test_posts_of_one_batch_teach_the_same_in_any_order(seconds: list[int], rnd: object) -> None:
    times = [NOW + timedelta(seconds=s) for s in seconds]
    mixed = list(times)
    rnd.shuffle(mixed)  # type: ignore[attr-defined]
    assert learn(Habit(), mixed) == learn(Habit(), times)


def test_silence_is_told_from_a_usual_night() -> None:
    days = [NOW - timedelta(days=d, hours=h) for d in range(7) for h in range(14)]
    habit = learn(Habit(), days)
    assert silent_since(habit, NOW + timedelta(hours=12)) is None, "a night is usual"
    assert silent_since(habit, NOW + timedelta(hours=40)) == NOW
    assert silent_since(learn(Habit(), days[: FIRST_HABIT - 1]), NOW + timedelta(days=9)) is None
    assert silent_since(Habit(), NOW) is None


def test_gaps_are_counted_once_and_filled() -> None:
    ledger = with_gap(with_gap(Ledger(source="s"), _gap(1)), _gap(1))
    assert (ledger.gaps_found, len(ledger.gaps)) == (1, 1)
    assert "from 1 to 2, 2 ids" in blind_spots(ledger, NOW)[0].what
    filled = without_gap(ledger, "1", "2")
    assert (filled.gaps, filled.gaps_filled) == ((), 1)
    assert without_gap(filled, "1", "2") == filled
    for n in range(KEPT_GAPS + 3):
        filled = with_gap(filled, _gap(10 * n))
    assert (len(filled.gaps), filled.gaps_dropped) == (KEPT_GAPS, 3)
    assert any("3 older gaps" in spot.what for spot in blind_spots(filled, NOW))


def test_every_kind_of_blind_spot_is_told() -> None:
    ledger = Ledger(
        source="s",
        problem="no answer",
        problem_since=NOW - timedelta(hours=2),
        failures=3,
        skipped=4,
        habit=_hourly(50),
    )
    told = [spot.what for spot in blind_spots(ledger, NOW + timedelta(days=3))]
    assert told == [
        "cannot be read (3 times in a row): no answer",
        "4 items of the last reading could not be understood",
    ]
    well = ledger.model_copy(update={"problem": None, "skipped": 0})
    [silent] = blind_spots(well, NOW + timedelta(days=3))
    assert "silent" in silent.what
    assert silent.since == NOW
    assert blind_spots(well, NOW + timedelta(hours=1)) == []


def test_a_ledger_survives_json() -> None:
    ledger = with_gap(Ledger(source="s", progress={"etag": '"x"', "recent": {"1": "a"}}), _gap(1))
    assert Ledger.model_validate_json(ledger.model_dump_json()) == ledger
