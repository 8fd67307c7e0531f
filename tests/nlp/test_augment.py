from __future__ import annotations

import random

from nlp.augment import latin, mistyped, plain
from nlp.words import words_of


def seeded(seed: int) -> random.Random:
    return random.Random(seed)


def test_latin_folds_back_to_the_same_words() -> None:
    text = "Сегодня на Абая горит магазин, помогите"
    for seed in range(20):
        spelled = latin(text, seeded(seed))
        assert not any("а" <= c <= "я" for c in spelled.lower())
        folded = [f.coarse for f in words_of(spelled).forms]
        original = [f.coarse for f in words_of(text).forms]
        same = sum(a == b for a, b in zip(folded, original, strict=True))
        assert same >= len(original) - 2


def test_the_same_seed_gives_the_same_text() -> None:
    assert mistyped("пожар на складе", seeded(5)) == mistyped("пожар на складе", seeded(5))


def test_plain() -> None:
    assert plain("Өрт, Ёлка 🔥!") == "орт елка !"
