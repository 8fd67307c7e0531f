"""How good events are against labels: B-cubed, pairs, post-report pairs.

B-cubed after Bagga and Baldwin, "Entity-based cross-document coreferencing using the vector space
model", COLING-ACL 1998.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

from core.records import Event


@dataclass(frozen=True)
class Share:
    """Precision and recall in [0, 1]."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """Harmonic mean, 0 when both are."""
        total = self.precision + self.recall
        return 2.0 * self.precision * self.recall / total if total else 0.0


def partition_of(events: Iterable[Event]) -> dict[str, str]:
    """Event id of each record."""
    return {link.id: e.id for e in events for link in (*e.posts, *e.reports)}


def b_cubed(found: Mapping[str, str], truth: Mapping[str, str]) -> Share:
    """B-cubed over the records that ``truth`` labels; every one of them has to be in ``found``."""
    sizes_found = Counter(found[record] for record in truth)
    sizes_truth = Counter(truth.values())
    both = Counter((found[record], truth[record]) for record in truth)
    precision = sum(n * n / sizes_found[f] for (f, _), n in both.items())
    recall = sum(n * n / sizes_truth[t] for (_, t), n in both.items())
    return Share(precision / len(truth), recall / len(truth))


def pairwise(found: Mapping[str, str], truth: Mapping[str, str]) -> Share:
    """Over all pairs of records: same in ``found`` against same in ``truth``."""
    both = _pairs(Counter((found[record], truth[record]) for record in truth))
    in_found = _pairs(Counter(found[record] for record in truth))
    in_truth = _pairs(Counter(truth.values()))
    return Share(
        both / in_found if in_found else 1.0,
        both / in_truth if in_truth else 1.0,
    )


def post_report(
    found: Mapping[str, str], truth: Mapping[str, str], reports: Iterable[str]
) -> Share:
    """Over pairs of one post and one report, as ``pairwise``."""
    known = set(reports)
    records = sorted(truth)
    said = {(a, b) for a, b in _mixed(records, known) if found[a] == found[b]}
    real = {(a, b) for a, b in _mixed(records, known) if truth[a] == truth[b]}
    both = len(said & real)
    return Share(both / len(said) if said else 1.0, both / len(real) if real else 1.0)


def _mixed(records: list[str], reports: set[str]) -> Iterable[tuple[str, str]]:
    return ((a, b) for a, b in combinations(records, 2) if (a in reports) != (b in reports))


def _pairs(sizes: Mapping[object, int]) -> int:
    return sum(n * (n - 1) // 2 for n in sizes.values())
