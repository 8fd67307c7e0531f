"""Writes what readers find: posts with their raw payload, deletions, and each source's ledger."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from core.clock import Clock
from core.coverage import Gap, Ledger, learn, silent_since, with_gap, without_gap
from core.inputs import MAX_KEPT, post_id
from core.lines import refused
from core.records import Outcome, Post, RawPost, Source
from crawlers.found import Found, deletion, derive
from store.coverage import keep_ledger, ledger_of
from store.protocol import ALL, Store

log = logging.getLogger(__name__)

QUIET = timedelta(minutes=2)
"""A pass that changed nothing but its own time is written down at most that often: a commit costs
more than the pass."""
CONFLICT = "another reader kept other content of the same version; look at both"


@dataclass
class Reading:
    """One pass over a source, from the ledger that the pass before left.

    ``newest``: native id of the newest item, to become the ledger's ``last_id``. ``problem``: why
    the pass failed. ``asked_s``: what the source asked for (Retry-After). ``progress``: what the
    reader wants back next time; kept only when the pass succeeds.
    """

    source: Source
    ledger: Ledger
    progress: dict[str, object]
    pages: int = 0
    new: int = 0
    edited: int = 0
    deleted: int = 0
    known: int = 0
    skipped: int = 0
    newest: str | None = None
    posted: list[datetime] = field(default_factory=list)
    found_gaps: list[Gap] = field(default_factory=list)
    filled_gaps: list[tuple[str, str]] = field(default_factory=list)
    problem: str | None = None
    asked_s: float | None = None
    ended: bool = False


@dataclass(frozen=True)
class CrawlSummary:
    """What one pass over a source brought."""

    source: str
    pages: int
    new: int
    edited: int
    deleted: int
    known: int
    problem: str | None = None

    @classmethod
    def of(cls, reading: Reading) -> CrawlSummary:
        """The summary of a pass that has ended."""
        return cls(
            source=reading.source.name,
            pages=reading.pages,
            new=reading.new,
            edited=reading.edited,
            deleted=reading.deleted,
            known=reading.known,
            problem=reading.problem,
        )

    def __str__(self) -> str:
        gone = f"{self.deleted} deletions, " if self.deleted else ""
        text = (
            f"{self.source}: {self.new} new posts, {self.edited} edits, {gone}{self.known} known, "
            f"{self.pages} pages"
        )
        return text if self.problem is None else f"{text}; {self.problem}"


class Keeper:
    """All that readers do with the store; a source has one keeper, which remembers its ledger.

    ``key`` makes authors' pseudonyms.

    ``accepted``: told of each new version, so that its photos and videos can be fetched.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        key: bytes,
        accepted: Callable[[Post], None] | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._key = key
        self._accepted = accepted
        self._ledgers: dict[str, Ledger] = {}
        self._written: dict[str, datetime] = {}

    def now(self) -> datetime:
        """The present time (UTC)."""
        return self._clock.now()

    def start(self, source: Source) -> Reading:
        """Begin a pass where the last complete one ended."""
        ledger = self._ledgers.get(source.name)
        if ledger is None:
            ledger = self._ledgers[source.name] = ledger_of(self._store, source.name)
            if ledger.last_ok_at is not None:
                self._written[source.name] = ledger.last_ok_at
        return Reading(source, ledger, dict(ledger.progress))

    def keep(self, reading: Reading, items: Sequence[Found], fetched_at: datetime) -> None:
        """Keep items in one transaction; known ones change nothing."""
        made: list[tuple[Post, RawPost | None]] = []
        for found in items:
            known = self.versions(reading.source, found.native_id)
            record = derive(
                found, known, source=reading.source, fetched_at=fetched_at, key=self._key
            )
            if record is None:
                reading.known += 1
            else:
                made.append(record)
        for (post, _), outcome in zip(made, self._store.accept_posts(made), strict=True):
            self._count(reading, post, outcome)

    def delete(self, reading: Reading, native_ids: Sequence[str], at: datetime) -> None:
        """Mark posts as deleted; unknown and marked ones change nothing."""
        marks = []
        for native_id in native_ids:
            known = self.versions(reading.source, native_id)
            mark = deletion(known, at=at, accepted_at=self.now())
            if mark is not None:
                marks.append(mark)
        outcomes = self._store.accept_posts([(mark, None) for mark in marks])
        reading.deleted += sum(outcome is Outcome.ACCEPTED for outcome in outcomes)

    def versions(self, source: Source, native_id: str) -> list[Post]:
        """What the store has of an item."""
        return self._store.post_versions(post_id(source.name, native_id), ALL)

    def finish(self, reading: Reading) -> None:
        """End a pass: progress moves only when it succeeded, and after its posts are kept."""
        reading.ended = True
        before, now = reading.ledger, self.now()
        after = before.model_copy(
            update={
                "posts": before.posts + reading.new,
                "edits": before.edits + reading.edited,
                "deletions": before.deletions + reading.deleted,
                "habit": learn(before.habit, reading.posted),
                "not_before": None
                if reading.asked_s is None
                else now + timedelta(seconds=reading.asked_s),
            }
        )
        if reading.problem is None:
            after = after.model_copy(
                update={
                    "last_id": reading.newest or before.last_id,
                    "last_ok_at": now,
                    "skipped": reading.skipped,
                    "failures": 0,
                    "problem": None,
                    "problem_since": None,
                    "progress": reading.progress,
                }
            )
            for gap in reading.found_gaps:
                after = with_gap(after, gap)
            for first, last in reading.filled_gaps:
                after = without_gap(after, first, last)
            if reading.new or reading.edited:
                log.info("source read: %d new posts, %d edits", reading.new, reading.edited)
        else:
            after = after.model_copy(
                update={
                    "failures": before.failures + 1,
                    "problem": reading.problem,
                    "problem_since": before.problem_since or now,
                }
            )
            log.warning("source %s: %s", reading.source.name, reading.problem)
        self._warn_of_silence(before, after, now)
        self._keep_ledger(before, after, now)

    def fail(self, reading: Reading, problem: str) -> None:
        """End a pass that failed; the first problem is the one that is shown."""
        reading.problem = reading.problem or problem
        self.finish(reading)

    def _warn_of_silence(self, before: Ledger, after: Ledger, now: datetime) -> None:
        """Once, when a source becomes silent against its own habit; status goes on saying so."""
        since = silent_since(after.habit, now)
        earlier = before.last_ok_at
        if since is None or earlier is None or silent_since(before.habit, earlier) is not None:
            return
        log.warning(
            "source %s is silent for longer than it ever used to be, since %s",
            after.source,
            since.isoformat(timespec="minutes"),
        )

    def _keep_ledger(self, before: Ledger, after: Ledger, now: datetime) -> None:
        name = after.source
        quiet = after.model_copy(update={"last_ok_at": before.last_ok_at}) == before
        if not quiet or now - self._written.get(name, now - QUIET) >= QUIET:
            keep_ledger(self._store, after)
            self._written[name] = now
        self._ledgers[name] = after

    def _count(self, reading: Reading, post: Post, outcome: Outcome) -> None:
        if outcome is Outcome.CONFLICT:
            self._set_aside(post)
            return
        if outcome is Outcome.REPEATED:
            reading.known += 1
            return
        if self._accepted is not None and post.media:
            self._accepted(post)
        if post.edited_at is None or not self._is_edit(reading, post):
            reading.new += 1
            reading.posted.append(post.posted_at)
        else:
            reading.edited += 1

    def _is_edit(self, reading: Reading, post: Post) -> bool:
        """Whether a version with a time of an edit is not the first that is known."""
        return len(self.versions(reading.source, post.native_id)) > 1

    def _set_aside(self, post: Post) -> None:
        record = post.model_dump_json().encode()  # the payload names people: it stays sealed
        item = refused(
            kind="post",
            where=f"{post.source}:{post.native_id}",
            problem=CONFLICT,
            record=record[:MAX_KEPT],
            size_bytes=len(record),
            at=self.now(),
            key=self._key,
        )
        self._store.set_aside([item])
