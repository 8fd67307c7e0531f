"""Features and the pair score: symmetric, monotone where they say so, explained."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ModelError
from core.records import Assessed
from correlator.features import FEATURES, SIGNS
from correlator.items import make_item
from correlator.model import PairModel
from correlator.odds import log_odds, logistic
from correlator.pairs import judge, pair_log_odds, score
from correlator.sentences import sentence

Make = Callable[..., Assessed]


def test_score_is_symmetric(model: PairModel, world: list[Assessed]) -> None:
    for left, right in combinations(world, 2):
        one, other = score(left, right, model), score(right, left, model)
        assert one == other


def test_contributions_add_up_to_the_probability(model: PairModel, world: list[Assessed]) -> None:
    for left, right in combinations(world, 2):
        a, b = make_item(left, model.idf), make_item(right, model.idf)
        judged = judge(a, b, model)
        total = model.bias + sum(c.weight for c in judged.contributions)
        assert judged.same == pytest.approx(logistic(total), abs=1e-9)
        assert total == pytest.approx(pair_log_odds(a, b, model), abs=1e-9)


def test_each_feature_lies_in_0_to_1_and_has_a_sentence(
    model: PairModel, world: list[Assessed]
) -> None:
    items = [make_item(record, model.idf) for record in world]
    for a, b in combinations(items, 2):
        for name, feature in FEATURES.items():
            value = feature(a, b)
            assert 0.0 <= value <= 1.0, name
            assert feature.__doc__
            if value:
                assert sentence(name, a, b) == sentence(name, b, a) != ""


def test_vectors_of_two_models_are_not_compared(model: PairModel, world: list[Assessed]) -> None:
    """After another ``nlp.vector_model`` was set, old assessments hold the old length."""

    def with_vector(*vector: float) -> Assessed:
        judged = world[0].assessment.model_copy(update={"vector": vector})
        return world[0].model_copy(update={"assessment": judged})

    old, new = (make_item(with_vector(*v), model.idf) for v in ((1.0, 0.0), (1.0, 0.0, 0.0)))
    assert FEATURES["meaning"](old, old) == pytest.approx(1.0)
    assert FEATURES["meaning"](old, new) == 0.0


def test_no_weight_speaks_for_the_wrong_side(model: PairModel) -> None:
    assert {name for name, sign in SIGNS.items() if sign * model.weights[name] < 0.0} == set()


@given(north_m=st.floats(300, 40_000), further=st.floats(100, 20_000))
def test_further_away_is_never_more_alike(
    model: PairModel, post: Make, north_m: float, further: float
) -> None:
    here = post("p", "столкнулись две машины на перекрёстке", 0)
    near = post("q", "авария, две машины столкнулись", 5, north_m=north_m)
    far = post("q", "авария, две машины столкнулись", 5, north_m=north_m + further)
    assert score(here, far, model).same <= score(here, near, model).same + 1e-9


@given(minute=st.floats(0, 600), later=st.floats(1, 600))
def test_later_is_never_more_alike(
    model: PairModel, post: Make, minute: float, later: float
) -> None:
    here = post("p", "столкнулись две машины на перекрёстке", 0)
    soon = post("q", "авария, две машины столкнулись", minute)
    late = post("q", "авария, две машины столкнулись", minute + later)
    assert score(here, late, model).same <= score(here, soon, model).same + 1e-9


@pytest.mark.parametrize(
    ("left", "right", "feature", "value"),
    [
        ("Рыскулова 12, ограбили магазин", "Рысқұлов 12 дүкенді тонады", "same_number", 1.0),
        ("Рыскулова 12, ограбили магазин", "Рыскулова 47, ограбили обменник", "other_number", 1.0),
        ("Аксай-4 горит балкон", "Ақсай-3 те балкон жанып жатыр", "other_number", 1.0),
        ("мальчик 9 лет", "ұл 9 жаста", "same_number", 0.8),
        ("белый кобальт", "ақ Cobalt", "same_thing", 1.0),
        ("камри стоит", "тут прадо стоит", "other_thing", 0.8),
        ("на Саина авария", "на Саина опять авария", "again", 1.0),
        ("Абая-Саина дтп камри въехала в ларгус", "Абая-Саина дтп камри въехала в ларгус стоят",
         "copy", 1.0),
    ],
)  # fmt: skip
def test_details(
    model: PairModel, post: Make, left: str, right: str, feature: str, value: float
) -> None:
    a = make_item(post("p", left, 0), model.idf)
    b = make_item(post("q", right, 3), model.idf)
    assert FEATURES[feature](a, b) == pytest.approx(value)


def test_a_model_that_is_absent_or_of_other_features_is_refused(
    model: PairModel, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        PairModel.load(tmp_path / "none.json")
    path, rarity = tmp_path / "model.json", tmp_path / "rarity.json"
    model.save(path, rarity)
    assert PairModel.load(path, rarity).weights == model.weights
    text = path.read_text(encoding="utf-8").replace('"near"', '"nearby"')
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match="features differ"):
        PairModel.load(path, rarity)


@given(st.floats(-300, 300))
def test_logistic_stays_in_bounds(value: float) -> None:
    assert 0.0 <= logistic(value) <= 1.0
    if abs(value) < 15:
        assert log_odds(logistic(value)) == pytest.approx(value, abs=1e-6)
