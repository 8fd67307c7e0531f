"""What the server answers to each method of the API that a reader calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from telethon.tl import types

from tests.servers.mtproto.crypto import PasswordCheck
from tests.servers.mtproto.world import CODE, PHONE, Channel, World


class RpcFault(Exception):
    """An error that the protocol carries back: code and name."""

    def __init__(self, code: int, name: str) -> None:
        super().__init__(name)
        self.code, self.name = code, name


class Methods:
    """Answers requests on a world; ``key_id`` names the authorization that asks."""

    def __init__(self, world: World, port: Callable[[], int]) -> None:
        self.world = world
        self._port = port
        self._password = PasswordCheck(world.password) if world.password else None
        self._half: set[int] = set()

    def answer(self, request: Any, key_id: int) -> Any:
        """The result of a request; raises RpcFault."""
        name = type(request).__name__.removesuffix("Request")
        self.world.asked.append(name)
        waits = self.world.floods[name]
        if waits:
            raise RpcFault(420, f"FLOOD_WAIT_{waits.pop(0)}")
        if self.world.errors[name]:
            raise RpcFault(*self.world.errors[name].pop(0))
        free = ("GetConfig", "SendCode", "SignIn", "GetPassword", "CheckPassword")
        if name not in free and key_id not in self.world.signed_in:
            raise RpcFault(401, "AUTH_KEY_UNREGISTERED")
        found: Callable[[Any, int], Any] | None = getattr(self, f"_{name}", None)
        if found is None:
            raise RpcFault(400, "INPUT_METHOD_INVALID")
        return found(request, key_id)

    # -- connection and account --

    def _GetConfig(self, _request: Any, _key: int) -> types.Config:
        numbers = (
            "chat_size_max megagroup_size_max forwarded_count_max online_update_period_ms "
            "offline_blur_timeout_ms offline_idle_timeout_ms online_cloud_timeout_ms "
            "notify_cloud_delay_ms notify_default_delay_ms push_chat_period_ms "
            "push_chat_limit edit_time_limit revoke_time_limit revoke_pm_time_limit "
            "rating_e_decay stickers_recent_limit channels_read_media_period "
            "call_receive_timeout_ms call_ring_timeout_ms call_connect_timeout_ms "
            "call_packet_timeout_ms caption_length_max message_length_max webfile_dc_id "
        )
        now = datetime.now(UTC)
        return types.Config(
            date=now,
            expires=now + timedelta(hours=1),
            test_mode=False,
            this_dc=2,
            dc_options=[types.DcOption(id=2, ip_address="127.0.0.1", port=self._port())],
            dc_txt_domain_name="",
            me_url_prefix="https://t.me/",
            **dict.fromkeys(numbers.split(), 4096),
        )

    def _SendCode(self, request: Any, _key: int) -> types.auth.SentCode:
        if request.phone_number != PHONE:
            raise RpcFault(400, "PHONE_NUMBER_INVALID")
        return types.auth.SentCode(
            type=types.auth.SentCodeTypeApp(length=5), phone_code_hash="hash"
        )

    def _SignIn(self, request: Any, key: int) -> Any:
        if request.phone_code != CODE:
            raise RpcFault(400, "PHONE_CODE_INVALID")
        if self._password is not None:
            self._half.add(key)
            raise RpcFault(401, "SESSION_PASSWORD_NEEDED")
        return self._authorized(key)

    def _GetPassword(self, _request: Any, _key: int) -> types.account.Password:
        assert self._password is not None
        return self._password.asked()

    def _CheckPassword(self, request: Any, key: int) -> Any:
        if self._password is None or key not in self._half:
            raise RpcFault(400, "PASSWORD_EMPTY")
        if not self._password.fits(request.password):
            raise RpcFault(400, "PASSWORD_HASH_INVALID")
        return self._authorized(key)

    def _authorized(self, key: int) -> types.auth.Authorization:
        self.world.signed_in.add(key)
        return types.auth.Authorization(user=self.world.me())

    def _LogOut(self, _request: Any, key: int) -> types.auth.LoggedOut:
        self.world.signed_in.discard(key)
        return types.auth.LoggedOut()

    def _GetUsers(self, _request: Any, _key: int) -> list[types.User]:
        return [self.world.me()]

    # -- updates --

    def _GetState(self, _request: Any, _key: int) -> types.updates.State:
        return types.updates.State(pts=1, qts=0, date=datetime.now(UTC), seq=0, unread_count=0)

    def _GetDifference(self, request: Any, key: int) -> Any:
        return types.updates.DifferenceEmpty(date=datetime.now(UTC), seq=0)

    def _GetChannelDifference(self, request: Any, _key: int) -> Any:
        channel = self._channel(request.channel)
        missed = [(pts, n, update) for pts, n, update in channel.log if pts > request.pts]
        if not missed:
            return types.updates.ChannelDifferenceEmpty(pts=channel.pts, final=True, timeout=30)
        new = [u.message for _, _, u in missed if isinstance(u, types.UpdateNewChannelMessage)]
        other = [u for _, _, u in missed if not isinstance(u, types.UpdateNewChannelMessage)]
        return types.updates.ChannelDifference(
            pts=channel.pts,
            new_messages=new,
            other_updates=other,
            chats=self._chats([channel]),
            users=list(self.world.users.values()),
            final=True,
            timeout=30,
        )

    # -- reading --

    def _ResolveUsername(self, request: Any, _key: int) -> types.contacts.ResolvedPeer:
        try:
            channel = self.world.channel(request.username)
        except StopIteration:
            raise RpcFault(400, "USERNAME_NOT_OCCUPIED") from None
        return types.contacts.ResolvedPeer(
            peer=types.PeerChannel(channel.id), chats=[channel.tl()], users=[]
        )

    def _GetChannels(self, request: Any, _key: int) -> types.messages.Chats:
        return types.messages.Chats(chats=[self._channel(c).tl() for c in request.id])

    def _GetFullChannel(self, request: Any, _key: int) -> types.messages.ChatFull:
        channel = self._channel(request.channel)
        linked = [] if channel.linked is None else [self.world.channels[channel.linked]]
        full = types.ChannelFull(
            id=channel.id,
            about="",
            read_inbox_max_id=0,
            read_outbox_max_id=0,
            unread_count=0,
            chat_photo=types.PhotoEmpty(id=0),
            notify_settings=types.PeerNotifySettings(),
            bot_info=[],
            pts=channel.pts,
            linked_chat_id=channel.linked,
        )
        return types.messages.ChatFull(
            full_chat=full, chats=self._chats([channel, *linked]), users=[]
        )

    def _GetHistory(self, request: Any, _key: int) -> types.messages.ChannelMessages:
        channel = self._channel(request.peer)
        return self._page(channel, list(channel.messages.values()), request)

    def _GetReplies(self, request: Any, _key: int) -> types.messages.ChannelMessages:
        channel = self._channel(request.peer)
        if channel.linked is None:
            raise RpcFault(400, "MSG_ID_INVALID")
        group = self.world.channels[channel.linked]
        return self._page(group, self.world.thread(channel, request.msg_id), request)

    def _GetMessages(self, request: Any, _key: int) -> types.messages.ChannelMessages:
        channel = self._channel(request.channel)
        wanted = [item.id for item in request.id]
        found = [channel.messages.get(n) or types.MessageEmpty(id=n) for n in wanted]
        return self._messages(channel, found)

    def _GetFile(self, request: Any, _key: int) -> types.upload.File:
        data = self.world.files[request.location.id]
        return types.upload.File(
            type=types.storage.FileJpeg(),
            mtime=0,
            bytes=data[request.offset : request.offset + request.limit],
        )

    def _page(self, channel: Channel, messages: Sequence[Any], request: Any) -> Any:
        """Newest first; ``add_offset`` counts from the first message older than ``offset_id``."""
        ordered = sorted(messages, key=lambda m: -m.id)
        start = 0
        if request.offset_id:
            start = next(
                (i for i, m in enumerate(ordered) if m.id < request.offset_id), len(ordered)
            )
        start += request.add_offset
        limit = min(request.limit, 100)
        page = ordered[max(0, start) : max(0, start + limit)]
        page = [m for m in page if m.id > request.min_id]
        if request.max_id:
            page = [m for m in page if m.id < request.max_id]
        return self._messages(channel, page)

    def _messages(self, channel: Channel, found: Sequence[Any]) -> types.messages.ChannelMessages:
        return types.messages.ChannelMessages(
            pts=channel.pts,
            count=len(channel.messages),
            messages=list(found),
            topics=[],
            chats=self._chats(self._mentioned(channel, found)),
            users=list(self.world.users.values()),
        )

    def _mentioned(self, channel: Channel, found: Sequence[Any]) -> list[Channel]:
        known = {channel.id: channel}
        for message in found:
            origin = getattr(getattr(message, "fwd_from", None), "from_id", None)
            number = getattr(origin, "channel_id", None)
            if number in self.world.channels:
                known[number] = self.world.channels[number]
        return list(known.values())

    def _chats(self, channels: Sequence[Channel]) -> list[types.Channel]:
        return [channel.tl() for channel in channels]

    def _channel(self, peer: Any) -> Channel:
        channel = self.world.channels.get(getattr(peer, "channel_id", 0))
        if channel is None or peer.access_hash != channel.access_hash:
            raise RpcFault(400, "CHANNEL_INVALID")
        if channel.forbidden:
            raise RpcFault(400, "CHANNEL_PRIVATE")
        return channel
