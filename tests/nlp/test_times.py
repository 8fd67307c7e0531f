from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp.times import LOCAL, read_time
from nlp.words import words_of

AT = datetime(2026, 3, 20, 14, 5, tzinfo=UTC)  # a Friday, 19:05 in Almaty


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("только что столкнулись", "2026-03-20T19:05"),
        ("20 минут назад сбили", "2026-03-20T18:45"),
        ("жарты сағат бұрын соғысты", "2026-03-20T18:35"),
        ("два часа назад украли", "2026-03-20T17:05"),
        ("2 сағат бұрын", "2026-03-20T17:05"),
        ("вчера вечером избили", "2026-03-19T19:00"),
        ("кеше кешке жоғалды", "2026-03-19T19:00"),
        ("бүгін таңертең", "2026-03-20T08:00"),
        ("сегодня в 14:30 ограбили", "2026-03-20T14:30"),
        ("в 3 часа ночи выбили дверь", "2026-03-20T03:00"),
        ("вчера ночью подожгли", "2026-03-20T02:00"),
        ("5 марта пропал", "2026-03-05T12:00"),
    ],
)
def test_resolved_against_posting(text: str, expected: str) -> None:
    found = read_time(words_of(text), AT)
    assert found.at is not None
    assert found.at.astimezone(LOCAL).strftime("%Y-%m-%dT%H:%M") == expected


@pytest.mark.parametrize("text", ["в 2019 году горел рынок", "былтыр осы жерде", "прошлой весной"])
def test_old(text: str) -> None:
    found = read_time(words_of(text), AT)
    assert found.age_h is not None
    assert found.age_h > 24 * 90


@pytest.mark.parametrize("text", ["завтра учения", "ертең жарық өшеді"])
def test_future(text: str) -> None:
    assert read_time(words_of(text), AT).future


@pytest.mark.parametrize("text", ["", "пожар на складе", "16 мкр дом 12", "Абая 150"])
def test_nothing_said(text: str) -> None:
    assert read_time(words_of(text), AT).at is None


@given(st.text(alphabet="0123456789:.- вчерасегодня минут назад час бұрын кеше марта", max_size=60))
def test_never_after_posting_and_never_fails(text: str) -> None:
    found = read_time(words_of(text), AT)
    assert found.at is None or found.at <= AT
