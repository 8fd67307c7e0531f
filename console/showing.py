"""Notes when events first stood in the queue, without holding up the page that shows them."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime

from core.clock import Clock
from core.errors import StoreError
from core.records import Event
from store.protocol import Store

log = logging.getLogger(__name__)

FLUSH_S = 1.0
_REMEMBERED = 50_000
"""Versions that need no second look; one that is forgotten costs a write that changes nothing."""


class Showing:
    """Gathers what was shown and writes it once a second, all in one transaction."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._seen: OrderedDict[tuple[str, int], None] = OrderedDict()
        self._waiting: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def note(self, events: Iterable[Event]) -> None:
        """These events stand in somebody's queue now; from any thread."""
        now = self._clock.now()
        with self._lock:
            for event in events:
                key = (event.id, event.version)
                if key not in self._seen:
                    self._seen[key] = None
                    self._waiting.update((link.id, now) for link in (*event.posts, *event.reports))
            while len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)

    def flush(self) -> None:
        """Write what was gathered; what the store refuses is tried again."""
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        try:
            if waiting:
                self._store.mark_shown(waiting)
        except StoreError as error:
            log.error("what was shown could not be noted, it is tried again: %s", error)
            with self._lock:
                self._waiting = waiting | self._waiting

    def watch(self, stop: threading.Event) -> None:
        """Write every second until told to stop, and once more then."""
        while not stop.wait(FLUSH_S):
            self.flush()
        self.flush()
