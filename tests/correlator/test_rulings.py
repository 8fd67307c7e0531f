"""What people decided in the console comes back in the events of later runs."""

from __future__ import annotations

from datetime import UTC, datetime

from core.records import Category, Decision, DecisionKind
from correlator.constraints import constraints, pair
from correlator.judging import Rulings

AT = datetime(2026, 3, 20, 14, tzinfo=UTC)


def decision(kind: DecisionKind, key: str = "d1", **more: object) -> Decision:
    """A decision on version 1 of event e1."""
    values = {"id": key, "event": "e1", "event_version": 1, "kind": kind, "by": "ann", "at": AT}
    return Decision.model_validate({**values, **more})


def test_a_split_keeps_all_that_leave_from_all_that_stay() -> None:
    split = decision(DecisionKind.SPLIT, anchor="a", members=("c", "d"), staying=("b",))
    found = constraints([split])
    assert found.together == {pair("c", "d")}
    assert found.apart >= {pair("a", "c"), pair("b", "c")}
    assert all(pair(x, y) not in found.together for x in "ab" for y in "cd")
    undo = decision(DecisionKind.UNDO, "d2", undoes="d1")
    assert constraints([split, undo]).apart == frozenset()


def test_a_candidate_that_is_another_event_stays_apart_and_unsure_binds_nothing() -> None:
    other = decision(DecisionKind.UNLINK, anchor="a", members=("r",))
    assert constraints([other]).apart == {pair("a", "r")}
    unsure = decision(DecisionKind.UNSURE, anchor="a", members=("r",))
    assert constraints([unsure]) == constraints([])


def test_the_category_a_person_chose_holds_until_it_is_undone() -> None:
    chosen = decision(DecisionKind.CATEGORY, category=Category.WEAPON)
    assert Rulings([chosen]).marks(["e1"], ["a"]).category is Category.WEAPON
    later = decision(DecisionKind.CATEGORY, "d2", category=Category.VIOLENCE)
    assert Rulings([chosen, later]).marks(["e1"], ["a"]).category is Category.VIOLENCE
    undo = decision(DecisionKind.UNDO, "d3", undoes="d2")
    assert Rulings([chosen, later, undo]).marks(["e1"], ["a"]).category is Category.WEAPON


def test_a_note_changes_nothing() -> None:
    note = decision(DecisionKind.NOTE, reason="едут")
    assert Rulings([note]).marks(["e1"], ["a"]) == Rulings().marks(["e1"], ["a"])
