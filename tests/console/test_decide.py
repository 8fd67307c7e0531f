"""Decisions by the API: confirm, reject, link, unlink, undo, stale, twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from core.records import Category, DecisionKind, ReportState, Role
from store.protocol import OPEN, EventWrite


def todo(who: Any) -> set[str]:
    """Ids in the queue."""
    return {event["id"] for event in who.get("/api/queue").json()["events"]}


def test_confirming_takes_the_event_from_the_queue_before_any_correlator_ran(
    person: Callable[[Role], Any], filled: Any
) -> None:
    who = person(Role.SPECIALIST)
    assert filled.crash in todo(who)
    answer = who.decide(filled.crash, kind="confirm", version=2)
    assert answer.status_code == 200
    assert answer.json()["decided"] == "confirm"
    assert filled.crash not in todo(who)
    decided = who.get("/api/queue?view=decided").json()["events"]
    assert [(e["id"], e["decided"]) for e in decided] == [(filled.crash, "confirm")]
    (kept,) = filled.store.decisions(OPEN, filled.crash)
    assert (kept.kind, kept.by, kept.event_version) == (DecisionKind.CONFIRM, "specialist", 2)


def test_undo_brings_it_back_and_is_a_decision_of_its_own(
    person: Callable[[Role], Any], filled: Any
) -> None:
    who = person(Role.SPECIALIST)
    first = who.decide(filled.crash, kind="reject", version=2, reason="old", words="вчера").json()
    assert filled.crash not in todo(who)
    undone = who.decide(filled.crash, kind="undo", version=None, undoes=first["id"])
    assert undone.status_code == 200
    assert filled.crash in todo(who)
    kinds = [(d.kind, d.reason, d.undoes) for d in filled.store.decisions(OPEN, filled.crash)]
    assert kinds == [
        (DecisionKind.REJECT, "old: вчера", None),
        (DecisionKind.UNDO, None, first["id"]),
    ]
    assert who.decide(filled.crash, kind="undo", undoes=first["id"]).status_code == 422
    page = who.get(f"/events/{filled.crash}").text
    assert "Решение отменено" in page


def test_a_stale_page_is_told_what_changed(person: Callable[[Role], Any], filled: Any) -> None:
    who = person(Role.SPECIALIST)
    answer = who.decide(filled.crash, kind="confirm", version=1)
    assert answer.status_code == 409
    assert answer.json()["version"] == 2
    assert filled.store.decisions(OPEN) == []
    event = filled.store.event(filled.crash, OPEN)
    newer = event.model_copy(
        update={"version": 3, "report_state": ReportState.REPORTED_AFTER, "posts": event.posts[:1]}
    )
    filled.store.write_events([EventWrite(newer, 2)])
    answer = who.decide(filled.crash, kind="confirm", version=2)
    assert answer.status_code == 409
    told = {change["what"]: change["text"] for change in answer.json()["changes"]}
    assert set(told) == {"report_state", "posts"}
    assert told["report_state"] == "Состояние: Нет в 102 → 102 узнала позже"
    assert who.decide(filled.crash, kind="confirm", version=3).status_code == 200


def test_a_write_that_comes_between_check_and_decision_is_stale_too(
    person: Callable[[Role], Any], filled: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = person(Role.SPECIALIST)
    add = filled.store.add_decision

    def write_first(decision: Any) -> None:
        event = filled.store.event(filled.crash, OPEN)
        newer = event.model_copy(
            update={"version": event.version + 1, "category": Category.VIOLENCE}
        )
        filled.store.write_events([EventWrite(newer, event.version)])
        add(decision)

    monkeypatch.setattr(filled.store, "add_decision", write_first)
    answer = who.decide(filled.crash, kind="confirm", version=2)
    assert answer.status_code == 409
    assert [change["what"] for change in answer.json()["changes"]] == ["category"]


def test_two_people_cannot_decide_the_same_event(
    person: Callable[[Role], Any], filled: Any
) -> None:
    one, two = person(Role.SPECIALIST), person(Role.SUPERVISOR)
    assert one.decide(filled.crash, kind="confirm", version=2).status_code == 200
    answer = two.decide(filled.crash, kind="reject", version=2, reason="old")
    assert answer.status_code == 409
    assert answer.json()["changes"][0]["what"] == "decided"
    assert len(filled.store.decisions(OPEN)) == 1


def test_the_same_request_twice_decides_once(person: Callable[[Role], Any], filled: Any) -> None:
    who = person(Role.SPECIALIST)
    body = {"kind": "confirm", "version": 2, "request": "one-click-1"}
    first, second = who.decide(filled.crash, **body), who.decide(filled.crash, **body)
    assert first.json() == second.json()
    assert len(filled.store.decisions(OPEN)) == 1


def test_link_and_unlink_name_their_anchor(person: Callable[[Role], Any], filled: Any) -> None:
    who = person(Role.SPECIALIST)
    event = filled.store.event(filled.crash, OPEN)
    posts = [link.id for link in event.posts]
    linked = who.decide(filled.crash, kind="link", version=2, members=[filled.candidate])
    assert linked.status_code == 200
    apart = who.decide(filled.crash, kind="unlink", version=2, members=[posts[1]])
    assert apart.status_code == 200
    link, unlink = filled.store.decisions(OPEN, filled.crash)
    assert (link.anchor, link.members) == (posts[0], (filled.candidate,))
    assert (unlink.anchor, unlink.members) == (posts[0], (posts[1],))


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "reject", "version": 2},
        {"kind": "reject", "version": 2, "reason": "because"},
        {"kind": "reject", "version": 2, "reason": "other"},
        {"kind": "reject", "version": 2, "reason": "old", "words": "а" * 501},
        {"kind": "link", "version": 2},
        {"kind": "link", "version": 2, "members": ["nobody-knows"]},
        {"kind": "unlink", "version": 2, "members": ["nobody-knows"]},
        {"kind": "snooze", "version": 2},
        {"kind": "undo", "version": 2},
        {"kind": "confirm", "version": 0},
        {"kind": "confirm", "version": 2, "by": "somebody else"},
        {"kind": "explode", "version": 2},
        {},
    ],
)
def test_what_makes_no_sense_is_refused(
    person: Callable[[Role], Any], filled: Any, body: dict[str, Any]
) -> None:
    assert person(Role.SPECIALIST).decide(filled.crash, **body).status_code == 422
    assert filled.store.decisions(OPEN) == []


def test_a_verdict_needs_the_version_that_was_looked_at(
    person: Callable[[Role], Any], filled: Any
) -> None:
    assert person(Role.SPECIALIST).decide(filled.crash, kind="confirm").status_code == 409
