"""Fits and judges candidates of the pair model from decisions: input and output."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from core.clock import Clock
from core.errors import ModelError
from core.records import Assessed
from core.settings import Settings
from correlator.correlate import at, correlate
from correlator.evaluation import partition_of
from correlator.freshness import Freshness
from correlator.model import PairModel
from learning import registry
from learning.bounds import Bound, bounded, why_not
from learning.gate import Verdict
from learning.labels import PairLabel
from learning.pairing import PairTrial, answers, fitted, judge_pairs, learned_pairs
from learning.replay import Difference, Models, replay
from learning.run import FRESH, recent, write_records
from learning.streams import read_labelled
from nlp.assessor import Assessor
from store.protocol import OPEN, Store

MODEL, RARITY, LABELS = "pairs.json", "rarity.json", "pairs.jsonl"


@dataclass(frozen=True)
class PairGrounding:
    """Where the pair model stands. ``learning``: the folder with the labels; ``streams``: that of
    the gate's labelled stream; ``assessor``: the running one.
    """

    learning: Path
    streams: Path
    assessor: Assessor

    @property
    def folder(self) -> Path:
        """The pair models' own folder, a registry as the posts' is."""
        return self.learning / registry.PAIRS

    @property
    def running(self) -> PairModel:
        """The model in use."""
        return in_use(self.learning)


def in_use(learning: Path) -> PairModel:
    """The pair model that was promoted last, else the one that the project ships."""
    folder = registry.current(learning / registry.PAIRS)
    return PairModel.load() if folder is None else PairModel.load(folder / MODEL, folder / RARITY)


def read_pairs(folder: Path) -> list[PairLabel]:
    """The labelled pairs; none when none were written."""
    path = folder / LABELS
    if not path.exists():
        return []
    return [PairLabel.model_validate_json(line) for line in path.read_text("utf-8").splitlines()]


def make_pair_candidate(store: Store, grounding: PairGrounding, bound: Bound) -> str:
    """Fit a candidate from the decisions about pairs; its digest. Raises ModelError."""
    labels = read_pairs(grounding.learning)
    refusal = why_not(labels, bound)
    if refusal is not None:
        raise ModelError(f"no candidate for pairs: {refusal}")
    learned = bounded(labels, bound)
    shipped = PairModel.load()
    model = fitted(shipped, learned_pairs(learned, _records(store, learned), shipped.idf))
    draft, target = grounding.folder / "draft", grounding.folder / registry.CANDIDATE
    for folder in (draft, target):
        shutil.rmtree(folder, ignore_errors=True)
    draft.mkdir(parents=True)
    model.save(draft / MODEL, draft / RARITY)
    write_records(draft / LABELS, learned)
    draft.replace(target)
    return model.digest


def candidate_digest(learning: Path) -> str | None:
    """Digest of the candidate, ``None`` when there is none."""
    path = learning / registry.PAIRS / registry.CANDIDATE / MODEL
    return str(json.loads(path.read_text("utf-8"))["digest"]) if path.exists() else None


def judge_pair_candidate(
    store: Store, settings: Settings, clock: Clock, grounding: PairGrounding, bound: Bound
) -> tuple[Verdict, Difference]:
    """Gate and replay.

    For the fresh decisions both models are fitted without them; for the gate and the replay they
    are as they would run.
    """
    now = clock.now()
    labels = bounded(read_pairs(grounding.learning), bound)
    folder = grounding.folder / registry.CANDIDATE
    candidate = PairModel.load(folder / MODEL, folder / RARITY)
    gate = read_labelled(
        grounding.assessor,
        grounding.streams / "test_posts.jsonl",
        grounding.streams / "test_reports.jsonl",
    )
    promoted = registry.current(grounding.folder)
    learned = [] if promoted is None else read_pairs(promoted)
    before, after = (
        PairTrial(
            _clusters(model, gate.records, settings),
            _fresh(store, known, labels, now),
        )
        for model, known in ((grounding.running, learned), (candidate, labels))
    )
    verdict = judge_pairs(before, after, gate.truth, {r.subject.id: r for r in gate.records})
    difference = replay(
        list(recent(store, now)),
        Models(grounding.assessor, grounding.running),
        Models(grounding.assessor, candidate),
        settings,
        now,
    )
    return verdict, difference


def _fresh(
    store: Store, known: Sequence[PairLabel], labels: Sequence[PairLabel], now: datetime
) -> list[tuple[PairLabel, float]]:
    """Answers to the fresh decisions by the shipped model moved towards the known older ones."""
    shipped = PairModel.load()
    fresh = [label for label in labels if label.at >= now - FRESH]
    old = [label for label in known if label.at < now - FRESH]
    records = _records(store, [*old, *fresh])
    model = fitted(shipped, learned_pairs(old, records, shipped.idf))
    return answers(model, fresh, records)


def _clusters(model: PairModel, records: Sequence[Assessed], settings: Settings) -> dict[str, str]:
    return partition_of(
        correlate(
            records,
            settings=settings.correlator,
            model=model,
            as_of=max(at(record) for record in records),
            freshness=Freshness.always(),
            incident_at=settings.nlp.incident_at,
        )
    )


def _records(store: Store, labels: Sequence[PairLabel]) -> dict[str, Assessed]:
    """The records that labels speak of, as far as they are kept and open."""
    ids = {name for x in labels for name in (x.left, x.right)}
    return {found.subject.id: found for found in store.assessed(ids, OPEN)}
