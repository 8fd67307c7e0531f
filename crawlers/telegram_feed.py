"""One Telegram channel that is read, and how its messages are kept."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from telethon.tl import types

from core.coverage import Gap
from core.errors import SourceError
from core.records import Source
from crawlers.keeper import Keeper, Reading
from crawlers.telegram_messages import Place, albums, found_of
from crawlers.telegram_progress import Progress

FLUSHED = 100
_NAME = re.compile(r"(?:https?://t\.me/(?:s/)?|@)?([A-Za-z][A-Za-z0-9_]{3,63})/?")


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
    """One channel that is read. Times are monotonic seconds. ``due_s``: next reconciliation.

    ``albums``: parts that have arrived, by their group; ``flushed``: groups that were kept.
    """

    source: Source
    name: str
    peer: Any = None
    chats: dict[int, Any] = field(default_factory=dict)
    due_s: float = 0.0
    failures: int = 0
    rate_per_s: float | None = None
    albums: dict[int, list[Any]] = field(default_factory=dict)
    flushed: deque[int] = field(default_factory=lambda: deque(maxlen=FLUSHED))

    def learn(self, chats: Sequence[Any]) -> None:
        """Remember channels by their id, to name where a message was forwarded from."""
        self.chats.update({chat.id: chat for chat in chats if isinstance(chat, types.Channel)})

    @property
    def place(self) -> Place:
        """Where its messages stand."""
        return Place(self.name)


class FeedKeeper:
    """Keeps messages of feeds.

    Between ``start`` and ``finish`` nothing is awaited, so live updates and reconciliation never
    work on the same progress at once.
    """

    def __init__(self, keeper: Keeper) -> None:
        self.keeper = keeper

    def start(self, feed: Feed) -> tuple[Reading, Progress]:
        """Begin where the feed was left."""
        reading = self.keeper.start(feed.source)
        return reading, Progress.of(reading.progress)

    def keep(
        self, feed: Feed, reading: Reading, progress: Progress, messages: Sequence[Any]
    ) -> None:
        """Keep messages, albums as one post under the id that they are known by."""
        items = []
        for album in albums(messages):
            ids = [message.id for message in album]
            head = progress.head_of(ids) or ids[0]
            items.append(found_of(album, feed.chats, feed.place, head=head))
            progress.saw(head, ids)
        self.keeper.keep(reading, items, self.keeper.now())

    def delete(
        self, feed: Feed, reading: Reading, progress: Progress, heads: Sequence[int]
    ) -> None:
        """Mark posts as deleted."""
        ids = [feed.place.native_id(head) for head in heads]
        self.keeper.delete(reading, ids, self.keeper.now())
        progress.forget(heads)

    def finish(self, reading: Reading, progress: Progress) -> None:
        """Write down how far the feed was read."""
        reading.pages = 1
        reading.progress = progress.to_json()
        reading.newest = None if progress.last is None else str(progress.last)
        self.keeper.finish(reading)

    def gap(self, first: int, last: int, why: str) -> Gap:
        """A gap found now, both ends included."""
        now = self.keeper.now()
        return Gap(
            first=str(first), last=str(last), found_at=now, why=why, missing=last - first + 1
        )
