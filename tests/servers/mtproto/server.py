"""A server that speaks real MTProto 2.0 on 127.0.0.1: transport, handshake, encryption, sessions.

It uses Telethon's TL layer for the objects, and nothing of its connection code.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import io
import struct
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar
from zlib import crc32

from telethon.crypto import AuthKey
from telethon.extensions import BinaryReader
from telethon.tl import functions, types
from telethon.tl.core import GzipPacked, MessageContainer
from telethon.tl.tlobject import TLObject

from tests.servers.mtproto.crypto import Handshake, decrypt, encrypt, server_key
from tests.servers.mtproto.methods import Methods, RpcFault
from tests.servers.mtproto.world import World

T = TypeVar("T")
RPC_RESULT = 0xF35C6D01
WRAPPERS = (
    functions.InvokeWithLayerRequest,
    functions.InitConnectionRequest,
    functions.InvokeWithoutUpdatesRequest,
)


class MtprotoServer:
    """Runs in a thread of its own; every method may be called from the tests' thread."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.keys: dict[int, AuthKey] = {}
        self.connections: set[_Connection] = set()
        self.port = 0
        self.handshakes = 0
        self.methods = Methods(world, lambda: self.port)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()
        self._server: asyncio.Server | None = None

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.port}"

    @property
    def key_pem(self) -> str:
        """The public key that a client must trust."""
        return server_key().pem

    def start(self) -> None:
        """Listen."""
        self._thread.start()
        self._ready.wait(10)

    def stop(self) -> None:
        """Close everything."""
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def pause(self) -> None:
        """Refuse new connections and drop the old: the network is down."""

        async def down() -> None:
            if self._server is not None:
                self._server.close()
                self._server = None
            self._drop()

        self._call(down())

    def resume(self) -> None:
        """The network is back, on the same port."""
        self._call(self._listen(self.port))

    def drop_connections(self) -> None:
        """Cut all connections once."""
        self._on_loop(self._drop)

    def post(self, username: str, text: str, *, silent: bool = False, **more: Any) -> int:
        """Publish; ``silent`` keeps the update back, as the real service sometimes does."""

        def do() -> int:
            channel = self.world.channel(username)
            message, update = self.world.post(channel, text, **more)
            if not silent:
                self._push(channel, update)
            return int(message.id)

        return self._on_loop(do)

    def comment(self, username: str, post_id: int, text: str, user_id: int) -> int:
        """Publish a comment in the discussion group."""

        def do() -> int:
            channel = self.world.channel(username)
            message, update = self.world.comment(channel, post_id, text, user_id)
            assert channel.linked is not None
            self._push(self.world.channels[channel.linked], update)
            return int(message.id)

        return self._on_loop(do)

    def edit(self, username: str, number: int, text: str, *, silent: bool = False) -> None:
        """Edit a message."""

        def do() -> None:
            channel = self.world.channel(username)
            update = self.world.edit(channel, number, text)
            if not silent:
                self._push(channel, update)

        self._on_loop(do)

    def delete(self, username: str, *numbers: int, silent: bool = False) -> None:
        """Delete messages."""

        def do() -> None:
            channel = self.world.channel(username)
            update = self.world.delete(channel, numbers)
            if not silent:
                self._push(channel, update)

        self._on_loop(do)

    def asked(self, method: str) -> int:
        """How often a method was called."""
        return self._on_loop(lambda: self.world.asked.count(method))

    # -- inside --

    def _push(self, channel: Any, update: Any) -> None:
        if not channel.joined:
            return
        users = list(self.world.users.values())
        packet = types.Updates(
            updates=[update], users=users, chats=[channel.tl()], date=self.world.now(), seq=0
        )
        for connection in self.connections:
            if connection.wants_updates():
                connection.send(packet, content=True)

    def _drop(self) -> None:
        for connection in list(self.connections):
            connection.writer.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._listen(0))
        self._ready.set()
        self._loop.run_forever()

    async def _listen(self, port: int) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(self, reader, writer)
        self.connections.add(connection)
        try:
            await connection.run()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has left
        except asyncio.CancelledError:
            pass  # the server is being stopped
        finally:
            self.connections.discard(connection)
            writer.close()

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        self._drop()
        others = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def _on_loop(self, work: Callable[[], T]) -> T:
        async def do() -> T:
            return work()

        return self._call(do())


class _Connection:
    """One TCP connection in the "full" transport."""

    def __init__(
        self, server: MtprotoServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._server = server
        self._reader = reader
        self.writer = writer
        self._sent = 0
        self._handshake = Handshake()
        self._auth_key: AuthKey | None = None
        self._session = 0
        self._salt = 0x0102
        self._last_id = 0
        self._sequence = 0
        self._updates = False

    def wants_updates(self) -> bool:
        """Whether this is a session that is signed in and may be told of updates."""
        return (
            self._updates
            and self._auth_key is not None
            and self._auth_key.key_id in self._server.world.signed_in
        )

    async def run(self) -> None:
        """Serve until the client leaves."""
        while True:
            head = await self._reader.readexactly(8)
            length, _number = struct.unpack("<ii", head)
            body = await self._reader.readexactly(length - 8)
            if struct.unpack("<I", body[-4:])[0] != crc32(head + body[:-4]):
                raise ConnectionError("checksum")
            self._packet(body[:-4])
            await self.writer.drain()

    def _packet(self, data: bytes) -> None:
        key_id = struct.unpack("<Q", data[:8])[0]
        if key_id == 0:
            self._plain(data)
            return
        self._auth_key = self._server.keys.get(key_id)
        if self._auth_key is None:
            self._raw(struct.pack("<i", -404))  # the key is unknown here
            return
        plain = decrypt(self._auth_key, data)
        _salt, session, msg_id, sequence, length = struct.unpack("<qqqii", plain[:32])
        if not -300 < (msg_id >> 32) - self._time() < 30:  # the client's clock is off: tell it
            self._session = session
            code = 16 if (msg_id >> 32) < self._time() else 17
            self.send(types.BadMsgNotification(msg_id, sequence, code), content=False)
            return
        if session != self._session:
            self._session = session
            self.send(types.NewSessionCreated(msg_id, 1, self._salt), content=True)
        self._message(msg_id, plain[32 : 32 + length])

    def _plain(self, data: bytes) -> None:
        with BinaryReader(data[20:]) as reader:
            request = reader.tgread_object()
        if isinstance(request, functions.ReqPqMultiRequest):
            answer: TLObject = self._handshake.pq(request.nonce)
        elif isinstance(request, functions.ReqDHParamsRequest):
            answer = self._handshake.dh_params(request.encrypted_data, int(self._time()))
        else:
            self._auth_key, answer = self._handshake.finish(request.encrypted_data)
            self._server.keys[self._auth_key.key_id] = self._auth_key
            self._server.handshakes += 1
        body = bytes(answer)
        self._raw(struct.pack("<qqi", 0, self._next_id(), len(body)) + body)

    def _message(self, msg_id: int, body: bytes) -> None:
        with BinaryReader(body) as reader:
            message = reader.tgread_object()
        if isinstance(message, MessageContainer):
            for inner in message.messages:
                self._one(inner.msg_id, inner.obj)
        else:
            self._one(msg_id, message)

    def _one(self, msg_id: int, request: Any) -> None:
        if isinstance(request, GzipPacked):
            with BinaryReader(request.data) as reader:
                request = reader.tgread_object()
        if isinstance(request, types.MsgsAck):
            return
        if isinstance(request, functions.PingRequest | functions.PingDelayDisconnectRequest):
            self.send(types.Pong(msg_id, request.ping_id), content=False)
            return
        if isinstance(request, functions.InvokeWithLayerRequest):
            self._updates = True
        while isinstance(request, WRAPPERS):
            if isinstance(request, functions.InvokeWithoutUpdatesRequest):
                self._updates = False
            request = request.query
        assert self._auth_key is not None
        try:
            result = self._server.methods.answer(request, self._auth_key.key_id)
        except RpcFault as fault:
            result = types.RpcError(fault.code, fault.name)
        self._reply(msg_id, result)

    def _reply(self, msg_id: int, result: Any) -> None:
        body = _vector(result) if isinstance(result, list) else bytes(result)
        if len(body) > 1_024 and not isinstance(result, types.RpcError):
            body = struct.pack("<I", GzipPacked.CONSTRUCTOR_ID) + TLObject.serialize_bytes(
                gzip.compress(body)
            )
        self._encrypted(struct.pack("<Iq", RPC_RESULT, msg_id) + body, content=True)

    def send(self, message: TLObject, *, content: bool) -> None:
        """Send an object of the server's own accord."""
        self._encrypted(bytes(message), content=content)

    def _encrypted(self, body: bytes, *, content: bool) -> None:
        assert self._auth_key is not None
        sequence = self._sequence * 2 + (1 if content else 0)
        self._sequence += 1 if content else 0
        head = struct.pack(
            "<qqqii", self._salt, self._session, self._next_id(), sequence, len(body)
        )
        self._raw(encrypt(self._auth_key, head + body))

    def _raw(self, body: bytes) -> None:
        if self.writer.is_closing():
            return
        packet = struct.pack("<ii", len(body) + 12, self._sent) + body
        self._sent += 1
        self.writer.write(packet + struct.pack("<I", crc32(packet)))

    def _time(self) -> float:
        return time.time() + self._server.world.skew_s

    def _next_id(self) -> int:
        now = self._time()
        number = (int(now) << 32) | (int((now % 1) * 1e9) << 2) & 0xFFFFFFFC | 1
        self._last_id = max(number, self._last_id + 4)
        return self._last_id


def _vector(items: list[Any]) -> bytes:
    out = io.BytesIO()
    out.write(struct.pack("<Ii", 0x1CB5C415, len(items)))
    for item in items:
        out.write(bytes(item))
    return out.getvalue()


@contextlib.contextmanager
def running(world: World) -> Iterator[MtprotoServer]:
    """A started server that is stopped at the end."""
    server = MtprotoServer(world)
    server.start()
    try:
        yield server
    finally:
        server.stop()
