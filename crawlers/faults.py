"""Faults of the web in plain words, and a log that keeps silent about content."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
    ResponseDataLossError,
)
from scrapy.logformatter import LogFormatter
from scrapy.spidermiddlewares.httperror import HttpError

if TYPE_CHECKING:
    from scrapy.logformatter import LogFormatterResult

SENTENCES: tuple[tuple[type[Exception], str], ...] = (
    (DownloadTimeoutError, "no answer in time; it is tried again"),
    (CannotResolveHostError, "the host's name does not resolve to a public address"),
    (DownloadConnectionRefusedError, "the host refuses connections; it is tried again"),
    (ResponseDataLossError, "the answer was cut off; it is tried again"),
    (DownloadCancelledError, "the page is larger than what is read"),
    (DownloadFailedError, "the connection broke; it is tried again"),
)


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
