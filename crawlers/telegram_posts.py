"""From a message of a preview page to the records that are kept. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from core.ids import content_digest, digest
from core.inputs import post_id
from core.records import Post, RawPost, Source
from core.versions import newest
from crawlers.telegram_page import PARSER, Message


def content_of(message: Message) -> str:
    """Digest of what the channel said: no views, no addresses of media, which change by themselves.

    The page's mark "edited" is left out too: it may be set for a change of buttons alone.
    """
    return content_digest(
        {
            "native_id": message.native_id,
            "text": message.text,
            "posted_at": message.posted_at.isoformat(),
            "forwarded_from": message.forwarded_from,
            "reply_to": message.reply_to,
            "attachments": message.attachments,
            "lat": message.lat,
            "lon": message.lon,
        }
    )


def derive(
    message: Message,
    known: Sequence[Post],
    *,
    source: Source,
    fetched_at: datetime,
    media_type: str,
) -> tuple[Post, RawPost] | None:
    """The new version that this message is, with its raw payload; ``None`` when it is known.

    ``known``: the versions of the same id that the store has. The page does not say when a
    message was edited, so the time of an edit is when it was first seen, and always later than
    that of the version before.
    """
    content = content_of(message)
    edited_at: datetime | None = None
    if known:
        last = newest(known)
        if last.content == content and last.deleted_at is None:
            return None
        edited_at = max(fetched_at, last.known_at + timedelta(milliseconds=1))
    name = post_id(source.name, message.native_id)
    post = Post(
        id=name,
        source=source.name,
        native_id=message.native_id,
        version=1,
        text=message.text,
        posted_at=message.posted_at,
        edited_at=edited_at,
        accepted_at=fetched_at,
        url=message.url,
        author=None,
        home=source.home,
        lat=message.lat,
        lon=message.lon,
        reply_to=message.reply_to,
        forwarded_from=message.forwarded_from,
        media=message.media,
        extra={
            "views": message.views,
            "edited": message.edited,
            "attachments": list(message.attachments),
        },
        content=content,
    )
    raw = RawPost(
        id=digest("raw", name, fetched_at.isoformat(), content),
        source=source.name,
        native_id=message.native_id,
        url=message.url,
        fetched_at=fetched_at,
        media_type=media_type,
        payload=message.payload,
        parser=PARSER,
    )
    return post, raw
