"""Training the pair model from labelled records.

Logistic regression on the pairs that blocking proposes, by maximum likelihood with a quadratic
penalty, each weight bounded to the side its feature may speak for (``features.SIGNS``), so that
for instance more shared words can never speak against a pair.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from core.ids import digest
from core.records import Assessed, Post
from core.settings import CorrelatorSettings
from correlator.blocking import Index, comparable, widest_s, within_s
from correlator.context import LIMIT, NAMES, SLIGHT, matrix, seen
from correlator.correlate import at
from correlator.features import FEATURES, SIGNS, near
from correlator.graph import Graph
from correlator.items import Item, make_item, rarity
from correlator.model import PairModel
from correlator.pairs import values_of
from correlator.words import stems

PENALTY = 0.02
MAX_WEIGHT = 9.0
CROWD_WEIGHT = 0.03
PASSED_OVER_WEIGHT = 0.3
SAME_PLACE = 0.3
CONTEXT_SIGNS = {
    "own": 1, "supported": 1, "rivalled": -1, "outdone": -1, "resembles": 0, "crowd": -1
}  # fmt: skip
BY_HAND = {"same_media": 3.0}
"""Log-odds of what no labelled record has, a photo or video; as much as an answer counts. Labelled
pairs that have it move it (``adapt``)."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LabelledPair:
    """Two records and whether they are the same event; ``weight`` in the likelihood."""

    left: Item
    right: Item
    same: bool
    weight: float = 1.0


def rarities(texts: Iterable[str], *, least: int = 2) -> dict[str, float]:
    """Rarity in bits of every stem that at least ``least`` of the texts have."""
    counts: Counter[str] = Counter()
    total = 0
    for text in texts:
        total += 1
        counts.update(stems(text))
    return {word: rarity(total, n) for word, n in counts.items() if n >= least}


def labelled_pairs(
    records: Sequence[Assessed],
    labels: Mapping[str, str | None],
    *,
    idf: dict[str, float],
    settings: CorrelatorSettings,
) -> list[LabelledPair]:
    """Pairs that blocking proposes. ``labels``: event of each record id, ``None`` for no event."""
    items = [make_item(record, idf) for record in records]
    index = Index()
    for item in items:
        index.add(item)
    by_id = {item.id: item for item in items}
    pairs: list[LabelledPair] = []
    for item in items:
        for other_id in sorted(index.candidates(item, widest_s(settings))):
            other = by_id[other_id]
            if item.id < other_id and comparable(item, other, within_s(item, other, settings)):
                pairs.append(_labelled(item, other, labels))
    return pairs


def passed_over_pairs(
    records: Sequence[Assessed],
    labels: Mapping[str, str | None],
    *,
    idf: dict[str, float],
    settings: CorrelatorSettings,
    limit: int = 4_000,
) -> list[LabelledPair]:
    """Pairs of different events, near in time, that blocking passes over.

    Mostly one of them is no incident. Clustering never asks about them, but people do
    (``oqiga pairs``), and the model has to know what an advert beside a crash is.
    """
    items = sorted((make_item(record, idf) for record in records), key=lambda i: (i.at, i.id))
    pairs: list[LabelledPair] = []
    for first, item in enumerate(items):
        for other in items[first + 1 : first + 12]:
            seconds = within_s(item, other, settings)
            if abs(item.at - other.at) > seconds or comparable(item, other, seconds):
                continue
            pair = _labelled(item, other, labels)
            if not pair.same:
                pairs.append(replace(pair, weight=PASSED_OVER_WEIGHT))
    pairs.sort(key=lambda pair: digest(pair.left.id, pair.right.id))
    return pairs[:limit]


def crowded_pairs(
    records: Sequence[Assessed],
    labels: Mapping[str, str | None],
    *,
    idf: dict[str, float],
    settings: CorrelatorSettings,
    limit: int = 60_000,
) -> list[LabelledPair]:
    """Pairs of different events when all events happen on one day, as in a whole country.

    Labelled streams are thinner than life, where two fires at one hour are nothing rare. Each
    event is moved by whole days to the same day. Pairs at the same place are left out: moved
    onto each other they would be one event to anybody. ``limit``: at most so many, drawn evenly.
    """
    first: dict[str, datetime] = {}
    for record in records:
        key = labels.get(record.subject.id) or record.subject.id
        first[key] = min(first.get(key, at(record)), at(record))
    moved = []
    for record in records:
        key = labels.get(record.subject.id) or record.subject.id
        moved.append(_moved(record, timedelta(days=(first[key] - _EPOCH).days)))
    pairs = labelled_pairs(moved, labels, idf=idf, settings=settings)
    apart = [
        replace(pair, weight=CROWD_WEIGHT)
        for pair in pairs
        if not pair.same and near(pair.left, pair.right) < SAME_PLACE
    ]
    apart.sort(key=lambda pair: digest(pair.left.id, pair.right.id))
    return apart[:limit]


def _moved(record: Assessed, by: timedelta) -> Assessed:
    subject = record.subject
    times = (
        {"posted_at": subject.posted_at - by}
        if isinstance(subject, Post)
        else {"received_at": subject.received_at - by}
    )
    return record.model_copy(update={"subject": subject.model_copy(update=times)})


def same_event_pairs(
    records: Sequence[Assessed], labels: Mapping[str, str | None], *, idf: dict[str, float]
) -> list[LabelledPair]:
    """All pairs of the same event, proposed by blocking or not: to measure blocking's recall."""
    groups: dict[str, list[Item]] = {}
    for record in records:
        label = labels.get(record.subject.id)
        if label is not None:
            groups.setdefault(label, []).append(make_item(record, idf))
    return [
        LabelledPair(a, b, True) for group in groups.values() for a, b in combinations(group, 2)
    ]


def train(pairs: Sequence[LabelledPair], *, idf: dict[str, float]) -> PairModel:
    """Fit the model; deterministic."""
    values = np.array([values_of(p.left, p.right) for p in pairs], dtype=np.float64)
    same = np.array([p.same for p in pairs], dtype=np.float64)
    weight = np.array([p.weight for p in pairs], dtype=np.float64)
    names = list(FEATURES)
    bias, weights = fit_weights(
        values,
        same,
        weight,
        [SIGNS.get(name, 0) for name in names],
        centre=np.array([0.0, *(BY_HAND.get(name, 0.0) for name in names)]),
    )
    model = PairModel(
        bias=bias, weights=dict(zip(names, map(float, weights), strict=True)), idf=idf
    )
    return replace(model, digest=_digest(pairs))


def train_context(
    records: Sequence[Assessed],
    labels: Mapping[str, str | None],
    *,
    model: PairModel,
    settings: CorrelatorSettings,
) -> PairModel:
    """The model with the weights of what the other records of a component say of a pair."""
    graph = Graph(settings, model)
    for record in sorted(records, key=lambda r: (at(r), r.subject.id)):
        graph.put(make_item(record, model.idf))
    rows: list[Floats] = []
    same: list[bool] = []
    for nodes, pairs in graph.components():
        if not 2 < len(nodes) <= LIMIT:
            continue
        values = matrix(nodes, pairs)
        first, second = np.triu_indices(len(nodes), 1)
        known = values[first, second] >= SLIGHT  # false where nothing can be said
        first, second = first[known], second[known]
        rows.append(seen(values)[first, second])
        same += [
            labels.get(nodes[i]) is not None and labels.get(nodes[i]) == labels.get(nodes[j])
            for i, j in zip(first, second, strict=True)
        ]
    truth = np.array(same, dtype=np.float64)
    signs = [CONTEXT_SIGNS[name] for name in NAMES[1:]]
    bias, weights = fit_weights(np.concatenate(rows)[:, 1:], truth, np.ones(len(truth)), signs)
    found = dict(zip(NAMES, [bias, *map(float, weights)], strict=True))
    return replace(model, context=found)


def adapt(model: PairModel, pairs: Sequence[LabelledPair], strength: float) -> PairModel:
    """The model moved towards more labelled pairs, by the maximum a posteriori.

    Each weight is normally distributed around the model's own; ``strength`` is the precision:
    about four times as many pairs as that, all at odds with a weight, move it halfway.
    Deterministic.
    """
    values = np.array([values_of(p.left, p.right) for p in pairs], dtype=np.float64)
    same = np.array([p.same for p in pairs], dtype=np.float64)
    weight = np.array([p.weight for p in pairs], dtype=np.float64)
    names = list(FEATURES)
    bias, weights = fit_weights(
        values,
        same,
        weight,
        [SIGNS.get(name, 0) for name in names],
        centre=np.array([model.bias, *(model.weights[name] for name in names)]),
        penalty=np.full(len(names) + 1, strength / weight.sum()),
    )
    return replace(
        model,
        bias=bias,
        weights=dict(zip(names, map(float, weights), strict=True)),
        digest=digest(model.digest, _digest(pairs)),
    )


def fit_weights(
    values: Floats,
    same: Floats,
    weight: Floats,
    signs: list[int],
    *,
    centre: Floats | None = None,
    penalty: Floats | None = None,
) -> tuple[float, Floats]:
    """Bias and weights of a bounded logistic regression, deterministic.

    ``signs``: as ``features.SIGNS``, 0 for either. ``centre``, ``penalty``: of bias and
    weights; default zero, bias free.
    """
    total = weight.sum()
    start = np.zeros(values.shape[1] + 1) if centre is None else centre
    if penalty is None:
        penalty = np.array([0.0, *[PENALTY / 100.0] * values.shape[1]])

    def loss(parameters: Floats) -> tuple[float, Floats]:
        log_odds = values @ parameters[1:] + parameters[0]
        signed = np.where(same > 0.5, log_odds, -log_odds)
        likelihood = -(weight * np.logaddexp(0.0, -signed)).sum() / total
        chance = 1.0 / (1.0 + np.exp(-np.clip(log_odds, -500, 500)))
        slope = weight * (chance - same) / total
        away = parameters - start
        gradient = np.concatenate([[slope.sum()], values.T @ slope]) + penalty * away
        return -likelihood + 0.5 * float(penalty @ away**2), gradient

    bounds = [(-10.0, 10.0)] + [
        (0.0 if sign > 0 else -MAX_WEIGHT, 0.0 if sign < 0 else MAX_WEIGHT) for sign in signs
    ]
    found = minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B")
    return float(found.x[0]), found.x[1:]


def _labelled(a: Item, b: Item, labels: Mapping[str, str | None]) -> LabelledPair:
    left = labels.get(a.id)
    return LabelledPair(a, b, left is not None and left == labels.get(b.id))


def _digest(pairs: Sequence[LabelledPair]) -> str:
    rows = sorted([*sorted([p.left.stamp, p.right.stamp]), p.same] for p in pairs)
    return digest(json.dumps(rows))
