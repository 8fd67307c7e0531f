"""The public preview page of a Telegram channel, taken apart. Pure.

Structure, as served at ``/s/<channel>`` in 2026: each message stands in a
``div.tgme_widget_message_wrap`` with one ``div.tgme_widget_message[data-post="channel/123"]``;
``a.tme_messages_more[data-before]`` leads to older messages. The page has no time of an edit, only
the word "edited" beside the time of posting.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urljoin, urlsplit

from lxml import etree  # type: ignore[import-untyped]
from parsel import Selector

from core.errors import SourceError
from core.inputs import MAX_TEXT_CHARS, clean_text
from core.records import MediaRef

PARSER = "telegram_preview/1"
BROKEN_SHARE = 0.5
"""Share of messages without their main parts from which the page, not the message, is odd."""
MAX_MEDIA = 50
MAX_NAME_CHARS = 300

_WRAP = re.compile(
    rb"""<div\b[^>]*\bclass\s*=\s*(?:"|')[^"'>]*\btgme_widget_message_wrap\b""", re.IGNORECASE
)
_END = re.compile(rb"</section\s*>|<div\b[^>]*\bjs-messages_more_wrap\b", re.IGNORECASE)
_POST = re.compile(r"([A-Za-z0-9_]{1,64})/(\d{1,12})")
_BACKGROUND = re.compile(r"background-image\s*:\s*url\(\s*['\"]?([^'\")]+)")
_POINT = re.compile(r"[?&](?:q|ll)=(-?\d{1,2}(?:\.\d+)?)(?:,|%2[Cc])(-?\d{1,3}(?:\.\d+)?)")
_VIEWS = re.compile(r"([\d.]+)\s*([KM]?)")
_SPACES = re.compile(r"[^\S\n]+")
_BLOCKS = {"blockquote", "div", "p", "pre", "li", "ul", "ol"}
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
    """

    title: str | None
    messages: tuple[Message, ...]
    before: int | None
    skipped: int


def parse_page(body: bytes, encoding: str, url: str) -> Page:
    """Take a page apart; raises SourceError when it is no preview or its structure changed.

    ``url`` is the page's address; links are resolved against it.
    """
    root = Selector(text=body.decode(encoding, "replace"))
    title = _line(root, "//*[contains(@class, 'tgme_channel_info_header_title')]")
    messages: list[Message] = []
    skipped = empty = 0
    for payload in _payloads(body):
        part = Selector(text=payload.decode(encoding, "replace"))
        if part.xpath("//*[contains(@class, 'service_message')]"):
            continue
        message = _message(part, payload, url)
        if message is None:
            skipped += 1
        elif not message.text and not part.xpath(_HAS_CONTENT):
            empty += 1
        else:
            messages.append(message)
    seen = len(messages) + skipped + empty
    if seen and (skipped + empty) / seen > BROKEN_SHARE:
        raise SourceError(
            f"{url}: {skipped} of {seen} messages have no id or time and {empty} have neither text "
            "nor attachment; the page's structure has changed, the parser must be adapted"
        )
    if not seen and title is None:
        raise SourceError(
            f"{url}: no messages and no channel on this page; the channel is private, renamed or "
            "without a public preview, or the page's structure has changed: open the address in "
            "a browser"
        )
    return Page(title, tuple(messages), _before(root), skipped + empty)


def parse_message(payload: bytes, encoding: str, url: str) -> Message | None:
    """One message of a page again, from the bytes that were kept; ``None`` when it has no parts."""
    return _message(Selector(text=payload.decode(encoding, "replace")), payload, url)


def _payloads(body: bytes) -> Iterator[bytes]:
    """The bytes of each message, from its wrapper to the next one's."""
    starts = [match.start() for match in _WRAP.finditer(body)]
    for start, following in zip(starts, [*starts, len(body)][1:], strict=True):
        end = _END.search(body, start, following)
        yield body[start : end.start() if end else following]


def _message(part: Selector, payload: bytes, page_url: str) -> Message | None:
    post = _POST.fullmatch(part.xpath("string(//@data-post)").get(default=""))
    posted_at = _time(
        part.xpath("string(//a[contains(@class, 'tgme_widget_message_date')]//time/@datetime)").get(
            default=""
        )
    )
    if post is None or posted_at is None:
        return None
    media, attachments = _media(part, page_url)
    lat, lon = _point(part)
    meta = "".join(part.xpath("//*[contains(@class, 'tgme_widget_message_meta')]//text()").getall())
    return Message(
        native_id=post[0],
        number=int(post[2]),
        url=_date_link(part, page_url) or urljoin(page_url, f"/{post[0]}"),
        text=_text(part),
        posted_at=posted_at,
        edited="edited" in meta,
        forwarded_from=_forwarded_from(part),
        reply_to=_linked_post(
            part.xpath("string(//a[contains(@class, 'tgme_widget_message_reply')]/@href)").get("")
        ),
        media=media,
        attachments=attachments,
        lat=lat,
        lon=lon,
        views=_views(_line(part, "//*[contains(@class, 'tgme_widget_message_views')]")),
        payload=payload,
    )


def _text(part: Selector) -> str:
    """The message's own words: not the quoted message's, a poll's question and options after."""
    quoted = "ancestor::*[contains(@class, 'tgme_widget_message_reply')]"
    own = part.xpath(
        "(//*[contains(concat(' ', @class, ' '), ' tgme_widget_message_text ') and "
        f"contains(@class, 'js-message_text') and not({quoted})])[1]"
    )
    pieces = [_plain(element.root) for element in own]
    for name in ("poll_question", "poll_option_text", "document_title", "location_title"):
        pieces += [
            _plain(element.root)
            for element in part.xpath(f"//*[contains(@class, 'tgme_widget_message_{name}')]")
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


def _media(part: Selector, page_url: str) -> tuple[tuple[MediaRef, ...], tuple[str, ...]]:
    refs: list[MediaRef] = []
    kinds: list[str] = []
    for element in part.xpath(
        "//*[contains(@class, 'tgme_widget_message_photo_wrap') or "
        "contains(@class, 'tgme_widget_message_video_player') or "
        "contains(@class, 'tgme_widget_message_roundvideo_player') or "
        "contains(@class, 'tgme_widget_message_voice_player') or "
        "contains(@class, 'tgme_widget_message_document_wrap')]"
    )[:MAX_MEDIA]:
        names = element.attrib.get("class", "")
        kind = next(k for k in ("photo", "roundvideo", "video", "voice", "document") if k in names)
        kinds.append(kind)
        address = element.xpath("string(.//video/@src)").get(default="")
        if kind == "photo":
            found = _BACKGROUND.search(element.attrib.get("style", ""))
            address = found[1] if found else ""
        if kind in ("photo", "video", "roundvideo") and address:
            link = _web_address(page_url, address)
            if link is not None:
                refs.append(MediaRef(url=link))
    return tuple(refs), tuple(kinds)


def _forwarded_from(part: Selector) -> str | None:
    name = "//*[contains(@class, 'tgme_widget_message_forwarded_from_name')]"
    link = part.xpath(f"string({name}/@href)").get(default="")
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


def _date_link(part: Selector, page_url: str) -> str | None:
    link = part.xpath("string(//a[contains(@class, 'tgme_widget_message_date')]/@href)").get("")
    return _web_address(page_url, link.partition("?")[0]) if link else None


def _web_address(base: str, link: str) -> str | None:
    """An absolute http or https address, ``None`` for anything else or too long."""
    try:
        address = urljoin(base, clean_text(link).strip())
        scheme = urlsplit(address).scheme
    except ValueError:
        return None
    return address if scheme in ("http", "https") and len(address) <= 2_000 else None


def _point(part: Selector) -> tuple[float | None, float | None]:
    link = part.xpath(
        "string(//a[contains(@class, 'tgme_widget_message_location_wrap') or "
        "contains(@class, 'tgme_widget_message_venue_wrap')]/@href)"
    ).get(default="")
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


def _before(root: Selector) -> int | None:
    link = root.xpath("//a[contains(@class, 'tme_messages_more')]/@data-before").get(default="")
    return int(link) if link.isascii() and link.isdecimal() and len(link) <= 12 else None


def _line(part: Selector, path: str) -> str | None:
    """Text of the first element on that path, on one line."""
    found = part.xpath(f"string(({path})[1])").get(default="")
    text = clean_text(" ".join(found.split()))[:MAX_NAME_CHARS]
    return text or None
