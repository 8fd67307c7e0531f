"""When a source is read again."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.timing import MAX_WAIT_S, next_wait_s, retry_after_s


def test_waits_double_up_to_an_hour_and_end_with_success() -> None:
    assert [next_wait_s(60, n) for n in range(8)] == [60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert next_wait_s(7200, 3) == 7200


def test_what_a_host_asks_for_is_obeyed_up_to_a_day() -> None:
    assert next_wait_s(60, 1, 900) == 900
    assert next_wait_s(60, 1, 5) == 120
    assert next_wait_s(60, 1, 1e9) == 86_400


@given(st.floats(0.01, 1e6), st.integers(0, 10_000))
def test_never_sooner_than_the_interval_nor_without_end(interval_s: float, failures: int) -> None:
    assert interval_s <= next_wait_s(interval_s, failures) <= max(MAX_WAIT_S, interval_s)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        (" 5 ", 5.0),
        ("Fri, 20 Mar 2026 14:30:00 GMT", 600.0),
        ("Fri, 20 Mar 2026 14:00:00 GMT", 0.0),
        ("Fri, 20 Mar 2026 14:30:00 -0000", None),
        ("-1", None),
        (None, None),
        ("", None),
        ("٣", None),
        ("9" * 40, None),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    assert retry_after_s(header, datetime(2026, 3, 20, 14, 20, tzinfo=UTC)) == seconds
