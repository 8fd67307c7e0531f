"""The completeness ledger: what each source gave, what was missed, and since when. Pure.

A gap is a stretch of native ids that the source has, or had, and that was not read. A blind spot
is whatever a person has to know before saying "nothing was published": a gap, a source that
cannot be read, one that never was, one that is silent against its own habit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import Field

from core.records import Record, UtcDatetime

KEPT_GAPS = 50
"""Open gaps that are listed one by one; older ones are counted in ``gaps_dropped``."""
HABIT_HALF_LIFE = timedelta(days=3)
"""Long enough for a channel's night, short enough for a channel that changes its ways."""
SILENCE_FACTOR = 2.0
SILENCE_POSTS = 8.0
"""A source is silent when twice its longest usual pause has passed, and at least as long as 8 of
its posts take on average: by chance that is seen about once in 3,000 (e^-8) such pauses."""
FIRST_HABIT = 20
"""Posts before a source has a habit."""


class Gap(Record):
    """Native ids, both ends included, that were not read. ``missing``: how many, if known."""

    first: str
    last: str
    found_at: UtcDatetime
    why: str
    missing: int | None = Field(default=None, ge=0)


class Habit(Record):
    """How often a source posts: decayed counts, so that old days weigh less.

    ``posts`` and ``seconds`` decay with ``HABIT_HALF_LIFE``; ``pause_s`` is the longest usual
    pause between two posts, decaying likewise.
    """

    posts: float = Field(default=0.0, ge=0)
    seconds: float = Field(default=0.0, ge=0)
    pause_s: float = Field(default=0.0, ge=0)
    seen: int = Field(default=0, ge=0)
    last_post_at: UtcDatetime | None = None

    @property
    def rate_per_s(self) -> float | None:
        """Posts a second, ``None`` before there is any measure."""
        return self.posts / self.seconds if self.seconds > 0 and self.posts > 0 else None


class Ledger(Record):
    """How one source fares. Times are UTC.

    ``last_id``: newest native id read. ``progress``: what the reader wants back next time
    (cursors, ETag). ``problem``: why the last pass failed, since ``problem_since``, after
    ``failures`` failures in a row. ``skipped``: items of the last pass that could not be read.
    """

    source: str
    last_id: str | None = None
    last_ok_at: UtcDatetime | None = None
    posts: int = 0
    edits: int = 0
    deletions: int = 0
    skipped: int = 0
    gaps: tuple[Gap, ...] = ()
    gaps_found: int = 0
    gaps_filled: int = 0
    gaps_dropped: int = 0
    failures: int = 0
    problem: str | None = None
    problem_since: UtcDatetime | None = None
    not_before: UtcDatetime | None = None
    habit: Habit = Habit()
    progress: dict[str, object] = Field(default_factory=dict)


class SpotKind(StrEnum):
    """Why something was not seen."""

    UNREADABLE = "unreadable"
    GAP = "gap"
    OLDER_GAPS = "older_gaps"
    SKIPPED = "skipped"
    SILENT = "silent"
    NEVER_READ = "never_read"


class BlindSpot(Record):
    """Something that was, or is, not seen. ``since``: start, where it is known.

    ``what`` says it in English; ``count`` and ``detail`` are what another language needs to say
    it: failures, ids, gaps or items, and the problem or the stretch of ids.
    """

    source: str
    since: UtcDatetime | None
    what: str
    kind: SpotKind
    count: int | None = None
    detail: str = ""


def learn(habit: Habit, posted: Sequence[datetime]) -> Habit:
    """The habit after new posts, in any order; posts older than the last known are only counted."""
    for at in sorted(posted):
        last = habit.last_post_at
        if last is None or at <= last:
            habit = habit.model_copy(
                update={"seen": habit.seen + 1, "last_post_at": last if last is not None else at}
            )
            continue
        pause_s = (at - last).total_seconds()
        fade = math.pow(0.5, pause_s / HABIT_HALF_LIFE.total_seconds())
        habit = Habit(
            posts=habit.posts * fade + 1.0,
            seconds=habit.seconds * fade + pause_s,
            pause_s=max(habit.pause_s * fade, pause_s),
            seen=habit.seen + 1,
            last_post_at=at,
        )
    return habit


def silent_since(habit: Habit, now: datetime) -> datetime | None:
    """Time of the last post when the source is silent against its own habit, else ``None``."""
    rate, last = habit.rate_per_s, habit.last_post_at
    if rate is None or last is None or habit.seen < FIRST_HABIT:
        return None
    silent_s = (now - last).total_seconds()
    usual_s = max(SILENCE_FACTOR * habit.pause_s, SILENCE_POSTS / rate)
    return last if silent_s > usual_s else None


def with_gap(ledger: Ledger, gap: Gap) -> Ledger:
    """The ledger with one more gap; the same stretch again changes nothing."""
    if any((known.first, known.last) == (gap.first, gap.last) for known in ledger.gaps):
        return ledger
    gaps = (*ledger.gaps, gap)
    dropped = max(0, len(gaps) - KEPT_GAPS)
    return ledger.model_copy(
        update={
            "gaps": gaps[dropped:],
            "gaps_found": ledger.gaps_found + 1,
            "gaps_dropped": ledger.gaps_dropped + dropped,
        }
    )


def without_gap(ledger: Ledger, first: str, last: str) -> Ledger:
    """The ledger after a gap was filled; an unknown stretch changes nothing."""
    gaps = tuple(gap for gap in ledger.gaps if (gap.first, gap.last) != (first, last))
    if len(gaps) == len(ledger.gaps):
        return ledger
    return ledger.model_copy(update={"gaps": gaps, "gaps_filled": ledger.gaps_filled + 1})


def blind_spots(ledger: Ledger, now: datetime) -> list[BlindSpot]:
    """What a person has to know of a source before trusting its silence."""
    name, spots = ledger.source, []
    if ledger.problem is not None:
        spots.append(
            BlindSpot(
                source=name,
                since=ledger.last_ok_at or ledger.problem_since,
                what=f"cannot be read ({ledger.failures} times in a row): {ledger.problem}",
                kind=SpotKind.UNREADABLE,
                count=ledger.failures,
                detail=ledger.problem,
            )
        )
    for gap in ledger.gaps:
        count = "" if gap.missing is None else f", {gap.missing} ids"
        spots.append(
            BlindSpot(
                source=name,
                since=gap.found_at,
                what=f"not read from {gap.first} to {gap.last}{count}: {gap.why}",
                kind=SpotKind.GAP,
                count=gap.missing,
                detail=f"{gap.first}–{gap.last}: {gap.why}",
            )
        )
    if ledger.gaps_dropped:
        spots.append(
            BlindSpot(
                source=name,
                since=None,
                what=f"{ledger.gaps_dropped} older gaps stay open",
                kind=SpotKind.OLDER_GAPS,
                count=ledger.gaps_dropped,
            )
        )
    if ledger.skipped:
        spots.append(
            BlindSpot(
                source=name,
                since=ledger.last_ok_at,
                what=f"{ledger.skipped} items of the last reading could not be understood",
                kind=SpotKind.SKIPPED,
                count=ledger.skipped,
            )
        )
    silent = silent_since(ledger.habit, now)
    if silent is not None and ledger.problem is None:
        spots.append(
            BlindSpot(
                source=name,
                since=silent,
                what="silent for longer than it ever used to be",
                kind=SpotKind.SILENT,
            )
        )
    return spots


def never_read(source: str) -> BlindSpot:
    """The blind spot of a source without a ledger."""
    return BlindSpot(source=source, since=None, what="never read", kind=SpotKind.NEVER_READ)
