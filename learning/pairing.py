"""What decisions about pairs teach the pair model, and whether what it learned may be used. Pure.

Links and merges say that two records are the same event, unlinks and splits that they are not.
The candidate is the shipped model moved towards them (``correlator.train.adapt``): always from
the shipped one, so that mistakes of past months do not add up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log

from core.records import INCIDENT_CATEGORIES, Assessed, Language
from correlator.evaluation import b_cubed
from correlator.items import make_item
from correlator.model import PairModel
from correlator.pairs import judge as judge_pair
from correlator.train import LabelledPair, adapt
from learning.bounds import Bound
from learning.gate import FALL, FEWEST, GATE_FALL, Verdict
from learning.labels import PairLabel

PAIR_BOUND = Bound(persons=3, share=0.4, labels=30)
"""As for posts; a label here is a pair, and 30 are a month of one unit's corrections."""
STRENGTH = 10.0
"""The shipped weights count like so many pairs about which the decisions would say the opposite."""
MOST_OF_ONE_DECISION = 2.0
"""A merge of fifty posts is one judgement: its pairs together weigh no more than two do."""
FEWEST_FRESH = 10
SURE = 1e-6


def learned_pairs(
    labels: Sequence[PairLabel], records: Mapping[str, Assessed], idf: dict[str, float]
) -> list[LabelledPair]:
    """The labels whose records are both still kept, weighted so that each decision counts alike."""
    known = [x for x in labels if x.left in records and x.right in records]
    sizes = Counter(x.decision for x in known)
    items = {
        name: make_item(records[name], idf)
        for name in sorted({x.left for x in known} | {x.right for x in known})
    }
    return [
        LabelledPair(
            items[x.left],
            items[x.right],
            x.same,
            min(1.0, MOST_OF_ONE_DECISION / sizes[x.decision]),
        )
        for x in known
    ]


def fitted(shipped: PairModel, pairs: Sequence[LabelledPair]) -> PairModel:
    """The shipped model moved towards the decisions; itself when there are none."""
    return adapt(shipped, pairs, STRENGTH) if pairs else shipped


@dataclass(frozen=True)
class PairTrial:
    """One model's answers. ``found``: event of each record of the fixed gate. ``fresh``: decided
    pairs that it has not learned, with the probability of the same event that the model gives.
    """

    found: Mapping[str, str]
    fresh: Sequence[tuple[PairLabel, float]]


def answers(
    model: PairModel, labels: Sequence[PairLabel], records: Mapping[str, Assessed]
) -> list[tuple[PairLabel, float]]:
    """Each label whose records are kept, with the model's probability."""
    return [
        (
            x,
            judge_pair(
                make_item(records[x.left], model.idf), make_item(records[x.right], model.idf), model
            ).same,
        )
        for x in labels
        if x.left in records and x.right in records
    ]


def judge_pairs(
    running: PairTrial,
    candidate: PairTrial,
    truth: Mapping[str, str],
    gate: Mapping[str, Assessed],
) -> Verdict:
    """Compare: better on fresh decisions, whoever's are left out, and not worse on the gate.

    ``truth``: event of each record of the gate by its labels; ``gate``: those records.
    """
    verdict = Verdict()
    before, after = (b_cubed(t.found, truth).f1 for t in (running, candidate))
    verdict.figures["pairs: gate B-cubed F1"] = (before, after)
    if before - after > GATE_FALL:
        verdict.refuse(f"pairs: the gate falls by {before - after:.3f}; at most {GATE_FALL}")
    if len(candidate.fresh) < FEWEST_FRESH:
        verdict.refuse(f"pairs: {len(candidate.fresh)} fresh pairs; {FEWEST_FRESH} are needed")
        return verdict
    before, after = (log_loss(t.fresh) for t in (running, candidate))
    verdict.figures["pairs: log loss on fresh decisions"] = (before, after)
    if after >= before:
        verdict.refuse("pairs: it is not better on fresh decisions")
    for person in sorted({label.by for label, _ in candidate.fresh}):
        old, new = (
            log_loss([item for item in trial.fresh if item[0].by != person])
            for trial in (running, candidate)
        )
        if new > old:
            verdict.refuse(f"pairs: without the decisions of {person} it is worse on fresh ones")
    for name, inside in _groups():
        part = {i: truth[i] for i, record in gate.items() if i in truth and inside(record)}
        if len(part) < FEWEST:
            continue
        old, new = (b_cubed(trial.found, part).f1 for trial in (running, candidate))
        verdict.figures[f"pairs: {name}"] = (old, new)
        if old - new > FALL:
            verdict.refuse(f"pairs: {name} falls from {old:.3f} to {new:.3f}")
    return verdict


def log_loss(items: Iterable[tuple[PairLabel, float]]) -> float:
    """Mean negative log-likelihood (nats) of what people said; 0 of nothing."""
    losses = [-log(min(1 - SURE, max(SURE, p)) if x.same else 1 - min(1 - SURE, max(SURE, p)))
              for x, p in items]  # fmt: skip
    return sum(losses) / len(losses) if losses else 0.0


def _groups() -> list[tuple[str, Callable[[Assessed], bool]]]:
    found: list[tuple[str, Callable[[Assessed], bool]]] = [
        (f"language {language.value}", _of_language(language)) for language in Language
    ]
    for category in INCIDENT_CATEGORIES:
        found.append((f"category {category.value}", _of_category(category)))
    return found


def _of_language(language: Language) -> Callable[[Assessed], bool]:
    return lambda record: record.assessment.language is language


def _of_category(category: object) -> Callable[[Assessed], bool]:
    return lambda record: record.assessment.category is category
