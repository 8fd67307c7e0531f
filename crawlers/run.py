"""Runs the readers: one source once, or all of them until told to stop."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from core.clock import Clock
from core.errors import SourceError, StoreError
from core.records import Source
from core.settings import Settings
from crawlers.keeper import CrawlSummary, Keeper, Reading
from crawlers.media_queue import MediaQueue
from crawlers.readers import FILE_KINDS, Readers, need_kind
from crawlers.recorded import RecordedReader
from crawlers.scrapy_run import check_source, crawl
from crawlers.web import Kind
from store.keyring import key_of
from store.protocol import Store

log = logging.getLogger(__name__)

WATCH_S = 1.0
HTTP, TG = ("http", "https"), "tg"
"""Schemes of photos' and videos' addresses: of web sources, and of the account's messages."""


def crawl_once(store: Store, source: Source, settings: Settings, clock: Clock) -> CrawlSummary:
    """Read one source once; raises SourceError when it could not be read.

    Scrapy's reactor runs once in a process: so does this, for web sources.
    """
    need_kind(source)
    [reading] = read_once(store, [source], settings, clock)
    if reading.problem is not None:
        raise SourceError(f"source {source.name!r}: {reading.problem}")
    return CrawlSummary.of(reading)


def read_once(
    store: Store,
    sources: Sequence[Source],
    settings: Settings,
    clock: Clock,
    *,
    media: bool = True,
) -> list[Reading]:
    """Read sources of one family (files, the account, or web) once; readings carry problems.

    ``media``: fetch their photos and videos too.
    """
    key = key_of(store, settings)
    queue = MediaQueue(store, settings, *_schemes(sources[0])) if media else None
    keeper = Keeper(store, clock, key, None if queue is None else queue.add)
    if sources[0].kind in FILE_KINDS:
        recorded = RecordedReader(store, keeper, clock, key)
        return [recorded.read(source) for source in sources]
    if sources[0].kind == Kind.TELEGRAM:
        from crawlers.account_run import read_account_once

        return read_account_once(store, keeper, sources, settings, queue)
    stop = threading.Event()
    return crawl(sources, settings, keeper, Readers(settings), stop, once=True, media=queue)


def listen(
    store: Store,
    sources: Sequence[Source],
    settings: Settings,
    clock: Clock,
    stop: threading.Event,
) -> None:
    """Read all sources, each again when its turn comes, until ``stop``.

    All web sources share one Scrapy process, all Telegram channels one account. A source that fails
    is tried again ever more seldom; its state stands in its ledger. A source that is wrongly
    configured is reported there and left out.
    """
    key = key_of(store, settings)
    keeper = Keeper(store, clock, key)
    readers = Readers(settings)
    good = [source for source in sources if _usable(source, keeper, readers)]
    recorded = [source for source in good if source.kind in FILE_KINDS]
    account = [source for source in good if source.kind == Kind.TELEGRAM]
    web = [source for source in good if source not in recorded and source not in account]
    threads: list[threading.Thread] = []
    if recorded:
        reader = RecordedReader(store, keeper, clock, key)
        threads.append(_thread("recorded posts", lambda: reader.listen(recorded, stop)))
    if account:
        from crawlers.account_run import listen_account

        of_account = MediaQueue(store, settings, TG)
        _aside(lambda: of_account.refill(clock))
        mine = Keeper(store, clock, key, of_account.add)
        threads.append(
            _thread(
                "Telegram",
                lambda: listen_account(store, mine, account, settings, stop, of_account),
            )
        )
    if web:
        of_web = MediaQueue(store, settings, *HTTP)
        _aside(lambda: of_web.refill(clock))
        mine_web = Keeper(store, clock, key, of_web.add)
        crawl(web, settings, mine_web, readers, stop, once=False, media=of_web)
        if not stop.is_set():
            raise SourceError("the reader of web sources has ended; the lines above say why")
    while not stop.wait(WATCH_S):
        for thread in threads:
            if not thread.is_alive():
                raise SourceError(f"the reader of {thread.name} has ended; the lines above say why")
    for thread in threads:
        thread.join()


def _schemes(source: Source) -> tuple[str, ...]:
    return (TG,) if source.kind == Kind.TELEGRAM else HTTP


def _aside(work: Callable[[], None]) -> None:
    """Do something once beside the reading: a large store takes a while to look through."""

    def guarded() -> None:
        try:
            work()
        except StoreError as error:  # the program is ending, or the next start tries again
            log.info("media of earlier runs were not looked through: %s", error)

    threading.Thread(target=guarded, name="media of earlier runs", daemon=True).start()


def _thread(name: str, work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    return thread


def _usable(source: Source, keeper: Keeper, readers: Readers) -> bool:
    problem = what_is_wrong(source, readers)
    if problem is not None:
        keeper.fail(keeper.start(source), problem)
    return problem is None


def what_is_wrong(source: Source, readers: Readers) -> str | None:
    """What is wrong with a source's settings, in plain words; ``None`` when nothing is."""
    try:
        need_kind(source)
        if source.kind == Kind.TELEGRAM:
            from crawlers.telegram_feed import channel_name

            channel_name(source)
    except SourceError as error:
        return str(error)
    if source.kind in FILE_KINDS or source.kind == Kind.TELEGRAM:
        return None
    return check_source(source, readers)
