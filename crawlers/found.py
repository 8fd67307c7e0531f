"""What a reader finds, whatever the source, and the records that are kept of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from core.ids import content_digest, digest, pseudonym
from core.inputs import post_id
from core.links import channels_of, kept_link, kept_origin, kept_reference
from core.records import MediaRef, Post, RawPost, Source
from core.sealing import seal, seal_payload
from core.versions import newest

MAX_MEDIA = 50
MAX_NAME_CHARS = 300
NOTHING: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True)
class Found:
    """One item of a source.

    ``edited_at``: only where the source says it. ``author``: the handle, of which only a keyed
    pseudonym is kept. ``media`` holds addresses that may change from fetch to fetch,
    ``attachments`` what does not: the kinds in their order. ``payload``: the bytes as served.
    ``extra``: what changes by itself (views), never part of the content.
    """

    native_id: str
    text: str
    posted_at: datetime
    payload: bytes
    media_type: str
    parser: str
    url: str | None = None
    edited_at: datetime | None = None
    author: str | None = None
    forwarded_from: str | None = None
    reply_to: str | None = None
    media: tuple[MediaRef, ...] = ()
    attachments: tuple[str, ...] = ()
    lat: float | None = None
    lon: float | None = None
    extra: Mapping[str, object] = field(default_factory=lambda: NOTHING)


def content_of(found: Found) -> str:
    """Digest of what the source said: no views, no addresses of media, no time of an edit,

    which change by themselves (Telegram moves its time of an edit for reactions too).
    """
    return content_digest(
        {
            "native_id": found.native_id,
            "text": found.text,
            "posted_at": found.posted_at.isoformat(),
            "forwarded_from": found.forwarded_from,
            "reply_to": found.reply_to,
            "attachments": found.attachments,
            "lat": found.lat,
            "lon": found.lon,
        }
    )


def derive(
    found: Found, known: Sequence[Post], *, source: Source, fetched_at: datetime, key: bytes
) -> tuple[Post, RawPost] | None:
    """The version that this item is, with its raw payload; ``None`` when it is known.

    The author's handle, an address that carries it, and the payload are sealed with ``key``.
    ``known``: the versions of the same id that the store has. Where the source does not say when
    an item was edited, the time of an edit is when it was first seen, and always later than that
    of the version before. A time of posting that lies ahead of ours (a wrong clock or zone) is
    brought back to ours; what the source said stands in ``extra``.
    """
    content = content_of(found)
    posted_at = min(found.posted_at, fetched_at)
    edited_at = None if found.edited_at is None else max(found.edited_at, posted_at)
    if known:
        last = newest(known)
        if last.content == content and last.deleted_at is None:
            return None
        posted_at = known[0].posted_at if found.posted_at > fetched_at else posted_at
        if edited_at is None or edited_at <= last.known_at:
            edited_at = max(fetched_at, last.known_at + timedelta(milliseconds=1))
    extra = dict(found.extra)
    if found.attachments:
        extra["attachments"] = list(found.attachments)
    if found.posted_at > fetched_at:
        extra["posted_at_of_source"] = found.posted_at.isoformat()
    name = post_id(source.name, found.native_id)
    channels = channels_of(source.name, source.address)
    url, sealed_url = kept_link(
        found.url, key=key, place=name, channels=channels, author=found.author
    )
    post = Post(
        id=name,
        source=source.name,
        native_id=found.native_id,
        version=1,
        text=found.text,
        posted_at=posted_at,
        edited_at=edited_at,
        accepted_at=fetched_at,
        url=url,
        sealed_url=sealed_url,
        author=None if found.author is None else pseudonym(found.author, key),
        handle=None if found.author is None else seal(found.author, key, name),
        home=source.home,
        lat=found.lat,
        lon=found.lon,
        reply_to=kept_reference(found.reply_to, key, channels),
        forwarded_from=kept_origin(found.forwarded_from, key, channels, platform=True),
        media=found.media[:MAX_MEDIA],
        extra=extra,
        content=content,
    )
    raw = RawPost(
        id=digest("raw", name, fetched_at.isoformat(), content),
        source=source.name,
        native_id=found.native_id,
        url=found.url,
        fetched_at=fetched_at,
        media_type=found.media_type,
        payload=found.payload,
        parser=found.parser,
    )
    return post, seal_payload(raw, key)


def deletion(known: Sequence[Post], *, at: datetime, accepted_at: datetime) -> Post | None:
    """The deletion mark of a post; ``None`` when it is unknown or marked already.

    ``at``: when it was deleted, or seen to be.
    """
    if not known:
        return None
    last = newest(known)
    if last.deleted_at is not None:
        return None
    deleted_at = max(at, last.known_at + timedelta(milliseconds=1))
    return last.model_copy(
        update={"deleted_at": deleted_at, "accepted_at": accepted_at, "version": 1}
    )
