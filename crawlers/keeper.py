"""Writes what readers find: posts with their raw payload, cursors, and how each source fares."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.clock import Clock
from core.inputs import MAX_KEPT, post_id
from core.lines import refused
from core.records import Outcome, Post, RawPost, Source
from crawlers.telegram_page import Message
from crawlers.telegram_posts import derive
from store.protocol import ALL, Store

log = logging.getLogger(__name__)

CONFLICT = "another reader kept other content of the same version; look at both"


@dataclass
class Reading:
    """One pass over a source. ``since``: newest number of the passes before, ``None`` at first.

    ``gap``: first and last number that were not reached. ``problem``: why the pass failed.
    """

    source: Source
    since: int | None
    pages: int = 0
    lowest: int | None = None
    highest: int | None = None
    new: int = 0
    edited: int = 0
    known: int = 0
    skipped: int = 0
    problem: str | None = None
    gap: tuple[int, int] | None = None
    asked_s: float | None = None
    ended: bool = False


@dataclass(frozen=True)
class CrawlSummary:
    """What one pass over a source brought."""

    source: str
    pages: int
    new: int
    edited: int
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
            known=reading.known,
            problem=reading.problem,
        )

    def __str__(self) -> str:
        text = (
            f"{self.source}: {self.new} new posts, {self.edited} edits, {self.known} known, "
            f"{self.pages} pages"
        )
        return text if self.problem is None else f"{text}; {self.problem}"


class Keeper:
    """All that readers do with the store."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def now(self) -> datetime:
        """The present time (UTC)."""
        return self._clock.now()

    def start(self, source: Source) -> Reading:
        """Begin a pass where the last complete one ended."""
        cursor = self._store.note(f"cursor:{source.name}")
        return Reading(source, None if cursor is None else int(cursor))

    def keep(
        self, reading: Reading, messages: Sequence[Message], fetched_at: datetime, media_type: str
    ) -> None:
        """Keep a page's messages in one transaction; known ones change nothing."""
        items: list[tuple[Post, RawPost | None]] = []
        for message in messages:
            name = post_id(reading.source.name, message.native_id)
            known = self._store.post_versions(name, ALL)
            made = derive(
                message,
                known,
                source=reading.source,
                fetched_at=fetched_at,
                media_type=media_type,
            )
            if made is None:
                reading.known += 1
                continue
            items.append(made)
        for (post, raw), outcome in zip(items, self._store.accept_posts(items), strict=True):
            if outcome is Outcome.CONFLICT:
                self._set_aside(post, raw)
            elif outcome is Outcome.REPEATED:
                reading.known += 1
            elif post.edited_at is None:
                reading.new += 1
            else:
                reading.edited += 1

    def finish(self, reading: Reading) -> None:
        """End a pass: the cursor moves only when it succeeded, and after its posts are kept."""
        reading.ended = True
        name = reading.source.name
        before = self.status(name)
        last = max((n for n in (reading.highest, reading.since) if n is not None), default=None)
        if reading.problem is None and last is not None:
            self._store.put_note(f"cursor:{name}", str(last))
        ok = reading.problem is None
        gap = before.get("gap") if reading.gap is None else f"{reading.gap[0]}-{reading.gap[1]}"
        status = {
            "last_ok": self.now().isoformat() if ok else before.get("last_ok"),
            "last_id": last if ok else before.get("last_id"),
            "posts": int(before.get("posts") or 0) + reading.new,
            "edits": int(before.get("edits") or 0) + reading.edited,
            "skipped": reading.skipped or None,
            "gap": gap,
            "failures": None if ok else int(before.get("failures") or 0) + 1,
            "problem": reading.problem,
        }
        self._store.put_note(f"source:{name}", json.dumps(status, ensure_ascii=False))
        if ok:
            log.info("source read: %d new posts, %d edits", reading.new, reading.edited)
        else:
            log.warning("source %s: %s", name, reading.problem)

    def fail(self, reading: Reading, problem: str) -> None:
        """End a pass that failed; the first problem is the one that is shown."""
        reading.problem = reading.problem or problem
        self.finish(reading)

    def status(self, name: str) -> dict[str, Any]:
        """How a source fared: last_ok, last_id, posts, edits, skipped, gap, failures, problem."""
        note = self._store.note(f"source:{name}")
        return {} if note is None else dict(json.loads(note))

    def _set_aside(self, post: Post, raw: RawPost | None) -> None:
        record = raw.payload if raw is not None else b""
        item = refused(
            kind="post",
            where=f"{post.source}:{post.native_id}",
            problem=CONFLICT,
            record=record[:MAX_KEPT],
            size_bytes=len(record),
            at=self.now(),
        )
        self._store.set_aside([item])
