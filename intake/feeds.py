"""The feeds of 102 and what each channel has to bring. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from core.errors import InputError
from core.records import Channel, MediaRef
from media.check import is_photo, is_video

_FEEDS = {
    Channel.APP_MESSAGE: "app",
    Channel.APP_PHOTO: "app",
    Channel.APP_VIDEO: "app",
    Channel.APP_VIDEO_CALL: "app",
    Channel.INTERNAL_SECURITY: "app",
    Channel.CALL_CARD: "calls",
}


def feed_of(channel: Channel) -> str | None:
    """The feed that a report of this channel is a sign of life of."""
    return _FEEDS.get(channel)


def feed_of_file(name: str, feeds: Collection[str]) -> str | None:
    """The feed that a dropped file named ``<feed>-…`` belongs to, ``None`` for another name."""
    return next((feed for feed in feeds if name.lower().startswith(f"{feed.lower()}-")), None)


def need_feed(name: object, feeds: Sequence[str]) -> str:
    """``name`` as the name of a known feed; raises InputError that lists them."""
    if isinstance(name, str) and name in feeds:
        return name
    raise InputError(f'feed: must be one of {", ".join(feeds)}; send {{"feed": {feeds[0]!r}}}')


def need_media(channel: Channel, media: Sequence[MediaRef]) -> None:
    """Raises InputError when files came but not the one that the channel is about."""
    kinds = [ref.media_type or "" for ref in media]
    if channel is Channel.APP_PHOTO and not any(map(is_photo, kinds)):
        raise InputError(
            "media: a report of the channel app_photo has at least one photo; "
            "attach it in the field media, or send the report as app_message"
        )
    if channel is Channel.APP_VIDEO and not any(map(is_video, kinds)):
        raise InputError(
            "media: a report of the channel app_video has at least one video; "
            "attach it in the field media, or send the report as app_message"
        )
