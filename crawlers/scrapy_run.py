"""Runs the spider in this thread: Scrapy's settings, its reactor, its end."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from typing import Any

from core.errors import OqigaError, SourceError
from core.records import Source
from core.settings import Settings
from crawlers.keeper import Keeper, Reading
from crawlers.media_queue import MediaQueue, media_hosts
from crawlers.pacing import Budgets
from crawlers.readers import Readers

MAX_PAGE_BYTES = 8_000_000
"""A preview page has 0.1 to 0.5 MB; also the limit after decompression."""
MAX_REDIRECTS = 3
STOP_LIMIT_S = 3.0
"""How long answers on their way are waited for when the program stops."""


def scrapy_settings(settings: Settings, hosts: Sequence[str]) -> dict[str, Any]:
    """Scrapy's settings: polite, bounded, silent about content.

    No proxy: it would hide from the guard where a request really goes.
    """
    crawlers = settings.crawlers
    return {
        "AUTOTHROTTLE_ENABLED": True,
        "AUTOTHROTTLE_START_DELAY": crawlers.delay_s,
        "CONCURRENT_ITEMS": 1,  # an answer is one item; Scrapy starts that many tasks an answer
        "COOKIES_ENABLED": False,
        "CONCURRENT_REQUESTS_PER_DOMAIN": 2,
        "DEFAULT_REQUEST_HEADERS": {
            "Accept": "text/html,application/xhtml+xml,application/xml,application/json;q=0.9",
            "Accept-Language": "en",  # the mark "edited" and the numbers of views in one language
            "From": crawlers.contact,
        },
        "DOWNLOADER_MIDDLEWARES": {"crawlers.guard.GuardMiddleware": 50},
        "DOWNLOAD_DELAY": crawlers.delay_s,
        "DOWNLOAD_MAXSIZE": MAX_PAGE_BYTES,
        "DOWNLOAD_WARNSIZE": 0,
        "DOWNLOAD_TIMEOUT": crawlers.timeout_s,
        "HTTPPROXY_ENABLED": False,
        "ITEM_PIPELINES": {"crawlers.pipeline.StorePipeline": 100},
        "LOG_FORMATTER": "crawlers.faults.QuietLogFormatter",
        "OQIGA_ALLOW_PRIVATE": crawlers.allow_private_addresses,
        "OQIGA_HOSTS": list(hosts),
        "REDIRECT_MAX_TIMES": MAX_REDIRECTS,
        "RETRY_HTTP_CODES": [500, 502, 503, 504, 522, 524, 408],
        "RETRY_TIMES": 1,
        "ROBOTSTXT_OBEY": True,
        "TELNETCONSOLE_ENABLED": False,
        "USER_AGENT": crawlers.user_agent,
    }


def crawl(
    sources: Sequence[Source],
    settings: Settings,
    keeper: Keeper,
    readers: Readers,
    stop: threading.Event,
    *,
    once: bool,
    media: MediaQueue | None = None,
) -> list[Reading]:
    """Run the spider until it ends or ``stop`` is set; raises SourceError when it fails.

    The reactor runs once in a process, so this does too.
    """
    from scrapy.utils.reactor import install_reactor

    install_reactor("twisted.internet.asyncioreactor.AsyncioSelectorReactor")
    from scrapy.crawler import CrawlerRunner
    from twisted.internet import reactor, task
    from twisted.internet.error import ReactorNotRestartable

    from crawlers.guard import GuardedResolver
    from crawlers.spider import OqigaSpider
    from crawlers.turns import Job

    logging.getLogger("scrapy").setLevel(logging.WARNING)
    # What failed is said once, by the ledger, in plain words and without addresses.
    logging.getLogger("scrapy.downloadermiddlewares.retry").setLevel(logging.CRITICAL)
    engine: Any = reactor
    hosts: set[str] = set()
    jobs = []
    for source in sources:
        reader = readers.of(source)
        mine = reader.hosts(source)
        hosts |= mine
        jobs.append(Job(source, reader, min(mine)))
    crawlers = settings.crawlers
    GuardedResolver(
        engine,
        timeout_s=crawlers.timeout_s,
        allow_private=crawlers.allow_private_addresses,
    ).install_on_reactor()
    if media is not None:
        hosts |= media_hosts(list(sources), settings)
    runner = CrawlerRunner(scrapy_settings(settings, sorted(hosts)))
    crawler = runner.create_crawler(OqigaSpider)
    faults: list[str] = []
    running = runner.crawl(
        crawler,
        jobs=jobs,
        keeper=keeper,
        budgets=Budgets(crawlers.budget_per_hour, 0.0, time.monotonic),
        per_hour=crawlers.budget_per_hour,
        longest_s=crawlers.longest_interval_s,
        stop=stop,
        once=once,
        media=media,
    )
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
    readings = spider.readings if isinstance(spider, OqigaSpider) else []
    for reading in readings:
        if not reading.ended:
            keeper.fail(reading, "the crawl was stopped before the source was read to its end")
    return readings


def check_source(source: Source, readers: Readers) -> str | None:
    """What is wrong with a web source before anything is asked, ``None`` when nothing is."""
    try:
        readers.of(source).hosts(source)
    except OqigaError as error:
        return str(error)
    return None


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
