"""What a candidate would have changed in the last days: events gained, lost, and their leads.

Pure and deterministic: the same records, models and time give the same answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from core.records import Assessed, Assessment, Audience, Event, Post, Record, Report
from core.settings import Settings
from correlator.correlate import correlate
from correlator.freshness import Freshness
from correlator.model import PairModel
from nlp.reading import Subject
from nlp.run import audience_of, subject_of


class Assesses(Protocol):
    """What a replay needs of an assessor."""

    def assess(self, items: Sequence[Subject]) -> list[Assessment]:
        """One assessment an item, in order."""
        ...


@dataclass(frozen=True)
class Models:
    """What judges posts and what judges pairs."""

    posts: Assesses
    pairs: PairModel


class Difference(Record):
    """Flags of the running model and of the candidate, by events' posts.

    ``gained``, ``lost``: headlines are not kept, only ids of the first posts. ``ahead``: events
    known before the first report, and the sum of their leads in seconds, (running, candidate).
    """

    posts: int
    flagged: tuple[int, int]
    gained: tuple[str, ...]
    lost: tuple[str, ...]
    ahead: tuple[int, int]
    lead_s: tuple[float, float]


def replay(
    records: Sequence[Post | Report],
    running: Models,
    candidate: Models,
    settings: Settings,
    as_of: datetime,
) -> Difference:
    """Assess and correlate the same records with both models; open events alone are compared."""
    before, after = (_events(records, models, settings, as_of) for models in (running, candidate))
    flags = [{_first(e): e for e in events if _would_flag(e)} for events in (before, after)]
    ahead = [[e.lead_s for e in events if (e.lead_s or 0) > 0] for events in (before, after)]
    return Difference(
        posts=sum(isinstance(r, Post) for r in records),
        flagged=(len(flags[0]), len(flags[1])),
        gained=tuple(sorted(flags[1].keys() - flags[0].keys())),
        lost=tuple(sorted(flags[0].keys() - flags[1].keys())),
        ahead=(len(ahead[0]), len(ahead[1])),
        lead_s=(sum(x or 0.0 for x in ahead[0]), sum(x or 0.0 for x in ahead[1])),
    )


def _events(
    records: Sequence[Post | Report], models: Models, settings: Settings, as_of: datetime
) -> list[Event]:
    answers = models.posts.assess([subject_of(record) for record in records])
    assessed = [
        Assessed(subject=record, assessment=found, audience=audience_of(record, found, settings))
        for record, found in zip(records, answers, strict=True)
    ]
    events = correlate(
        assessed,
        settings=settings.correlator,
        model=models.pairs,
        as_of=as_of,
        freshness=Freshness.always(),
        incident_at=settings.nlp.incident_at,
    )
    return [event for event in events if event.audience is Audience.OPEN]


def _would_flag(event: Event) -> bool:
    return event.flagged


def _first(event: Event) -> str:
    return min(event.posts, key=lambda link: (link.at, link.id)).id
