"""Messages as the Telegram API gives them, turned into items. Pure.

An album is several messages with one ``grouped_id``; it becomes one item under its lowest id. The
payload is the protocol's own container with the messages and the channels they name, and nobody
else: no person's profile is kept.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from telethon.errors import TypeNotFoundError
from telethon.extensions import BinaryReader
from telethon.tl import types
from telethon.tl.alltlobjects import LAYER

from core.errors import InputError
from core.inputs import MAX_TEXT_CHARS, clean_text
from core.records import MediaRef
from crawlers.found import Found

PARSER = "telegram_account/1"
MEDIA_TYPE = f"application/x-telegram-tl; type=messages.Messages; layer={LAYER}"

Chats = Mapping[int, Any]


@dataclass(frozen=True)
class Place:
    """Where messages stand. ``name``: the channel's public name, or ``c/ID`` without one.

    ``post``: set for comments: the name and id of the post that they stand under.
    """

    name: str
    post: tuple[str, int] | None = None

    def native_id(self, number: int) -> str:
        """Id of a message, the same as on the public preview page."""
        return f"{self.name}/{number}"


def name_of(channel: Any) -> str:
    """Public name of a channel or group, ``c/ID`` when it has none."""
    if channel.username:
        return str(channel.username)
    for each in channel.usernames or ():
        if each.active:
            return str(each.username)
    return f"c/{channel.id}"


def is_said(message: Any) -> bool:
    """Whether a message is one that somebody wrote: not empty, not a service message."""
    return isinstance(message, types.Message)


def albums(messages: Iterable[Any]) -> list[list[Any]]:
    """Messages in groups, one an item, by ascending id; albums are together."""
    groups: dict[object, list[Any]] = {}
    for message in sorted(messages, key=lambda m: int(m.id)):
        if is_said(message):
            key = ("album", message.grouped_id) if message.grouped_id else message.id
            groups.setdefault(key, []).append(message)
    return list(groups.values())


def complete(messages: Sequence[Any], *, full_page: bool) -> list[Any]:
    """Messages of a page in ascending order without an album that the page may have cut off.

    ``full_page``: more messages follow. A page that is one single album is left as it is.
    """
    ordered = sorted(messages, key=lambda m: int(m.id))
    if not full_page or not ordered:
        return ordered
    last = getattr(ordered[-1], "grouped_id", None)
    if last is None:
        return ordered
    whole = [m for m in ordered if getattr(m, "grouped_id", None) != last]
    return whole or ordered


def whole_albums(page: Sequence[Any]) -> list[Any]:
    """Messages of a full newest page without the album that its lower edge may have cut off."""
    ordered = sorted(page, key=lambda m: int(m.id))
    first = getattr(ordered[0], "grouped_id", None) if ordered else None
    if first is None:
        return ordered
    return [m for m in ordered if getattr(m, "grouped_id", None) != first]


def found_of(
    messages: Sequence[Any], chats: Chats, place: Place, *, head: int | None = None
) -> Found:
    """One item of the messages of an album, or of one message. ``head``: id it is known under."""
    first = messages[0]
    number = first.id if head is None else head
    lat, lon = _point(messages)
    edited = [m.edit_date for m in messages if m.edit_date is not None and not m.edit_hide]
    refs: list[MediaRef] = []
    kinds: list[str] = []
    for message in messages:
        kind = _kind(message.media)
        if kind is not None:
            kinds.append(kind)
        ref = _media_ref(message, place)
        if ref is not None:
            refs.append(ref)
    return Found(
        native_id=place.native_id(number),
        text=_text(messages),
        posted_at=first.date,
        payload=_payload(messages, chats),
        media_type=MEDIA_TYPE,
        parser=PARSER,
        url=_url(place, number),
        edited_at=max(edited, default=None),
        author=_author(first),
        forwarded_from=_forwarded_from(first, chats),
        reply_to=_reply_to(first, place),
        media=tuple(refs),
        attachments=tuple(kinds),
        lat=lat,
        lon=lon,
        extra={
            "views": first.views,
            "place": place.name,
            "under": None if place.post is None else f"{place.post[0]}/{place.post[1]}",
        },
    )


def read_payload(payload: bytes) -> tuple[list[Any], dict[int, Any]]:
    """Messages and chats of a kept payload; raises InputError when this version cannot read it."""
    try:
        with BinaryReader(payload) as reader:
            container = reader.tgread_object()
    except (TypeNotFoundError, struct.error, BufferError, ValueError) as error:
        raise InputError(
            f"the kept message is of another version of Telegram's protocol: {error}"
        ) from error
    return list(container.messages), {chat.id: chat for chat in container.chats}


def _payload(messages: Sequence[Any], chats: Chats) -> bytes:
    wanted = set()
    for message in messages:
        wanted.add(getattr(message.peer_id, "channel_id", None))
        if message.fwd_from is not None:
            wanted.add(getattr(message.fwd_from.from_id, "channel_id", None))
    named = [chat for number, chat in chats.items() if number in wanted]
    container = types.messages.Messages(messages=list(messages), topics=[], chats=named, users=[])
    return bytes(container)


def _text(messages: Sequence[Any]) -> str:
    pieces = [message.message or "" for message in messages]
    for message in messages:
        media = message.media
        if isinstance(media, types.MessageMediaPoll):
            poll = media.poll
            pieces += [_words(poll.question), *(_words(a.text) for a in poll.answers)]
        if isinstance(media, types.MessageMediaVenue):
            pieces += [media.title, media.address]
    text = "\n".join(piece.strip() for piece in pieces if piece and piece.strip())
    return clean_text(text)[:MAX_TEXT_CHARS]


def _words(value: Any) -> str:
    return str(getattr(value, "text", value))


def _kind(media: Any) -> str | None:
    if isinstance(media, types.MessageMediaPhoto):
        return "photo"
    if isinstance(media, types.MessageMediaDocument):
        if media.round:
            return "roundvideo"
        if media.voice:
            return "voice"
        return "video" if _is_video(media.document) else "document"
    if isinstance(media, types.MessageMediaPoll):
        return "poll"
    if isinstance(media, types.MessageMediaGeo | types.MessageMediaVenue):
        return "location"
    return None


def _is_video(document: Any) -> bool:
    return str(getattr(document, "mime_type", "")).startswith("video/")


def _media_ref(message: Any, place: Place) -> MediaRef | None:
    kind = _kind(message.media)
    address = f"tg://resolve?domain={place.name}&post={message.id}"
    if kind == "photo" and isinstance(message.media.photo, types.Photo):
        sizes = [getattr(size, "size", 0) for size in message.media.photo.sizes]
        return MediaRef(url=address, media_type="image/jpeg", size_bytes=max(sizes, default=None))
    document = getattr(message.media, "document", None)
    mime = str(getattr(document, "mime_type", ""))
    if document is not None and mime.partition("/")[0] in ("video", "image"):
        return MediaRef(url=address, media_type=mime[:100], size_bytes=document.size)
    return None


def _point(messages: Sequence[Any]) -> tuple[float | None, float | None]:
    for message in messages:
        geo = getattr(message.media, "geo", None)
        if isinstance(geo, types.GeoPoint) and abs(geo.lat) <= 90 and abs(geo.long) <= 180:
            return geo.lat, geo.long
    return None, None


def _author(message: Any) -> str | None:
    """Of a person's message the account's number; a channel's own posts have no author."""
    user = getattr(message.from_id, "user_id", None)
    return None if user is None else f"telegram:{user}"


def _forwarded_from(message: Any, chats: Chats) -> str | None:
    """``channel/45`` or the channel; what a person wrote is not traced to the person."""
    header = message.fwd_from
    number = getattr(getattr(header, "from_id", None), "channel_id", None)
    if number is None:
        return None
    origin = chats.get(number)
    name = f"c/{number}" if origin is None else name_of(origin)
    return name if header.channel_post is None else f"{name}/{header.channel_post}"


def _reply_to(message: Any, place: Place) -> str | None:
    header = message.reply_to
    number = getattr(header, "reply_to_msg_id", None)
    if place.post is not None and (
        number is None or getattr(header, "reply_to_top_id", None) in (None, number)
    ):
        return f"{place.post[0]}/{place.post[1]}"
    if number is None or getattr(header, "reply_to_peer_id", None) is not None:
        return None
    return place.native_id(number)


def _url(place: Place, number: int) -> str:
    if place.post is None:
        return f"https://t.me/{place.name}/{number}"
    channel, post = place.post
    return f"https://t.me/{channel}/{post}?comment={number}"
