"""Reader of RSS 2.0, RSS 1.0 and Atom feeds, with the articles they lead to where wanted. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from lxml import etree, html  # type: ignore[import-untyped]

from core.errors import SourceError
from core.records import RawPost, Source
from crawlers.articles import (
    article_again,
    article_images,
    article_text,
    media_refs,
    parse_time,
    tidy,
    web_address,
)
from crawlers.found import Found
from crawlers.openings import Openings, some_left
from crawlers.web import Answer, Ask, Pass, Step, host_of
from crawlers.xml import first_text, local_name, pieces, xml_root

PARSER = "feed/1"
BROKEN_SHARE = 0.5
"""Share of entries without id, time or text from which the feed, not the entry, is odd."""
MEDIA_TYPE = "application/xml; item=feed"
_NAMES = ("item", "entry")
_ENCODING = re.compile(r"charset=([\w.:-]+)")
_NUMBER = re.compile(r"n=(\d+)")


class FeedReader:
    """Reads a feed; with ``article`` the text comes from the page of each new entry."""

    def hosts(self, source: Source) -> frozenset[str]:
        """See WebReader."""
        return frozenset({host_of(source.address, source), *source.hosts})

    def start(self, source: Source, progress: Mapping[str, object]) -> tuple[Ask, ...]:
        """See WebReader."""
        return (Ask(source.address, step="feed", conditional=not some_left(progress)),)

    def read(self, turn: Pass, answer: Answer) -> Step:
        """Entries of the feed, or the article of one of them."""
        if answer.ask.step == "article":
            return Step((_article(turn, answer),))
        root, entries = _entries(answer)
        kept = _payloads(answer.body, root, len(entries))
        turn.pages += 1
        found: list[Found] = []
        asks: list[Ask] = []
        broken = 0
        newest = ("", "")
        openings = Openings(turn.progress)
        for entry, (payload, media_type) in zip(entries, kept, strict=True):
            item = _item(entry, payload, media_type, answer.url)
            if item is None:
                broken += 1
                continue
            if not turn.source.article or item.url is None:
                found.append(item)
            elif openings.wants(item.url):
                openings.trying(item.url)
                asks.append(Ask(item.url, step="article", optional=True, context={"item": item}))
            newest = max(newest, (item.posted_at.isoformat(), item.native_id))
        if entries and broken / len(entries) > BROKEN_SHARE:
            raise SourceError(
                f"{answer.url}: {broken} of {len(entries)} entries have no id, time or text; the "
                "feed's structure has changed, or it is a feed of another kind"
            )
        turn.skipped += broken
        turn.newest = newest[1] or None
        return Step(tuple(found), tuple(asks))

    def again(self, raw: RawPost, source: Source, posted_at: datetime) -> Found | None:
        """See WebReader."""
        if not raw.media_type.startswith(MEDIA_TYPE):
            return article_again(raw, PARSER, posted_at)
        encoding = _ENCODING.search(raw.media_type)
        number = _NUMBER.search(raw.media_type)
        entry = xml_root(raw.payload, encoding[1] if encoding else None)
        if entry is not None and number is not None:
            entry = dict(enumerate(_elements(entry))).get(int(number[1]))
        return None if entry is None else _item(entry, raw.payload, raw.media_type, source.address)


def _article(turn: Pass, answer: Answer) -> Found:
    """An entry with its article's text; the entry's own where the page has none."""
    item: Found = answer.ask.context["item"]
    Openings(turn.progress).done(answer.ask.url)
    text = article_text(answer.body, answer.encoding, answer.url)
    if not text:
        turn.skipped += 1
        return item
    images = article_images(answer.body, answer.encoding, answer.url)
    return Found(
        native_id=item.native_id,
        text=text,
        posted_at=item.posted_at,
        payload=answer.body,
        media_type=f"text/html; charset={answer.encoding}",
        parser=PARSER,
        url=item.url,
        media=item.media or images,
    )


def _entries(answer: Answer) -> tuple[etree._Element, list[etree._Element]]:
    root = xml_root(answer.body)
    entries = [] if root is None else _elements(root)
    if not entries and (root is None or local_name(root) not in ("rss", "RDF", "feed")):
        raise SourceError(
            f"{answer.url} is no feed; give the address of its RSS or Atom file, or use the kind "
            "'site' for a page"
        )
    return root, entries


def _elements(root: etree._Element) -> list[etree._Element]:
    return [element for element in root.iter() if local_name(element) in _NAMES]


def _payloads(body: bytes, root: etree._Element, count: int) -> list[tuple[bytes, str]]:
    """Bytes and media type of each entry: its own, or the whole feed's where they cannot be told.

    ``n`` in the media type is then the entry's place in the feed.
    """
    found = pieces(body, *_NAMES)
    if len(found) == count:
        encoding = root.getroottree().docinfo.encoding or "utf-8"
        return [(piece, f"{MEDIA_TYPE}; charset={encoding}") for piece in found]
    return [(body, f"{MEDIA_TYPE}; n={number}") for number in range(count)]


def _item(entry: etree._Element, payload: bytes, media_type: str, base: str) -> Found | None:
    link = _link(entry, base)
    native_id = first_text(entry, "guid", "id") or link
    written = first_text(entry, "pubDate", "published", "date", "updated")
    posted_at = None if written is None else parse_time(written)
    title = _plain(first_text(entry, "title") or "")
    body = _plain(first_text(entry, "encoded", "content", "description", "summary") or "")
    text = title if body.startswith(title) and len(body) < len(title) else f"{title}\n{body}"
    text = tidy(text)
    if native_id is None or posted_at is None or not text:
        return None
    return Found(
        native_id=native_id[:300],
        text=text,
        posted_at=posted_at,
        payload=payload,
        media_type=media_type,
        parser=PARSER,
        url=link,
        edited_at=None,
        media=_media(entry, base),
    )


def _link(entry: etree._Element, base: str) -> str | None:
    for child in entry:
        if local_name(child) != "link":
            continue
        if child.get("rel") not in (None, "alternate"):
            continue
        address = web_address(base, child.get("href") or child.text or "")
        if address is not None:
            return address
    return None


def _media(entry: etree._Element, base: str) -> Any:
    links = []
    for child in entry.iter():
        kind = child.get("type") or ""
        medium = child.get("medium") or kind.partition("/")[0]
        name = local_name(child)
        shown = name == "thumbnail" or (
            name in ("enclosure", "content") and medium in ("image", "video")
        )
        if shown and child.get("url"):
            links.append(str(child.get("url")))
    return media_refs(list(dict.fromkeys(links)), base)


def _plain(text: str) -> str:
    """Text of a fragment of HTML."""
    if "<" not in text and "&" not in text:
        return text
    try:
        tree = html.fromstring(f"<div>{text}</div>")
    except (etree.ParserError, ValueError):
        return text
    for line in tree.iter("br", "p", "div", "li"):
        line.tail = "\n" + (line.tail or "")
    return str(tree.text_content())
