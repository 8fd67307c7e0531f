"""The reader that uses a Telegram account: live updates, and reconciliation by message ids.

Live updates are known to be dropped (LonamiWebs/Telethon#4345), so they are only the fast way.
Every channel is read again by its history in turn: what lies between the last id that was read and
the newest one is fetched, the newest page is compared for edits and deletions, and comments under
its posts are read. A live message whose id does not follow on the last one brings that forward.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from telethon import TelegramClient, errors, events
from telethon.tl import functions, types

from core.coverage import Gap
from core.errors import OqigaError, SourceError
from core.records import Source
from crawlers.keeper import Keeper, Reading
from crawlers.media_queue import MediaQueue
from crawlers.pacing import Budgets
from crawlers.schedule import Load, intervals_s
from crawlers.telegram_media import MediaFetcher, PatienceError
from crawlers.telegram_messages import Place, albums, complete, found_of, is_said, name_of
from crawlers.telegram_progress import Progress
from crawlers.telegram_session import LOST_ACCOUNT, SIGN_IN
from crawlers.timing import next_wait_s
from store.protocol import Store

log = logging.getLogger(__name__)

HOST = "telegram"
"""The account's name among the hosts' budgets."""
BACK_OFF_NOTE = "telegram:back_off"
PAGE = 100
ALBUM_S = 0.4
"""Parts of an album arrive together; after this pause it is taken as whole."""
GAP_S = 0.3
COMMENTS_S = 2.0
"""Rest before a discussion group that moves is read: its comments come in one request."""
WATCH_S = 0.2
LONG_WAIT_S = 30.0
ANSWER_S = 60.0
"""The client itself waits for ever for an answer that the network has swallowed."""
LIVE_LIMIT = timedelta(seconds=5)
"""A message of a joined channel that has not come by then was left out by the live updates."""
LOST_LIVE = "live updates were not delivered"
_NAME = re.compile(r"(?:https?://t\.me/(?:s/)?|@)?([A-Za-z][A-Za-z0-9_]{3,63})/?")
_GONE = (
    errors.ChannelPrivateError,
    errors.ChannelInvalidError,
    errors.UsernameNotOccupiedError,
    errors.UsernameInvalidError,
)


def channel_name(source: Source) -> str:
    """Public name of a channel or group; raises SourceError."""
    found = _NAME.fullmatch(source.address.strip())
    if found is None:
        raise SourceError(
            f"source {source.name!r}: {source.address!r} is no public channel; give its name, "
            "@name or https://t.me/NAME (invitation links are not followed)"
        )
    return found[1]


@dataclass
class Feed:
    """One channel that is read. Times are monotonic seconds. ``due_s``: next reconciliation."""

    source: Source
    name: str
    peer: Any = None
    chats: dict[int, Any] = field(default_factory=dict)
    due_s: float = 0.0
    failures: int = 0
    rate_per_s: float | None = None
    albums: dict[int, list[Any]] = field(default_factory=dict)

    @property
    def place(self) -> Place:
        """Where its messages stand."""
        return Place(self.name)


class AccountReader:
    """Reads channels with a client that is signed in."""

    def __init__(
        self,
        client: TelegramClient,
        store: Store,
        keeper: Keeper,
        sources: Sequence[Source],
        *,
        budget_per_hour: float,
        pause_s: float,
        longest_s: float,
        media: MediaQueue | None = None,
    ) -> None:
        self._client = client
        self._store = store
        self._keeper = keeper
        self._feeds = [Feed(source, channel_name(source)) for source in sources]
        self._by_id: dict[int, Feed] = {}
        self._groups: dict[int, Feed] = {}
        self._budgets = Budgets(lambda _: budget_per_hour, pause_s, time.monotonic)
        self._budget_per_s = budget_per_hour / 3600
        self._longest_s = longest_s
        self._media = None if media is None else MediaFetcher(client, media, self._ask)
        self._live_since: datetime | None = None
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def requests(self) -> int:
        """Requests made so far."""
        return self._budgets.spent.get(HOST, 0)

    async def read_once(self) -> list[Reading]:
        """Reconcile each channel once; readings carry their problems."""
        self._recall_back_off()
        readings = [await self._reconcile(feed) for feed in self._feeds]
        if self._media is not None:
            await self._media.fetch_all()
        return readings

    async def listen(self, stop: threading.Event) -> None:
        """Live updates and reconciliation until ``stop``; raises on loss of the connection."""
        self._recall_back_off()
        self._client.add_event_handler(self._on_update, events.Raw)
        self._live_since = self._keeper.now()
        working = [asyncio.create_task(self._reconcile_in_turn())]
        if self._media is not None:
            working.append(asyncio.create_task(self._media.watch()))
        try:
            while not stop.is_set():
                for task in working:
                    if task.done():
                        task.result()
                if not self._client.is_connected():
                    raise ConnectionError("the connection to Telegram was lost")
                await asyncio.sleep(WATCH_S)
        finally:
            for task in working:
                task.cancel()
            await asyncio.gather(*working, *self._tasks, return_exceptions=True)
            self._client.remove_event_handler(self._on_update, events.Raw)

    def fail_all(self, problem: str) -> None:
        """None of the channels can be read."""
        for feed in self._feeds:
            self._keeper.fail(self._keeper.start(feed.source), problem)

    # -- live ------------------------------------------------------------------------------------

    async def _on_update(self, update: Any) -> None:
        message = getattr(update, "message", None)
        number = getattr(getattr(message, "peer_id", None), "channel_id", None)
        number = number or getattr(update, "channel_id", None)
        feed = self._by_id.get(number or 0)
        if feed is None:
            group = self._groups.get(number or 0)
            if group is not None and isinstance(update, types.UpdateNewChannelMessage):
                self._bring_forward(group, COMMENTS_S)
            return
        try:
            if isinstance(update, types.UpdateNewChannelMessage):
                self._live_message(feed, message, update)
            elif isinstance(update, types.UpdateEditChannelMessage):
                self._live_edit(feed, message, update)
            elif isinstance(update, types.UpdateDeleteChannelMessages):
                self._live_deletion(feed, update.messages)
        except OqigaError as error:
            log.error("a live message could not be kept, it is read again: %s", error)
            self._bring_forward(feed, GAP_S)

    def _live_message(self, feed: Feed, message: Any, update: Any) -> None:
        if is_said(message):
            self._learn_chats(feed, update)
        if is_said(message) and message.grouped_id:
            parts = feed.albums.setdefault(message.grouped_id, [])
            parts.append(message)
            if len(parts) == 1:
                self._later(self._flush_album(feed, message.grouped_id))
            return
        self._keep_live(feed, [message])

    async def _flush_album(self, feed: Feed, group: int) -> None:
        seen = 0
        while len(feed.albums[group]) > seen:
            seen = len(feed.albums[group])
            await asyncio.sleep(ALBUM_S)
        parts = feed.albums.pop(group)
        try:
            self._keep_live(feed, parts)
        except OqigaError as error:
            log.error("a live album could not be kept, it is read again: %s", error)
            self._bring_forward(feed, GAP_S)

    def _keep_live(self, feed: Feed, messages: Sequence[Any]) -> None:
        reading = self._keeper.start(feed.source)
        progress = Progress.of(reading.progress)
        first = min(m.id for m in messages)
        missing = progress.missing_before(first)
        if missing is not None:
            open_ends = {gap.first for gap in reading.ledger.gaps}
            if str(missing[0]) not in open_ends:
                reading.found_gaps.append(self._gap(*missing, LOST_LIVE))
            self._bring_forward(feed, GAP_S)
        self._keep(feed, reading, progress, messages)
        for message in sorted(messages, key=lambda m: int(m.id)):
            progress.advance(message.id)
        self._finish(reading, progress)

    def _live_edit(self, feed: Feed, message: Any, update: Any) -> None:
        if not is_said(message):
            return
        self._learn_chats(feed, update)
        if message.grouped_id:  # an edit shows one part; the whole album is read anew
            self._bring_forward(feed, GAP_S)
            return
        reading = self._keeper.start(feed.source)
        progress = Progress.of(reading.progress)
        self._keep(feed, reading, progress, [message])
        self._finish(reading, progress)

    def _live_deletion(self, feed: Feed, ids: Sequence[int]) -> None:
        reading = self._keeper.start(feed.source)
        progress = Progress.of(reading.progress)
        heads, partly = progress.deleted(ids)
        self._delete(feed, reading, progress, heads)
        self._finish(reading, progress)
        if partly:
            self._bring_forward(feed, GAP_S)

    # -- reconciliation --------------------------------------------------------------------------

    async def _reconcile_in_turn(self) -> None:
        while True:
            now_s = time.monotonic()
            feed = min(self._feeds, key=lambda each: each.due_s)
            wait_s = max(feed.due_s - now_s, self._budgets.wait_s(HOST))
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
            feed.due_s = (
                min(feed.due_s, time.monotonic() + wait_s)
                if not feed.failures
                else (time.monotonic() + wait_s)
            )

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
        return intervals_s(loads, self._budget_per_s)[self._feeds.index(feed)]

    async def _reconcile(self, feed: Feed) -> Reading:
        """Read a channel up to its newest message; never raises but for a lost account."""
        reading = self._keeper.start(feed.source)
        try:
            await self._resolve(feed)
            reading = await self._catch_up(feed)
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

    async def _resolve(self, feed: Feed) -> None:
        """Find the channel by its public name, and its discussion group; joins neither."""
        if feed.peer is None:
            feed.peer = await self._peer(feed)
            self._by_id[feed.peer.channel_id] = feed
        reading = self._keeper.start(feed.source)
        progress = Progress.of(reading.progress)
        if feed.source.comments and progress.linked is None:
            full = await self._ask(
                functions.channels.GetFullChannelRequest(
                    types.InputChannel(feed.peer.channel_id, feed.peer.access_hash)
                )
            )
            number = full.full_chat.linked_chat_id or 0
            group = next((chat for chat in full.chats if chat.id == number), None)
            progress.linked = (number, 0 if group is None else group.access_hash or 0)
            reading = self._keeper.start(feed.source)
            reading.progress = {**reading.progress, "linked": list(progress.linked)}
            self._keeper.finish(reading)
        if progress.linked is not None and progress.linked[0]:
            self._groups[progress.linked[0]] = feed

    async def _peer(self, feed: Feed) -> Any:
        try:
            known = self._client.session.get_input_entity(feed.name)
        except ValueError:  # the session does not know the name yet
            answer = await self._ask(functions.contacts.ResolveUsernameRequest(feed.name))
            number = getattr(answer.peer, "channel_id", None)
            chat = next((chat for chat in answer.chats if chat.id == number), None)
            known = None if chat is None else types.InputPeerChannel(chat.id, chat.access_hash)
        if not isinstance(known, types.InputPeerChannel):
            raise SourceError(
                f"source {feed.source.name!r} is no public channel or group; "
                "persons' chats are not read"
            )
        return known

    async def _catch_up(self, feed: Feed) -> Reading:
        """Fetch what is new, then compare the newest page; one request when little is new."""
        known = Progress.of(self._keeper.start(feed.source).progress).last
        newest = await self._history(feed, 0, 0)
        lowest = min((m.id for m in newest), default=1)
        total = self._keeper.start(feed.source)
        while known is not None and lowest > known + 1 and len(newest) >= PAGE:
            page = await self._history(feed, known + 1, -PAGE)
            new = complete([m for m in page if m.id > known], full_page=True)
            if not new:
                break  # the rest was deleted in this very moment
            reading = self._keeper.start(feed.source)
            progress = Progress.of(reading.progress)
            self._keep(feed, reading, progress, new)
            known = progress.last = new[-1].id
            self._finish(reading, progress)
            _add(total, reading)
        reading = self._keeper.start(feed.source)
        progress = Progress.of(reading.progress)
        self._note_gaps(feed, reading, progress.last, newest)
        self._keep(feed, reading, progress, newest)
        covers = lowest if len(newest) >= PAGE else 0
        gone = progress.gone((m.id for m in newest if is_said(m)), covers)
        self._delete(feed, reading, progress, gone)
        progress.last = max([m.id for m in newest] + [progress.last or 0])
        self._finish(reading, progress)
        _add(total, reading)
        total.ledger = self._keeper.start(feed.source).ledger
        if feed.source.comments:
            await self._comments(feed, newest, total)
        return total

    def _note_gaps(
        self, feed: Feed, reading: Reading, known: int | None, newest: Sequence[Any]
    ) -> None:
        """Open gaps are filled now; what a joined channel should have sent live was one too."""
        chat = feed.chats.get(feed.peer.channel_id)
        if (
            self._live_since is not None
            and known is not None
            and chat is not None
            and not chat.left
        ):
            quiet = self._keeper.now() - LIVE_LIMIT
            lost = [m.id for m in newest if m.id > known and self._live_since < m.date < quiet]
            if lost and not reading.ledger.gaps:
                reading.found_gaps.append(self._gap(min(lost), max(lost), LOST_LIVE))
        reading.filled_gaps += [
            (gap.first, gap.last) for gap in (*reading.ledger.gaps, *reading.found_gaps)
        ]

    async def _comments(self, feed: Feed, newest: Sequence[Any], total: Reading) -> None:
        """Comments under the posts of the newest page, each thread from where it was left."""
        threads = Progress.of(self._keeper.start(feed.source).progress).threads
        for message in newest:
            replies = getattr(message, "replies", None)
            if replies is None or not replies.comments or not replies.replies:
                continue
            if replies.max_id is not None and replies.max_id <= threads.get(message.id, 0):
                continue
            await self._thread(feed, message.id, threads.get(message.id, 0), total)

    async def _thread(self, feed: Feed, post: int, last: int, total: Reading) -> None:
        while True:
            answer = await self._ask(
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
            reading = self._keeper.start(feed.source)
            progress = Progress.of(reading.progress)
            new = complete(page, full_page=len(page) >= PAGE)
            items = [found_of(album, chats, place) for album in albums(new)]
            self._keeper.keep(reading, items, self._keeper.now())
            last = progress.threads[post] = new[-1].id
            old = sorted(progress.threads)[: max(0, len(progress.threads) - 2 * PAGE)]
            progress.threads = {k: v for k, v in progress.threads.items() if k not in old}
            self._finish(reading, progress)
            _add(total, reading)
            if len(page) < PAGE:
                return

    async def _history(self, feed: Feed, offset: int, add: int) -> list[Any]:
        """A page of a channel's history in ascending order."""
        answer = await self._ask(
            functions.messages.GetHistoryRequest(feed.peer, offset, None, add, PAGE, 0, 0, 0)
        )
        for chat in answer.chats:
            feed.chats[chat.id] = chat
        return sorted(answer.messages, key=lambda m: int(m.id))

    # -- shared ----------------------------------------------------------------------------------

    def _keep(
        self, feed: Feed, reading: Reading, progress: Progress, messages: Sequence[Any]
    ) -> None:
        items = []
        for album in albums(messages):
            ids = [message.id for message in album]
            head = progress.head_of(ids) or ids[0]
            items.append(found_of(album, feed.chats, feed.place, head=head))
            progress.saw(head, ids)
        self._keeper.keep(reading, items, self._keeper.now())

    def _delete(
        self, feed: Feed, reading: Reading, progress: Progress, heads: Sequence[int]
    ) -> None:
        ids = [feed.place.native_id(head) for head in heads]
        self._keeper.delete(reading, ids, self._keeper.now())
        progress.forget(heads)

    def _finish(self, reading: Reading, progress: Progress) -> None:
        reading.pages = 1
        reading.progress = progress.to_json()
        reading.newest = None if progress.last is None else str(progress.last)
        self._keeper.finish(reading)

    def _learn_chats(self, feed: Feed, update: Any) -> None:
        for entity in (getattr(update, "_entities", None) or {}).values():
            if isinstance(entity, types.Channel):
                feed.chats[entity.id] = entity

    def _gap(self, first: int, last: int, why: str) -> Gap:
        now = self._keeper.now()
        return Gap(
            first=str(first), last=str(last), found_at=now, why=why, missing=last - first + 1
        )

    def _bring_forward(self, feed: Feed, rest_s: float) -> None:
        feed.due_s = min(feed.due_s, time.monotonic() + rest_s)
        self._wake.set()

    def _later(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ask(self, request: Any) -> Any:
        """One request within the budget; raises PatienceError when Telegram asks for a wait."""
        await self._patience()
        name = type(request).__name__.removesuffix("Request")
        return await self._guarded(self._client(request), name)

    async def _patience(self) -> None:
        while (wait_s := self._budgets.wait_s(HOST)) > 0:
            if wait_s > LONG_WAIT_S:
                raise PatienceError(wait_s, "requests")
            await asyncio.sleep(wait_s)
        self._budgets.spend(HOST)

    async def _guarded(self, call: Any, name: str) -> Any:
        try:
            return await asyncio.wait_for(call, ANSWER_S)
        except errors.FloodError as error:
            seconds = float(getattr(error, "seconds", 0) or 1)
            self._back_off(seconds)
            raise PatienceError(seconds, name) from error

    # -- back-off across restarts ----------------------------------------------------------------

    def _back_off(self, seconds: float) -> None:
        self._budgets.hold(HOST, seconds)
        until = self._keeper.now() + timedelta(seconds=seconds)
        self._store.put_note(BACK_OFF_NOTE, until.isoformat())
        log.warning("Telegram asks for %.0f s without requests; it is obeyed", seconds)

    def _recall_back_off(self) -> None:
        note = self._store.note(BACK_OFF_NOTE)
        if note is None:
            return
        left_s = (datetime.fromisoformat(note).astimezone(UTC) - self._keeper.now()).total_seconds()
        if left_s > 0:
            self._budgets.hold(HOST, left_s)
            log.info("Telegram's wait of an earlier run holds for %.0f s more", left_s)


def lost_account(error: BaseException) -> str:
    """What to say when the account itself was refused."""
    return f"Telegram does not accept the account any more ({type(error).__name__}); {SIGN_IN}"


def _add(total: Reading, part: Reading) -> None:
    total.pages += part.pages
    total.new += part.new
    total.edited += part.edited
    total.deleted += part.deleted
    total.known += part.known
