"""``oqiga reparse``: posts derived again from their untouched payloads, when a parser improves.

What a better parser reads otherwise becomes a new version that says so (``extra.reparsed``);
nothing is rewritten and nothing is asked from the network.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from core.clock import Clock
from core.errors import InputError, SourceError
from core.ids import digest
from core.lines import batches
from core.records import Outcome, Post, RawPost, Source
from core.sealing import open_payload
from core.versions import newest
from crawlers import telegram_export
from crawlers.feed import FeedReader
from crawlers.found import Found, content_of, derive
from crawlers.graph import Graph
from crawlers.instagram import InstagramReader
from crawlers.site import SiteReader
from crawlers.sitemap import SitemapReader
from crawlers.telegram_messages import Place, found_of, read_payload
from crawlers.telegram_preview import TelegramPreviewReader
from crawlers.threads import ThreadsReader
from crawlers.vk import VkReader
from crawlers.web import WebReader
from store.ingest import INPUT
from store.protocol import ALL, Store

log = logging.getLogger(__name__)

BATCH = 200
MOMENT = timedelta(milliseconds=1)


@dataclass
class ReparseSummary:
    """What became of the posts. ``failed``: their payload could not be read by today's parser.

    ``recorded``: came as lines of the input contract, of which no parser guesses anything.
    """

    read: int = 0
    changed: int = 0
    failed: int = 0
    without_payload: int = 0
    recorded: int = 0

    def __str__(self) -> str:
        return (
            f"{self.read} posts read again: {self.changed} have a new version, "
            f"{self.failed} could not be read, {self.without_payload} have no payload, "
            f"{self.recorded} are recorded lines"
        )


def reparse(
    store: Store,
    sources: Mapping[str, Source],
    clock: Clock,
    *,
    key: bytes,
    since: datetime,
    only: str | None = None,
) -> ReparseSummary:
    """Derive posts since then again; ``only``: those of one source."""
    parsers = _parsers()
    summary = ReparseSummary()
    for batch in batches(_ids(store, since, only), BATCH):
        items: list[tuple[Post, RawPost | None]] = []
        for post_id in batch:
            made = _again(store, post_id, sources, parsers, clock, key, summary)
            if made is not None:
                items.append(made)
        summary.changed += sum(o is Outcome.ACCEPTED for o in store.accept_posts(items))
    return summary


def _ids(store: Store, since: datetime, only: str | None) -> list[str]:
    """Ids of posts since then, each once: the records themselves would not fit into memory."""
    waiting = (r for r in store.unassessed(1_000_000) if isinstance(r, Post))
    assessed = (found.subject for found in store.window(since, ALL))
    ids: dict[str, None] = {}
    for record in itertools.chain(waiting, assessed):
        if not isinstance(record, Post) or record.posted_at < since:
            continue
        if only in (None, record.source):
            ids[record.id] = None
    return list(ids)


def _again(
    store: Store,
    post_id: str,
    sources: Mapping[str, Source],
    parsers: Mapping[str, WebReader],
    clock: Clock,
    key: bytes,
    summary: ReparseSummary,
) -> tuple[Post, RawPost] | None:
    versions = store.post_versions(post_id, ALL)
    raws = store.raw_posts(post_id, ALL)
    if not raws:
        summary.without_payload += 1
        return None
    if raws[-1].parser == INPUT:
        summary.recorded += 1
        return None
    summary.read += 1
    last = newest(versions)
    if last.deleted_at is not None:
        return None
    try:
        raw = open_payload(raws[-1], key)
        source = sources.get(last.source) or Source(
            name=last.source, kind="gone", address=raw.url or "https://example.org/", home=last.home
        )
        found = read_again(raw, source, last, parsers)
    except (InputError, SourceError, ValueError, KeyError, TypeError, AttributeError) as error:
        log.warning("post %s: its payload could not be read: %s", post_id, type(error).__name__)
        found = None
    if found is None:
        summary.failed += 1
        return None
    if content_of(found) == last.content:
        return None
    found = replace(
        found,
        edited_at=last.known_at + MOMENT,
        extra={**found.extra, "reparsed": found.parser},
    )
    made = derive(found, versions, source=source, fetched_at=clock.now(), key=key)
    if made is None:
        return None
    fresh, _ = made
    name = digest("raw", post_id, clock.now().isoformat(), fresh.content, found.parser)
    return fresh, raws[-1].model_copy(update={"id": name, "parser": found.parser})


def read_again(
    raw: RawPost, source: Source, known: Post, parsers: Mapping[str, WebReader]
) -> Found | None:
    """The item of a kept payload, by the parser of today."""
    family = raw.parser.partition("/")[0]
    if family == "telegram_account":
        messages, chats = read_payload(raw.payload)
        name, _, number = raw.native_id.rpartition("/")
        channel, _, under = str(known.extra.get("under") or "").rpartition("/")
        place = Place(name, (channel, int(under)) if channel else None)
        return found_of(messages, chats, place, head=int(number))
    if family == "telegram_export":
        return telegram_export.again(raw)
    reader = parsers.get(family)
    return None if reader is None else reader.again(raw, source, known.posted_at)


def _parsers() -> dict[str, WebReader]:
    """Readers by the first word of their parser's id; none of them asks anything."""
    nobody = Graph("https://example.org", "")
    readers: Sequence[tuple[str, WebReader]] = (
        ("telegram_preview", TelegramPreviewReader()),
        ("vk", VkReader("https://example.org", "")),
        ("instagram", InstagramReader(nobody, "0")),
        ("threads", ThreadsReader(nobody)),
        ("feed", FeedReader()),
        ("sitemap", SitemapReader()),
        ("site", SiteReader()),
    )
    return dict(readers)
