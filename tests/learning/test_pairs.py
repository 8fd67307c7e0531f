"""Decisions about pairs: bounded, learned by a candidate, held to the gate, promoted, undone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.clock import FixedClock
from core.errors import ModelError
from core.records import (
    Assessed,
    Decision,
    DecisionKind,
    Point,
)
from core.settings import Settings
from correlator.model import PairModel
from correlator.pairs import score
from learning import registry
from learning.bounds import Bound, bounded, why_not
from learning.labels import PairLabel
from learning.pair_run import (
    PairGrounding,
    candidate_digest,
    in_use,
    judge_pair_candidate,
    make_pair_candidate,
    read_pairs,
)
from learning.pairing import (
    MOST_OF_ONE_DECISION,
    PAIR_BOUND,
    PairTrial,
    fitted,
    judge_pairs,
    learned_pairs,
)
from learning.run import write_labels
from nlp.assessor import DEFAULT_MODELS, Assessor
from store.protocol import OPEN
from store.sqlite import SqliteStore
from tests.learning.conftest import keep_event, keep_post

NOW = datetime(2026, 3, 20, 13, tzinfo=UTC)
STREAMS = Path(__file__).resolve().parents[2] / "correlator" / "corpus"


def put(store: SqliteStore, name: str, text: str, at: datetime, lat: float) -> str:
    place = Point(lat=lat, lon=76.9, radius_m=150)
    line = {"id": name, "text": text, "source": name}
    return keep_post(store, line, at, location=place, event_at=at).id


def decide(
    store: SqliteStore, number: int, kind: DecisionKind, left: str, right: tuple[str, ...], by: str
) -> None:
    """A decision about an event of its own, ``number`` hours ago."""
    at = NOW - timedelta(hours=number)
    event = keep_event(store, f"e{number}", at, (left, *right), headline="горит")
    store.add_decision(
        Decision(
            id=f"d{number}",
            event=event.id,
            event_version=1,
            kind=kind,
            by=by,
            at=at,
            anchor=left,
            members=right,
        )
    )


def month(store: SqliteStore, persons: int = 3) -> None:
    """Sixty pairs, three hours apart, that people say are one fire though the model doubts it."""
    for number in range(60):
        at = NOW - timedelta(hours=4 * number + 4)
        left = put(store, f"l{number}", f"горит балкон {number}", at, 43.20)
        right = put(store, f"r{number}", f"дым валит {number}", at + timedelta(hours=3), 43.203)
        decide(store, 4 * number + 1, DecisionKind.LINK, left, (right,), f"s{number % persons}")


def grounding(folder: Path) -> PairGrounding:
    return PairGrounding(folder, STREAMS, Assessor.load(DEFAULT_MODELS))


def label(number: int, by: str, *, same: bool = True, decision: str = "") -> PairLabel:
    return PairLabel(
        left=f"l{number}",
        right=f"r{number}",
        same=same,
        by=by,
        at=NOW - timedelta(hours=number),
        decision=decision or f"d{number}",
        shown=1,
    )


def test_one_decision_weighs_no_more_than_two_pairs(store: SqliteStore) -> None:
    records: dict[str, Assessed] = {}
    labels = []
    for number in range(20):
        for side in "lr":
            put(store, f"{side}{number}", f"горит {side}", NOW, 43.2)
        left, right = (r.subject.id for r in list(store.window(NOW - timedelta(1), OPEN))[-2:])
        labels.append(label(number, "s1", decision="merge").model_copy(
            update={"left": left, "right": right}
        ))  # fmt: skip
    records = {r.subject.id: r for r in store.window(NOW - timedelta(1), OPEN)}
    pairs = learned_pairs(labels, records, {})
    assert len(pairs) == 20
    assert sum(pair.weight for pair in pairs) == pytest.approx(MOST_OF_ONE_DECISION)
    assert learned_pairs(labels, {}, {}) == [], "what is not kept any more teaches nothing"


def test_one_persons_links_move_nothing(store: SqliteStore, tmp_path: Path) -> None:
    month(store, persons=1)
    write_labels(store, tmp_path, NOW)
    assert len(read_pairs(tmp_path)) == 60
    with pytest.raises(ModelError, match="persons"):
        make_pair_candidate(store, grounding(tmp_path), PAIR_BOUND)
    assert why_not([label(n, f"s{n % 3}") for n in range(12)], PAIR_BOUND) is not None
    loud = [label(n, "loud") for n in range(100)]
    some = [label(100 + n, f"s{n % 4}") for n in range(24)]
    kept = bounded([*loud, *some], Bound(persons=3, share=0.4, labels=1))
    assert sum(x.by == "loud" for x in kept) <= 0.4 * len(kept)


def test_a_candidate_learns_pairs_and_goes_the_way_of_every_model(
    store: SqliteStore, tmp_path: Path
) -> None:
    month(store)
    write_labels(store, tmp_path, NOW)
    ground = grounding(tmp_path)
    digest = make_pair_candidate(store, ground, PAIR_BOUND)
    assert candidate_digest(tmp_path) == digest
    verdict, difference = judge_pair_candidate(
        store, Settings(home=tmp_path), FixedClock(NOW), ground, PAIR_BOUND
    )
    before, after = verdict.figures["pairs: log loss on fresh decisions"]
    assert after < before
    assert "pairs: gate B-cubed F1" in verdict.figures
    assert any(name.startswith("pairs: language") for name in verdict.figures)
    assert difference.posts > 0
    registry.promote(ground.folder, digest, NOW, {})
    pair = [r for r in store.assessed(_ids(store, "l0", "r0"), OPEN)]
    shipped, learned = PairModel.load(), in_use(tmp_path)
    assert learned.digest == digest != shipped.digest
    assert score(*pair, learned).same > score(*pair, shipped).same
    assert len(read_pairs(registry.current(ground.folder) or tmp_path)) == 60
    assert registry.roll_back(ground.folder, NOW, "admin") == registry.SHIPPED
    assert in_use(tmp_path).digest == shipped.digest


def test_the_gate_refuses_a_model_that_lumps_events_together() -> None:
    truth = {f"p{n}": f"e{n // 2}" for n in range(40)}
    fresh = [(label(n, f"s{n % 3}"), 0.4) for n in range(30)]
    better = [(x, 0.8) for x, _ in fresh]
    lumped = {name: "one" for name in truth}
    running = PairTrial(truth, fresh)
    assert judge_pairs(running, PairTrial(truth, better), truth, {}).promote
    refused = judge_pairs(running, PairTrial(lumped, better), truth, {})
    assert any("gate falls" in why for why in refused.against)
    worse = judge_pairs(running, PairTrial(truth, [(x, 0.3) for x, _ in fresh]), truth, {})
    assert any("not better" in why for why in worse.against)
    few = judge_pairs(running, PairTrial(truth, better[:3]), truth, {})
    assert any("needed" in why for why in few.against)
    alone = [(x, 0.99 if x.by == "s0" else 0.35) for x, _ in fresh]
    one = judge_pairs(running, PairTrial(truth, alone), truth, {})
    assert any("s0" in why for why in one.against), "better by one person's decisions alone"


def test_nothing_decided_is_the_shipped_model() -> None:
    assert fitted(PairModel.load(), []) == PairModel.load()


def _ids(store: SqliteStore, *names: str) -> list[str]:
    found = {}
    for record in store.window(NOW - timedelta(days=30), OPEN):
        found[record.subject.native_id] = record.subject.id  # type: ignore[union-attr]
    return [found[name] for name in names]
