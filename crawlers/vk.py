"""Reader of VK communities through the official API: walls and comments. Pure.

Methods wall.get and wall.getComments, version 5.199 (dev.vk.com). Walls of persons are not read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from core.coverage import Gap
from core.errors import SourceError
from core.records import MediaRef, RawPost, Source
from core.settings import Settings, token
from crawlers.articles import media_refs, tidy
from crawlers.found import Found
from crawlers.recent import gone_since
from crawlers.slices import elements, json_text
from crawlers.web import Answer, Ask, Pass, Step, host_of

PARSER = "vk/1"
VERSION = "5.199"
PAGE = 100
MAX_PAGES = 10
MAX_COMMENT_PAGES = 5
Piece = tuple[dict[str, Any], bytes]
WALL, COMMENT = "application/json; item=vk.wall", "application/json; item=vk.comment"
_ADDRESS = re.compile(r"(?:https?://(?:m\.)?vk\.(?:com|ru)/)?@?([A-Za-z0-9_.-]{2,64})/?")
_NUMBER = re.compile(r"(?:club|public|event|-)(\d{1,12})")
_FAULTS: dict[int, tuple[str, float | None]] = {
    5: ("VK does not accept the token; make a new one", None),
    6: ("VK asks for fewer requests a second", 2.0),
    9: ("VK asks for fewer requests of this kind", 60.0),
    10: ("VK has an inner fault; it is tried again", None),
    14: ("VK asks for a captcha; lower the budget of its host", 3600.0),
    15: ("VK denies access; the community is closed", None),
    18: ("the page was deleted or blocked", None),
    19: ("the content is not available", None),
    27: ("the token of a community cannot read others; use a service token", None),
    28: ("the token of the application cannot read this; use a user's token", None),
    29: ("VK's daily limit for this method is reached", 3600.0),
    30: ("the profile is private", None),
    100: ("VK knows no such community; correct the address", None),
    113: ("VK knows no such community; correct the address", None),
    125: ("VK knows no such community; correct the address", None),
    203: ("VK denies access to the group", None),
}


class VkReader:
    """Reads walls of communities, newest first, back to the last post that was read."""

    def __init__(self, api: str, access_token: str) -> None:
        self._api = api.rstrip("/")
        self._header = {"Authorization": f"Bearer {access_token}"}

    @classmethod
    def of(cls, settings: Settings, name: str | None) -> VkReader:
        """With the token ``vk`` or the source's own."""
        return cls(settings.crawlers.vk_api, token(name or "vk", settings))

    def hosts(self, source: Source) -> frozenset[str]:
        """See WebReader."""
        _wall(source)
        return frozenset({host_of(self._api, source)})

    def start(self, source: Source, progress: Mapping[str, object]) -> tuple[Ask, ...]:
        """See WebReader."""
        return (self._wall_page(source, 0),)

    def read(self, turn: Pass, answer: Answer) -> Step:
        """Posts of a wall, or comments under one of them."""
        pieces = _items(turn, answer)
        if answer.ask.step == "comments":
            return self._comments(turn, answer, pieces)
        items = [item for item, _ in pieces]
        if any(int(item.get("owner_id", -1)) > 0 for item in items):
            raise SourceError("this is a person's wall; only communities are read")
        turn.pages += 1
        made = [post(item, payload) for item, payload in pieces]
        found = tuple(each for each in made if each is not None)
        turn.skipped += len(made) - len(found)
        asks = [*self._older(turn, answer, items), *self._new_comments(turn, items)]
        gone: tuple[str, ...] = ()
        if turn.pages == 1:
            shown = {int(i["id"]): _wall_id(i) for i in items if not i.get("is_pinned")}
            gone = gone_since(turn.progress, shown)
        return Step(found, tuple(asks), gone)

    def again(self, raw: RawPost, source: Source, posted_at: datetime) -> Found | None:
        """See WebReader."""
        item = json.loads(raw.payload)
        if raw.media_type == WALL:
            return post(item, raw.payload)
        owner, _, number = raw.native_id.removeprefix("wall").partition("?")[0].partition("_")
        return comment(item, raw.payload, int(owner), int(number))

    def _wall_page(self, source: Source, offset: int) -> Ask:
        return self._ask(
            "wall.get", "wall", {**_wall(source), "count": PAGE, "offset": offset, "filter": "all"}
        )

    def _ask(self, method: str, step: str, values: Mapping[str, Any], **context: Any) -> Ask:
        query = urlencode({**values, "v": VERSION})
        return Ask(
            f"{self._api}/{method}?{query}",
            step=step,
            context=context or {"offset": values.get("offset", 0)},
            header=self._header,
            any_status=True,
            optional=step == "comments",
        )

    def _older(self, turn: Pass, answer: Answer, items: Sequence[Mapping[str, Any]]) -> list[Ask]:
        numbers = [int(item["id"]) for item in items if not item.get("is_pinned")]
        if not numbers:
            return []
        since = None if turn.last_id is None else int(turn.last_id)
        turn.newest = str(max(*numbers, int(turn.newest or 0), since or 0))
        if since is None or min(numbers) <= since or len(items) < PAGE:
            return []
        if turn.pages >= MAX_PAGES:
            turn.gaps.append(
                Gap(
                    first=str(since + 1),
                    last=str(min(numbers) - 1),
                    found_at=answer.at,
                    why=f"more than {MAX_PAGES * PAGE} posts were new at once",
                )
            )
            return []
        return [self._wall_page(turn.source, int(answer.ask.context["offset"]) + PAGE)]

    def _new_comments(self, turn: Pass, items: Sequence[Mapping[str, Any]]) -> list[Ask]:
        if not turn.source.comments or turn.pages > 1:
            return []
        kept = turn.progress.get("comments")
        known: dict[str, int] = dict(kept) if isinstance(kept, dict) else {}
        asks = []
        counts: dict[str, int] = {}
        for item in items:
            count = int((item.get("comments") or {}).get("count") or 0)
            number = str(item["id"])
            counts[number] = known.get(number, 0)
            if count > known.get(number, 0):
                fresh = count - known.get(number, 0)
                pages = min(MAX_COMMENT_PAGES, -(-fresh // PAGE))
                asks.append(self._comment_page(int(item["owner_id"]), int(number), 0, pages, count))
        turn.progress["comments"] = counts
        return asks

    def _comment_page(self, owner: int, post_id: int, offset: int, pages: int, count: int) -> Ask:
        values = {
            "owner_id": owner,
            "post_id": post_id,
            "count": PAGE,
            "offset": offset,
            "sort": "desc",
            "preview_length": 0,
            "thread_items_count": 10,
        }
        return self._ask(
            "wall.getComments",
            "comments",
            values,
            owner=owner,
            post=post_id,
            offset=offset,
            pages=pages,
            count=count,
        )

    def _comments(self, turn: Pass, answer: Answer, pieces: Sequence[Piece]) -> Step:
        context = answer.ask.context
        owner, post_id = int(context["owner"]), int(context["post"])
        threads = (elements(payload.decode(), "thread", "items") for _, payload in pieces)
        replies = [reply for thread in threads for reply in thread]
        made = [comment(item, payload, owner, post_id) for item, payload in (*pieces, *replies)]
        counts = turn.progress.get("comments")
        if isinstance(counts, dict):  # read to here: the same count costs nothing next time
            counts[str(post_id)] = int(context["count"])
        asks: tuple[Ask, ...] = ()
        if context["pages"] > 1 and len(pieces) == PAGE:
            asks = (
                self._comment_page(
                    owner,
                    post_id,
                    int(context["offset"]) + PAGE,
                    int(context["pages"]) - 1,
                    int(context["count"]),
                ),
            )
        return Step(tuple(each for each in made if each is not None), asks)


def post(item: Mapping[str, Any], payload: bytes) -> Found | None:
    """The item of a wall's post; ``None`` when it has no id, time, or anything to tell.

    ``payload``: its bytes in the answer.
    """
    copies = [c for c in item.get("copy_history") or () if isinstance(c, dict)]
    pieces = [item.get("text"), *(copy.get("text") for copy in copies)]
    attachments = _attachments(item) + [a for copy in copies for a in _attachments(copy)]
    text = tidy("\n".join(str(piece) for piece in pieces if piece))
    posted_at = _time(item.get("date"))
    if posted_at is None or "id" not in item or not (text or attachments):
        return None
    lat, lon = _point(item)
    name = _wall_id(item)
    return Found(
        native_id=name,
        text=text,
        posted_at=posted_at,
        payload=payload,
        media_type=WALL,
        parser=PARSER,
        url=f"https://vk.com/{name}",
        edited_at=_time(item.get("edited")),
        author=_author(item),
        forwarded_from=_wall_id(copies[0]) if copies else None,
        media=_media(attachments),
        attachments=tuple(str(a.get("type")) for a in attachments),
        lat=lat,
        lon=lon,
        extra={"views": (item.get("views") or {}).get("count")},
    )


def comment(item: Mapping[str, Any], payload: bytes, owner: int, post_id: int) -> Found | None:
    """The item of a comment; deleted ones are ``None``."""
    text = tidy(str(item.get("text") or ""))
    attachments = _attachments(item)
    posted_at = _time(item.get("date"))
    if item.get("deleted") or posted_at is None or not (text or attachments):
        return None
    wall = f"wall{owner}_{post_id}"
    parent = item.get("reply_to_comment")
    return Found(
        native_id=f"{wall}?reply={item['id']}",
        text=text,
        posted_at=posted_at,
        payload=payload,
        media_type=COMMENT,
        parser=PARSER,
        url=f"https://vk.com/{wall}?reply={item['id']}",
        author=_author(item),
        reply_to=f"{wall}?reply={parent}" if parent else wall,
        media=_media(attachments),
        attachments=tuple(str(a.get("type")) for a in attachments),
    )


def _wall(source: Source) -> dict[str, Any]:
    found = _ADDRESS.fullmatch(source.address.strip())
    if found is None:
        raise SourceError(
            f"source {source.name!r}: {source.address!r} is no community of VK; give "
            "https://vk.com/NAME or club123"
        )
    number = _NUMBER.fullmatch(found[1])
    return {"owner_id": -int(number[1])} if number else {"domain": found[1]}


def _items(turn: Pass, answer: Answer) -> list[Piece]:
    """The items of an answer with their bytes; raises SourceError for VK's errors."""
    try:
        text = json_text(answer.body)
        body = json.loads(text)
    except ValueError as error:
        raise SourceError(f"VK answered {answer.status} with what is no JSON") from error
    fault = body.get("error") if isinstance(body, dict) else None
    if isinstance(fault, dict):
        code = int(fault.get("error_code") or 0)
        text, asked_s = _FAULTS.get(code, ("VK refused the request", None))
        turn.asked_s = asked_s
        raise SourceError(f"{text} (code {code})")
    found = body.get("response") if isinstance(body, dict) else None
    if not isinstance(found, dict) or "items" not in found:
        raise SourceError(f"VK answered {answer.status} in an unknown form; the reader must adapt")
    return list(elements(text, "response", "items"))


def _wall_id(item: Mapping[str, Any]) -> str:
    return f"wall{item.get('owner_id')}_{item.get('id')}"


def _attachments(item: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [a for a in item.get("attachments") or () if isinstance(a, dict)]


def _media(attachments: Sequence[Mapping[str, Any]]) -> tuple[MediaRef, ...]:
    """Photos in their largest size. The API gives no address of a video's file."""
    links = []
    for attachment in attachments:
        sizes = (attachment.get("photo") or {}).get("sizes") or ()
        if sizes:
            best = max(sizes, key=lambda s: int(s.get("width") or 0) * int(s.get("height") or 0))
            links.append(str(best.get("url") or ""))
    return media_refs(links, urlsplit("https://vk.com").geturl())


def _author(item: Mapping[str, Any]) -> str | None:
    """The person who wrote it; a community has none."""
    number = int(item.get("from_id") or 0)
    return f"vk:{number}" if number > 0 else None


def _point(item: Mapping[str, Any]) -> tuple[float | None, float | None]:
    geo = item.get("geo") or {}
    place = geo.get("coordinates") or geo.get("place") or {}
    try:
        if isinstance(place, str):
            lat, lon = (float(part) for part in place.split())
        else:
            lat, lon = float(place["latitude"]), float(place["longitude"])
    except (KeyError, TypeError, ValueError):
        return None, None
    return (lat, lon) if abs(lat) <= 90 and abs(lon) <= 180 else (None, None)


def _time(value: object) -> datetime | None:
    if not isinstance(value, int) or not 631_152_000 <= value <= 4_102_444_800:
        return None
    return datetime.fromtimestamp(value, UTC)
