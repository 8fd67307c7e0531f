"""Likeness of texts alone: symmetric, explained, right where our own words are; honest folds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ModelError
from core.spelling import fold
from correlator.likeness import (
    FEATURES,
    LONG_WORDS,
    SIGNS,
    LikenessModel,
    Wording,
    likeness,
    match,
    rarity_in,
    spelt_alike,
    wording,
)
from correlator.likeness_train import (
    TextPair,
    best_threshold,
    cross_validated,
    external_figure,
    f1_of,
    grouped,
    train_likeness,
)
from correlator.model import PairModel

AXES = {"пожар": 0, "өрт": 0, "горит": 0, "авария": 1, "дтп": 1, "апат": 1}


class FewWords:
    """A word space of two axes: fire and crash, in two languages."""

    def vectors(self, words: Sequence[str]) -> npt.NDArray[np.float64]:
        found = np.zeros((len(words), 2))
        for row, word in enumerate(words):
            if word.lower() in AXES:
                found[row, AXES[word.lower()]] = 1.0
        return found


@pytest.fixture(scope="module")
def alike() -> LikenessModel:
    return LikenessModel.load()


def made(*texts: str) -> list[Wording]:
    bits = rarity_in(texts, PairModel.load().idf)
    return [wording(text, FewWords(), bits) for text in texts]


def same(model: LikenessModel, left: str, right: str) -> float:
    a, b = made(left, right)
    return likeness(a, b, model).alike


@given(st.text(max_size=200), st.text(max_size=200))
def test_symmetric_within_bounds_and_explained(left: str, right: str) -> None:
    model = LikenessModel.load()
    a, b = made(left, right)
    one, other = likeness(a, b, model), likeness(b, a, model)
    assert one.alike == pytest.approx(other.alike)
    assert 0.0 <= one.alike <= 1.0
    found = match(a, b)
    for name, feature in FEATURES.items():
        value = feature(found)
        assert -1e-9 <= value <= 1.0 + 1e-9, name
        assert one.why.get(name, 0.0) == pytest.approx(model.weights[name] * value)


def test_weights_speak_for_their_side(alike: LikenessModel) -> None:
    for name, weight in alike.weights.items():
        assert weight * SIGNS[name] >= 0.0, name


def test_a_retelling_is_alike_and_another_story_is_not(alike: LikenessModel) -> None:
    told = "Умер режиссёр Алексей Балабанов"
    assert same(alike, told, "Скончался режиссер Алексей Балабанов") > 0.5
    assert same(alike, told, "В Шымкенте подорожал хлеб из муки первого сорта") < 0.1


def test_other_names_and_other_numbers_speak_against(alike: LikenessModel) -> None:
    told = "Сборная Польши обыграла Данию со счётом 3"
    assert same(alike, told, "Сборная Польши обыграла Швецию со счётом 3") < same(
        alike, told, "Сборная Польши обыграла Данию со счётом 3 у себя"
    )
    a, b, c = made("На пожаре спасли 12 человек", "На пожаре спасли 41", "На пожаре спасли 12")
    assert FEATURES["other_numbers"](match(a, b)) == 1.0
    assert FEATURES["other_numbers"](match(a, c)) == 0.0


def test_words_that_mean_the_same_meet_across_languages() -> None:
    russian, kazakh, other = made("пожар", "өрт", "авария")
    assert FEATURES["covered"](match(russian, kazakh)) == pytest.approx(1.0)
    assert FEATURES["covered"](match(russian, other)) == 0.0


def test_spelling() -> None:
    assert spelt_alike(fold("госдума"), fold("дума")) >= 0.5
    assert spelt_alike(fold("пожар"), fold("кража")) == 0.0


def test_in_a_long_text_what_is_said_once_is_detail() -> None:
    details = " ".join(f"слово{chr(1072 + i)}{chr(1072 + i)}" for i in range(20))
    more = " ".join(f"иное{chr(1072 + i)}{chr(1072 + i)}" for i in range(LONG_WORDS))
    (long_,) = made(f"Вулкан проснулся. {details} {more} вулкан снова вулкан")
    weights = dict(zip(long_.folded, long_.weights, strict=True))
    assert weights[fold("вулкан")] > 3.0 * weights[fold("проснулся")]


def test_rarity_of_a_single_pair_is_the_shipped_one() -> None:
    bits = rarity_in(["пожар", "пожар"], {"пожар": 3.0, "редк": 8.0})
    assert bits("редк") > bits("пожар") > 2.5


def test_pairs_that_share_a_text_are_in_one_group() -> None:
    pairs = [
        TextPair("a", "b", True),
        TextPair("c", "d", False),
        TextPair("b", "c", True),
        TextPair("e", "f", True),
    ]
    numbers = grouped(pairs)
    assert numbers[0] == numbers[1] == numbers[2] != numbers[3]


def test_a_pair_is_never_judged_by_a_threshold_of_its_own_group() -> None:
    scores = np.array([0.0, 1.0, 5.0, 6.0])
    truth = np.array([True, True, False, False])
    groups = np.array([0, 0, 1, 1])
    # each group alone wants the opposite of the other: what the other teaches is wrong here
    assert f1_of(cross_validated(scores, truth, groups), truth) < 1.0
    assert best_threshold(scores, ~truth) == pytest.approx(3.0)


def test_trained_on_pairs_it_tells_them_apart() -> None:
    pairs = [
        TextPair(f"Пожар на складе {name}", f"Горит склад {name}", True)
        for name in ("Алтын", "Береке", "Достык", "Самал", "Орбита", "Думан")
    ]
    pairs += [
        TextPair(f"Пожар на складе {name}", f"Украли велосипед у школы {other}", False)
        for name, other in (("Алтын", "Самал"), ("Береке", "Думан"), ("Достык", "Орбита"))
    ]
    model = train_likeness(pairs, space=FewWords(), known={})
    figure = external_figure(pairs, model, space=FewWords(), known={})
    assert figure.count == 9
    assert figure.auc == 1.0
    assert figure.low <= figure.f1 <= figure.high


@pytest.mark.parametrize("text", ["", "[]", "{}", json.dumps({"weights": {}, "short_from": 1})])
def test_a_broken_model_file_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "likeness.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=r"likeness\.json"):
        LikenessModel.load(path)
    with pytest.raises(ModelError, match="cannot be read"):
        LikenessModel.load(tmp_path / "absent.json")
