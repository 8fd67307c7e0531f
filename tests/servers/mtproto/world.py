"""What the server holds: one account, channels with their histories, and the faults asked for."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from telethon.tl import types

PHONE, CODE = "99966200000", "22222"


@dataclass
class Channel:
    """A channel or discussion group. ``log``: (pts, update), the newest last."""

    id: int
    username: str | None
    title: str
    megagroup: bool = False
    joined: bool = True
    linked: int | None = None
    forbidden: bool = False
    messages: dict[int, Any] = field(default_factory=dict)
    pts: int = 1
    next_id: int = 1
    log: list[tuple[int, int, Any]] = field(default_factory=list)

    @property
    def access_hash(self) -> int:
        """Fixed, so that a session outlives a restart of the server."""
        return int.from_bytes(hashlib.sha256(str(self.id).encode()).digest()[:7], "big")

    def tl(self) -> types.Channel:
        """As clients see it."""
        return types.Channel(
            id=self.id,
            title=self.title,
            photo=types.ChatPhotoEmpty(),
            date=datetime(2024, 1, 1, tzinfo=UTC),
            left=not self.joined or None,
            broadcast=not self.megagroup or None,
            megagroup=self.megagroup or None,
            has_link=self.linked is not None or None,
            access_hash=self.access_hash,
            username=self.username,
        )


@dataclass
class World:
    """State behind the protocol. ``floods``: seconds of wait a method answers with, in turn."""

    password: str | None = None
    channels: dict[int, Channel] = field(default_factory=dict)
    users: dict[int, types.User] = field(default_factory=dict)
    files: dict[int, bytes] = field(default_factory=dict)
    floods: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    errors: dict[str, list[tuple[int, str]]] = field(default_factory=lambda: defaultdict(list))
    asked: list[str] = field(default_factory=list)
    signed_in: set[int] = field(default_factory=set)
    self_id: int = 900_001
    skew_s: float = 0.0

    def now(self) -> datetime:
        """The service's clock, which may be ahead of ours by ``skew_s``."""
        return datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=self.skew_s)

    def me(self) -> types.User:
        """The account itself."""
        return types.User(
            id=self.self_id, is_self=True, access_hash=1, first_name="Oqyrman", phone=PHONE
        )

    def channel(self, username: str) -> Channel:
        """A channel by its name; KeyError when there is none."""
        return next(c for c in self.channels.values() if c.username == username)

    def add_channel(self, username: str | None, **more: Any) -> Channel:
        """A new channel."""
        number = 1_000_000_000 + len(self.channels) + 1
        channel = Channel(number, username, more.pop("title", username or "топ"), **more)
        self.channels[number] = channel
        return channel

    def add_group(self, channel: Channel) -> Channel:
        """The discussion group of a channel."""
        group = self.add_channel(None, megagroup=True, joined=channel.joined, title="талқылау")
        channel.linked, group.linked = group.id, channel.id
        return group

    def add_user(self, user_id: int, first_name: str) -> None:
        """Somebody who writes comments."""
        self.users[user_id] = types.User(id=user_id, access_hash=user_id, first_name=first_name)

    def post(self, channel: Channel, text: str, **more: Any) -> tuple[Any, Any]:
        """A new message in a channel; it and its update."""
        number = more.pop("id", channel.next_id)
        channel.next_id = max(channel.next_id, number + 1)
        message = types.Message(
            id=number,
            peer_id=types.PeerChannel(channel.id),
            date=more.pop("date", self.now()),
            message=text,
            post=not channel.megagroup or None,
            views=more.pop("views", None),
            **more,
        )
        if channel.linked is not None and not channel.megagroup:
            group = self.channels[channel.linked]
            message.replies = types.MessageReplies(
                replies=0, replies_pts=1, comments=True, channel_id=group.id, max_id=None
            )
            self.post(
                group,
                text,
                fwd_from=types.MessageFwdHeader(
                    date=message.date,
                    from_id=types.PeerChannel(channel.id),
                    channel_post=number,
                    saved_from_peer=types.PeerChannel(channel.id),
                    saved_from_msg_id=number,
                ),
            )
        channel.messages[number] = message
        return message, self._log(channel, types.UpdateNewChannelMessage, message)

    def comment(self, channel: Channel, post_id: int, text: str, user_id: int) -> tuple[Any, Any]:
        """A comment under a channel's post: a message in its discussion group."""
        assert channel.linked is not None
        group = self.channels[channel.linked]
        top = next(
            m.id
            for m in group.messages.values()
            if m.fwd_from is not None and m.fwd_from.channel_post == post_id
        )
        message, update = self.post(
            group,
            text,
            from_id=types.PeerUser(user_id),
            reply_to=types.MessageReplyHeader(reply_to_msg_id=top),
        )
        replies = channel.messages[post_id].replies
        replies.replies += 1
        replies.max_id = message.id
        return message, update

    def edit(self, channel: Channel, number: int, text: str) -> Any:
        """Edit a message; its update."""
        message = channel.messages[number]
        message.message = text
        message.edit_date = self.now()
        return self._log(channel, types.UpdateEditChannelMessage, message)

    def delete(self, channel: Channel, numbers: Sequence[int]) -> Any:
        """Delete messages; the update."""
        for number in numbers:
            del channel.messages[number]
        channel.pts += len(numbers)
        update = types.UpdateDeleteChannelMessages(
            channel_id=channel.id,
            messages=list(numbers),
            pts=channel.pts,
            pts_count=len(numbers),
        )
        channel.log.append((channel.pts, len(numbers), update))
        return update

    def thread(self, channel: Channel, post_id: int) -> list[Any]:
        """Comments under a post, oldest first."""
        if channel.linked is None:
            return []
        group = self.channels[channel.linked]
        tops = [
            m.id
            for m in group.messages.values()
            if m.fwd_from is not None and m.fwd_from.channel_post == post_id
        ]
        return [
            m
            for m in group.messages.values()
            if m.reply_to is not None and m.reply_to.reply_to_msg_id in tops
        ]

    def photo(self, data: bytes, number: int) -> types.MessageMediaPhoto:
        """A photo whose bytes can be fetched."""
        self.files[number] = data
        return types.MessageMediaPhoto(
            photo=types.Photo(
                id=number,
                access_hash=number,
                file_reference=b"ref",
                date=self.now(),
                sizes=[types.PhotoSize(type="x", w=640, h=480, size=len(data))],
                dc_id=2,
            )
        )

    def _log(self, channel: Channel, kind: Any, message: Any) -> Any:
        channel.pts += 1
        update = kind(message=message, pts=channel.pts, pts_count=1)
        channel.log.append((channel.pts, 1, update))
        return update
