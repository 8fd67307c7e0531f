"""Russian and Kazakh words in one space."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.errors import ModelError
from nlp.word_vectors import SIZE, UNKNOWN, WordVectors
from nlp.words import words_of


def vector(vectors: WordVectors, text: str) -> np.ndarray:
    rows = [row for row in vectors.rows(words_of(text).forms) if row != UNKNOWN]
    total = vectors.matrix[rows].astype(np.float32).sum(axis=0)
    return np.asarray(total / np.linalg.norm(total))


@pytest.mark.parametrize(
    ("kazakh", "same", "other"),
    [
        ("мас жүргізуші", "пьяный водитель", "горячая вода"),
        ("өрт шықты", "начался пожар", "родился ребенок"),
        ("орттен тутин шыкты", "дым от пожара", "вкусный суп"),
        ("бала жоғалды", "пропал ребенок", "выросли цены"),
        ("polisiya para surady", "полиция требовала взятку", "снег выпал утром"),
    ],
)
def test_a_kazakh_text_lies_near_its_russian_one(
    vectors: WordVectors, kazakh: str, same: str, other: str
) -> None:
    left = vector(vectors, kazakh)
    assert left @ vector(vectors, same) > left @ vector(vectors, other) + 0.2


def test_a_spelling_of_both_languages_is_read_by_its_neighbours(vectors: WordVectors) -> None:
    [_, in_kazakh] = vectors.rows(words_of("үлкен бас").forms)
    [_, in_russian] = vectors.rows(words_of("хороший бас").forms)
    assert in_kazakh != in_russian


def test_unknown_words_and_marks_have_no_row(vectors: WordVectors) -> None:
    assert vectors.rows(words_of("цфцщжцг 12 ! 😱").forms) == [UNKNOWN] * 4
    assert vectors.rows([]) == []


def test_saved_and_loaded_is_the_same(vectors: WordVectors, tmp_path: Path) -> None:
    vectors.save(tmp_path)
    again = WordVectors.load(tmp_path)
    assert again.matrix.shape[1] == SIZE
    assert np.array_equal(again.matrix, vectors.matrix)
    assert again.kazakh == vectors.kazakh
    forms = words_of("пьяный на камри сбил ограждение, мас күйінде").forms
    assert again.rows(forms) == vectors.rows(forms)


def test_no_file_is_an_error_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="oqiga train"):
        WordVectors.load(tmp_path)
