from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.errors import ModelError
from nlp.external import (
    HELD_OUT,
    LEARNED,
    MESSAGES,
    Marked,
    half_of,
    mark_messages,
    mention_figures,
    overlap_f1,
    read_kaznerd,
    read_messages,
)
from nlp.gazetteer.index import Gazetteer

TEXT = "На углу Гоголя и Байзакова, у дома 5, яма"
SPANS = [(0, 7, "Peresechenie"), (8, 14, "Street"), (17, 26, "Street"), (28, 36, "NUM")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [
        {"id": "1", "text": TEXT, "mentions": SPANS},
        {"id": "2", "text": "Гоголя от Байзакова до Муканова", "mentions": [
            [0, 6, "Street"], [7, 31, "OTDO"]]},
        {"id": "3", "text": "В парке Ганди темно", "mentions": [[0, 13, "Park"]]},
        {"id": "4", "text": "Спасибо, убрали", "mentions": []},
    ]  # fmt: skip
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    (tmp_path / MESSAGES).write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


def test_our_mentions_in_the_terms_of_the_messages(gazetteer: Gazetteer, folder: Path) -> None:
    for marked in mark_messages(gazetteer, folder / MESSAGES):
        assert marked.found == marked.true, marked.id


def test_figures_of_what_is_there(gazetteer: Gazetteer, folder: Path, tmp_path: Path) -> None:
    figures = mention_figures(gazetteer, folder, 10)
    halves = {half_of(str(n)) for n in range(1, 5)}
    assert {f.group for f in figures if f.count} >= {f"messages, {half}" for half in halves}
    assert {f.name for f in figures} == {"mention F1", "mention F1, exact"}
    assert mention_figures(gazetteer, tmp_path / "nothing", 10) == []


def test_halves_are_even_and_stable() -> None:
    halves = [half_of(str(n)) for n in range(1_000)]
    assert 450 < halves.count(HELD_OUT) < 550
    assert halves.count(HELD_OUT) + halves.count(LEARNED) == 1_000
    assert half_of("237499") == half_of("237499")


def test_a_mention_is_found_once_and_only_as_its_type() -> None:
    true = frozenset({(0, 10, "Street"), (20, 25, "NUM")})
    assert overlap_f1([Marked("a", true, true)]) == 1.0
    halved = frozenset({(0, 3, "Street"), (5, 10, "Street")})
    assert overlap_f1([Marked("a", true, halved)]) == pytest.approx(0.5)
    assert overlap_f1([Marked("a", true, frozenset({(0, 10, "NUM")}))]) == 0.0
    assert overlap_f1([Marked("a", frozenset(), frozenset())]) == 0.0


def test_tagged_words_become_a_text_with_places(tmp_path: Path) -> None:
    path = tmp_path / "tagged.iob2"
    path.write_text(
        "Нұр-Сұлтан B-GPE\nқаласында I-GPE\nАсан B-PERSON\nтұрады O\n\nАлматы B-GPE\n",
        encoding="utf-8",
    )
    first, second = read_kaznerd(path)
    assert first[1] == "Нұр-Сұлтан қаласында Асан тұрады"
    assert first[2] == {(0, 20, "place")}
    assert second[1:] == ("Алматы", frozenset({(0, 6, "place")}))


def test_a_wrong_line_of_messages_is_named(tmp_path: Path) -> None:
    path = tmp_path / MESSAGES
    path.write_text('{"id": "1", "text": "а", "mentions": []}\n{"id": "2"}\n', encoding="utf-8")
    with pytest.raises(ModelError, match="line 2"):
        read_messages(path)
