"""Media follow their record: from the pending shelf to that of the record's audience."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import timedelta

from core.clock import Clock
from core.records import Audience, Post, Report
from core.settings import Settings
from media.files import MEDIA_FOLDER, MediaFiles, Shelf
from store.protocol import ALL, Store

log = logging.getLogger(__name__)
LOOK_BACK = timedelta(days=7)
SHELVES = {
    Audience.OPEN: Shelf.OPEN,
    Audience.CONFIDENTIAL: Shelf.CONFIDENTIAL,
}


class Shelving:
    """Moves the files of records once their audience is known."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._files = MediaFiles(settings.under_home(MEDIA_FOLDER))

    def settle(self, records: Iterable[tuple[Post | Report, Audience]]) -> int:
        """Move what lies on the pending shelf; returns how many files were moved.

        A content that another pending record has too stays for it. Repeating changes nothing.
        """
        moves = [
            (item.digest, SHELVES[audience])
            for record, audience in records
            if audience in SHELVES
            for item in record.media
            if item.digest is not None and self._files.has(item.digest, Shelf.PENDING)
        ]
        if not moves:
            return 0
        waiting = {
            item.digest for record in self._store.unassessed(100_000) for item in record.media
        }
        for digest, shelf in moves:
            self._files.move(digest, Shelf.PENDING, shelf, keep_source=digest in waiting)
        return len(moves)

    def repair(self, clock: Clock) -> None:
        """Settle what a kill between saving and moving left behind."""
        moved = self.settle(
            (found.subject, found.audience)
            for found in self._store.window(clock.now() - LOOK_BACK, ALL)
        )
        if moved:
            log.info("%d media files followed their records after a restart", moved)
