"""The one Scrapy spider of all web sources.

It holds each source's place in the round and does the requests: conditional where the server gave
an ETag, within the hosts' budgets, answers to the readers, items to the keeper. What is asked next
and what an answer means is the readers' business.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import scrapy
from scrapy import Request, signals
from scrapy.http import Response, TextResponse

from core.errors import OqigaError, SourceError
from crawlers.faults import explain
from crawlers.keeper import Keeper, Reading
from crawlers.media_queue import MediaQueue
from crawlers.media_requests import MediaRequests
from crawlers.pacing import BURST_SHARE, Budgets
from crawlers.pipeline import Items
from crawlers.schedule import Load, schedule_s
from crawlers.timing import next_wait_s, retry_after_s
from crawlers.turns import Job, Turn, end_pass, settle
from crawlers.web import Answer, Ask, Pass, Step, host_name

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from twisted.python.failure import Failure

log = logging.getLogger(__name__)

TICK_S = 0.1
REPLAN_S = 60.0
NOT_MODIFIED = 304
TOO_MANY = 429
ERROR_STATUSES = [NOT_MODIFIED, 400, 401, 403, 404, 429, 500, 503]
"""Of an API: its errors are answers too."""


class OqigaSpider(scrapy.Spider):
    """Reads each source once, or each again when its turn comes, until told to stop."""

    name = "oqiga"

    def __init__(
        self,
        *,
        jobs: Sequence[Job],
        keeper: Keeper,
        budgets: Budgets,
        per_hour: Callable[[str], float],
        longest_s: float,
        stop: threading.Event,
        once: bool,
        media: MediaQueue | None = None,
    ) -> None:
        super().__init__()
        self._media = None if media is None else MediaRequests(media, budgets)
        self.keeper = keeper
        self.budgets = budgets
        self.readings: list[Reading] = []
        self._per_hour = per_hour
        self._longest_s = longest_s
        self._stop = stop
        self._once = once
        self._turns = [Turn(job) for job in jobs]
        self._planned_s = float("-inf")

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> OqigaSpider:
        """Also listens for faults of the parser, and for requests that Scrapy makes by itself."""
        spider: OqigaSpider = super().from_crawler(crawler, *args, **kwargs)
        crawler.signals.connect(spider.parser_failed, signal=signals.spider_error)
        crawler.signals.connect(spider.sent, signal=signals.request_reached_downloader)
        return spider

    async def start(self) -> AsyncIterator[Request]:
        """Requests of the sources that are due, within the hosts' budgets."""
        for turn in self._turns:
            self._recall(turn)
        while not self._stop.is_set():
            self._plan()
            for turn in self._turns:
                for request in self._due(turn):
                    yield request
            for request in () if self._media is None else self._media.due():
                yield request
            if self._once and self._all_done():
                return
            await asyncio.sleep(TICK_S)

    # -- whose turn it is --------------------------------------------------------------------------

    def _recall(self, turn: Turn) -> None:
        """A wait that the host asked for holds after a restart too."""
        ledger = self.keeper.start(turn.job.source).ledger
        turn.rate_per_s = ledger.habit.rate_per_s
        turn.interval_s = turn.job.source.interval_s
        if ledger.not_before is not None:
            left_s = (ledger.not_before - self.keeper.now()).total_seconds()
            turn.due_s = time.monotonic() + max(0.0, left_s)

    def _plan(self) -> None:
        """Share each host's budget among its sources by how often they post."""
        if time.monotonic() - self._planned_s < REPLAN_S:
            return
        self._planned_s = time.monotonic()
        loads = {
            turn.job.source.name: Load(
                turn.rate_per_s,
                turn.cost,
                shortest_s=turn.job.source.interval_s,
                longest_s=max(self._longest_s, turn.job.source.interval_s),
            )
            for turn in self._turns
        }
        hosts = {turn.job.source.name: turn.job.host for turn in self._turns}
        flows = {
            host: self._per_hour(host) * (1 - BURST_SHARE) / 3600 for host in set(hosts.values())
        }
        chosen = schedule_s(hosts, loads, flows)
        for turn in self._turns:
            turn.interval_s = chosen[turn.job.source.name]

    def _due(self, turn: Turn) -> Iterator[Request]:
        now_s = time.monotonic()
        if turn.reading is not None and turn.reading.ended:
            self._close(turn, now_s)
        if turn.reading is None:
            if now_s < turn.due_s or self.budgets.wait_s(turn.job.host) > 0:
                return
            self._open(turn)
        while turn.waiting and self.budgets.wait_s(host_name(turn.waiting[0].url)) <= 0:
            yield self._request(turn, turn.waiting.popleft())

    def _open(self, turn: Turn) -> None:
        source = turn.job.source
        turn.reading = self.keeper.start(source)
        turn.requests, turn.open, turn.retry_after_s = 0, 0, None
        turn.work = Pass(source, dict(turn.reading.progress), turn.reading.ledger.last_id)
        if self._once:
            self.readings.append(turn.reading)
        try:
            self._ask(turn, turn.job.reader.start(source, turn.work.progress))
        except OqigaError as error:
            self.keeper.fail(turn.reading, str(error))

    def _close(self, turn: Turn, now_s: float) -> None:
        reading = turn.reading
        assert reading is not None  # noqa: S101 - the caller has looked
        if self._once:
            return
        turn.failures = turn.failures + 1 if reading.problem else 0
        turn.cost += 0.2 * (max(1, turn.requests) - turn.cost)
        turn.rate_per_s = reading.ledger.habit.rate_per_s
        turn.due_s = now_s + next_wait_s(turn.interval_s, turn.failures, reading.asked_s)
        turn.reading = turn.work = None
        turn.waiting.clear()

    def _all_done(self) -> bool:
        read = all(turn.reading and turn.reading.ended for turn in self._turns)
        return read and (self._media is None or self._media.idle)

    # -- requests ----------------------------------------------------------------------------------

    def _ask(self, turn: Turn, asks: Sequence[Ask]) -> None:
        turn.open += len(asks)
        turn.waiting.extend(asks)

    def _request(self, turn: Turn, ask: Ask) -> Request:
        header = dict(ask.header)
        if ask.conditional and turn.work is not None:
            for name, given in (("If-None-Match", "etag"), ("If-Modified-Since", "modified")):
                value = turn.work.progress.get(given)
                if isinstance(value, str):
                    header[name] = value
        self.budgets.spend(host_name(ask.url))
        turn.requests += 1
        return Request(
            ask.url,
            callback=self.answered,
            errback=self.failed,
            headers=header,
            dont_filter=True,
            cb_kwargs={"turn": turn, "ask": ask, "reading": turn.reading},
            meta={
                "turn": turn,
                "ask": ask,
                "reading": turn.reading,
                "handle_httpstatus_list": ERROR_STATUSES if ask.any_status else [NOT_MODIFIED],
            },
        )

    def sent(self, request: Request) -> None:
        """Retries, redirects and robots.txt count against the budget too."""
        meta = request.meta
        if "turn" not in meta or meta.get("retry_times") or meta.get("redirect_times"):
            self.budgets.spend(host_name(request.url))

    def answered(
        self, response: Response, turn: Turn, ask: Ask, reading: Reading
    ) -> tuple[Items, ...]:
        """An answer's items; what is to be asked next waits for its turn."""
        work = turn.work
        if work is None or reading is not turn.reading or reading.ended:
            return ()  # the pass has ended by a failure of another of its requests
        now = self.keeper.now()
        turn.retry_after_s = _patience(response, turn, self.keeper.now())
        try:
            if response.status == NOT_MODIFIED:
                step = Step()
            else:
                answer = _answer(response, ask, now)
                step = turn.job.reader.read(work, answer)
                if ask.conditional:
                    self._validate(work, response)
                self._ask(turn, step.asks)
        except SourceError as error:
            step = Step()
            self._blame(turn, ask, str(error))
        if step.found or step.gone:
            return (Items(turn, reading, step, now),)
        # Most answers bring nothing new: they need no pipeline.
        settle(turn, reading, step, now, keeper=self.keeper, budgets=self.budgets)
        return ()

    def failed(self, failure: Failure) -> tuple[Items, ...]:
        """An answer that could not be had ends the pass, or costs one item."""
        request = failure.request  # type: ignore[attr-defined]
        turn, ask, reading = request.meta["turn"], request.meta["ask"], request.meta["reading"]
        if reading is not turn.reading or reading.ended:
            return ()
        response = getattr(failure.value, "response", None)
        if response is not None:
            turn.retry_after_s = _patience(response, turn, self.keeper.now())
        self._blame(turn, ask, explain(failure.value))
        return (Items(turn, reading, Step(), self.keeper.now()),)

    def parser_failed(self, failure: Failure, response: Response | None, spider: Any) -> None:
        """An error of our own ends the pass; Scrapy has logged where."""
        del spider
        turn = response.meta.get("turn") if response is not None else None
        if turn is not None and turn.reading is not None and not turn.reading.ended:
            turn.reading.problem = (
                f"the answer could not be understood: {type(failure.value).__name__}"
            )
            end_pass(turn, self.keeper, self.budgets)

    def _blame(self, turn: Turn, ask: Ask, problem: str) -> None:
        assert turn.reading is not None  # noqa: S101 - the callers have looked
        if ask.optional and turn.work is not None:
            turn.work.skipped += 1
            log.info("source %s: one item could not be read: %s", turn.job.source.name, problem)
        else:
            turn.reading.problem = turn.reading.problem or problem

    def _validate(self, work: Pass, response: Response) -> None:
        for header, name in (("ETag", "etag"), ("Last-Modified", "modified")):
            value = response.headers.get(header)
            work.progress[name] = None if value is None else value.decode("latin-1")


def _answer(response: Response, ask: Ask, now: datetime) -> Answer:
    kind = (response.headers.get("Content-Type") or b"").decode("latin-1")
    header: Mapping[str, str] = {
        name.decode("latin-1").lower(): values[-1].decode("latin-1")
        for name, values in response.headers.items()
        if values
    }
    return Answer(
        ask=ask,
        url=response.url,
        status=response.status,
        body=response.body,
        encoding=response.encoding if isinstance(response, TextResponse) else "utf-8",
        media_type=kind.partition(";")[0].strip().lower()[:80] or "text/html",
        at=now,
        header=header,
    )


def _patience(response: Response, turn: Turn, now: datetime) -> float | None:
    """Seconds for which the host wants no requests; a 429 that does not say it doubles the wait."""
    header = response.headers.get("Retry-After")
    asked_s = retry_after_s(header.decode("latin-1") if header else None, now)
    if asked_s is None and response.status == TOO_MANY:
        return next_wait_s(turn.interval_s, turn.failures + 1)
    return asked_s
