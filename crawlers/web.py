"""What the one spider and the readers of web sources say to each other.

A reader is pure: it says what to ask first, and makes of each answer the items it holds and what to
ask next. The spider does all requests, within robots.txt, budgets, pauses and the guard.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Protocol
from urllib.parse import urlsplit

from core.coverage import Gap
from core.errors import SourceError
from core.records import RawPost, Source
from crawlers.found import Found

NO_CONTEXT: Mapping[str, Any] = MappingProxyType({})


class Kind:
    """Names of the kinds of source in ``sources.toml``."""

    TELEGRAM_PREVIEW = "telegram_preview"
    TELEGRAM = "telegram"
    VK = "vk"
    INSTAGRAM = "instagram"
    THREADS = "threads"
    FEED = "feed"
    SITEMAP = "sitemap"
    SITE = "site"
    RECORDED = "replay"
    TELEGRAM_EXPORT = "telegram_export"


@dataclass(frozen=True)
class Ask:
    """One request. ``step``: the reader's own name for what is asked; ``context`` comes back.

    ``conditional``: send the ETag and Last-Modified of the pass before. ``optional``: a failure
    costs this item, not the pass. ``header``: sent beside the usual ones; tokens go here, never
    into an address.
    """

    url: str
    step: str = ""
    context: Mapping[str, Any] = field(default_factory=lambda: NO_CONTEXT)
    header: Mapping[str, str] = field(default_factory=lambda: NO_CONTEXT)
    conditional: bool = False
    optional: bool = False
    any_status: bool = False


@dataclass(frozen=True)
class Answer:
    """What came back. ``media_type`` is lower case, without parameters; ``at``: when (UTC)."""

    ask: Ask
    url: str
    status: int
    body: bytes
    encoding: str
    media_type: str
    at: datetime
    header: Mapping[str, str] = field(default_factory=lambda: NO_CONTEXT)


@dataclass
class Pass:
    """One pass of a reader over a source. ``progress`` is kept when the pass succeeds.

    ``newest``: native id of the newest item. ``asked_s``: seconds the platform wants to be left
    alone after this pass. ``state``: the reader's own, for this pass alone.
    """

    source: Source
    progress: dict[str, object]
    last_id: str | None = None
    pages: int = 0
    skipped: int = 0
    newest: str | None = None
    asked_s: float | None = None
    gaps: list[Gap] = field(default_factory=list)
    state: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """What a reader made of an answer.

    ``gone``: native ids that the source has deleted; ``known``: items that were seen to be as they
    were, and need no look at the store.
    """

    found: tuple[Found, ...] = ()
    asks: tuple[Ask, ...] = ()
    gone: tuple[str, ...] = ()
    known: int = 0


class WebReader(Protocol):
    """Reads one kind of source."""

    def hosts(self, source: Source) -> frozenset[str]:
        """Hosts that are asked; raises SourceError for an address that makes no sense."""
        ...

    def start(self, source: Source, progress: Mapping[str, object]) -> tuple[Ask, ...]:
        """What to ask first."""
        ...

    def read(self, turn: Pass, answer: Answer) -> Step:
        """Items of an answer and what to ask next; raises SourceError, which ends the pass."""
        ...

    def again(self, raw: RawPost, source: Source, posted_at: datetime) -> Found | None:
        """The item of a kept payload, by the parser of today; ``None`` if it is none any more.

        ``posted_at``: the known time, for what stood outside the payload.
        """
        ...


def host_name(url: str) -> str:
    """Host of an address, an empty string when it has none."""
    return urlsplit(url).hostname or ""


def host_of(url: str, source: Source) -> str:
    """Host of an http address; raises SourceError."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
        parts = urlsplit("")
    if not host or parts.scheme not in ("http", "https"):
        raise SourceError(
            f"source {source.name!r}: {url!r} is no address of a page; give one with https://"
        )
    return host
