"""The text of an article on a news site, by trafilatura, and times as sites write them. Pure."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from lxml import etree, html  # type: ignore[import-untyped]

from core.errors import SourceError
from core.inputs import MAX_TEXT_CHARS, clean_text
from core.records import MediaRef, RawPost
from crawlers.found import Found
from crawlers.web import Answer, Ask

LEAST_CHARS = 40
"""An article's text is longer; what is shorter is a page of another kind or a changed one."""
MAX_IMAGES = 5
_SPACES = re.compile(r"[ \t\xa0]+")


def article(answer: Answer, posted_at: datetime | None, parser: str) -> Found | None:
    """The item of an article's page, ``None`` when it has no text or no time.

    ``posted_at``: where the listing says it; the page's own time otherwise.
    """
    text = article_text(answer.body, answer.encoding, answer.url)
    time = posted_at or article_time(answer.body, answer.encoding)
    if not text or time is None:
        return None
    return Found(
        native_id=answer.ask.url[:300],
        text=text,
        posted_at=time,
        payload=answer.body,
        media_type=f"text/html; charset={answer.encoding}",
        parser=parser,
        url=answer.ask.url,
        media=article_images(answer.body, answer.encoding, answer.url),
    )


def article_again(raw: RawPost, parser: str, posted_at: datetime) -> Found | None:
    """The item of a kept page."""
    encoding = raw.media_type.rpartition("charset=")[2] or "utf-8"
    ask = Ask(raw.url or raw.native_id)
    answer = Answer(ask, ask.url, 200, raw.payload, encoding, "text/html", raw.fetched_at)
    made = article(answer, posted_at, parser)
    return None if made is None else replace(made, native_id=raw.native_id)


def article_text(body: bytes, encoding: str, url: str) -> str:
    """Title and text of an article, an empty string when the page has none."""
    import trafilatura  # half a second to load, and only sites with articles need it

    tree = html_tree(body, encoding)
    if tree is None:
        return ""
    found = trafilatura.bare_extraction(
        tree, url=url, include_comments=False, include_tables=False, favor_precision=True
    )
    text = str(getattr(found, "text", None) or "")
    if len(text) < LEAST_CHARS:
        return ""
    title = str(getattr(found, "title", None) or "")
    return tidy(text if not title or text.startswith(title) else f"{title}\n{text}")


def article_time(body: bytes, encoding: str) -> datetime | None:
    """When an article was published, by its own metadata."""
    tree = html_tree(body, encoding)
    if tree is None:
        return None
    for path in (
        "//meta[@property='article:published_time']/@content",
        "//meta[@itemprop='datePublished']/@content",
        "//*[@itemprop='datePublished']/@datetime",
        "//article//time/@datetime",
        "//time/@datetime",
    ):
        for value in tree.xpath(path):
            time = parse_time(str(value))
            if time is not None:
                return time
    return None


def article_images(body: bytes, encoding: str, url: str) -> tuple[MediaRef, ...]:
    """The article's leading images, as it names them for previews."""
    tree = html_tree(body, encoding)
    if tree is None:
        return ()
    links = tree.xpath("//meta[@property='og:image']/@content")[:MAX_IMAGES]
    return media_refs([str(link) for link in links], url)


def html_tree(body: bytes, encoding: str) -> etree._Element | None:
    """A page's tree, ``None`` for what is no page. The declared encoding wins over a wrong one."""
    text = body.decode(encoding, "replace")
    try:
        return html.document_fromstring(re.sub(r"^\s*<\?xml[^>]*\?>", "", text))
    except (etree.ParserError, ValueError):
        return None


def tidy(text: str) -> str:
    """Text on lines without needless spaces, within the limit, without forbidden characters."""
    lines = (_SPACES.sub(" ", line).strip() for line in clean_text(text).splitlines())
    return "\n".join(line for line in lines if line)[:MAX_TEXT_CHARS]


def parse_time(text: str, zone: str = "Asia/Almaty", form: str | None = None) -> datetime | None:
    """A time as sites and feeds write it (ISO 8601, RFC 822, or ``form``), aware, in UTC.

    A time without offset is taken in ``zone``; raises SourceError for a zone there is not.
    """
    text = text.strip()
    time: datetime | None = None
    if form is not None:
        try:
            time = datetime.strptime(text, form)  # noqa: DTZ007 - the zone follows
        except ValueError:
            return None
    else:
        for read in (datetime.fromisoformat, parsedate_to_datetime):
            try:
                time = read(text)
                break
            except (ValueError, TypeError, IndexError):
                continue
    if time is None or not 1990 <= time.year <= 2100:
        return None
    if time.tzinfo is None:
        try:
            time = time.replace(tzinfo=ZoneInfo(zone))
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise SourceError(f"{zone!r} is no time zone; write it as Asia/Almaty") from error
    return time.astimezone(UTC)


def media_refs(links: list[str], base: str) -> tuple[MediaRef, ...]:
    """Addresses of photos and videos, absolute, http and https only."""
    refs = []
    for link in links:
        address = web_address(base, link)
        if address is not None:
            refs.append(MediaRef(url=address))
    return tuple(refs)


def web_address(base: str, link: str) -> str | None:
    """An absolute http or https address, ``None`` for anything else or too long."""
    try:
        address = urljoin(base, clean_text(link).strip())
        scheme = urlsplit(address).scheme
    except ValueError:
        return None
    return address if scheme in ("http", "https") and len(address) <= 2_000 else None
