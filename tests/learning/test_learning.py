"""Decisions to labels, the audit sample and recall, bounds, the gate, the registry."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import ModelError
from core.records import (
    Assessment,
    Audience,
    Category,
    Decision,
    DecisionKind,
    Event,
    Language,
    Link,
    Point,
    Post,
    ReportState,
)
from learning import registry
from learning.audit import Stratum, draw, recall
from learning.bounds import Bound, bounded, why_not
from learning.gate import Trial, fresh_f1, judge
from learning.labels import Label, as_posts, pair_labels, place_labels, post_labels
from nlp.evaluate import Judged
from nlp.labelled import LabelledPost

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)


def event(name: str, *posts: str, **changes: Any) -> Event:
    values: dict[str, Any] = {
        "id": name,
        "version": 1,
        "audience": Audience.OPEN,
        "category": Category.ROAD_CRASH,
        "incident": 0.8,
        "urgency": 0.5,
        "location": None,
        "started_at": NOW,
        "last_at": NOW,
        "posts": tuple(Link(kind="post", id=p, at=NOW) for p in posts),
        "report_state": ReportState.UNREPORTED,
        "flagged": True,
        "priority": 0.5,
        "updated_at": NOW,
    }
    return Event(**{**values, **changes})


def post(name: str) -> Post:
    return Post(
        id=name,
        source="s",
        native_id=name,
        version=1,
        text=f"авария {name}",
        posted_at=NOW,
        accepted_at=NOW,
        content=name,
    )


def assessment(name: str, incident: float = 0.8) -> Assessment:
    return Assessment(
        subject=name,
        version=1,
        assessor="model=1",
        language=Language.RU,
        incident=incident,
        category=Category.ROAD_CRASH,
        categories={},
        urgency=0.1,
    )


def decision(number: int, kind: DecisionKind, about: str = "e", **changes: Any) -> Decision:
    return Decision(
        id=f"d{number}",
        event=about,
        event_version=1,
        kind=kind,
        by=changes.pop("by", "s1"),
        at=NOW + timedelta(minutes=number),
        **changes,
    )


def labelled(*decisions: Decision, **drawn: float) -> dict[str, Label]:
    shown = {("e", 1): event("e", "a", "b"), ("f", 1): event("f", "c", flagged=False)}
    posts = {name: post(name) for name in "abc"}
    judged = {"a": assessment("a"), "b": assessment("b", 0.1), "c": assessment("c", 0.2)}
    return {x.post: x for x in post_labels(decisions, shown, posts, judged, drawn)}


def label(number: int, by: str, *, incident: bool = True, **changes: Any) -> Label:
    values: dict[str, Any] = {
        "post": f"p{number}",
        "text": "т",
        "posted_at": NOW,
        "home": None,
        "incident": incident,
        "category": Category.ROAD_CRASH,
        "by": by,
        "at": NOW + timedelta(seconds=number),
        "decision": f"d{number}",
        "event": f"e{number}",
        "shown": 1,
        "incident_shown": 0.6,
        "assessor": "m",
        "audit": False,
        "drawn": 1.0,
    }
    return Label(**{**values, **changes})


# -- labels ---------------------------------------------------------------------------------------


def test_a_confirmation_labels_the_posts_that_the_model_was_sure_of() -> None:
    found = labelled(decision(1, DecisionKind.CONFIRM))
    assert found.keys() == {"a"}
    assert (found["a"].incident, found["a"].category) == (True, Category.ROAD_CRASH)
    assert (found["a"].assessor, found["a"].shown, found["a"].incident_shown) == ("model=1", 1, 0.8)


@pytest.mark.parametrize(
    ("reason", "incident"),
    [("not_incident", False), ("old: вчера", False), ("known_to_102", True), ("other: x", None)],
)
def test_a_rejection_by_its_reason(reason: str, incident: bool | None) -> None:
    found = labelled(decision(1, DecisionKind.REJECT, reason=reason))
    said = {x.incident for x in found.values()}
    assert said == (set() if incident is None else {incident})


def test_the_last_standing_verdict_holds() -> None:
    wrong = decision(1, DecisionKind.REJECT, reason="old")
    undo = decision(2, DecisionKind.UNDO, undoes="d1")
    assert labelled(wrong, undo) == {}
    again = labelled(wrong, undo, decision(3, DecisionKind.CONFIRM, by="s2"))
    assert (again["a"].incident, again["a"].by) == (True, "s2")


def test_a_change_of_category_labels_what_was_confirmed() -> None:
    """By whoever, before or after the confirmation; undone, it says nothing."""
    changed = decision(2, DecisionKind.CATEGORY, category=Category.VIOLENCE, by="s2")
    found = labelled(decision(1, DecisionKind.CONFIRM), changed)
    assert found["a"].category is Category.VIOLENCE
    undone = decision(3, DecisionKind.UNDO, undoes="d2")
    again = labelled(decision(1, DecisionKind.CONFIRM), changed, undone)
    assert again["a"].category is Category.ROAD_CRASH
    assert labelled(changed) == {}, "no word on whether it is an incident"


def test_a_post_of_the_audit_sample_stands_for_those_that_nobody_saw() -> None:
    found = labelled(decision(1, DecisionKind.CONFIRM, about="f"), f=90.0)
    assert (found["c"].audit, found["c"].drawn) == (True, 90.0)
    assert len(as_posts(list(found.values()), most_repeats=3)) == 3


def test_pairs_and_places() -> None:
    pairs = pair_labels(
        [
            decision(1, DecisionKind.LINK, anchor="a", members=("b",)),
            decision(2, DecisionKind.SPLIT, anchor="a", members=("c", "d")),
            decision(3, DecisionKind.LINK, anchor="a", members=("x",)),
            decision(4, DecisionKind.UNDO, undoes="d3"),
        ]
    )
    assert [(p.left, p.right, p.same) for p in pairs] == [
        ("a", "b", True),
        ("a", "c", False),
        ("a", "d", False),
    ]
    moved = decision(5, DecisionKind.MOVE, point=Point(lat=43.2, lon=76.9, radius_m=50))
    assert [p.point.lat for p in place_labels([moved])] == [43.2]


# -- the audit sample -----------------------------------------------------------------------------


def test_the_sample_prefers_the_unsure_under_its_share_and_repeats_itself() -> None:
    events = [
        event(f"e{n}", "p", flagged=False, incident=0.3 if n % 10 == 0 else 0.02)
        for n in range(500)
    ]
    events += [event(f"f{n}", "p") for n in range(50)]
    found = draw(events, "shift", 6)
    assert found == draw(events[::-1], "shift", 6)
    assert found != draw(events, "another", 6)
    assert [d.stratum for d in found] == ["unsure"] * 3 + ["sure"] * 3
    assert {(d.of, d.drawn) for d in found} == {(50, 3), (450, 3)}
    assert not any(d.event.startswith("f") for d in found)
    assert draw([], "shift") == []


def test_recall_is_covered_by_its_interval() -> None:
    """In 100 simulated months the truth lies in the 95 % interval at least 88 times."""
    rng = random.Random(5)
    covered = 0
    for _ in range(100):
        right, missed = 300, {"unsure": (1_000, 0.06), "sure": (20_000, 0.001)}
        truth = right / (right + sum(of * share for of, share in missed.values()))
        strata = [
            Stratum(of, 170, sum(rng.random() < share for _ in range(170)))
            for of, share in missed.values()
        ]
        found = recall(right, strata)
        assert found is not None
        covered += found.low <= truth <= found.high
        assert found.audited == 340
    assert covered >= 88
    assert recall(10, []) is None
    assert recall(10, [Stratum(100, 0, 0)]) is None


# -- bounds ---------------------------------------------------------------------------------------


@given(st.lists(st.integers(1, 60), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_nobody_has_more_than_a_share(counts: list[int]) -> None:
    bound = Bound(persons=3, share=0.4, labels=1)
    labels = [label(n * 100 + i, f"s{n}") for n, count in enumerate(counts) for i in range(count)]
    kept = bounded(labels, bound)
    if len(counts) < 3:
        assert kept == []
        assert "persons" in (why_not(labels, bound) or "")
        return
    shares = [sum(x.by == f"s{n}" for x in kept) / len(kept) for n in range(len(counts))]
    assert max(shares) <= max(0.4, 1 / len(counts))


def test_the_newest_of_each_person_are_kept() -> None:
    labels = [label(n, "loud") for n in range(50)]
    labels += [label(100 + n, f"s{n % 2}") for n in range(20)]
    kept = bounded(labels, Bound(persons=3, share=0.4, labels=1))
    loud = [x.post for x in kept if x.by == "loud"]
    assert loud == [f"p{n}" for n in range(50 - len(loud), 50)]
    assert len(loud) / len(kept) <= 0.4


# -- the gate -------------------------------------------------------------------------------------


def judged(number: int, *, right: bool, language: Language = Language.RU) -> Judged:
    truth = number % 2 == 0
    sample = LabelledPost(
        id=f"x{number}",
        author="a",
        text="т",
        posted_at=NOW,
        style="chat",
        language=language,
        incident=truth,
        category=Category.ROAD_CRASH,
    )
    return Judged(sample, assessment(f"x{number}", 0.9 if truth == right else 0.1))


def trial(*, gate_wrong: int = 10, fresh_right: int = 30, kk_wrong: int = 5) -> Trial:
    gate = [judged(n, right=n >= gate_wrong) for n in range(200)]
    gate += [judged(n, right=n >= kk_wrong, language=Language.KK) for n in range(60)]
    fresh = [
        (
            label(n, f"s{n % 3}", incident=n % 2 == 0),
            0.9 if (n % 2 == 0) == (n < fresh_right) else 0.1,
        )
        for n in range(40)
    ]
    return Trial(gate, fresh)


def test_better_on_fresh_decisions_and_not_worse_elsewhere() -> None:
    verdict = judge(trial(fresh_right=30), trial(fresh_right=36))
    assert (verdict.promote, verdict.against) == (True, [])
    before, after = verdict.figures["fresh incident F1"]
    assert before < after


@pytest.mark.parametrize(
    ("candidate", "why"),
    [
        (trial(fresh_right=30), "not better on fresh"),
        (trial(fresh_right=36, gate_wrong=14), "the gate falls"),
        (trial(fresh_right=36, gate_wrong=7, kk_wrong=9), "language kk falls"),
    ],
)
def test_refused(candidate: Trial, why: str) -> None:
    verdict = judge(trial(fresh_right=30), candidate)
    assert not verdict.promote
    assert any(why in reason for reason in verdict.against), verdict.against


def test_one_persons_decisions_cannot_promote_alone() -> None:
    """Better only where one person says so: refused, and the text says whose decisions."""
    running, better = trial(fresh_right=30), []
    for item, p in running.fresh:
        right = 0.9 if item.incident else 0.1
        better.append((item, right if item.by == "s0" else 1 - p if item.by == "s1" else p))
    candidate = Trial(running.gate, better)
    verdict = judge(running, candidate)
    assert not verdict.promote
    assert fresh_f1([]) == 0.0


# -- the registry ---------------------------------------------------------------------------------


def test_promotion_and_the_way_back(tmp_path: Path) -> None:
    assert registry.current(tmp_path) is None
    with pytest.raises(ModelError, match="no candidate"):
        registry.promote(tmp_path, "m1", NOW, {})
    for digest in ("m1", "m2"):
        candidate = tmp_path / registry.CANDIDATE
        candidate.mkdir()
        (candidate / "weights.npz").write_text(digest)
        registry.promote(tmp_path, digest, NOW, {"figures": {}})
    assert registry.current(tmp_path) == tmp_path / "models" / "m2"
    assert registry.roll_back(tmp_path, NOW, "admin") == "m1"
    assert (tmp_path / "models" / "m1" / "weights.npz").read_text() == "m1"
    assert registry.roll_back(tmp_path, NOW, "admin") == registry.SHIPPED
    assert registry.current(tmp_path) is None
    with pytest.raises(ModelError, match="none to go back"):
        registry.roll_back(tmp_path, NOW, "admin")
    assert [e.get("by") for e in registry.history(tmp_path)] == [None, None, "admin", "admin"]
