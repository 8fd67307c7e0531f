"""The reader that uses a Telegram account: live updates, and reconciliation by message ids.

Live updates are known to be dropped (LonamiWebs/Telethon#4345), so they are only the fast way.
Every channel is read again by its history in turn: what lies between the last id that was read and
the newest one is fetched, the newest page is compared for edits and deletions, and comments under
its posts are read. A live message whose id does not follow on the last one brings that forward.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Sequence
from typing import Any

from telethon import errors, events

from core.errors import OqigaError
from core.records import Source
from crawlers.keeper import Keeper, Reading
from crawlers.media_queue import MediaQueue
from crawlers.schedule import Load, intervals_s
from crawlers.telegram_asking import Asking
from crawlers.telegram_feed import Feed, FeedKeeper, channel_name
from crawlers.telegram_live import LiveUpdates
from crawlers.telegram_media import MediaFetcher, PatienceError
from crawlers.telegram_reconcile import Reconciler
from crawlers.telegram_session import LOST_ACCOUNT
from crawlers.timing import next_wait_s

WATCH_S = 0.2
_GONE = (
    errors.ChannelPrivateError,
    errors.ChannelInvalidError,
    errors.UsernameNotOccupiedError,
    errors.UsernameInvalidError,
)


class AccountReader:
    """Reads channels with a client that is signed in."""

    def __init__(
        self,
        asking: Asking,
        keeper: Keeper,
        sources: Sequence[Source],
        *,
        longest_s: float,
        media: MediaQueue | None = None,
    ) -> None:
        self._asking = asking
        self._keeper = keeper
        self._feeds = [Feed(source, channel_name(source)) for source in sources]
        self._longest_s = longest_s
        keeping = FeedKeeper(keeper)
        self._reconciler = Reconciler(asking, keeping)
        self._live = LiveUpdates(
            keeping, self._reconciler.feeds, self._reconciler.groups, self._bring_forward
        )
        self._media = None if media is None else MediaFetcher(asking.client, media, asking.ask)
        self._wake = asyncio.Event()

    async def read_once(self) -> list[Reading]:
        """Reconcile each channel once; readings carry their problems."""
        self._asking.recall()
        readings = [await self._reconcile(feed) for feed in self._feeds]
        if self._media is not None:
            await self._media.fetch_all()
        return readings

    async def listen(self, stop: threading.Event) -> None:
        """Live updates and reconciliation until ``stop``; raises on loss of the connection."""
        self._asking.recall()
        client: Any = self._asking.client
        client.add_event_handler(self._live.on_update, events.Raw)
        self._reconciler.live_since = self._keeper.now()
        working = [asyncio.create_task(self._reconcile_in_turn())]
        if self._media is not None:
            working.append(asyncio.create_task(self._media.watch()))
        try:
            while not stop.is_set():
                for task in working:
                    if task.done():
                        task.result()
                if not client.is_connected():
                    raise ConnectionError("the connection to Telegram was lost")
                await asyncio.sleep(WATCH_S)
        finally:
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)
            await self._live.end()
            client.remove_event_handler(self._live.on_update, events.Raw)

    async def _reconcile_in_turn(self) -> None:
        while True:
            now_s = time.monotonic()
            feed = min(self._feeds, key=lambda each: each.due_s)
            wait_s = max(feed.due_s - now_s, self._asking.wait_s())
            if wait_s > 0:
                self._wake.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), wait_s)
                continue
            feed.due_s = now_s + self._longest_s
            reading = await self._reconcile(feed)
            feed.failures = feed.failures + 1 if reading.problem else 0
            feed.rate_per_s = reading.ledger.habit.rate_per_s
            wait_s = next_wait_s(self._interval_s(feed), feed.failures, reading.asked_s)
            # It may have been brought forward meanwhile; a feed that fails waits all the same.
            next_s = time.monotonic() + wait_s
            feed.due_s = next_s if feed.failures else min(feed.due_s, next_s)

    def _interval_s(self, feed: Feed) -> float:
        loads = [
            Load(
                each.rate_per_s,
                cost=1.0,
                shortest_s=each.source.interval_s,
                longest_s=max(self._longest_s, each.source.interval_s),
            )
            for each in self._feeds
        ]
        return intervals_s(loads, self._asking.per_s)[self._feeds.index(feed)]

    async def _reconcile(self, feed: Feed) -> Reading:
        """Read a channel up to its newest message; never raises but for a lost account."""
        reading = self._keeper.start(feed.source)
        try:
            reading = await self._reconciler.reconcile(feed)
        except PatienceError as error:
            reading.asked_s = error.seconds
            self._keeper.fail(reading, f"{error}; live messages still arrive")
        except _GONE as error:
            feed.peer = None
            self._keeper.fail(
                reading,
                f"the channel is private, renamed or gone ({type(error).__name__}); "
                "correct its name in the sources file",
            )
        except LOST_ACCOUNT:
            raise
        except errors.RPCError as error:
            self._keeper.fail(reading, f"Telegram refused: {type(error).__name__}")
        except OqigaError as error:
            self._keeper.fail(reading, str(error))
        except (TimeoutError, OSError) as error:
            self._keeper.fail(reading, f"no answer from Telegram ({type(error).__name__})")
        return reading

    def _bring_forward(self, feed: Feed, rest_s: float) -> None:
        feed.due_s = min(feed.due_s, time.monotonic() + rest_s)
        self._wake.set()
