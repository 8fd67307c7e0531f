"""Assesses what the store holds unassessed and saves it, confidential where it has to be."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from core.clock import Clock
from core.ids import digest
from core.inputs import MAX_KEPT
from core.records import (
    Assessment,
    Audience,
    Category,
    Channel,
    Language,
    Post,
    Report,
    SetAside,
)
from core.settings import Settings
from nlp.assessor import subject_of_post, subject_of_report
from nlp.reading import Subject
from store.protocol import Store

logger = logging.getLogger(__name__)

NO_INCIDENT_BELOW = 0.05
"""A text about police corruption that is surely no incident (politics, statistics, a verdict in
the news) is public knowledge and stays open. See docs/evaluation.md for what this bound and
``nlp.confidential_at`` cost."""
REPORT_CONFIDENTIAL_AT = 0.5

Saved = Callable[[Sequence[tuple[Post | Report, Audience]]], object]
"""Told what was saved, with each record's audience."""


class Assesses(Protocol):
    """What this stage needs of an assessor."""

    id: str

    def assess(self, items: Sequence[Subject]) -> list[Assessment]:
        """One assessment an item, in order."""
        ...


def assess_pending(
    store: Store,
    assessor: Assesses,
    settings: Settings,
    clock: Clock,
    limit: int,
    *,
    on_saved: Saved | None = None,
) -> int:
    """Assess up to ``limit`` pending posts and reports, oldest first; how many were saved.

    An item that cannot be assessed is counted, set aside and given an assessment that says
    nothing, so that it is not tried for ever and nothing else waits for it.
    """
    pending = store.unassessed(limit)
    saved = 0
    for start in range(0, len(pending), settings.nlp.batch):
        batch = pending[start : start + settings.nlp.batch]
        judged = _assess(store, assessor, clock, batch)
        audiences = [
            audience_of(item, assessment, settings)
            for item, assessment in zip(batch, judged, strict=True)
        ]
        store.save_assessments(list(zip(judged, audiences, strict=True)), clock.now())
        if on_saved is not None:
            on_saved(list(zip(batch, audiences, strict=True)))
        saved += len(batch)
    return saved


def audience_of(item: Post | Report, assessment: Assessment, settings: Settings) -> Audience:
    """Who may read an item: internal security alone when it may be about police corruption."""
    if isinstance(item, Report) and (
        item.channel is Channel.INTERNAL_SECURITY or item.category is Category.POLICE_CORRUPTION
    ):
        return Audience.CONFIDENTIAL
    corruption = assessment.categories.get(Category.POLICE_CORRUPTION, 0.0)
    if isinstance(item, Report):
        # What an operator wrote down with an ordinary category must go on counting as known to
        # 102, so a report is hidden only when it more probably is about corruption than not.
        return Audience.CONFIDENTIAL if corruption >= REPORT_CONFIDENTIAL_AT else Audience.OPEN
    speaks_of_it = (
        assessment.category is Category.POLICE_CORRUPTION
        or corruption >= settings.nlp.confidential_at
    )
    if speaks_of_it and assessment.incident >= NO_INCIDENT_BELOW:
        return Audience.CONFIDENTIAL
    return Audience.OPEN


def subject_of(item: Post | Report) -> Subject:
    """What of a post or report is assessed."""
    return subject_of_report(item) if isinstance(item, Report) else subject_of_post(item)


def _assess(
    store: Store, assessor: Assesses, clock: Clock, batch: Sequence[Post | Report]
) -> list[Assessment]:
    try:
        return assessor.assess([subject_of(item) for item in batch])
    except Exception:
        # Not the traceback: its text may quote the post.
        logger.error("a batch of %d items failed; trying them one by one", len(batch))
    results: list[Assessment] = []
    failed: list[SetAside] = []
    for item in batch:
        try:
            results += assessor.assess([subject_of(item)])
        except Exception as error:
            logger.error("item %s was set aside: %s", item.id, type(error).__name__)
            failed.append(_set_aside(item, error, clock))
            results.append(nothing_known(item, assessor.id))
    store.set_aside(failed)
    return results


def _set_aside(item: Post | Report, error: Exception, clock: Clock) -> SetAside:
    data = item.text.encode("utf-8", "surrogatepass")
    return SetAside(
        id=digest("assessment", item.id, type(error).__name__),
        kind="assessment",
        where=f"{'report' if isinstance(item, Report) else 'post'} {item.id}",
        problem=f"could not be assessed: {type(error).__name__}",
        at=clock.now(),
        size_bytes=len(data),
        record=data[:MAX_KEPT],
    )


def nothing_known(item: Post | Report, assessor: str) -> Assessment:
    """An assessment that says nothing: incident at even odds, so that a person looks at it."""
    even = 1 / len(Category)
    category = item.category if isinstance(item, Report) and item.category else Category.NONE
    return Assessment(
        subject=item.id,
        version=item.version if isinstance(item, Post) else 1,
        assessor=f"{assessor} failed",
        language=Language.OTHER,
        incident=0.0 if isinstance(item, Post) else 0.5,
        category=category,
        categories=dict.fromkeys(Category, even),
        urgency=0.0,
    )
