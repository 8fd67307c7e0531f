"""Delivering the outbox: a thread that lives while something waits."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from core.errors import StoreAwayError, StoreError
from store.outbox import Outbox, Waiting

log = logging.getLogger(__name__)
BATCH = 256
REST_S = 2.0


class Delivery:
    """Hands what waits to ``deliver``, oldest first, until nothing does."""

    def __init__(self, outbox: Outbox, deliver: Callable[[list[Waiting]], None]) -> None:
        self._outbox = outbox
        self._deliver = deliver
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """See that what waits is being delivered."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, daemon=True, name="outbox")
                self._thread.start()

    def close(self) -> None:
        """Stop; what waits is delivered by the next process."""
        self._stop.set()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join()

    def once(self) -> int:
        """Deliver all that waits; raises StoreError when the cluster does not take it."""
        count = 0
        while batch := self._outbox.first(BATCH):
            self._deliver(batch)
            self._outbox.drop(batch)
            count += len(batch)
        return count

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                count = self.once()
            except StoreAwayError:
                self._stop.wait(REST_S)
                continue
            except StoreError as error:
                log.error("the outbox cannot be delivered: %s", error)
                self._stop.wait(10 * REST_S)
                continue
            if count:
                log.warning("%d records went from the outbox to Elasticsearch", count)
            return
