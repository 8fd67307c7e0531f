"""Reader of any site by a few selectors in ``sources.toml``. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from cssselect import SelectorError
from parsel import Selector

from core.errors import SourceError
from core.records import RawPost, Selectors, Source
from crawlers.articles import (
    article,
    article_again,
    media_refs,
    parse_time,
    tidy,
    web_address,
)
from crawlers.found import Found
from crawlers.openings import Openings, some_left
from crawlers.web import Answer, Ask, Pass, Step, host_of

PARSER = "site/1"
BROKEN_SHARE = 0.5
MAX_PAGES = 5
MEDIA_TYPE = "text/html; item=site; charset="


class SiteReader:
    """Reads a listing page; with ``article`` each new link is opened for its text."""

    def hosts(self, source: Source) -> frozenset[str]:
        """See WebReader."""
        _selectors(source)
        return frozenset({host_of(source.address, source), *source.hosts})

    def start(self, source: Source, progress: Mapping[str, object]) -> tuple[Ask, ...]:
        """See WebReader."""
        return (Ask(source.address, step="list", conditional=not some_left(progress)),)

    def read(self, turn: Pass, answer: Answer) -> Step:
        """Entries of a listing, or the article of one."""
        if answer.ask.step == "article":
            item = article(answer, answer.ask.context.get("posted_at"), PARSER)
            Openings(turn.progress).done(answer.ask.url)
            if item is None:
                turn.skipped += 1
                return Step()
            return Step((item,))
        chosen = _selectors(turn.source)
        page = Selector(text=answer.body.decode(answer.encoding, "replace"))
        turn.pages += 1
        entries = page.css(chosen.item)
        if not entries:
            raise SourceError(
                f"{answer.url}: nothing fits the selector item = {chosen.item!r}; the page's "
                "structure has changed, correct the selectors in the sources file"
            )
        return self._entries(turn, answer, chosen, page, list(entries))

    def _entries(
        self, turn: Pass, answer: Answer, chosen: Selectors, page: Selector, entries: list[Selector]
    ) -> Step:
        found: list[Found] = []
        asks: list[Ask] = []
        broken = 0
        openings = Openings(turn.progress)
        for entry in entries:
            link = web_address(answer.url, entry.css(chosen.link).get(default=""))
            posted_at = _time(entry, chosen)
            if turn.source.article:
                if link is None:
                    broken += 1
                elif openings.wants(link):
                    openings.trying(link)
                    context = {"posted_at": posted_at}
                    asks.append(Ask(link, step="article", optional=True, context=context))
                continue
            item = _item(entry, chosen, answer, link, posted_at)
            if item is None:
                broken += 1
            else:
                found.append(item)
        if broken / len(entries) > BROKEN_SHARE:
            raise SourceError(
                f"{answer.url}: {broken} of {len(entries)} items have no link, time or text; the "
                "page's structure has changed, correct the selectors in the sources file"
            )
        turn.skipped += broken
        if found:
            turn.newest = max(found, key=lambda item: item.posted_at).native_id[:200]
        return Step(tuple(found), (*asks, *_older(turn, answer, chosen, page, found)))

    def again(self, raw: RawPost, source: Source, posted_at: datetime) -> Found | None:
        """See WebReader."""
        if not raw.media_type.startswith(MEDIA_TYPE):
            return article_again(raw, PARSER, posted_at)
        chosen = _selectors(source)
        encoding = raw.media_type.removeprefix(MEDIA_TYPE)
        ask = Ask(source.address)
        answer = Answer(ask, ask.url, 200, raw.payload, encoding, "text/html", raw.fetched_at)
        page = Selector(text=raw.payload.decode(encoding, "replace"))
        for entry in page.css(chosen.item):
            link = web_address(ask.url, entry.css(chosen.link).get(default=""))
            if link is not None and link[:300] == raw.native_id:
                return _item(entry, chosen, answer, link, _time(entry, chosen) or posted_at)
        return None


def _selectors(source: Source) -> Selectors:
    chosen = source.selectors
    if chosen is None or (not source.article and (chosen.text is None or chosen.time is None)):
        raise SourceError(
            f"source {source.name!r}: a site needs selectors = {{ item = …, text = …, time = … }}, "
            "or article = true with selectors = { item = … }"
        )
    probe = Selector(text="<p/>")
    for name in ("item", "link", "text", "time", "media", "next"):
        css = getattr(chosen, name)
        try:
            if css is not None:
                probe.css(css)
        except (SelectorError, ValueError) as error:
            raise SourceError(
                f"source {source.name!r}: selectors.{name} = {css!r} is no CSS selector ({error})"
            ) from error
    return chosen


def _time(entry: Selector, chosen: Selectors) -> datetime | None:
    written = None if chosen.time is None else entry.css(chosen.time).get()
    if written is None:
        return None
    return parse_time(_words(written), chosen.time_zone, chosen.time_format)


def _item(
    entry: Selector, chosen: Selectors, answer: Answer, link: str | None, posted_at: datetime | None
) -> Found | None:
    text = tidy("\n".join(_words(piece) for piece in entry.css(chosen.text or "").getall()))
    if not text or link is None or posted_at is None:
        return None
    links = [] if chosen.media is None else entry.css(chosen.media).getall()
    return Found(
        native_id=link[:300],
        text=text,
        posted_at=posted_at,
        payload=answer.body,
        media_type=f"{MEDIA_TYPE}{answer.encoding}",
        parser=PARSER,
        url=link,
        media=media_refs(links, answer.url),
    )


def _older(
    turn: Pass, answer: Answer, chosen: Selectors, page: Selector, found: list[Found]
) -> tuple[Ask, ...]:
    """The next page of the listing, while items of this one are newer than the last pass."""
    since = turn.progress.get("since")
    times = [item.posted_at.isoformat() for item in found]
    if times:
        best = turn.state.setdefault("newest", since if isinstance(since, str) else "")
        turn.state["newest"] = max(best, *times)
        turn.progress["since"] = turn.state["newest"]
    if chosen.next is None or turn.pages >= MAX_PAGES or not times:
        return ()
    first_since = turn.state.setdefault("since", since)
    if not isinstance(first_since, str) or min(times) <= first_since:
        return ()
    link = web_address(answer.url, page.css(chosen.next).get(default=""))
    return () if link is None else (Ask(link, step="list"),)


def _words(fragment: str) -> str:
    """Text of a piece that a selector gave: an element or an attribute."""
    if "<" not in fragment:
        return fragment
    return "".join(Selector(text=fragment).xpath("//text()").getall())
