"""Reads decisions, draws samples, fits and judges candidates: the stage's input and output."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from core.clock import Clock
from core.errors import ModelError
from core.records import Decision, DecisionKind, Event, Post, Record, Report
from core.settings import Settings
from correlator.constraints import standing
from correlator.model import PairModel
from learning.audit import Drawn, Recall, Stratum, draw, recall
from learning.bounds import Bound, bounded, why_not
from learning.gate import Trial, Verdict
from learning.gate import judge as compare
from learning.labels import (
    Label,
    as_posts,
    pair_labels,
    place_labels,
    post_labels,
    verdict,
)
from learning.registry import CANDIDATE
from learning.replay import Difference, Models, replay
from nlp.assessor import Assessor
from nlp.encoder import Encoder
from nlp.evaluate import Judged
from nlp.labelled import LabelledPost, part_of, read_corpus, read_stream
from nlp.language import LanguageModel
from nlp.placing import subject_of
from nlp.reading import Subject
from nlp.train import GAZETTEER_FILE, Grounds, fit
from store.protocol import OPEN, EventQuery, Store

log = logging.getLogger(__name__)
SHIFT = timedelta(hours=12)
SLICE = timedelta(minutes=10)
KEPT_SHIFTS = 56
"""Four weeks of shifts go into the estimate of recall."""
FRESH = timedelta(days=7)
REPLAY = timedelta(days=3)
MOST_REPLAYED = 50_000
MOST_REPEATS = 3
RECALL_NOTE = "learning:recall"
SAMPLE_NOTE = "learning:sample"
"""Ids of the events that the console presents."""


@dataclass(frozen=True)
class Grounding:
    """Where the learning stands: its folder, the corpus, the streams, the running model.

    ``language``: the running model's, as decisions say nothing of languages. ``pairs``: the pair
    model in use.
    ``running_labels``: the folder with the labels that the running model learned, if any.
    ``own_places``: the operator's gazetteer, ``encoder``: what makes vectors in place of ours, if
    any: a candidate is replayed with both, as it would run.
    """

    folder: Path
    corpus: Path
    streams: Path
    running: Assessor
    gazetteer: Path
    language: LanguageModel
    pairs: PairModel
    running_labels: Path | None = None
    own_places: Path | None = None
    encoder: Encoder | None = None


def write_labels(store: Store, folder: Path, now: datetime) -> int:
    """Turn all open decisions into labelled data; how many posts were labelled."""
    decisions = store.decisions(OPEN)
    shown = _shown(store, decisions)
    posts = {
        link.id: post
        for event in shown.values()
        for link in event.posts
        if (post := _speaking(store, link.id)) is not None
    }
    labels = post_labels(
        decisions,
        shown,
        posts,
        store.assessments(posts.keys(), OPEN),
        {d.event: d.stands_for for d in _samples(store, now)},
    )
    write_records(folder / "labels.jsonl", labels)
    write_records(folder / "pairs.jsonl", pair_labels(decisions))
    write_records(folder / "places.jsonl", place_labels(decisions))
    return len(labels)


def read_labels(folder: Path) -> list[Label]:
    """The labelled posts; none when none were written."""
    path = folder / "labels.jsonl"
    if not path.exists():
        return []
    return [Label.model_validate_json(line) for line in path.read_text("utf-8").splitlines()]


def sample(store: Store, now: datetime) -> list[Drawn]:
    """The audit sample of the shift that has just ended; asked again it is the same."""
    key = _sample_key(now, 0)
    start = _shift(now, 1)
    drawn = draw(_quiet(store, start), key)
    text = store.put_note_once(key, json.dumps([d.model_dump() for d in drawn]))
    kept = [Drawn.model_validate(value) for value in json.loads(text)]
    store.put_note(SAMPLE_NOTE, json.dumps([d.event for d in kept]))
    return kept


def estimate_recall(store: Store, now: datetime) -> Recall | None:
    """Recall over four weeks, kept for the reports; ``None`` before anything was audited."""
    samples = _samples(store, now)
    names = {d.event for d in samples}
    said: dict[str, bool] = {}
    for decision in standing(store.decisions(OPEN)):
        answer = verdict(decision)
        if answer is not None and decision.at >= now - SHIFT * KEPT_SHIFTS:
            said[decision.event] = answer
    strata = []
    for stratum in sorted({(d.stratum, d.of, d.drawn) for d in samples}):
        inside = [d for d in samples if (d.stratum, d.of, d.drawn) == stratum]
        judged = [said[d.event] for d in inside if d.event in said]
        shifts = len(inside) / stratum[2]
        strata.append(Stratum(round(stratum[1] * shifts), len(judged), sum(judged)))
    right = sum(answer for event, answer in said.items() if event not in names)
    found = recall(right, strata)
    if found is not None:
        store.put_note(
            RECALL_NOTE,
            json.dumps(
                {
                    "estimate": found.estimate,
                    "low": found.low,
                    "high": found.high,
                    "audited": found.audited,
                }
            ),
        )
    return found


def make_candidate(grounding: Grounding, bound: Bound) -> str:
    """Fit a candidate from the corpus and the decisions; its digest. Raises ModelError."""
    labels = read_labels(grounding.folder)
    refusal = why_not(labels, bound)
    if refusal is not None:
        raise ModelError(f"no candidate: {refusal}")
    target = grounding.folder / CANDIDATE
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    learned = bounded(labels, bound)
    model = fit(read_corpus(grounding.corpus), _grounds(grounding, learned))
    digest = model.save(target)
    shutil.copyfile(grounding.gazetteer / GAZETTEER_FILE, target / GAZETTEER_FILE)
    write_records(target / "labels.jsonl", learned)
    return digest


def judge_candidate(
    store: Store, settings: Settings, clock: Clock, grounding: Grounding, bound: Bound
) -> tuple[Verdict, Difference]:
    """Gate and replay.

    Both models are fitted anew without the gate's posts and the fresh decisions, so that neither
    has seen what it is asked; the replay uses the models as they would run.
    """
    now, labels = clock.now(), bounded(read_labels(grounding.folder), bound)
    fresh = [label for label in labels if label.at >= now - FRESH]
    old = [label for label in labels if label.at < now - FRESH]
    before = _labels_of(grounding.running_labels)
    known = {label.post for label in old}
    trials = [
        _trial(grounding, [x for x in before if x.post in known], fresh),
        _trial(grounding, old, fresh),
    ]
    candidate = Assessor.load(grounding.folder / CANDIDATE, grounding.own_places, grounding.encoder)
    difference = replay(
        list(recent(store, now)),
        Models(grounding.running, grounding.pairs),
        Models(candidate, grounding.pairs),
        settings,
        now,
    )
    return compare(*trials), difference


def _trial(grounding: Grounding, labels: Sequence[Label], fresh: Sequence[Label]) -> Trial:
    corpus = read_corpus(grounding.corpus)
    grounds = _grounds(grounding, labels)
    model = fit([p for p in corpus if part_of(p) != "test"], grounds)
    assessor = Assessor(model, grounds.gazetteer)
    gate = [p for p in corpus if part_of(p) == "test"]
    answers = assessor.assess([subject_of(p) for p in gate])
    asked = assessor.assess([Subject(x.post, 1, x.text, x.posted_at, x.home) for x in fresh])
    return Trial(
        gate=[Judged(p, a) for p, a in zip(gate, answers, strict=True)],
        fresh=[(x, a.incident) for x, a in zip(fresh, asked, strict=True)],
    )


def _grounds(grounding: Grounding, labels: Sequence[Label]) -> Grounds:
    learned: list[LabelledPost] = as_posts(labels, MOST_REPEATS)
    return Grounds(
        grounding.running.gazetteer,
        grounding.running.vectors,
        [*read_stream(grounding.streams), *learned],
        grounding.language,
    )


def recent(store: Store, now: datetime) -> Iterable[Post | Report]:
    """The open records of the days that are replayed."""
    for number, found in enumerate(store.window(now - REPLAY, OPEN)):
        if number == MOST_REPLAYED:
            log.warning("the replay was cut at %d records", MOST_REPLAYED)
            return
        yield found.subject


def _shown(store: Store, decisions: Sequence[Decision]) -> dict[tuple[str, int], Event]:
    found = {}
    for decision in decisions:
        if decision.kind in (DecisionKind.CONFIRM, DecisionKind.REJECT):
            event = store.event(decision.event, OPEN, decision.event_version)
            if event is not None:
                found[decision.event, decision.event_version] = event
    return found


def _speaking(store: Store, post_id: str) -> Post | None:
    found = store.assessed([post_id], OPEN)
    return found[0].subject if found and isinstance(found[0].subject, Post) else None


def _samples(store: Store, now: datetime) -> list[Drawn]:
    found: list[Drawn] = []
    for back in range(KEPT_SHIFTS):
        note = store.note(_sample_key(now, back))
        found += [Drawn.model_validate(value) for value in json.loads(note or "[]")]
    return found


def _quiet(store: Store, start: datetime) -> Iterator[Event]:
    """A shift's events that are in no queue, some minutes at a time."""
    for part in range(SHIFT // SLICE):
        since = start + SLICE * part
        query = EventQuery(
            flagged=False, since=since, until=since + SLICE, order="time", limit=1_000_000
        )
        yield from store.events(query, OPEN)


def _sample_key(now: datetime, back: int) -> str:
    return f"learning:sample:{_shift(now, back).isoformat()}"


def _shift(now: datetime, back: int) -> datetime:
    """Start of the shift in which ``now`` lies, or of one so many shifts before (UTC)."""
    noon = now.replace(hour=now.hour // 12 * 12, minute=0, second=0, microsecond=0)
    return noon - SHIFT * back


def _labels_of(folder: Path | None) -> list[Label]:
    return [] if folder is None else read_labels(folder)


def write_records(path: Path, records: Sequence[Record]) -> None:
    """A file of records, one a line, replaced whole; readable by the program's account alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}")
    draft.touch(mode=0o600)
    draft.write_text("".join(r.model_dump_json() + "\n" for r in records), encoding="utf-8")
    draft.replace(path)
