"""The audit sample: a few posts that were not flagged, so that recall is estimated, not guessed.

Pure. Posts are drawn by strata of the model's own probability, each with a known chance, so that
the sample may prefer what the model is unsure of and still be unbiased (Horvitz and Thompson 1952).
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterable
from dataclasses import dataclass

from core.ids import digest
from core.records import Event, Record

UNSURE_FROM = 0.1
"""Below this the model is sure that a post is no incident."""
UNSURE_SHARE = 0.5
"""At most this share of a sample is drawn from what the model is least sure about."""
SIZE = 6
"""Posts a shift: a minute of work."""
DRAWS = 4_000
SEED = 102


class Drawn(Record):
    """An unflagged event to be judged. ``drawn`` of the ``of`` events of its stratum."""

    event: str
    stratum: str
    drawn: int
    of: int

    @property
    def stands_for(self) -> float:
        """How many events this one speaks for."""
        return self.of / self.drawn


@dataclass(frozen=True)
class Stratum:
    """Outcome of one stratum: ``incidents`` among the ``judged`` of ``of`` events."""

    of: int
    judged: int
    incidents: int


@dataclass(frozen=True)
class Recall:
    """Share of the real incidents that were flagged, with its 95 % interval."""

    estimate: float
    low: float
    high: float
    audited: int


def draw(events: Iterable[Event], seed: str, size: int = SIZE) -> list[Drawn]:
    """A sample of events that nobody was shown. The same events and seed give the same sample.

    An event's rank is a digest of seed and id: as good as chance, whatever the order, and of a
    shift's half million events only a handful is in memory.
    """
    counts = {"unsure": 0, "sure": 0}
    first: dict[str, list[tuple[str, str]]] = {"unsure": [], "sure": []}
    for event in events:
        if event.flagged or event.decided is not None or event.reports or not event.posts:
            continue
        stratum = "unsure" if event.incident >= UNSURE_FROM else "sure"
        counts[stratum] += 1
        first[stratum] = heapq.nsmallest(
            size, [*first[stratum], (digest(seed, event.id), event.id)]
        )
    wanted = {"unsure": min(counts["unsure"], int(size * UNSURE_SHARE))}
    wanted["sure"] = min(counts["sure"], size - wanted["unsure"])
    return [
        Drawn(event=event_id, stratum=stratum, drawn=wanted[stratum], of=counts[stratum])
        for stratum, ranked in first.items()
        for _, event_id in ranked[: wanted[stratum]]
    ]


def recall(flagged_right: int, strata: Iterable[Stratum]) -> Recall | None:
    """Recall from the confirmed flags and the audited strata; ``None`` before any was audited.

    Each stratum's share of incidents has a beta posterior with Jeffreys' prior; the interval is
    that of what the draws together leave unseen.
    """
    judged = [s for s in strata if s.judged]
    if not judged:
        return None
    rng = random.Random(SEED)  # noqa: S311 - the same figures on every run
    missed = sum(s.of * s.incidents / s.judged for s in judged)
    found = []
    for _ in range(DRAWS):
        unseen = sum(
            s.of * rng.betavariate(s.incidents + 0.5, s.judged - s.incidents + 0.5) for s in judged
        )
        found.append(flagged_right / (flagged_right + unseen) if flagged_right + unseen else 0.0)
    found.sort()
    total = flagged_right + missed
    return Recall(
        estimate=flagged_right / total if total else 0.0,
        low=found[int(0.025 * DRAWS)],
        high=found[int(0.975 * DRAWS)],
        audited=sum(s.judged for s in judged),
    )
