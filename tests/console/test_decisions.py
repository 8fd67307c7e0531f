"""Where an event stands follows from its decisions alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from console.decisions import (
    RejectReason,
    anchor_for,
    changes,
    in_force,
    reason_text,
    standing,
    undoable,
)
from core.errors import InputError
from core.records import Audience, Category, Decision, DecisionKind, Event, Link, ReportState

AT = datetime(2026, 3, 20, 14, tzinfo=UTC)


def event(**more: object) -> Event:
    """An event of two posts and a report."""
    return Event.model_validate(
        {
            "id": "e1",
            "version": 1,
            "audience": Audience.OPEN,
            "category": Category.VIOLENCE,
            "incident": 0.9,
            "urgency": 0.5,
            "location": None,
            "started_at": AT,
            "last_at": AT,
            "posts": (
                Link(kind="post", id="p2", at=AT + timedelta(minutes=1)),
                Link(kind="post", id="p1", at=AT),
            ),
            "reports": (Link(kind="report", id="r1", at=AT),),
            "report_state": ReportState.UNREPORTED,
            "flagged": True,
            "priority": 0.5,
            "updated_at": AT,
            **more,
        }
    )


def decision(key: str, kind: DecisionKind, undoes: str | None = None) -> Decision:
    """A decision on version 1."""
    return Decision(id=key, event="e1", event_version=1, kind=kind, by="a", at=AT, undoes=undoes)


def test_the_newest_verdict_in_force_counts() -> None:
    taken = [decision("d1", DecisionKind.CONFIRM), decision("d2", DecisionKind.LINK)]
    assert standing(event(), taken).verdict is DecisionKind.CONFIRM
    taken.append(decision("d3", DecisionKind.UNDO, undoes="d1"))
    assert standing(event(decided="confirm"), taken).verdict is None
    taken.append(decision("d4", DecisionKind.REJECT))
    assert standing(event(), taken).verdict is DecisionKind.REJECT
    assert [d.id for d in in_force(taken)] == ["d2", "d4"]


def test_the_event_speaks_where_no_verdict_was_taken_on_this_id() -> None:
    # Decisions on an event that was merged into this one lie under its former id.
    taken = [decision("d2", DecisionKind.LINK)]
    assert standing(event(decided="reject"), taken).verdict is DecisionKind.REJECT


def test_undo_takes_the_newest_and_nothing_twice() -> None:
    taken = [decision("d1", DecisionKind.LINK), decision("d2", DecisionKind.CONFIRM)]
    assert undoable(taken, None).id == "d2"
    assert undoable(taken, "d1").id == "d1"
    taken.append(decision("d3", DecisionKind.UNDO, undoes="d2"))
    assert undoable(taken, None).id == "d1"
    with pytest.raises(InputError):
        undoable(taken, "d2")
    with pytest.raises(InputError):
        undoable([], None)


def test_changes_name_what_a_person_must_know() -> None:
    new = event(version=2, report_state=ReportState.REPORTED_AFTER, posts=())
    assert [c.what for c in changes(event(), new)] == ["report_state", "posts"]
    other = event(version=2, reports=(Link(kind="report", id="r2", at=AT),))
    assert [c.what for c in changes(event(), other)] == ["members"]
    assert changes(event(), event(version=2)) == []


def test_the_anchor_is_the_earliest_other_member() -> None:
    assert anchor_for(event(), ["r9"], None) == "p1"
    assert anchor_for(event(), ["p1"], None) == "p2"
    assert anchor_for(event(), ["p1"], "r1") == "r1"
    for given in ("p1", "stranger"):
        with pytest.raises(InputError):
            anchor_for(event(), ["p1"], given)
    with pytest.raises(InputError):
        anchor_for(event(posts=(Link(kind="post", id="p1", at=AT),), reports=()), ["p1"], None)


def test_reasons() -> None:
    assert reason_text(RejectReason.OLD, None) == "old"
    assert reason_text(RejectReason.OLD, " в\nпонедельник\u202e ") == "old: в понедельник"
    with pytest.raises(InputError):
        reason_text(RejectReason.OTHER, "  ")
    with pytest.raises(InputError):
        reason_text(RejectReason.OLD, "а" * 501)
