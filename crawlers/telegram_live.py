"""Live updates of the Telegram account: the fast way, known to lose some. See telegram_account."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from telethon.tl import types

from core.errors import OqigaError
from crawlers.telegram_feed import Feed, FeedKeeper
from crawlers.telegram_messages import is_said

log = logging.getLogger(__name__)

ALBUM_S = 0.4
"""Parts of an album arrive together; after this pause it is taken as whole."""
GAP_S = 0.3
COMMENTS_S = 2.0
"""Rest before a discussion group that moves is read: its comments come in one request."""
LOST_LIVE = "live updates were not delivered"


class LiveUpdates:
    """Keeps what is pushed. ``feeds`` and ``groups``: by the channel's and the group's id.

    ``bring_forward``: asks for a feed to be reconciled in so many seconds.
    """

    def __init__(
        self,
        keeping: FeedKeeper,
        feeds: Mapping[int, Feed],
        groups: Mapping[int, Feed],
        bring_forward: Callable[[Feed, float], None],
    ) -> None:
        self._keeping = keeping
        self._feeds = feeds
        self._groups = groups
        self._bring_forward = bring_forward
        self._tasks: set[asyncio.Task[None]] = set()

    async def on_update(self, update: Any) -> None:
        """Keep one update; what cannot be kept is read again."""
        message = getattr(update, "message", None)
        number = getattr(getattr(message, "peer_id", None), "channel_id", None)
        number = number or getattr(update, "channel_id", None) or 0
        feed = self._feeds.get(number)
        if feed is None:
            group = self._groups.get(number)
            if group is not None and isinstance(update, types.UpdateNewChannelMessage):
                self._bring_forward(group, COMMENTS_S)
            return
        feed.learn(list((getattr(update, "_entities", None) or {}).values()))
        with _Mending(self, feed):
            if isinstance(update, types.UpdateNewChannelMessage):
                self._message(feed, message)
            elif isinstance(update, types.UpdateEditChannelMessage):
                self._edit(feed, message)
            elif isinstance(update, types.UpdateDeleteChannelMessages):
                self._deletion(feed, update.messages)

    async def end(self) -> None:
        """Wait for the albums that are still coming together."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def again(self, feed: Feed, error: OqigaError) -> None:
        """What could not be kept is read from the history."""
        log.error("a live message could not be kept, it is read again: %s", error)
        self._bring_forward(feed, GAP_S)

    def _message(self, feed: Feed, message: Any) -> None:
        if not is_said(message) or not message.grouped_id:
            self._keep(feed, [message])
            return
        if message.grouped_id in feed.flushed:  # a part that is late: the album is read anew
            self._bring_forward(feed, GAP_S)
            return
        parts = feed.albums.setdefault(message.grouped_id, [])
        parts.append(message)
        if len(parts) == 1:
            self._later(self._album(feed, message.grouped_id))

    async def _album(self, feed: Feed, group: int) -> None:
        seen = 0
        while len(feed.albums[group]) > seen:
            seen = len(feed.albums[group])
            await asyncio.sleep(ALBUM_S)
        feed.flushed.append(group)
        with _Mending(self, feed):
            self._keep(feed, feed.albums.pop(group))

    def _keep(self, feed: Feed, messages: Sequence[Any]) -> None:
        reading, progress = self._keeping.start(feed)
        missing = progress.missing_before(min(m.id for m in messages))
        if missing is not None:
            if str(missing[0]) not in {gap.first for gap in reading.ledger.gaps}:
                reading.found_gaps.append(self._keeping.gap(*missing, LOST_LIVE))
            self._bring_forward(feed, GAP_S)
        self._keeping.keep(feed, reading, progress, messages)
        for message in sorted(messages, key=lambda m: int(m.id)):
            progress.advance(message.id)
        self._keeping.finish(reading, progress)

    def _edit(self, feed: Feed, message: Any) -> None:
        if not is_said(message):
            return
        if message.grouped_id:  # an edit shows one part; the whole album is read anew
            self._bring_forward(feed, GAP_S)
            return
        reading, progress = self._keeping.start(feed)
        self._keeping.keep(feed, reading, progress, [message])
        self._keeping.finish(reading, progress)

    def _deletion(self, feed: Feed, ids: Sequence[int]) -> None:
        reading, progress = self._keeping.start(feed)
        heads, partly = progress.deleted(ids)
        self._keeping.delete(feed, reading, progress, heads)
        self._keeping.finish(reading, progress)
        if partly:
            self._bring_forward(feed, GAP_S)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Mending:
    """A fault of the store does not end the live updates: the messages are read again."""

    def __init__(self, live: LiveUpdates, feed: Feed) -> None:
        self._live, self._feed = live, feed

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if not isinstance(error, OqigaError):
            return False
        self._live.again(self._feed, error)
        return True
