from __future__ import annotations

import pytest

from core.records import Language
from nlp.assessor import DEFAULT_MODELS, Assessor
from nlp.language import LanguageModel
from nlp.language_parts import parts_of
from nlp.model import Model
from nlp.reading import Subject
from nlp.words import words_of
from tests.nlp.conftest import AT

RU, KK, TRANSLIT = Language.RU, Language.KK, Language.TRANSLIT


@pytest.fixture(scope="module")
def language() -> LanguageModel:
    """The shipped model's."""
    return Model.load(DEFAULT_MODELS).language


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "Қыздар, помогите советом, дәл қазір үйде отырмын, күйеуім есікті сындырып жатыр",
            [
                (KK, "Қыздар"),
                (RU, "помогите советом"),
                (KK, "дәл қазір үйде отырмын, күйеуім есікті сындырып жатыр"),
            ],
        ),
        (
            "көршілер тағы айқайлап жатыр, полицию вызвали уже два раза",
            [(KK, "көршілер тағы айқайлап жатыр"), (RU, "полицию вызвали уже два раза")],
        ),
        (
            "korshiler tagy aikailap jatyr, сколько можно терпеть это",
            [(TRANSLIT, "korshiler tagy aikailap jatyr"), (RU, "сколько можно терпеть это")],
        ),
        ("на остановке дерутся двое", [(RU, "на остановке дерутся двое")]),
        ("🔥 123", []),
        ("", []),
    ],
)
def test_the_parts_of_a_text(
    language: LanguageModel, text: str, parts: list[tuple[Language, str]]
) -> None:
    found = [(p.language, text[p.start : p.end]) for p in parts_of(words_of(text), language)]
    assert found == parts


def test_only_mixed_posts_have_parts() -> None:
    assessor = Assessor.load(DEFAULT_MODELS)
    mixed, plain = assessor.assess(
        [
            Subject("m", 1, "көршілер тағы айқайлап жатыр, полицию вызвали уже два раза", AT),
            Subject("p", 1, "соседи опять кричат, полицию вызвали уже два раза", AT),
        ]
    )
    assert (mixed.language, plain.language) == (Language.MIXED, RU)
    assert [p.language for p in mixed.language_parts] == [KK, RU]
    ends = [0, *(x for p in mixed.language_parts for x in (p.start, p.end))]
    assert ends == sorted(ends), "in order, none in another"
    assert plain.language_parts == ()
