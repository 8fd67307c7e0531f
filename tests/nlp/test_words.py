from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp.words import form_of, split, words_of


@given(st.text(max_size=300))
def test_tokens_joined_are_the_text(text: str) -> None:
    assert "".join(split(text)) == text


@given(st.text(max_size=200))
def test_offsets_point_at_the_words(text: str) -> None:
    words = words_of(text)
    for index, form in enumerate(words.forms):
        assert text[words.starts[index] : words.end(index)] == form.raw


@pytest.mark.parametrize(
    "spellings",
    [
        ("Сайын", "Саин", "Sain", "Sayin", "Sayn"),
        ("Сейфуллин", "Seifullin", "Sejfullin", "Seyfullin", "Сейфулин"),
        ("Момышұлы", "Момышулы", "Momyshuly", "Momyshūly"),
        ("Жандосова", "Джандосова", "Zhandosova"),
        ("Абая", "Abaya", "Abaia"),
        ("Қаскелең", "Каскелен", "Kaskelen", "Qaskelen"),
        ("жатыр", "jatyr", "zhatyr"),
        ("что", "4to", "chto"),
        ("собака", "сoбака", "собааааака", "sobaka"),  # the second has a Latin "o"
        ("ғана", "гана", "gana", "ǵana"),
    ],
)
def test_spellings_of_a_word_share_a_key(spellings: tuple[str, ...]) -> None:
    assert {form_of(s).coarse for s in spellings} == {form_of(spellings[0]).coarse}


def test_different_words_keep_apart() -> None:
    assert form_of("пожар").coarse != form_of("товар").coarse
    assert form_of("был").medium != form_of("бил").medium


def test_numbers_are_not_squeezed() -> None:
    assert form_of("100km").coarse == "100км"
    assert form_of("1100").coarse == "1100"


def test_endings_fall_from_stems() -> None:
    assert form_of("пожарных").stem[:5] == form_of("пожарные").stem[:5]
    assert form_of("көліктер").stem == form_of("көлік").stem
