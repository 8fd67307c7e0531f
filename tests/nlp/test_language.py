"""Which words show that a text mixes languages. The sentences are made for these tests."""

from __future__ import annotations

import pytest

from core.records import Language
from nlp.assessor import DEFAULT_MODELS
from nlp.language import builds_russian
from nlp.model import Model
from nlp.words import form_of, words_of

RUSSIAN = (0.9, 0.1, 0.0, 0.0, 0.0)
KAZAKH = (0.1, 0.9, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("word", ["система", "министр", "институт", "проект", "аптека"])
def test_a_noun_alone_is_no_russian_grammar(word: str) -> None:
    assert not builds_russian(form_of(word), RUSSIAN)


@pytest.mark.parametrize("word", ["потому", "сейчас", "работает", "сломали", "горячую", "ехать"])
def test_verbs_adjectives_and_small_words_are(word: str) -> None:
    assert builds_russian(form_of(word), RUSSIAN)


def test_an_ending_says_nothing_of_a_kazakh_word() -> None:
    assert not builds_russian(form_of("қарала"), KAZAKH)
    assert builds_russian(form_of("вообще"), KAZAKH), "a small word is Russian wherever it stands"


@pytest.fixture(scope="module")
def shipped() -> Model:
    return Model.load(DEFAULT_MODELS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Лаборатория мамандары минералдың құрамын спектрометрмен зерттеді.", Language.KK),
        ("Опера театрында жаңа балет премьерасы өтті.", Language.KK),
        ("көлік сынып қалды, жаңа аккумулятор керек, потом айтам вообще", Language.MIXED),
        ("ертең келем деді, но опять не приехал, ұялмайды", Language.MIXED),
        ("привезли новую мебель, собираем сами", Language.RU),
    ],
)
def test_languages_of_texts(shipped: Model, text: str, language: Language) -> None:
    assert shipped.language.texts([words_of(text)])[0] == [language]
