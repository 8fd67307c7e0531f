"""The public preview page of a Telegram channel, taken apart. Pure.

Structure, as served at ``/s/<channel>`` in 2026: each message stands in a
``div.tgme_widget_message_wrap`` with one ``div.tgme_widget_message[data-post="channel/123"]``;
``a.tme_messages_more[data-before]`` leads to older messages. The page has no time of an edit, only
the word "edited" beside the time of posting.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import urljoin, urlsplit

from lxml import etree  # type: ignore[import-untyped]

from core.errors import SourceError
from core.inputs import MAX_TEXT_CHARS, clean_text
from core.records import MediaRef
from crawlers.articles import web_address

PARSER = "telegram_preview/1"
BROKEN_SHARE = 0.5
"""Share of messages without their main parts from which the page, not the message, is odd."""
MAX_MEDIA = 50
MAX_NAME_CHARS = 300

_WRAP = b"tgme_widget_message_wrap"
_ENDS = (b"</section", b"js-messages_more_wrap")
_MORE = re.compile(rb"<a\b[^>]*\btme_messages_more\b[^>]*>", re.IGNORECASE)
_DATA_BEFORE = re.compile(rb"""data-before\s*=\s*["']?(\d{1,12})\b""")
_MEDIA_WORDS = re.compile(rb"message_(?:photo_wrap|\w*_player|document_wrap)")
_PLACE_WORDS = re.compile(rb"message_(?:location|venue)_wrap")
_TITLE_WORDS = re.compile(rb"message_(?:poll_|document_|location_)")
_DATA_POST = re.compile(rb"""data-post\s*=\s*["']([A-Za-z0-9_]{1,64}/\d{1,12})["']""")
_CHANGING = (
    re.compile(rb"""_views["'][^>]*>[^<]*"""),
    re.compile(rb"""url\(\s*['"][^)]*\)"""),
    re.compile(rb"""src=["'][^"']*["']"""),
    re.compile(rb"""data-view=["'][^"']*["']"""),
)
"""Views, signed addresses and tokens change from fetch to fetch; the message does not. One by
one: a pattern with a fixed beginning is searched for ten times as fast as a choice of four."""
_POST = re.compile(r"([A-Za-z0-9_]{1,64})/(\d{1,12})")
_BACKGROUND = re.compile(r"background-image\s*:\s*url\(\s*['\"]?([^'\")]+)")
_POINT = re.compile(r"[?&](?:q|ll)=(-?\d{1,2}(?:\.\d+)?)(?:,|%2[Cc])(-?\d{1,3}(?:\.\d+)?)")
_VIEWS = re.compile(r"([\d.]+)\s*([KM]?)")
_SPACES = re.compile(r"[^\S\n]+")
_BLOCKS = {"blockquote", "div", "p", "pre", "li", "ul", "ol"}
_TITLES = (
    "//*[contains(@class, 'tgme_widget_message_poll_') or "
    "contains(@class, 'tgme_widget_message_document_') or "
    "contains(@class, 'tgme_widget_message_location_')]"
)
_HAS_CONTENT = (
    "//*[contains(@class, 'tgme_widget_message_') and ("
    "contains(@class, 'photo_wrap') or contains(@class, 'video') or contains(@class, 'voice') or "
    "contains(@class, 'document') or contains(@class, 'sticker') or contains(@class, 'poll') or "
    "contains(@class, 'location') or contains(@class, 'contact') or contains(@class, 'audio') or "
    "contains(@class, 'game') or contains(@class, 'invoice') or contains(@class, 'giveaway'))]"
    " | //*[contains(@class, 'message_media_not_supported')]"
)


@dataclass(frozen=True)
class Message:
    """One message. ``native_id``: ``channel/123``; ``number``: the 123.

    ``media`` holds addresses that change from fetch to fetch, ``attachments`` what does not:
    the kinds in their order. ``forwarded_from``: ``channel/45``, or the name where no link says
    more. ``payload``: the bytes as served, in the page's encoding.
    """

    native_id: str
    number: int
    url: str
    text: str
    posted_at: datetime
    edited: bool
    forwarded_from: str | None
    reply_to: str | None
    media: tuple[MediaRef, ...]
    attachments: tuple[str, ...]
    lat: float | None
    lon: float | None
    views: int | None
    payload: bytes


@dataclass(frozen=True)
class Page:
    """A page: its messages in the page's order (oldest first) and the way to older ones.

    ``before``: number before which the next older page ends, ``None`` on the oldest page.
    ``skipped``: messages without an id or time, and service messages are not counted.
    ``unchanged``: ids of messages that look as they did when they were last read; ``digests``: how
    each message looks, by its id, for the next time.
    """

    title: str | None
    messages: tuple[Message, ...]
    before: int | None
    skipped: int
    unchanged: tuple[str, ...] = ()
    digests: Mapping[str, str] = field(default_factory=dict)


def parse_page(
    body: bytes, encoding: str, url: str, known: Mapping[str, str] | None = None
) -> Page:
    """Take a page apart; raises SourceError when it is no preview or its structure changed.

    ``url`` is the page's address; links are resolved against it. ``known``: ``digests`` of an
    earlier page; what still looks so is not taken apart again.
    """
    messages: list[Message] = []
    unchanged: list[str] = []
    digests: dict[str, str] = {}
    skipped = empty = 0
    for payload in _payloads(body):
        name, look = _look(payload)
        if name is not None and known is not None and known.get(name) == look:
            unchanged.append(name)
            digests[name] = look
            continue
        part = _tree(payload.decode(encoding, "replace"))
        if b"service_message" in payload and _all(part, "//*[contains(@class, 'service_message')]"):
            continue
        message = _message(part, payload, url)
        if message is None:
            skipped += 1
        elif not message.text and not _all(part, _HAS_CONTENT):
            empty += 1
        else:
            messages.append(message)
            digests[message.native_id] = look
    seen = len(messages) + skipped + empty
    if seen and (skipped + empty) / (seen + len(unchanged)) > BROKEN_SHARE:
        raise SourceError(
            f"{url}: {skipped} of {seen} messages have no id or time and {empty} have neither text "
            "nor attachment; the page's structure has changed, the parser must be adapted"
        )
    title = None
    if not messages and not unchanged:
        title = _line(
            _tree(body.decode(encoding, "replace")),
            "//*[contains(@class, 'tgme_channel_info_header_title')]",
        )
    if not seen and not unchanged and title is None:
        raise SourceError(
            f"{url}: no messages and no channel on this page; the channel is private, renamed or "
            "without a public preview, or the page's structure has changed: open the address in "
            "a browser"
        )
    return Page(title, tuple(messages), _before(body), skipped + empty, tuple(unchanged), digests)


def parse_message(payload: bytes, encoding: str, url: str) -> Message | None:
    """One message of a page again, from the bytes that were kept; ``None`` when it has no parts."""
    return _message(_tree(payload.decode(encoding, "replace")), payload, url)


def _look(payload: bytes) -> tuple[str | None, str]:
    """A message's id and a digest of its bytes without what changes by itself."""
    found = _DATA_POST.search(payload)
    still = payload
    for pattern in _CHANGING:
        still = pattern.sub(b"", still)
    look = hashlib.blake2b(still.strip(), digest_size=8, key=PARSER.encode()).hexdigest()
    return (None if found is None else found[1].decode("ascii")), look


def _payloads(body: bytes) -> Iterator[bytes]:
    """The bytes of each message, from its wrapper to the next one's."""
    starts = list(_wrappers(body))
    for start, following in zip(starts, [*starts, len(body)][1:], strict=True):
        ends = [body.find(mark, start, following) for mark in _ENDS]
        end = min((at for at in ends if at >= 0), default=following)
        yield body[start : following if end == following else body.rfind(b"<", start, end + 1)]


def _wrappers(body: bytes) -> Iterator[int]:
    """Where the tags begin that have the wrapper's class; plain searches, ten times a pattern's."""
    at = body.find(_WRAP)
    while at >= 0:
        start = body.rfind(b"<", 0, at)
        if start >= 0 and b">" not in body[start:at]:
            yield start
        at = body.find(_WRAP, at + len(_WRAP))


def _message(part: etree._Element, payload: bytes, page_url: str) -> Message | None:
    post = _POST.fullmatch(_string(part, "string(//@data-post)"))
    posted_at = _time(
        _string(part, "string(//a[contains(@class, 'tgme_widget_message_date')]//time/@datetime)")
    )
    if post is None or posted_at is None:
        return None
    # Most messages have none of these: a look at the bytes spares a walk over the tree.
    shows = _MEDIA_WORDS.search(payload) is not None
    media, attachments = _media(part, page_url) if shows else ((), ())
    lat, lon = _point(part) if _PLACE_WORDS.search(payload) else (None, None)
    titled = _TITLE_WORDS.search(payload) is not None
    meta = "".join(_all(part, "//*[contains(@class, 'tgme_widget_message_meta')]//text()"))
    return Message(
        native_id=post[0],
        number=int(post[2]),
        url=_date_link(part, page_url) or urljoin(page_url, f"/{post[0]}"),
        text=_text(part, titled=titled),
        posted_at=posted_at,
        edited="edited" in meta,
        forwarded_from=_forwarded_from(part) if b"forwarded_from_name" in payload else None,
        reply_to=_linked_post(
            _string(part, "string(//a[contains(@class, 'tgme_widget_message_reply')]/@href)")
        ),
        media=media,
        attachments=attachments,
        lat=lat,
        lon=lon,
        views=_views(_line(part, "//*[contains(@class, 'tgme_widget_message_views')]")),
        payload=payload,
    )


def _text(part: etree._Element, *, titled: bool) -> str:
    """The message's own words: not the quoted message's, a poll's question and options after."""
    quoted = "ancestor::*[contains(@class, 'tgme_widget_message_reply')]"
    own = _all(
        part,
        "(//*[contains(concat(' ', @class, ' '), ' tgme_widget_message_text ') and "
        f"contains(@class, 'js-message_text') and not({quoted})])[1]",
    )
    pieces = [_plain(element) for element in own]
    titles = _all(part, _TITLES) if titled else []
    for name in ("poll_question", "poll_option_text", "document_title", "location_title"):
        pieces += [
            _plain(element)
            for element in titles
            if f"tgme_widget_message_{name}" in (element.get("class") or "")
        ]
    text = "\n".join(piece for piece in pieces if piece)
    return clean_text(text)[:MAX_TEXT_CHARS]


def _plain(root: etree._Element) -> str:
    """Text with line breaks: without recursion, because nesting is the page's to choose."""
    pieces: list[str] = []
    for event, element in etree.iterwalk(root, events=("start", "end", "comment", "pi")):
        tag = element.tag
        if event in ("comment", "pi"):
            pieces.append(element.tail or "")
            continue
        block = tag in _BLOCKS and element is not root
        if event == "start":
            if tag == "br" or (block and pieces and not pieces[-1].endswith("\n")):
                pieces.append("\n")
            if tag not in ("script", "style"):
                pieces.append(element.text or "")
        elif element is not root:
            if block:
                pieces.append("\n")
            pieces.append(element.tail or "")
    lines = "".join(pieces).replace("\r", "").replace("\xa0", " ").split("\n")
    return "\n".join(_SPACES.sub(" ", line).strip() for line in lines).strip()


def _media(part: etree._Element, page_url: str) -> tuple[tuple[MediaRef, ...], tuple[str, ...]]:
    refs: list[MediaRef] = []
    kinds: list[str] = []
    for element in _all(
        part,
        "//*[contains(@class, 'tgme_widget_message_photo_wrap') or "
        "contains(@class, 'tgme_widget_message_video_player') or "
        "contains(@class, 'tgme_widget_message_roundvideo_player') or "
        "contains(@class, 'tgme_widget_message_voice_player') or "
        "contains(@class, 'tgme_widget_message_document_wrap')]",
    )[:MAX_MEDIA]:
        names = element.get("class", "")
        kind = next(k for k in ("photo", "roundvideo", "video", "voice", "document") if k in names)
        kinds.append(kind)
        address = _string(element, "string(.//video/@src)")
        if kind == "photo":
            found = _BACKGROUND.search(element.get("style", ""))
            address = found[1] if found else ""
        if kind in ("photo", "video", "roundvideo") and address:
            link = web_address(page_url, address)
            if link is not None:
                refs.append(MediaRef(url=link))
    return tuple(refs), tuple(kinds)


def _forwarded_from(part: etree._Element) -> str | None:
    name = "//*[contains(@class, 'tgme_widget_message_forwarded_from_name')]"
    link = _string(part, f"string({name}/@href)")
    return _linked_post(link) or _channel(link) or _line(part, name)


def _linked_post(link: str) -> str | None:
    """``channel/45`` of a link to a post."""
    found = _POST.fullmatch(_path(link).strip("/").removeprefix("s/"))
    return found[0] if found else None


def _channel(link: str) -> str | None:
    name = _path(link).strip("/").removeprefix("s/")
    return name if re.fullmatch(r"[A-Za-z0-9_]{1,64}", name) else None


def _path(link: str) -> str:
    try:
        return urlsplit(link).path
    except ValueError:
        return ""


def _date_link(part: etree._Element, page_url: str) -> str | None:
    link = _string(part, "string(//a[contains(@class, 'tgme_widget_message_date')]/@href)")
    return web_address(page_url, link.partition("?")[0]) if link else None


def _point(part: etree._Element) -> tuple[float | None, float | None]:
    link = _string(
        part,
        "string(//a[contains(@class, 'tgme_widget_message_location_wrap') or "
        "contains(@class, 'tgme_widget_message_venue_wrap')]/@href)",
    )
    found = _POINT.search(link)
    if not found:
        return None, None
    lat, lon = float(found[1]), float(found[2])
    return (lat, lon) if abs(lat) <= 90 and abs(lon) <= 180 else (None, None)


def _time(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    if time.tzinfo is None or not 1990 <= time.year <= 2100:
        return None
    return time.astimezone(UTC)


def _views(text: str | None) -> int | None:
    found = _VIEWS.fullmatch(text or "")
    if not found or found[1].count(".") > 1 or not found[1].strip("."):
        return None
    return round(float(found[1]) * {"": 1, "K": 1_000, "M": 1_000_000}[found[2]])


def _before(body: bytes) -> int | None:
    link = _MORE.search(body)
    number = None if link is None else _DATA_BEFORE.search(link[0])
    return None if number is None else int(number[1])


def _line(part: etree._Element, path: str) -> str | None:
    """Text of the first element on that path, on one line."""
    found = _string(part, f"string(({path})[1])")
    text = clean_text(" ".join(found.split()))[:MAX_NAME_CHARS]
    return text or None


def _tree(text: str) -> etree._Element:
    """The tree of a piece of HTML, as browsers would mend it; an empty one for no text."""
    parser = etree.HTMLParser(recover=True, encoding="utf-8", huge_tree=False)
    root = etree.fromstring(text.encode("utf-8", "replace") or b"<html/>", parser)
    return etree.fromstring(b"<html/>", parser) if root is None else root


@cache
def _compiled(path: str) -> etree.XPath:
    return etree.XPath(path, smart_strings=False)


def _all(part: etree._Element, path: str) -> list[Any]:
    """What a path finds: elements or strings."""
    return list(_compiled(path)(part))


def _string(part: etree._Element, path: str) -> str:
    """Value of a path that gives a string."""
    return str(_compiled(path)(part))
