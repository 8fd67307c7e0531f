from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import ModelError
from nlp.lexicon import Lexicon
from nlp.pipeline import LEXICONS
from nlp.words import words_of


def labels(lexicon: Lexicon, text: str) -> set[str]:
    return {hit.label for hit in lexicon.find(words_of(text).forms)}


@pytest.fixture(scope="module")
def cues() -> Lexicon:
    return Lexicon.load(LEXICONS / "cues.txt")


@pytest.fixture(scope="module")
def concepts() -> Lexicon:
    return Lexicon.load(LEXICONS / "concepts.txt")


def test_cues_in_both_languages(cues: Lexicon) -> None:
    assert "now" in labels(cues, "прямо сейчас дерутся")
    assert "now" in labels(cues, "жаңа ғана болды")
    assert "verdict" in labels(cues, "суд приговорил его к пяти годам лишения свободы")
    assert "now" not in labels(cues, "скидки на окна")


@pytest.mark.parametrize(
    ("russian", "kazakh", "concept"),
    [
        ("пожар в подъезде", "подъезде өрт шықты", "fire"),
        ("украли телефон", "телефонды ұрлап кетті", "theft"),
        ("пьяный водитель", "мас жүргізуші", "drunk"),
        ("потерялся ребёнок", "бала жоғалды", "missing"),
        ("собаку отравили", "итті улап кетті", "dog"),
        ("дерутся, драка", "төбелесіп жатыр", "fight"),
        ("скорую вызвали", "жедел жәрдем шақырдық", "ambulance"),
        ("с ножом", "пышақпен", "knife"),
    ],
)
def test_concepts_are_shared(concepts: Lexicon, russian: str, kazakh: str, concept: str) -> None:
    assert concept in labels(concepts, russian)
    assert concept in labels(concepts, kazakh)


def test_at_least_a_hundred_concepts(concepts: Lexicon) -> None:
    assert len(concepts.labels) >= 100


def test_patterns(tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text("a: пожар*, два слова\n  гор*ит\nb: =был\n", encoding="utf-8")
    lexicon = Lexicon.load(file)
    assert labels(lexicon, "пожарные") == {"a"}
    assert labels(lexicon, "сказал два слова") == {"a"}
    assert labels(lexicon, "два других слова") == set()
    assert labels(lexicon, "горит") == {"a"}
    assert labels(lexicon, "был") == {"b"}
    assert labels(lexicon, "бил") == set()


def test_a_line_without_label_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text("просто слова\n", encoding="utf-8")
    with pytest.raises(ModelError, match="line 1"):
        Lexicon.load(file)
