"""What one person's decisions may do to a model: bounded, and not alone. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar


class Said(Protocol):
    """Something that a person said: by whom, when, in which decision."""

    @property
    def by(self) -> str: ...
    @property
    def at(self) -> datetime: ...
    @property
    def key(self) -> str: ...


L = TypeVar("L", bound=Said)


@dataclass(frozen=True)
class Bound:
    """``persons``: fewest that have to have decided; ``share``: most of the labels that are one
    person's; ``labels``: fewest that are worth a candidate.
    """

    persons: int = 3
    share: float = 0.4
    labels: int = 40


def bounded(labels: Sequence[L], bound: Bound) -> list[L]:
    """The labels that may be learned from: the newest of each person, none with too many.

    Empty when too few persons decided: nobody can move the model alone. The largest number n
    that each may have is such that n <= share * (sum of min(count, n)).
    """
    counts = Counter(label.by for label in labels)
    if len(counts) < bound.persons:
        return []
    most = _most(list(counts.values()), bound.share)
    kept: Counter[str] = Counter()
    chosen = []
    for label in sorted(labels, key=lambda x: (x.at, x.key), reverse=True):
        if kept[label.by] < most:
            kept[label.by] += 1
            chosen.append(label)
    return chosen[::-1]


def why_not(labels: Sequence[Said], bound: Bound) -> str | None:
    """Why there is nothing to learn from, ``None`` when there is."""
    persons = len({label.by for label in labels})
    if persons < bound.persons:
        return f"{persons} persons decided; at least {bound.persons} are needed"
    if len(bounded(labels, bound)) < bound.labels:
        return f"{len(bounded(labels, bound))} labels are too few; {bound.labels} are needed"
    return None


def _most(counts: list[int], share: float) -> int:
    most = max(counts)
    while most > 1 and most > share * sum(min(count, most) for count in counts):
        most -= 1
    return most
