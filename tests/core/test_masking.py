"""Phone numbers, ИИН and plates are hidden, everything else is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.masking import mask


@pytest.mark.parametrize(
    "text",
    [
        "звоните +7 701 123 45 67",
        "8(701)1234567 Айгуль",
        "87011234567",
        "7711234567 ватсап",
        "+7-777-000-11-22",
        "городской 272-15-44",
        "27-15-44 вечером",
        "+49 151 23456789",
        "тел. 54321",
        "ИИН 990101350123",
        "карта 4400 4301 2345 6789",
        "+7\u00a0701\u200b123 45 67",
    ],
)
def test_no_digit_of_a_number_is_left(text: str) -> None:
    assert not any(sign.isdigit() for sign in mask(text))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("камри 123 ABC 01 виляет", "камри ••• ••• •• виляет"),
        ("777авс02", "••••••••"),
        ("старый A 123 BCD", "старый • ••• •••"),
    ],
)
def test_a_plate_is_hidden_whole(text: str, shown: str) -> None:
    assert mask(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "звонили в 102 и 112, никто не едет",
        "120 км 30 минут, Толе би 215, дом 12а",
        "20.03.2026 19:05, 3 машины, 50 000 тенге",
        "Аксай-4, 62 үй, 6 этаж",
        "школа № 148 на 12-м км",
    ],
)
def test_other_figures_stay(text: str) -> None:
    assert mask(text) == text


@given(st.text(max_size=300))
def test_the_length_stays_and_masking_twice_is_masking_once(text: str) -> None:
    # Offsets of cues and places point into the text: a shift would mark wrong words.
    once = mask(text)
    assert len(once) == len(text)
    assert mask(once) == once


@pytest.mark.timeout(10)
@pytest.mark.parametrize("piece", ["1 ", "7", "+7 (", "тел. ", "- ", "A 1 ", "(((7"])
def test_a_long_hostile_text_does_not_hang(piece: str) -> None:
    # The longest text that is accepted; a pattern that backtracks would take minutes.
    assert len(mask(piece * (100_000 // len(piece)))) <= 100_000
