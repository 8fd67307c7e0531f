"""Media follow their record: from the pending shelf to that of the record's audience."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import timedelta

from core.clock import Clock
from core.records import Audience, Post, Report
from core.settings import Settings
from media.files import Shelf
from media.index import Use
from media.keeping import SHELVES, MediaKeeper
from store.protocol import ALL, Store

log = logging.getLogger(__name__)
LOOK_BACK = timedelta(days=7)


class Shelving:
    """Moves the files of records once their audience is known."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._keeper = MediaKeeper(store, settings)
        self._files = self._keeper.files

    def settle(self, records: Iterable[tuple[Post | Report, Audience]]) -> int:
        """Move what lies on the pending shelf; returns how many files were moved.

        A content that another pending record has too stays for it. Repeating changes nothing.
        """
        moved = 0
        for record, audience in records:
            if audience in SHELVES and record.media:
                self._note(record)
                moved += self._keeper.settle(record.id, SHELVES[audience])
        return moved

    def _note(self, record: Post | Report) -> None:
        """What a record names by its content (the 102 side's files) is noted where it lies."""
        for item in record.media:
            if item.digest is not None and self._files.has(item.digest, Shelf.PENDING):
                use = Use(
                    record.id,
                    f"content:{item.digest}",
                    item.digest,
                    item.media_type,
                    item.size_bytes,
                )
                self._keeper.index.put(use, Shelf.PENDING)

    def repair(self, clock: Clock) -> None:
        """Settle what a kill between saving and moving left behind."""
        moved = self.settle(
            (found.subject, found.audience)
            for found in self._store.window(clock.now() - LOOK_BACK, ALL)
        )
        if moved:
            log.info("%d media files followed their records after a restart", moved)
