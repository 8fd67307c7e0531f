"""Photos and videos that wait to be fetched for posts that were kept."""

from __future__ import annotations

import logging
import threading
from collections import deque
from dataclasses import dataclass
from datetime import timedelta

from core.clock import Clock
from core.records import MediaRef, Post, Source
from core.settings import Settings
from crawlers.web import Kind
from media.keeping import MediaKeeper
from store.protocol import ALL, Store

log = logging.getLogger(__name__)

LOOK_BACK = timedelta(hours=24)
"""Addresses that platforms sign expire within a day: older posts' media are not asked again."""
MAX_WAITING = 20_000
HOSTS: dict[str, tuple[str, ...]] = {
    Kind.TELEGRAM_PREVIEW: (".telesco.pe", ".cdn-telegram.org"),
    Kind.VK: (".userapi.com", ".vkuserphoto.ru", ".vk.com"),
    Kind.INSTAGRAM: (".cdninstagram.com", ".fbcdn.net"),
    Kind.THREADS: (".cdninstagram.com", ".fbcdn.net"),
}
"""Where each platform serves its photos and videos from, subdomains included."""


@dataclass(frozen=True)
class Wanted:
    """One address of a post. ``url`` is that of ``ref``."""

    post: Post
    ref: MediaRef
    url: str


def media_hosts(sources: list[Source], settings: Settings) -> set[str]:
    """Hosts that photos and videos may be fetched from; a leading dot means subdomains too."""
    hosts = {f".{host.lstrip('.')}" for host in settings.media.hosts}
    for source in sources:
        hosts.update(HOSTS.get(source.kind, ()))
    return hosts


class MediaQueue:
    """What is to be fetched, of addresses with a given scheme; filled anew after a restart."""

    def __init__(self, store: Store, settings: Settings, *schemes: str) -> None:
        self.keeper = MediaKeeper(store, settings)
        self._store = store
        self._schemes = schemes
        self._waiting: deque[Wanted] = deque()
        self._lock = threading.Lock()

    def add(self, post: Post) -> None:
        """Queue what a post wants; beyond ``MAX_WAITING`` it waits for the next start."""
        mine = [
            Wanted(post, ref, ref.url)
            for ref in self.keeper.wanted(post)
            if ref.url is not None and ref.url.partition(":")[0] in self._schemes
        ]
        with self._lock:
            if len(self._waiting) + len(mine) <= MAX_WAITING:
                self._waiting.extend(mine)

    def refill(self, clock: Clock) -> None:
        """Queue what a run before has left."""
        recent = self._store.window(clock.now() - LOOK_BACK, ALL)
        for record in self._store.unassessed(MAX_WAITING):
            if isinstance(record, Post) and record.media:
                self.add(record)
        for found in recent:
            if isinstance(found.subject, Post) and found.subject.media:
                self.add(found.subject)

    def first(self) -> Wanted | None:
        """What is next, without taking it."""
        with self._lock:
            return self._waiting[0] if self._waiting else None

    def take(self) -> Wanted | None:
        """Take what is next and still wanted: another post may have brought it meanwhile."""
        while True:
            with self._lock:
                if not self._waiting:
                    return None
                wanted = self._waiting.popleft()
            if wanted.ref in self.keeper.wanted(wanted.post):
                return wanted

    def put_back(self, wanted: Wanted) -> None:
        """It cannot be asked now: the others go first."""
        with self._lock:
            self._waiting.append(wanted)
