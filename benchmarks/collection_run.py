"""One run, of ours or of plain Scrapy: ``python -m benchmarks.collection_run MODE URL HOME``."""

from __future__ import annotations

import json
import logging
import resource
import sys
import threading
import time
from pathlib import Path
from typing import Any

import scrapy
from scrapy.crawler import CrawlerProcess

from core.clock import SystemClock
from core.records import Source
from core.settings import CrawlerSettings, MediaSettings, Settings
from crawlers.keeper import Keeper
from crawlers.pacing import Budgets
from crawlers.readers import Readers
from crawlers.scrapy_run import scrapy_settings
from crawlers.spider import OqigaSpider
from crawlers.turns import Job
from store.open import open_store

CHANNELS = 40
SECONDS = 12.0
CONCURRENCY = 16
STOCK = (
    "CONCURRENT_REQUESTS_PER_DOMAIN",
    "DOWNLOAD_DELAY",
    "ROBOTSTXT_OBEY",
    "TELNETCONSOLE_ENABLED",
)
"""What ``stock`` has of our settings: as many requests at once, no pause. ``peer`` has them all."""


def settings_of(home: str) -> Settings:
    """No pauses and no budget to speak of: it is the code that is measured."""
    crawlers = CrawlerSettings(
        allow_private_addresses=True, delay_s=0.0, requests_per_hour=1e9, longest_interval_s=1.0
    )
    return Settings(
        home=Path(home), crawlers=crawlers, media=MediaSettings(photos=False, videos=False)
    )


class Plain(scrapy.Spider):
    """Scrapy with an empty callback: it asks for the same pages again and again."""

    name = "plain"

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = address
        self.pages = 0
        self.began_s = self.until = 0.0

    async def start(self) -> Any:
        """As many requests under way as the spider may have."""
        self.until = time.monotonic() + SECONDS
        for n in range(CHANNELS):
            yield self.ask(n)

    def ask(self, n: int) -> scrapy.Request:
        """One page."""
        address = f"{self.address}/s/arna{n:03}"
        return scrapy.Request(address, callback=self.parse, dont_filter=True, cb_kwargs={"n": n})

    def parse(self, response: Any, n: int) -> None:
        """Nothing but the next request, given to the engine: no generator to walk through."""
        self.pages += 1
        if self.pages == CHANNELS:  # what loads with the first pages is no part of the speed
            self.began_s = time.process_time()
        engine = self.crawler.engine
        if engine is not None and time.monotonic() < self.until:
            engine.crawl(self.ask(n))


def main() -> None:
    """Run for ``SECONDS`` and print pages a second of the process's own time on a processor.

    Wall time would measure whoever else is on the machine.
    """
    mode, address, home = sys.argv[1:4]
    logging.disable(logging.CRITICAL)
    settings = settings_of(home)
    chosen = {
        **scrapy_settings(settings, ["127.0.0.1"]),
        "AUTOTHROTTLE_ENABLED": False,
        "CONCURRENT_REQUESTS_PER_DOMAIN": CONCURRENCY,
    }
    if mode == "stock":
        pages = plain(address, {name: chosen[name] for name in STOCK})
    elif mode == "peer":
        pages = plain(address, {**chosen, "ITEM_PIPELINES": {}})
    else:
        pages = ours(mode, address, settings, chosen)
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    sys.stdout.write(json.dumps({"pages_per_cpu_s": pages, "largest_bytes": largest}) + "\n")


def plain(address: str, chosen: dict[str, Any]) -> float:
    """Pages a processor second of plain Scrapy, without a pipeline."""
    process = CrawlerProcess(chosen)
    crawler = process.create_crawler(Plain)
    process.crawl(crawler, address=address)
    process.start()
    spider: Any = crawler.spider
    return float((spider.pages - CHANNELS) / (time.process_time() - spider.began_s))


def ours(mode: str, address: str, settings: Settings, chosen: dict[str, Any]) -> float:
    """Pages a processor second of the spider.

    ``new``: a first pass over many channels. ``warm``: one over those that ``steady``, with the
    same home, reads again and again.
    """
    store = open_store(settings)
    keeper = Keeper(store, SystemClock(), b"k" * 32)
    readers = Readers(settings)
    interval_s = 0.0001 if mode == "steady" else 3600.0
    channels = CHANNELS * 3 if mode == "new" else CHANNELS
    sources = [
        Source(
            name=f"s{n}",
            kind="telegram_preview",
            address=f"{address}/s/arna{n:03}",
            interval_s=interval_s,
        )
        for n in range(channels)
    ]
    jobs = [Job(source, readers.of(source), "127.0.0.1") for source in sources]
    process = CrawlerProcess(chosen)
    crawler = process.create_crawler(OqigaSpider)
    stop = threading.Event()
    budgets = Budgets(lambda _: 1e12, 0.0, time.monotonic)
    process.crawl(
        crawler,
        jobs=jobs,
        keeper=keeper,
        budgets=budgets,
        per_hour=lambda _: 1e12,
        longest_s=interval_s,
        stop=stop,
        once=mode != "steady",
    )
    timer = threading.Timer(SECONDS if mode == "steady" else 600.0, stop.set)
    timer.start()
    from twisted.internet import reactor, task

    def watch() -> None:
        if stop.is_set() and crawler.crawling:
            crawler.stop()

    engine: Any = reactor
    looping = task.LoopingCall(watch)
    engine.callWhenRunning(lambda: looping.start(0.2))
    counted: list[tuple[float, int]] = []
    sampling = task.LoopingCall(
        lambda: counted.append((time.process_time(), budgets.spent.get("127.0.0.1", 0)))
    )
    engine.callWhenRunning(lambda: sampling.start(0.5))
    process.start()
    timer.cancel()
    store.close()
    rows = [row for row in counted if row[1] >= CHANNELS]
    (begin_s, begin), (end_s, end) = rows[0], rows[-1]
    return (end - begin) / (end_s - begin_s)


if __name__ == "__main__":
    main()
