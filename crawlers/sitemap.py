"""Reader of news sites by their sitemap: new addresses are opened, their text taken. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from lxml import etree  # type: ignore[import-untyped]

from core.errors import SourceError
from core.records import RawPost, Source
from crawlers.articles import article, article_again, parse_time
from crawlers.found import Found
from crawlers.openings import Openings, some_left
from crawlers.web import Answer, Ask, Pass, Step, host_of
from crawlers.xml import first_text, local_name, xml_root

PARSER = "sitemap/1"
MAX_ARTICLES = 50
"""Opened in one pass; the rest comes with the next ones, newest first."""
MAX_AGE = timedelta(days=2)
"""Older articles are no news; a new source begins with those of two days."""


class SitemapReader:
    """Follows a sitemap (or an index of them) and opens what is new in it."""

    def hosts(self, source: Source) -> frozenset[str]:
        """See WebReader."""
        return frozenset({host_of(source.address, source), *source.hosts})

    def start(self, source: Source, progress: Mapping[str, object]) -> tuple[Ask, ...]:
        """See WebReader."""
        return (Ask(source.address, step="map", conditional=not some_left(progress)),)

    def read(self, turn: Pass, answer: Answer) -> Step:
        """New addresses of a sitemap, or the article of one."""
        if answer.ask.step == "article":
            item = article(answer, answer.ask.context.get("posted_at"), PARSER)
            Openings(turn.progress).done(answer.ask.url)
            if item is None:
                turn.skipped += 1
                return Step()
            turn.newest = item.native_id[:200]
            return Step((item,))
        root = _root(answer)
        turn.pages += 1
        if local_name(root) == "sitemapindex":
            maps = sorted(_rows(root), key=lambda row: row[2] or answer.at)
            return Step(asks=tuple(Ask(url, step="map") for url, _, _ in maps[-2:]))
        return Step(asks=_new(turn, answer, root))

    def again(self, raw: RawPost, source: Source, posted_at: datetime) -> Found | None:
        """See WebReader."""
        return article_again(raw, PARSER, posted_at)


def _root(answer: Answer) -> etree._Element:
    root = xml_root(answer.body)
    if root is None or local_name(root) not in ("urlset", "sitemapindex"):
        raise SourceError(
            f"{answer.url} is no sitemap; look for the line 'Sitemap:' in the site's robots.txt"
        )
    return root


def _rows(root: etree._Element) -> list[tuple[str, datetime | None, datetime | None]]:
    """Address, time of publishing, time of the last change of each entry."""
    rows = []
    for child in root:
        address = first_text(child, "loc")
        if address is not None:
            rows.append(
                (address.strip(), _written(child, "publication_date"), _written(child, "lastmod"))
            )
    return rows


def _written(entry: etree._Element, name: str) -> datetime | None:
    text = next((e.text for e in entry.iter() if local_name(e) == name), None)
    return None if text is None else parse_time(text)


def _new(turn: Pass, answer: Answer, root: etree._Element) -> tuple[Ask, ...]:
    openings = Openings(turn.progress)
    rows = [
        (published or changed, url, published)
        for url, published, changed in _rows(root)
        if openings.wants(url)
    ]
    rows = [row for row in rows if row[0] is None or answer.at - row[0] < MAX_AGE]
    rows.sort(key=lambda row: row[0] or answer.at, reverse=True)
    asks = []
    for _, url, published in rows[:MAX_ARTICLES]:
        openings.trying(url)
        asks.append(Ask(url, step="article", optional=True, context={"posted_at": published}))
    return tuple(asks)
