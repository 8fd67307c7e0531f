"""Reader of Threads through its official API: public profiles, keyword search, replies. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from core.errors import SourceError
from core.records import RawPost, Source
from core.settings import Settings, token
from crawlers.articles import media_refs, tidy
from crawlers.found import Found
from crawlers.graph import Graph, after, graph_body, graph_time
from crawlers.slices import elements, json_text
from crawlers.web import Answer, Ask, Pass, Step, host_of

PARSER = "threads/1"
MEDIA_TYPE = "application/json; item=threads.media"
PAGE = 50
PLATFORM = "Threads"
FIELDS = (
    "id,text,media_type,media_url,permalink,timestamp,username,has_replies,is_reply,"
    "replied_to,root_post,reposted_post,children{media_type,media_url}"
)
FRESH = timedelta(days=2)
"""Replies to older posts tell of no running incident, and each thread costs a request a pass."""
_PROFILE = re.compile(r"(?:https?://(?:www\.)?threads\.(?:net|com)/)?@([A-Za-z0-9._]{1,30})/?")
_SEARCH = re.compile(r"search:\s*(\S.{0,98})")


class ThreadsReader:
    """Reads ``@profile`` or ``search: words``, with the replies that the API gives."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    @classmethod
    def of(cls, settings: Settings, name: str | None) -> ThreadsReader:
        """With the token ``threads`` or the source's own."""
        return cls(Graph(settings.crawlers.threads_api, token(name or "threads", settings)))

    def hosts(self, source: Source) -> frozenset[str]:
        """See WebReader."""
        _query(source)
        return frozenset({host_of(self._graph.api, source)})

    def start(self, source: Source, progress: Mapping[str, object]) -> tuple[Ask, ...]:
        """See WebReader."""
        return (self._page(source, None),)

    def read(self, turn: Pass, answer: Answer) -> Step:
        """Posts of a profile or search, or replies under one."""
        body = graph_body(turn, answer, PLATFORM)
        pieces = list(elements(json_text(answer.body), "data"))
        made = [media(item, payload) for item, payload in pieces]
        found = tuple(each for each in made if each is not None)
        if answer.ask.step == "replies":
            return Step(found)
        turn.skipped += len(made) - len(found)
        if found:
            turn.newest = max(found, key=lambda each: each.posted_at).native_id
        asks = self._replies(turn, [item for item, _ in pieces], answer.at)
        cursor = after(turn, body, [each.posted_at for each in found])
        if cursor is not None:
            asks.append(self._page(turn.source, cursor))
        return Step(found, tuple(asks))

    def again(self, raw: RawPost, source: Source, posted_at: datetime) -> Found | None:
        """See WebReader."""
        return media(json.loads(raw.payload), raw.payload)

    def _page(self, source: Source, cursor: str | None) -> Ask:
        path, values = _query(source)
        values = {**values, "fields": FIELDS, "limit": PAGE}
        if cursor is not None:
            values["after"] = cursor
        return self._graph.ask(path, "posts", values)

    def _replies(self, turn: Pass, items: Sequence[Mapping[str, Any]], now: datetime) -> list[Ask]:
        """Replies under the newest page's fresh posts; a closed thread costs a request, no more."""
        if not turn.source.comments or turn.pages:
            return []
        values = {"fields": FIELDS, "limit": PAGE, "reverse": "true"}
        return [
            self._graph.ask(f"{item['id']}/replies", "replies", values, optional=True)
            for item in items
            if item.get("has_replies") and item.get("id") and _is_fresh(item, now)
        ]


def media(item: Mapping[str, Any], payload: bytes) -> Found | None:
    """The item of a post or reply; ``None`` without id, time, or anything to tell."""
    posted_at = graph_time(item.get("timestamp"))
    text = tidy(str(item.get("text") or ""))
    parts = (item.get("children") or {}).get("data") or [item]
    links = [str(part.get("media_url") or "") for part in parts if isinstance(part, dict)]
    if posted_at is None or not item.get("id") or not (text or any(links)):
        return None
    kinds = [str(part.get("media_type") or "").lower() for part in parts]
    parent = (item.get("replied_to") or {}).get("id")
    origin = (item.get("reposted_post") or {}).get("id")
    return Found(
        native_id=str(item["id"]),
        text=text,
        posted_at=posted_at,
        payload=payload,
        media_type=MEDIA_TYPE,
        parser=PARSER,
        url=str(item["permalink"]) if item.get("permalink") else None,
        author=f"threads:{item['username']}" if item.get("username") else None,
        reply_to=str(parent) if parent else None,
        forwarded_from=str(origin) if origin else None,
        media=media_refs([link for link in links if link], "https://www.threads.net"),
        attachments=tuple(
            "photo" if kind == "image" else kind
            for kind in kinds
            if kind and kind not in ("text_post", "text")
        ),
    )


def _is_fresh(item: Mapping[str, Any], now: datetime) -> bool:
    posted_at = graph_time(item.get("timestamp"))
    return posted_at is not None and now - posted_at < FRESH


def _query(source: Source) -> tuple[str, dict[str, Any]]:
    text = source.address.strip()
    profile = _PROFILE.fullmatch(text)
    if profile is not None:
        return "profile_posts", {"username": profile[1]}
    search = _SEARCH.fullmatch(text)
    if search is None:
        raise SourceError(
            f"source {source.name!r}: {text!r} is neither a profile nor a search; give @name or "
            "'search: words'"
        )
    return "keyword_search", {"q": search[1], "search_type": "RECENT"}
