"""Scrapy spider for the public preview pages of Telegram channels: no account, no sign-in.

One spider reads all sources, so that the pauses and limits of a host hold for all of them.
"""

from __future__ import annotations

import asyncio
import logging
import re
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import scrapy
from scrapy import Request, signals
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
    ResponseDataLossError,
)
from scrapy.http import Response, TextResponse
from scrapy.logformatter import LogFormatter
from scrapy.spidermiddlewares.httperror import HttpError

from core.errors import OqigaError, SourceError
from core.records import Source
from crawlers.keeper import Keeper, Reading
from crawlers.telegram_page import Message, parse_page
from crawlers.timing import next_wait_s, retry_after_s

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.logformatter import LogFormatterResult
    from twisted.python.failure import Failure

log = logging.getLogger(__name__)

FIRST_PAGES = 2
"""A new source brings its last two pages, about 40 messages: enough context, no flood of old."""
MAX_PAGES = 20
"""About 400 messages after an outage; what lies between is reported as a gap."""
TICK_S = 0.2
NOT_MODIFIED = 304
_CHANNEL = re.compile(r"@?([A-Za-z][A-Za-z0-9_]{3,63})")
SENTENCES: tuple[tuple[type[Exception], str], ...] = (
    (DownloadTimeoutError, "no answer in time; it is tried again"),
    (CannotResolveHostError, "the host's name does not resolve to a public address"),
    (DownloadConnectionRefusedError, "the host refuses connections; it is tried again"),
    (ResponseDataLossError, "the answer was cut off; it is tried again"),
    (DownloadCancelledError, "the page is larger than what is read"),
    (DownloadFailedError, "the connection broke; it is tried again"),
)


def preview_url(source: Source) -> str:
    """Address of a channel's preview page; raises SourceError.

    ``source.address`` is the channel's name, ``@name``, or the address of its page.
    """
    text = source.address.strip()
    name = _CHANNEL.fullmatch(text)
    if name:
        return f"https://t.me/s/{name[1]}"
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        host = None
    channel = parts.path.strip("/").removeprefix("s/") if host else ""
    if not host or parts.scheme not in ("http", "https") or not _CHANNEL.fullmatch(channel):
        raise SourceError(
            f"source {source.name!r}: {text!r} is no address of a public channel; give its name, "
            "or https://t.me/s/NAME"
        )
    return f"{parts.scheme}://{parts.netloc}/s/{channel}"


@dataclass(frozen=True)
class PageRead:
    """What the pipeline gets: a page's messages, and whether the pass ends with it."""

    reading: Reading
    messages: tuple[Message, ...]
    fetched_at: datetime
    media_type: str
    last: bool


@dataclass
class _Turn:
    """A source's place in the round. ``due_s``: monotonic seconds."""

    source: Source
    url: str
    due_s: float = 0.0
    failures: int = 0
    etag: bytes | None = None
    modified: bytes | None = None
    reading: Reading | None = None


class TelegramPreviewSpider(scrapy.Spider):
    """Reads each source once, or each again every ``interval_s`` until told to stop."""

    name = "telegram_preview"

    def __init__(
        self, *, sources: Sequence[Source], keeper: Keeper, stop: threading.Event, once: bool
    ) -> None:
        super().__init__()
        self.keeper = keeper
        self.readings: list[Reading] = []
        self._stop = stop
        self._once = once
        self._turns = [_Turn(source, preview_url(source)) for source in sources]

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> TelegramPreviewSpider:
        """Also listens for faults of the parser and of the store."""
        spider: TelegramPreviewSpider = super().from_crawler(crawler, *args, **kwargs)
        crawler.signals.connect(spider.parser_failed, signal=signals.spider_error)
        return spider

    async def start(self) -> AsyncIterator[Request]:
        """Requests of the sources that are due."""
        while not self._stop.is_set():
            for turn in self._turns:
                request = self._next(turn)
                if request is not None:
                    yield request
            if self._once:
                return
            await asyncio.sleep(TICK_S)

    def _next(self, turn: _Turn) -> Request | None:
        if turn.reading is not None and turn.reading.ended:
            turn.failures = turn.failures + 1 if turn.reading.problem else 0
            turn.due_s = time.monotonic() + next_wait_s(
                turn.source.interval_s, turn.failures, turn.reading.asked_s
            )
            turn.reading = None
        if turn.reading is not None or time.monotonic() < turn.due_s:
            return None
        turn.reading = self.keeper.start(turn.source)
        if self._once:
            self.readings.append(turn.reading)
        return self._request(turn, turn.reading, turn.url, first=True)

    def _request(self, turn: _Turn, reading: Reading, url: str, *, first: bool = False) -> Request:
        headers: dict[str, bytes] = {}
        if first and turn.etag:
            headers["If-None-Match"] = turn.etag
        if first and turn.modified:
            headers["If-Modified-Since"] = turn.modified
        return Request(
            url,
            callback=self.parse_preview,
            errback=self.failed,
            headers=headers,
            dont_filter=True,
            cb_kwargs={"turn": turn, "reading": reading},
            meta={"reading": reading, "handle_httpstatus_list": [NOT_MODIFIED]},
        )

    def parse_preview(
        self, response: Response, turn: _Turn, reading: Reading
    ) -> Iterator[PageRead | Request]:
        """A page's messages, then the page before while the last pass is not reached."""
        now = self.keeper.now()
        if response.status == NOT_MODIFIED:
            yield PageRead(reading, (), now, "", last=True)
            return
        kind = (response.headers.get("Content-Type") or b"text/html").decode("latin-1")[:80]
        if "html" not in kind or not isinstance(response, TextResponse):
            reading.problem = f"{response.url} is no page but {kind}"
            yield PageRead(reading, (), now, "", last=True)
            return
        try:
            page = parse_page(response.body, response.encoding, response.url)
        except SourceError as error:
            reading.problem = str(error)
            yield PageRead(reading, (), now, "", last=True)
            return
        first = reading.pages == 0
        reading.pages += 1
        reading.skipped += page.skipped
        before = _advance(reading, page.messages, page.before)
        if first:
            turn.etag = response.headers.get("ETag")
            turn.modified = response.headers.get("Last-Modified")
        media_type = f"text/html; charset={response.encoding}"
        yield PageRead(reading, page.messages, now, media_type, last=before is None)
        if before is not None:
            yield self._request(turn, reading, f"{turn.url}?before={before}")

    def failed(self, failure: Failure) -> Iterator[PageRead]:
        """A page that could not be had ends the pass."""
        reading: Reading = failure.request.meta["reading"]  # type: ignore[attr-defined]
        reading.problem = explain(failure.value)
        response = getattr(failure.value, "response", None)
        if response is not None:
            header = response.headers.get("Retry-After")
            reading.asked_s = retry_after_s(header.decode("latin-1") if header else None)
        yield PageRead(reading, (), self.keeper.now(), "", last=True)

    def parser_failed(self, failure: Failure, response: Response | None, spider: Any) -> None:
        """An error of our own ends the pass; Scrapy has logged where."""
        del spider
        reading = response.meta.get("reading") if response is not None else None
        if reading is not None and not reading.ended:
            self.keeper.fail(
                reading, f"the page could not be parsed: {type(failure.value).__name__}"
            )


class StorePipeline:
    """Keeps each page in one transaction and ends the passes."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> StorePipeline:
        """Takes the keeper of the crawl's spider."""
        spider = crawler.spider
        if not isinstance(spider, TelegramPreviewSpider):
            raise TypeError("this pipeline belongs to the spider of preview pages")
        return cls(spider.keeper)

    def process_item(self, item: PageRead) -> PageRead:
        """Keep a page; a fault of the store ends the pass as failed, and the next pass repeats."""
        reading = item.reading
        try:
            if item.messages:
                self._keeper.keep(reading, item.messages, item.fetched_at, item.media_type)
            if item.last and not reading.ended:
                self._keeper.finish(reading)
        except OqigaError as error:
            reading.problem = f"the store refused the posts: {error}"
            reading.ended = reading.ended or item.last
            log.error("the posts of a page could not be kept: %s", error)
        return item


class QuietLogFormatter(LogFormatter):
    """Scrapy's lines without items: they hold the text of posts."""

    def scraped(self, item: object, response: object, spider: object) -> LogFormatterResult:
        """Only that a page was kept."""
        return {"level": logging.DEBUG, "msg": "a page was kept", "args": {}}

    def item_error(
        self, item: object, exception: BaseException, response: object, spider: object
    ) -> LogFormatterResult:
        """Only the kind of error."""
        return {
            "level": logging.ERROR,
            "msg": "a page could not be kept: %(kind)s",
            "args": {"kind": type(exception).__name__},
        }


def explain(error: BaseException | None) -> str:
    """In plain words why a page could not be had."""
    if isinstance(error, HttpError):
        status = error.response.status
        if status in (404, 410):
            return f"no such page ({status}); correct the address in the sources file"
        if status == 429:
            return "the host asks for fewer requests (429); reading slows down"
        if status in (401, 403):
            return f"the host forbids reading ({status}); the channel may be private"
        return f"the host answered {status}; it is tried again"
    if isinstance(error, IgnoreRequest):
        return str(error) or "the request was refused"
    for kind, sentence in SENTENCES:
        if isinstance(error, kind):
            return sentence
    return f"the page could not be read: {type(error).__name__}"


def _advance(reading: Reading, messages: Sequence[Message], before: int | None) -> int | None:
    """Note how far a pass has come; the number before which to go on, ``None`` at its end."""
    numbers = [message.number for message in messages]
    last_lowest = reading.lowest
    if numbers:
        reading.lowest = min([*numbers, *([] if last_lowest is None else [last_lowest])])
        reading.highest = max([*numbers, *([] if reading.highest is None else [reading.highest])])
    if before is None or before <= 1:
        return None
    if last_lowest is not None and before >= last_lowest:
        reading.problem = "older pages lead in a circle; the page's structure has changed"
        return None
    if reading.since is None:
        return before if reading.pages < FIRST_PAGES else None
    if before <= reading.since + 1:
        return None
    if reading.pages >= MAX_PAGES:
        reading.gap = (reading.since + 1, before - 1)
        return None
    return before
