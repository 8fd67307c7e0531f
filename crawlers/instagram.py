"""Reader of Instagram through the official Graph API: professional accounts and hashtags. Pure.

Business discovery gives the posts of a public professional account, hashtag search those of the
last 24 hours; the platform gives neither comments nor authors of others.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from core.errors import SettingsError, SourceError
from core.records import RawPost, Source
from core.settings import Settings, token
from crawlers.articles import media_refs, tidy
from crawlers.found import Found
from crawlers.graph import Graph, after, graph_body, graph_time
from crawlers.slices import elements, json_text
from crawlers.web import Answer, Ask, Pass, Step, host_of

PARSER = "instagram/1"
MEDIA_TYPE = "application/json; item=instagram.media"
PAGE = 50
FIELDS = "id,caption,media_type,media_url,permalink,timestamp,children{media_type,media_url}"
PLATFORM = "Instagram"
_ACCOUNT = re.compile(r"(?:https?://(?:www\.)?instagram\.com/)?@?([A-Za-z0-9._]{1,30})/?")
_TAG = re.compile(r"#(\w{1,100})")


class InstagramReader:
    """Reads ``@account`` or ``#hashtag``. ``own_id``: the operator's own professional account."""

    def __init__(self, graph: Graph, own_id: str) -> None:
        self._graph = graph
        self._own_id = own_id

    @classmethod
    def of(cls, settings: Settings, name: str | None) -> InstagramReader:
        """With the token ``instagram`` or the source's own: account id, colon, token."""
        own_id, _, secret = token(name or "instagram", settings).partition(":")
        if not own_id.isdecimal() or not secret:
            raise SettingsError(
                "the token 'instagram' must be ID:TOKEN, the id of your own professional account "
                "before the colon"
            )
        return cls(Graph(settings.crawlers.instagram_api, secret), own_id)

    def hosts(self, source: Source) -> frozenset[str]:
        """See WebReader."""
        _kind(source)
        return frozenset({host_of(self._graph.api, source)})

    def start(self, source: Source, progress: Mapping[str, object]) -> tuple[Ask, ...]:
        """See WebReader. The id of a hashtag is asked once: 30 tags a week are allowed."""
        account, tag = _kind(source)
        if account is not None:
            return (self._account(account, None),)
        known = progress.get("tag")
        if isinstance(known, str):
            return (self._recent(known, None),)
        values = {"user_id": self._own_id, "q": tag}
        return (self._graph.ask("ig_hashtag_search", "tag", values),)

    def read(self, turn: Pass, answer: Answer) -> Step:
        """Posts of an account or of a tag."""
        body = graph_body(turn, answer, PLATFORM)
        if answer.ask.step == "tag":
            number = str(next(iter(body.get("data") or [{}])).get("id") or "")
            if not number:
                raise SourceError("Instagram knows no such hashtag; correct the address")
            turn.progress["tag"] = number
            return Step(asks=(self._recent(number, None),))
        path: tuple[str, ...] = ("data",)
        if answer.ask.step == "account":
            body = (body.get("business_discovery") or {}).get("media") or {}
            path = ("business_discovery", "media", "data")
        pieces = elements(json_text(answer.body), *path)
        made = [media(item, payload) for item, payload in pieces]
        found = tuple(each for each in made if each is not None)
        turn.skipped += len(made) - len(found)
        if found:
            turn.newest = max(found, key=lambda each: each.posted_at).native_id
        cursor = after(turn, body, [each.posted_at for each in found])
        if cursor is None:
            return Step(found)
        account, _ = _kind(turn.source)
        following = (
            self._account(account, cursor)
            if account is not None
            else self._recent(str(turn.progress["tag"]), cursor)
        )
        return Step(found, (following,))

    def again(self, raw: RawPost, source: Source, posted_at: datetime) -> Found | None:
        """See WebReader."""
        return media(json.loads(raw.payload), raw.payload)

    def _account(self, account: str, cursor: str | None) -> Ask:
        page = f"media.limit({PAGE})" if cursor is None else f"media.limit({PAGE}).after({cursor})"
        fields = f"business_discovery.username({account}){{username,{page}{{{FIELDS}}}}}"
        return self._graph.ask(self._own_id, "account", {"fields": fields})

    def _recent(self, tag: str, cursor: str | None) -> Ask:
        values: dict[str, Any] = {"user_id": self._own_id, "fields": FIELDS, "limit": PAGE}
        if cursor is not None:
            values["after"] = cursor
        return self._graph.ask(f"{tag}/recent_media", "recent", values)


def media(item: Mapping[str, Any], payload: bytes) -> Found | None:
    """The item of a post; ``None`` without id, time, or anything to tell."""
    posted_at = graph_time(item.get("timestamp"))
    text = tidy(str(item.get("caption") or ""))
    parts = (item.get("children") or {}).get("data") or [item]
    links = [str(part.get("media_url") or "") for part in parts if isinstance(part, dict)]
    if posted_at is None or not item.get("id") or not (text or any(links)):
        return None
    kinds = [str(part.get("media_type") or "").lower() for part in parts]
    return Found(
        native_id=str(item["id"]),
        text=text,
        posted_at=posted_at,
        payload=payload,
        media_type=MEDIA_TYPE,
        parser=PARSER,
        url=str(item["permalink"]) if item.get("permalink") else None,
        media=media_refs([link for link in links if link], "https://www.instagram.com"),
        attachments=tuple("photo" if kind == "image" else kind for kind in kinds if kind),
    )


def _kind(source: Source) -> tuple[str | None, str | None]:
    """Account or hashtag; raises SourceError."""
    text = source.address.strip()
    tag = _TAG.fullmatch(text)
    if tag is not None:
        return None, tag[1]
    account = _ACCOUNT.fullmatch(text)
    if account is None:
        raise SourceError(
            f"source {source.name!r}: {text!r} is neither an account nor a hashtag; give @name "
            "or #tag"
        )
    return account[1], None
