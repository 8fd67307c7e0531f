"""Reading a Telegram channel by its message ids: the sure way. See telegram_account."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from telethon.tl import functions, types

from core.errors import SourceError
from crawlers.keeper import Reading
from crawlers.telegram_asking import Asking
from crawlers.telegram_feed import Feed, FeedKeeper
from crawlers.telegram_live import LOST_LIVE
from crawlers.telegram_messages import (
    Place,
    albums,
    complete,
    found_of,
    is_said,
    name_of,
    whole_albums,
)

PAGE = 100
ALBUM = 10
"""Messages of an album at most: a page begins so far before what is new that none is cut."""
LIVE_LIMIT = timedelta(seconds=5)
"""A message of a joined channel that has not come by then was left out by the live updates."""


class Reconciler:
    """Brings feeds up to their newest message. ``feeds`` and ``groups`` learn their ids here.

    ``live_since``: since when live updates are listened to, ``None`` when they are not.
    """

    def __init__(self, asking: Asking, keeping: FeedKeeper) -> None:
        self._asking = asking
        self._keeping = keeping
        self.feeds: dict[int, Feed] = {}
        self.groups: dict[int, Feed] = {}
        self.live_since: datetime | None = None

    async def reconcile(self, feed: Feed) -> Reading:
        """Read a channel up to its newest message, and the comments under its newest posts."""
        await self._resolve(feed)
        newest, total = await self._catch_up(feed)
        if feed.source.comments:
            await self._comments(feed, newest, total)
        return total

    async def _resolve(self, feed: Feed) -> None:
        """Find the channel by its public name, and its discussion group; joins neither."""
        if feed.peer is None:
            feed.peer = await self._peer(feed)
            self.feeds[feed.peer.channel_id] = feed
        _, progress = self._keeping.start(feed)
        if feed.source.comments and progress.linked is None:
            full = await self._asking.ask(
                functions.channels.GetFullChannelRequest(
                    types.InputChannel(feed.peer.channel_id, feed.peer.access_hash)
                )
            )
            number = full.full_chat.linked_chat_id or 0
            group = next((chat for chat in full.chats if chat.id == number), None)
            progress.linked = (number, 0 if group is None else group.access_hash or 0)
            linked = progress.linked
            reading, progress = self._keeping.start(feed)  # live updates may have moved it
            progress.linked = linked
            self._keeping.finish(reading, progress)
        if progress.linked is not None and progress.linked[0]:
            self.groups[progress.linked[0]] = feed

    async def _peer(self, feed: Feed) -> Any:
        try:
            known = self._asking.client.session.get_input_entity(feed.name)
        except ValueError:  # the session does not know the name yet
            answer = await self._asking.ask(functions.contacts.ResolveUsernameRequest(feed.name))
            number = getattr(answer.peer, "channel_id", None)
            chat = next((chat for chat in answer.chats if chat.id == number), None)
            known = None if chat is None else types.InputPeerChannel(chat.id, chat.access_hash)
        if not isinstance(known, types.InputPeerChannel):
            raise SourceError(
                f"source {feed.source.name!r} is no public channel or group; "
                "persons' chats are not read"
            )
        return known

    async def _catch_up(self, feed: Feed) -> tuple[list[Any], Reading]:
        """Fetch what is new, then compare the newest page; one request when little is new."""
        total, progress = self._keeping.start(feed)
        known = progress.last
        newest = await self._history(feed, 0, 0)
        full = len(newest) >= PAGE
        shown = whole_albums(newest) if full else newest
        lowest = min((m.id for m in shown), default=1)
        while known is not None and lowest > known + 1 and full:
            page = await self._history(feed, max(1, known + 1 - ALBUM), -PAGE)
            page = complete(whole_albums(page), full_page=True)
            if not page or page[-1].id <= known:
                break  # the rest was deleted in this very moment
            reading, progress = self._keeping.start(feed)
            self._keeping.keep(feed, reading, progress, page)
            known = progress.last = page[-1].id
            self._keeping.finish(reading, progress)
            _add(total, reading)
        reading, progress = self._keeping.start(feed)
        self._note_gaps(feed, reading, progress.last, newest)
        self._keeping.keep(feed, reading, progress, shown)
        gone = progress.gone((m.id for m in newest if is_said(m)), lowest if full else 0)
        self._keeping.delete(feed, reading, progress, gone)
        progress.last = max([m.id for m in newest] + [progress.last or 0])
        self._keeping.finish(reading, progress)
        _add(total, reading)
        total.ledger = self._keeping.start(feed)[0].ledger
        return newest, total

    def _note_gaps(
        self, feed: Feed, reading: Reading, known: int | None, newest: Sequence[Any]
    ) -> None:
        """Open gaps are filled now; what a joined channel should have sent live was one too."""
        chat = feed.chats.get(feed.peer.channel_id)
        if self.live_since is not None and known is not None and chat is not None and not chat.left:
            quiet = self._keeping.keeper.now() - LIVE_LIMIT
            lost = [m.id for m in newest if m.id > known and self.live_since < m.date < quiet]
            if lost and not reading.ledger.gaps:
                reading.found_gaps.append(self._keeping.gap(min(lost), max(lost), LOST_LIVE))
        reading.filled_gaps += [
            (gap.first, gap.last) for gap in (*reading.ledger.gaps, *reading.found_gaps)
        ]

    async def _comments(self, feed: Feed, newest: Sequence[Any], total: Reading) -> None:
        """Comments under the posts of the newest page, each thread from where it was left."""
        threads = self._keeping.start(feed)[1].threads
        for message in newest:
            replies = getattr(message, "replies", None)
            if replies is None or not replies.comments or not replies.replies:
                continue
            if replies.max_id is not None and replies.max_id <= threads.get(message.id, 0):
                continue
            await self._thread(feed, message.id, threads.get(message.id, 0), total)

    async def _thread(self, feed: Feed, post: int, last: int, total: Reading) -> None:
        while True:
            answer = await self._asking.ask(
                functions.messages.GetRepliesRequest(
                    feed.peer, post, last + 1, None, -PAGE, PAGE, 0, last, 0
                )
            )
            chats = {chat.id: chat for chat in answer.chats}
            page = [m for m in answer.messages if m.id > last]
            if not page:
                return
            group = chats.get(getattr(page[0].peer_id, "channel_id", 0))
            place = Place("c/0" if group is None else name_of(group), post=(feed.name, post))
            reading, progress = self._keeping.start(feed)
            new = complete(page, full_page=len(page) >= PAGE)
            items = [found_of(album, chats, place) for album in albums(new)]
            self._keeping.keeper.keep(reading, items, self._keeping.keeper.now())
            last = progress.threads[post] = new[-1].id
            old = sorted(progress.threads)[: max(0, len(progress.threads) - 2 * PAGE)]
            progress.threads = {k: v for k, v in progress.threads.items() if k not in old}
            self._keeping.finish(reading, progress)
            _add(total, reading)
            if len(page) < PAGE:
                return

    async def _history(self, feed: Feed, offset: int, add: int) -> list[Any]:
        """A page of a channel's history in ascending order."""
        answer = await self._asking.ask(
            functions.messages.GetHistoryRequest(feed.peer, offset, None, add, PAGE, 0, 0, 0)
        )
        feed.learn(answer.chats)
        return sorted(answer.messages, key=lambda m: int(m.id))


def _add(total: Reading, part: Reading) -> None:
    total.pages += part.pages
    total.new += part.new
    total.edited += part.edited
    total.deleted += part.deleted
    total.known += part.known
