"""A source's place in the spider's round, and how a pass over it ends."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from core.records import Source
from crawlers.keeper import Keeper, Reading
from crawlers.pacing import Budgets
from crawlers.web import Ask, Pass, WebReader


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
