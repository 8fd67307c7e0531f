"""Requests for the photos and videos of kept posts, few at a time."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

from scrapy import Request
from scrapy.http import Response

from core.errors import OqigaError
from crawlers.faults import explain
from crawlers.media_queue import MediaQueue, Wanted
from crawlers.pacing import Budgets
from crawlers.web import host_name

if TYPE_CHECKING:
    from twisted.python.failure import Failure

log = logging.getLogger(__name__)

MEDIA_AT_ONCE = 4


class MediaRequests:
    """Asks for what the queue holds, within the hosts' budgets."""

    def __init__(self, queue: MediaQueue, budgets: Budgets) -> None:
        self._queue = queue
        self._budgets = budgets
        self._fetching: set[str] = set()

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is under way."""
        return not self._fetching and self._queue.first() is None

    def due(self) -> Iterator[Request]:
        """Photos and videos of kept posts, few at a time, within their hosts' budgets."""
        held = 0
        while len(self._fetching) < MEDIA_AT_ONCE and held < MEDIA_AT_ONCE:
            wanted = self._queue.take()
            if wanted is None:
                return
            host = host_name(wanted.url)
            if wanted.url in self._fetching or self._budgets.wait_s(host) > 0:
                self._queue.put_back(wanted)
                held += 1
                continue
            self._budgets.spend(host)
            self._fetching.add(wanted.url)
            yield Request(
                wanted.url,
                callback=self.answered,
                errback=self.failed,
                dont_filter=True,
                priority=-10,
                cb_kwargs={"wanted": wanted},
                meta={
                    "turn": None,
                    "wanted": wanted,
                    "download_maxsize": self._queue.keeper.limit(wanted.ref),
                },
            )

    def answered(self, response: Response, wanted: Wanted) -> None:
        """Keep what an address gave."""
        self._fetching.discard(wanted.url)
        try:
            self._queue.keeper.keep(wanted.post, wanted.url, response.body)
        except (OqigaError, OSError) as error:
            log.error("a photo or video could not be kept: %s", error)

    def failed(self, failure: Failure) -> None:
        """Note that an address gave nothing; it is tried again after the next start."""
        wanted = failure.request.meta["wanted"]  # type: ignore[attr-defined]
        self._fetching.discard(wanted.url)
        self._queue.keeper.failed(wanted.post, wanted.url, explain(failure.value))
