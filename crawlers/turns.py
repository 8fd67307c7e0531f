"""A source's place in the spider's round, and how a pass over it ends."""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

from core.errors import OqigaError
from core.records import Source
from crawlers.keeper import Keeper, Reading
from crawlers.pacing import Budgets
from crawlers.web import Ask, Pass, Step, WebReader

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """A source with its reader and its host."""

    source: Source
    reader: WebReader
    host: str


@dataclass
class Turn:
    """A source's place in the round. ``due_s``: monotonic seconds. ``open``: asks under way.

    ``requests``: of the last pass, its cost for the schedule. ``validators``: ETag and
    Last-Modified of the newest answer, kept with the pass.
    """

    job: Job
    due_s: float = 0.0
    failures: int = 0
    interval_s: float = 60.0
    rate_per_s: float | None = None
    cost: float = 1.0
    requests: int = 0
    open: int = 0
    reading: Reading | None = None
    work: Pass | None = None
    waiting: deque[Ask] = field(default_factory=deque)
    retry_after_s: float | None = None


def settle(
    turn: Turn,
    reading: Reading,
    step: Step,
    fetched_at: datetime,
    *,
    keeper: Keeper,
    budgets: Budgets,
) -> None:
    """Keep what an answer brought; the last answer of a pass, or a problem, ends it.

    A fault of the store ends the pass as failed, and the next pass repeats it. An answer to a pass
    that has ended changes nothing.
    """
    if reading is not turn.reading or reading.ended:
        return
    try:
        if step.found:
            keeper.keep(reading, step.found, fetched_at)
        reading.known += step.known
        if step.gone:
            keeper.delete(reading, step.gone, fetched_at)
        turn.open -= 1
        if reading.problem is not None or turn.open <= 0:
            end_pass(turn, keeper, budgets)
    except OqigaError as error:
        reading.problem = f"the store refused the posts: {error}"
        reading.ended = True
        log.error("the posts of an answer could not be kept: %s", error)


def end_pass(turn: Turn, keeper: Keeper, budgets: Budgets) -> None:
    """Write the ledger of a pass; what its host asks for is obeyed by all sources on it."""
    reading, work = turn.reading, turn.work
    if reading is None or work is None or reading.ended:
        return
    reading.pages, reading.skipped, reading.newest = work.pages, work.skipped, work.newest
    reading.found_gaps, reading.progress = work.gaps, work.progress
    reading.asked_s = _longest(work.asked_s, turn.retry_after_s if reading.problem else None)
    if reading.asked_s is not None:
        budgets.hold(turn.job.host, reading.asked_s)
    turn.open = 0
    turn.waiting.clear()
    keeper.finish(reading)


def _longest(*waits: float | None) -> float | None:
    return max((wait for wait in waits if wait is not None), default=None)
