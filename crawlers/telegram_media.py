"""Photos and videos of the account's messages, fetched over the same connection."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

from telethon import TelegramClient, errors
from telethon.tl import functions, types

from core.errors import OqigaError
from crawlers.media_queue import MediaQueue, Wanted

log = logging.getLogger(__name__)

REST_S = 0.5
_ADDRESS = re.compile(r"tg://resolve\?domain=([A-Za-z0-9_/]+)&post=(\d+)")

Asks = Callable[[Any], Awaitable[Any]]


class PatienceError(Exception):
    """Telegram asked for a wait, in seconds."""

    def __init__(self, seconds: float, method: str) -> None:
        super().__init__(f"Telegram asks for {seconds:.0f} s without {method}")
        self.seconds = seconds


class MediaFetcher:
    """Fetches what the queue holds. ``ask`` makes one request within the account's budget."""

    def __init__(self, client: TelegramClient, queue: MediaQueue, ask: Asks) -> None:
        self._client = client
        self._queue = queue
        self._ask = ask

    async def watch(self) -> None:
        """Fetch what comes, for ever; a wait that Telegram asks for is waited."""
        while True:
            try:
                await self.fetch_all()
            except PatienceError as error:
                await asyncio.sleep(error.seconds)
            await asyncio.sleep(REST_S)

    async def fetch_all(self) -> None:
        """Fetch until the queue is empty; raises PatienceError with the rest still queued."""
        while (wanted := self._queue.take()) is not None:
            try:
                await self._fetch(wanted)
            except PatienceError:
                self._queue.put_back(wanted)
                raise
            except errors.FloodError as error:
                self._queue.put_back(wanted)
                raise PatienceError(float(getattr(error, "seconds", 0) or 1), "files") from error
            except (errors.RPCError, OSError, ValueError) as error:
                self._fail(wanted, type(error).__name__)
            except OqigaError as error:
                log.error("a photo or video could not be kept: %s", error)

    async def _fetch(self, wanted: Wanted) -> None:
        found = _ADDRESS.fullmatch(wanted.url)
        if found is None:
            self._fail(wanted, "its address cannot be read")
            return
        name, _, number = found[1].partition("/")
        peer = types.PeerChannel(int(number)) if number else name
        channel = self._client.session.get_input_entity(peer)
        answer = await self._ask(
            functions.channels.GetMessagesRequest(
                types.InputChannel(channel.channel_id, channel.access_hash),
                [types.InputMessageID(int(found[2]))],
            )
        )
        message = answer.messages[0]
        if not isinstance(message, types.Message) or message.media is None:
            self._fail(wanted, "the message is gone")
            return
        writer = self._queue.keeper.files.draft()
        limit = self._queue.keeper.limit(wanted.ref)
        try:
            async for part in self._client.iter_download(message.media):
                if writer.size_bytes + len(part) > limit:
                    raise ValueError("larger than is kept")
                writer.write(bytes(part))
            draft = writer.finish()
        except BaseException:
            writer.discard()
            raise
        self._queue.keeper.keep_draft(wanted.post, wanted.url, draft)

    def _fail(self, wanted: Wanted, why: str) -> None:
        self._queue.keeper.failed(wanted.post, wanted.url, why)
