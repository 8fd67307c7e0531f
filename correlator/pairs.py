"""Are two records the same event? A probability with its reasons."""

from __future__ import annotations

from dataclasses import dataclass

from core.records import Assessed, Contribution
from correlator.features import FEATURES
from correlator.items import Item, make_item
from correlator.model import PairModel
from correlator.odds import logistic
from correlator.sentences import sentence

_ALL = tuple(FEATURES.items())


@dataclass(frozen=True)
class Judgement:
    """``same``: probability in [0, 1]; contributions in log-odds, the strongest first."""

    same: float
    contributions: tuple[Contribution, ...]


def score(left: Assessed, right: Assessed, model: PairModel) -> Judgement:
    """How probably two assessed records are the same event, and why; symmetric."""
    return judge(make_item(left, model.idf), make_item(right, model.idf), model)


def judge(a: Item, b: Item, model: PairModel) -> Judgement:
    """The same for records that are boiled down already."""
    values = [(name, feature(a, b)) for name, feature in _ALL]
    total = model.bias + sum(model.weights[name] * value for name, value in values)
    parts = [
        Contribution(
            feature=name,
            value=value,
            weight=model.weights[name] * value,
            sentence=sentence(name, a, b),
        )
        for name, value in values
        if value and model.weights[name]
    ]
    parts.sort(key=lambda part: (-abs(part.weight), part.feature))
    return Judgement(same=logistic(total), contributions=tuple(parts))


def pair_log_odds(a: Item, b: Item, model: PairModel) -> float:
    """Log-odds that two records are the same event: the fast path, without reasons."""
    total = model.bias
    for weight, feature in model.terms:
        total += weight * feature(a, b)
    return total


def values_of(a: Item, b: Item) -> list[float]:
    """All features of a pair, in the order of ``FEATURES``."""
    return [feature(a, b) for _, feature in _ALL]
