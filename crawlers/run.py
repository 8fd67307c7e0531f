"""Runs the readers: one source once, or all of them until told to stop."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from core.clock import Clock
from core.errors import InputError, OqigaError, SourceError
from core.inputs import parse_object
from core.lines import Line, read_lines
from core.records import Source
from core.settings import Settings, secret_key
from crawlers.keeper import CrawlSummary, Keeper, Reading
from store.ingest import ingest_posts
from store.protocol import Store

log = logging.getLogger(__name__)

TELEGRAM_PREVIEW, RECORDED = "telegram_preview", "replay"
KINDS = (TELEGRAM_PREVIEW, RECORDED)
MAX_PAGE_BYTES = 8_000_000
"""A preview page has 0.1 to 0.5 MB; also the limit after decompression."""
MAX_REDIRECTS = 3
STOP_LIMIT_S = 3.0
"""How long answers on their way are waited for when the program stops."""
RECORDED_TICK_S = 1.0


def crawl_once(store: Store, source: Source, settings: Settings, clock: Clock) -> CrawlSummary:
    """Read one source once; raises SourceError when it could not be read.

    Scrapy's reactor runs once in a process: so does this, for web sources.
    """
    keeper = Keeper(store, clock)
    _need_kind(source)
    if source.kind == RECORDED:
        reading = _read_recorded(store, keeper, source, settings, clock)
    else:
        reading = _crawl([source], settings, keeper, threading.Event(), once=True)[0]
    if reading.problem is not None:
        raise SourceError(f"source {source.name!r}: {reading.problem}")
    return CrawlSummary.of(reading)


def listen(
    store: Store,
    sources: Sequence[Source],
    settings: Settings,
    clock: Clock,
    stop: threading.Event,
) -> None:
    """Read all sources, each again every ``interval_s``, until ``stop``.

    All web sources share one Scrapy process. A source that fails is tried again ever more seldom;
    its state stands in the note ``source:NAME``. A source that is wrongly configured is reported
    there and left out.
    """
    keeper = Keeper(store, clock)
    good = [source for source in sources if _usable(source, keeper)]
    recorded = [source for source in good if source.kind == RECORDED]
    web = [source for source in good if source.kind != RECORDED]
    thread = threading.Thread(
        target=_listen_recorded, args=(store, keeper, recorded, settings, clock, stop), daemon=True
    )
    if recorded:
        thread.start()
    if web:
        _crawl(web, settings, keeper, stop, once=False)
        if not stop.is_set():
            raise SourceError("the reader of web sources has ended; the lines above say why")
    while not stop.wait(RECORDED_TICK_S):
        if recorded and not thread.is_alive():
            raise SourceError("the reader of recorded posts has ended; the lines above say why")
    if recorded:
        thread.join()


def scrapy_settings(settings: Settings, hosts: Sequence[str]) -> dict[str, Any]:
    """Scrapy's settings: polite, bounded, silent about content.

    No proxy: it would hide from the guard where a request really goes.
    """
    crawlers = settings.crawlers
    here = "crawlers.telegram_preview"
    return {
        "AUTOTHROTTLE_ENABLED": True,
        "AUTOTHROTTLE_START_DELAY": crawlers.delay_s,
        "COOKIES_ENABLED": False,
        "CONCURRENT_REQUESTS_PER_DOMAIN": 2,
        "DEFAULT_REQUEST_HEADERS": {
            "Accept": "text/html",
            "Accept-Language": "en",  # the mark "edited" and the numbers of views in one language
            "From": crawlers.contact,
        },
        "DOWNLOADER_MIDDLEWARES": {"crawlers.guard.GuardMiddleware": 50},
        "DOWNLOAD_DELAY": crawlers.delay_s,
        "DOWNLOAD_MAXSIZE": MAX_PAGE_BYTES,
        "DOWNLOAD_WARNSIZE": 0,
        "DOWNLOAD_TIMEOUT": crawlers.timeout_s,
        "HTTPPROXY_ENABLED": False,
        "ITEM_PIPELINES": {f"{here}.StorePipeline": 100},
        "LOG_FORMATTER": f"{here}.QuietLogFormatter",
        "OQIGA_ALLOW_PRIVATE": crawlers.allow_private_addresses,
        "OQIGA_HOSTS": list(hosts),
        "REDIRECT_MAX_TIMES": MAX_REDIRECTS,
        "RETRY_HTTP_CODES": [500, 502, 503, 504, 522, 524, 408],
        "RETRY_TIMES": 1,
        "ROBOTSTXT_OBEY": True,
        "TELNETCONSOLE_ENABLED": False,
        "USER_AGENT": crawlers.user_agent,
    }


def _crawl(
    sources: Sequence[Source],
    settings: Settings,
    keeper: Keeper,
    stop: threading.Event,
    *,
    once: bool,
) -> list[Reading]:
    """Run the spider in this thread until it ends or ``stop`` is set."""
    from scrapy.utils.reactor import install_reactor

    install_reactor("twisted.internet.asyncioreactor.AsyncioSelectorReactor")
    from scrapy.crawler import CrawlerRunner
    from twisted.internet import reactor, task
    from twisted.internet.error import ReactorNotRestartable

    from crawlers.guard import GuardedResolver
    from crawlers.telegram_preview import TelegramPreviewSpider, preview_url

    logging.getLogger("scrapy").setLevel(logging.WARNING)
    engine: Any = reactor
    hosts = sorted({str(urlsplit(preview_url(source)).hostname) for source in sources})
    GuardedResolver(
        engine,
        timeout_s=settings.crawlers.timeout_s,
        allow_private=settings.crawlers.allow_private_addresses,
    ).install_on_reactor()
    runner = CrawlerRunner(scrapy_settings(settings, hosts))
    crawler = runner.create_crawler(TelegramPreviewSpider)
    faults: list[str] = []
    running = runner.crawl(crawler, sources=sources, keeper=keeper, stop=stop, once=once)
    running.addErrback(lambda failure: faults.append(failure.getTraceback()))
    running.addBoth(lambda _: _end(engine))
    watcher = task.LoopingCall(_watch, stop, crawler, engine)
    watcher.start(0.2, now=False)
    try:
        engine.run(installSignalHandlers=False)
    except ReactorNotRestartable as error:
        raise SourceError(
            "a crawl has run in this process before; run the next one in a process of its own"
        ) from error
    if faults:
        raise SourceError(f"the crawler failed:\n{faults[0]}")
    spider = crawler.spider
    readings = spider.readings if isinstance(spider, TelegramPreviewSpider) else []
    for reading in readings:
        if not reading.ended:
            keeper.fail(reading, "the crawl was stopped before the source was read to its end")
    return readings


def _watch(stop: threading.Event, crawler: Any, reactor: Any) -> None:
    if stop.is_set() and not getattr(crawler, "oqiga_stopping", False):
        crawler.oqiga_stopping = True
        crawler.stop()
        reactor.callLater(STOP_LIMIT_S, _end, reactor)


def _end(reactor: Any) -> None:
    """Stop the reactor, at once or as soon as it runs."""
    if reactor.running:
        reactor.stop()
    else:
        reactor.callWhenRunning(lambda: reactor.running and reactor.stop())


def _usable(source: Source, keeper: Keeper) -> bool:
    from crawlers.telegram_preview import preview_url

    try:
        _need_kind(source)
        if source.kind == TELEGRAM_PREVIEW:
            preview_url(source)
    except SourceError as error:
        keeper.fail(keeper.start(source), str(error))
        return False
    return True


def _need_kind(source: Source) -> None:
    if source.kind not in KINDS:
        raise SourceError(
            f"source {source.name!r} is of the unknown kind {source.kind!r}; "
            f"the kinds are {', '.join(KINDS)}"
        )


# -- recorded posts -----------------------------------------------------------------------------


def _listen_recorded(
    store: Store,
    keeper: Keeper,
    sources: Sequence[Source],
    settings: Settings,
    clock: Clock,
    stop: threading.Event,
) -> None:
    """Read each file when it has changed, at most every ``interval_s``."""
    seen: dict[str, tuple[int, int]] = {}
    waits = {source.name: 0.0 for source in sources}
    while not stop.is_set():
        for source in sources:
            waits[source.name] -= RECORDED_TICK_S
            if waits[source.name] > 0:
                continue
            waits[source.name] = source.interval_s
            state = _state(Path(source.address))
            if state is None or seen.get(source.name) != state:
                try:
                    _read_recorded(store, keeper, source, settings, clock)
                except OqigaError as error:
                    keeper.fail(keeper.start(source), str(error))
                if state is not None:
                    seen[source.name] = state
        stop.wait(RECORDED_TICK_S)


def _state(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_size, found.st_mtime_ns)


def _read_recorded(
    store: Store, keeper: Keeper, source: Source, settings: Settings, clock: Clock
) -> Reading:
    """All posts of a file of JSON lines, as they are; known ones change nothing."""
    reading = Reading(source, None)
    key = secret_key(settings.under_home(Path("pseudonym.key")))
    try:
        with Path(source.address).open("rb") as file:
            summary = ingest_posts(
                store,
                _at_home(read_lines(file), source),
                where=source.name,
                clock=clock,
                key=key,
                source=source.name,
            )
    except OSError as error:
        reading.problem = f"{source.address}: cannot be read ({error.strerror})"
    else:
        reading.pages = 1
        reading.new, reading.known = summary.accepted, summary.repeated
        reading.skipped = summary.refused
        if summary.refused and not summary.read:
            reading.problem = (
                f"{source.address}: line {summary.problems[0][0]}: " + (summary.problems[0][1])
            )
    keeper.finish(reading)
    return reading


def _at_home(lines: Iterator[Line], source: Source) -> Iterator[Line]:
    """The lines with the source's home settlement where a post names none."""
    for line in lines:
        yield line if source.home is None else _with_home(line, source.home)


def _with_home(line: Line, home: str) -> Line:
    try:
        value = parse_object(line.data)
    except InputError:
        return line  # the ingest says what is wrong with it
    if value.get("home") is not None:
        return line
    value["home"] = home
    data = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return Line(line.number, data, len(data))
