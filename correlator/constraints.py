"""Decisions of people as constraints that no later run breaks.

Pure: from the decisions in the order in which they were taken to what they say of pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from core.records import Decision, DecisionKind

Pair = tuple[str, str]


def pair(a: str, b: str) -> Pair:
    """A pair's key, the same in both orders."""
    return (a, b) if a < b else (b, a)


@dataclass(frozen=True)
class Constraints:
    """``together`` and ``apart``: pairs of record ids; ``anchors``: for each record that was
    taken out of an event, the records of that event that it was said not to belong to.
    """

    together: frozenset[Pair] = frozenset()
    apart: frozenset[Pair] = frozenset()
    anchors: dict[str, frozenset[str]] = field(default_factory=dict)

    def touched(self, other: Constraints) -> set[str]:
        """Ids of records about which two sets of constraints differ."""
        changed = (self.together ^ other.together) | (self.apart ^ other.apart)
        return {record for two in changed for record in two}


def standing(decisions: Iterable[Decision]) -> list[Decision]:
    """The decisions that hold: without those undone and the undoings, oldest first.

    An undone undo puts the first decision back.
    """
    ordered = sorted({d.id: d for d in decisions}.values(), key=lambda d: (d.at, d.id))
    taken_back: set[str] = set()
    for decision in reversed(ordered):
        if decision.kind is DecisionKind.UNDO and decision.id not in taken_back:
            taken_back.add(decision.undoes or "")
    return [d for d in ordered if d.kind is not DecisionKind.UNDO and d.id not in taken_back]


def constraints(decisions: Iterable[Decision]) -> Constraints:
    """What the standing decisions say; where two contradict each other the later one holds."""
    said: list[tuple[str, str, bool, bool]] = []  # record, record, together?, taken out?
    for decision in standing(decisions):
        said += _sayings(decision)
    groups: dict[str, str] = {}
    apart: set[Pair] = set()
    together: set[Pair] = set()
    anchors: dict[str, set[str]] = {}

    def root(record: str) -> str:
        while (parent := groups.get(record, record)) != record:
            record = parent
        return record

    for a, b, same, taken_out in reversed(said):  # the latest first: it outranks all before
        left, right = root(a), root(b)
        if same:
            if left == right or any({root(x), root(y)} == {left, right} for x, y in apart):
                continue
            groups[max(left, right)] = min(left, right)
            together.add(pair(a, b))
        elif left != right:
            apart.add(pair(a, b))
            if taken_out:
                anchors.setdefault(b, set()).add(a)
    return Constraints(
        together=frozenset(together),
        apart=frozenset(apart),
        anchors={record: frozenset(others) for record, others in anchors.items()},
    )


def _sayings(decision: Decision) -> list[tuple[str, str, bool, bool]]:
    anchor, members = decision.anchor, [m for m in decision.members if m != decision.anchor]
    if decision.kind is DecisionKind.LINK and anchor:
        return [(anchor, m, True, False) for m in members]
    if decision.kind is DecisionKind.UNLINK and anchor:
        return [(anchor, m, False, True) for m in members]
    if decision.kind is DecisionKind.MERGE:
        return _chain([anchor, *members] if anchor else members)
    if decision.kind is DecisionKind.SPLIT:
        leaving = [(anchor, m, False, True) for m in members] if anchor else []
        others = [s for s in decision.staying if s != anchor and s not in members]
        leaving += [(s, m, False, False) for s in others for m in members]
        return [*_chain(members), *leaving]
    return []


def _chain(members: Sequence[str]) -> list[tuple[str, str, bool, bool]]:
    return [(a, b, True, False) for a, b in pairwise(members)]
