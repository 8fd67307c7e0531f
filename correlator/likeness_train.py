"""Training the likeness of texts on our own labelled streams, and measuring it elsewhere.

Nobody else's text is learned from: of external pairs only the two thresholds come
(``docs/evaluation.md``).
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt

from core.ids import digest
from core.records import Assessed
from correlator.correlate import at
from correlator.likeness import (
    FEATURES,
    SIGNS,
    LikenessModel,
    WordSpace,
    match,
    rarity_in,
    values_of,
    wording,
)
from correlator.train import fit_weights

SAME_A_EVENT = 12
"""Pairs drawn of one event, or the largest would be all that is learned from."""
NEIGHBOURS = 8
"""Records after each one that it is paired with when they are other events of the same day."""
DAY_S = 86_400.0
SEED = 7
FOLDS = 20
"""Many, for the smaller set has but 107 pairs to fix a threshold on."""
RESAMPLES = 1_000
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class TextPair:
    """Two texts and whether they tell the same."""

    left: str
    right: str
    same: bool


@dataclass(frozen=True)
class ExternalFigure:
    """F1 with its 95 % interval over ``count`` pairs, the threshold fixed on other texts.

    ``threshold``: the best one of all pairs, in log-odds; ``auc``: area under the curve.
    """

    f1: float
    low: float
    high: float
    auc: float
    threshold: float
    count: int


def stream_pairs(records: Sequence[Assessed], labels: Mapping[str, str]) -> list[TextPair]:
    """Pairs of one event, and of neighbours in time that are different events; deterministic."""
    ordered = sorted(records, key=lambda r: (at(r), r.subject.id))
    events: dict[str, list[Assessed]] = {}
    for record in ordered:
        events.setdefault(labels[record.subject.id], []).append(record)
    draw = random.Random(SEED)  # noqa: S311 - a sample, no secret
    found = []
    for members in events.values():
        pairs = list(combinations(members, 2))
        draw.shuffle(pairs)
        found += [TextPair(a.subject.text, b.subject.text, True) for a, b in pairs[:SAME_A_EVENT]]
    for position, first in enumerate(ordered):
        for other in ordered[position + 1 : position + 1 + NEIGHBOURS]:
            near = (at(other) - at(first)).total_seconds() < DAY_S
            if near and labels[first.subject.id] != labels[other.subject.id]:
                found.append(TextPair(first.subject.text, other.subject.text, False))
    return found


def features_of(
    pairs: Sequence[TextPair], *, space: WordSpace, known: Mapping[str, float]
) -> Floats:
    """Features of each pair, shape (pairs, ``len(FEATURES)``); rarities are those of the batch."""
    texts = dict.fromkeys(text for pair in pairs for text in (pair.left, pair.right))
    bits = rarity_in(texts, known)
    words = {text: wording(text, space, bits) for text in texts}
    rows = [values_of(match(words[pair.left], words[pair.right])) for pair in pairs]
    return np.array(rows, dtype=np.float64).reshape(-1, len(FEATURES))


def train_likeness(
    pairs: Sequence[TextPair], *, space: WordSpace, known: Mapping[str, float]
) -> LikenessModel:
    """The model with its weights; both thresholds where the two classes are equally likely."""
    values = features_of(pairs, space=space, known=known)
    same = np.array([pair.same for pair in pairs], dtype=np.float64)
    balance = np.where(same > 0.5, (1.0 - same).sum() / same.sum(), 1.0)
    bias, weights = fit_weights(values, same, balance, [SIGNS[name] for name in FEATURES])
    rows = sorted([*sorted([pair.left, pair.right]), pair.same] for pair in pairs)
    return LikenessModel(
        weights={n: round(float(w), 4) for n, w in zip(FEATURES, weights, strict=True)},
        short_from=round(-bias, 4),
        long_from=round(-bias, 4),
        digest=digest(json.dumps(rows, ensure_ascii=False)),
    )


def with_thresholds(
    model: LikenessModel, *, short_from: float | None, long_from: float | None
) -> LikenessModel:
    """The model with thresholds fixed elsewhere; ``None`` keeps its own."""
    return replace(
        model,
        short_from=model.short_from if short_from is None else round(short_from, 4),
        long_from=model.long_from if long_from is None else round(long_from, 4),
    )


def external_figure(
    pairs: Sequence[TextPair], model: LikenessModel, *, space: WordSpace, known: Mapping[str, float]
) -> ExternalFigure:
    """F1 of the model's order with thresholds by grouped cross-validation.

    No text is on both sides of a fold's border: pairs that share one, directly or through others,
    are in one fold. The interval is a bootstrap over these groups.
    """
    weights = np.array([model.weights[name] for name in FEATURES])
    scores = features_of(pairs, space=space, known=known) @ weights
    same = np.array([pair.same for pair in pairs], dtype=bool)
    groups = grouped(pairs)
    said = cross_validated(scores, same, groups)
    values = []
    members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    draw = np.random.default_rng(SEED)
    for _ in range(RESAMPLES):
        chosen = np.concatenate([members[i] for i in draw.integers(0, len(members), len(members))])
        values.append(f1_of(said[chosen], same[chosen]))
    low, high = np.quantile(values, [0.025, 0.975])
    return ExternalFigure(
        f1=f1_of(said, same),
        low=float(low),
        high=float(high),
        auc=_auc(scores, same),
        threshold=best_threshold(scores, same),
        count=len(pairs),
    )


def grouped(pairs: Sequence[TextPair]) -> npt.NDArray[np.int64]:
    """A number a pair, equal where pairs share a text directly or through others."""
    parent: dict[str, str] = {}

    def root(text: str) -> str:
        while parent.setdefault(text, text) != text:
            text = parent[text]
        return text

    for pair in pairs:
        parent[root(pair.left)] = root(pair.right)
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(root(p.left), len(numbers)) for p in pairs], dtype=np.int64)


def cross_validated(scores: Floats, same: Flags, groups: npt.NDArray[np.int64]) -> Flags:
    """What is said of each pair with the best threshold of the other folds."""
    size = int(groups.max()) + 1
    folds = (np.random.default_rng(SEED).permutation(size) % FOLDS)[groups]
    said = np.zeros(len(scores), dtype=bool)
    for fold in range(FOLDS):
        held = folds == fold
        if held.any() and not held.all():
            said[held] = scores[held] >= best_threshold(scores[~held], same[~held])
    return said


def best_threshold(scores: Floats, same: Flags) -> float:
    """The threshold of the highest F1, in the middle between two scores."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    hits = np.cumsum(same[order])
    values = 2.0 * hits / (np.arange(1, len(ranked) + 1) + same.sum())
    values[:-1][ranked[1:] == ranked[:-1]] = 0.0  # no threshold lies between equal scores
    best = int(values.argmax())
    after = ranked[best + 1] if best + 1 < len(ranked) else ranked[best] - 1.0
    return float((ranked[best] + after) / 2.0)


def f1_of(said: Flags, same: Flags) -> float:
    """F1 of decisions, 0 where there is nothing to find."""
    total = int(said.sum() + same.sum())
    return 2.0 * int((said & same).sum()) / total if total else 0.0


def _auc(scores: Floats, same: Flags) -> float:
    """Chance that a same pair has the higher score, ties a half (Mann-Whitney)."""
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2.0)[inverse]
    positives = int(same.sum())
    negatives = len(same) - positives
    if not positives or not negatives:
        return 0.5
    above = ranks[same].sum() - positives * (positives + 1) / 2.0
    return float(above / (positives * negatives))
