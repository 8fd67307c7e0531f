"""Learning over a real store: labels, sample, recall, a candidate that learns, promotion."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.clock import FixedClock
from core.errors import ModelError
from core.records import (
    Audience,
    Decision,
    DecisionKind,
    Event,
)
from core.settings import Settings
from correlator.model import PairModel
from learning import registry
from learning.bounds import Bound
from learning.run import (
    RECALL_NOTE,
    SAMPLE_NOTE,
    Grounding,
    estimate_recall,
    judge_candidate,
    make_candidate,
    read_labels,
    sample,
    write_labels,
)
from nlp.assessor import DEFAULT_MODELS, Assessor
from nlp.encoder import Encoder
from nlp.labelled import read_corpus
from nlp.model import Model
from nlp.reading import Subject
from store.sqlite import SqliteStore
from tests.learning.conftest import keep_event, keep_post

NOW = datetime(2026, 3, 20, 13, tzinfo=UTC)
CORPUS = Path(__file__).resolve().parents[2] / "nlp" / "corpus"


def put(
    store: SqliteStore, name: str, text: str, *, incident: float, at: datetime, secret: bool = False
) -> Event:
    """A post with its event, flagged when it is probably an incident."""
    audience = Audience.CONFIDENTIAL if secret else Audience.OPEN
    judged = {"incident": incident, "urgency": 0.1}
    post = keep_post(store, {"id": name, "text": text}, at, audience, **judged)
    shown = {"flagged": incident >= 0.5, "headline": text, "audience": audience}
    return keep_event(store, f"e-{name}", at, [post.id], **judged, **shown)


def decide(store: SqliteStore, event: Event, by: str, *, right: bool) -> None:
    store.add_decision(
        Decision(
            id=f"d-{event.id}",
            event=event.id,
            event_version=1,
            kind=DecisionKind.CONFIRM if right else DecisionKind.REJECT,
            by=by,
            at=event.started_at + timedelta(minutes=2),
            reason=None if right else "not_incident",
        )
    )


def test_labels_say_what_was_shown_and_leave_confidential_words_out(
    store: SqliteStore, tmp_path: Path
) -> None:
    right = put(store, "1", "горит балкон", incident=0.9, at=NOW)
    wrong = put(store, "2", "огонь концерт", incident=0.7, at=NOW)
    secret = put(store, "3", "вымогают на посту", incident=0.9, at=NOW, secret=True)
    for event, verdict in ((right, True), (wrong, False), (secret, True)):
        decide(store, event, "s1", right=verdict)
    assert write_labels(store, tmp_path / "l", NOW) == 2
    found = {x.text: x for x in read_labels(tmp_path / "l")}
    assert {text: x.incident for text, x in found.items()} == {
        "горит балкон": True,
        "огонь концерт": False,
    }
    assert found["горит балкон"].assessor == "model=1"
    assert (tmp_path / "l" / "labels.jsonl").stat().st_mode & 0o777 == 0o600
    with pytest.raises(ModelError, match="1 persons decided"):
        make_candidate(grounding(tmp_path / "l", CORPUS), Bound())


def test_sample_and_recall(store: SqliteStore) -> None:
    """40 confirmed flags; of 300 quiet events one in ten is an incident that was missed."""
    before = NOW - timedelta(hours=4)
    quiet = {}
    for number in range(300):
        event = put(store, f"q{number}", "тихо", incident=0.02, at=before)
        quiet[event.id] = number % 10 == 0
    for number in range(40):
        flag = put(store, f"f{number}", "горит", incident=0.9, at=before)
        decide(store, flag, "s1", right=True)
    assert estimate_recall(store, NOW) is None
    drawn = sample(store, NOW)
    assert sample(store, NOW + timedelta(hours=1)) == drawn, "one sample a shift"
    assert {d.event for d in drawn} == set(json.loads(store.note(SAMPLE_NOTE) or "[]"))
    assert len(drawn) == 6
    assert {(d.of, d.drawn) for d in drawn} == {(300, 6)}
    for item in drawn:
        event = store.event(item.event, frozenset({Audience.OPEN}))
        assert event is not None
        decide(store, event, "s2", right=quiet[item.event])
    found = estimate_recall(store, NOW)
    assert found is not None
    hits = sum(quiet[d.event] for d in drawn)
    assert found.estimate == pytest.approx(40 / (40 + 300 * hits / 6))
    assert found.low < 40 / 70 < found.high, "six judged of 300 tell little, and say so"
    assert json.loads(store.note(RECALL_NOTE) or "{}")["audited"] == 6


@pytest.mark.slow
def test_a_candidate_learns_what_people_decided(store: SqliteStore, tmp_path: Path) -> None:
    """A new word for a fire, in no corpus: three persons confirm it, the candidate knows it."""
    rng = random.Random(4)
    corpus = tmp_path / "corpus" / "posts"
    corpus.mkdir(parents=True)
    some = rng.sample(read_corpus(CORPUS), 260)
    for path in (CORPUS / "posts").glob("*.jsonl"):
        chosen = {p.id for p in some}
        lines = [x for x in path.read_text("utf-8").splitlines() if json.loads(x)["id"] in chosen]
        (corpus / path.name).write_text("\n".join(lines), "utf-8")
    words = ("на Абая", "у рынка", "в пятиэтажке", "возле школы", "на дачах", "в гараже")
    for number in range(60):
        at = NOW - timedelta(hours=number * 4)
        place = words[number % 6]
        text = f"пыхает {place} {number} {rng.choice(words)}"
        decide(
            store, put(store, str(number), text, incident=0.6, at=at), f"s{number % 3}", right=True
        )
    folder = tmp_path / "learning"
    assert write_labels(store, folder, NOW) == 60
    encoder = Lengths()
    before = grounding(folder, corpus.parent, encoder)
    digest = make_candidate(before, Bound())
    verdict, difference = judge_candidate(
        store, Settings(home=tmp_path), FixedClock(NOW), before, Bound()
    )
    running, candidate = verdict.figures["fresh incident F1"]
    assert candidate > running
    assert difference.posts == 19
    assert difference.flagged[1] >= difference.flagged[0]
    assert len(encoder.asked) == 2 * 19, "both models are replayed with the operator's vectors"
    target = registry.promote(folder, digest, NOW, {})
    assert registry.current(folder) == target
    after = Assessor.load(target)
    asked = [Subject("x", 1, "пыхает за рекой", NOW)]
    assert after.assess(asked)[0].incident > max(0.5, before.running.assess(asked)[0].incident)
    assert after.id != before.running.id
    assert len(read_labels(target)) == 60, "what it learned lies beside it"


class Lengths:
    """An operator's encoder: the text's length, and which texts it was asked for."""

    id, dims = "lengths@1", 2

    def __init__(self) -> None:
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str]) -> list[list[float]]:
        self.asked += texts
        return [[1.0, len(text) / 100] for text in texts]


def grounding(folder: Path, corpus: Path, encoder: Encoder | None = None) -> Grounding:
    return Grounding(
        folder=folder,
        corpus=corpus,
        streams=_no_streams(folder),
        running=Assessor.load(DEFAULT_MODELS, None, encoder),
        gazetteer=DEFAULT_MODELS,
        language=Model.load(DEFAULT_MODELS).language,
        pairs=PairModel.load(),
        encoder=encoder,
    )


def _no_streams(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "none.jsonl"
    path.touch()
    return path
