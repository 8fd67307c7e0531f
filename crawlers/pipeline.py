"""Scrapy's item pipeline: what the spider found goes into the store, and passes end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from crawlers.keeper import Reading
from crawlers.turns import Turn, settle
from crawlers.web import Step

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from crawlers.spider import OqigaSpider


@dataclass(frozen=True)
class Items:
    """What the pipeline gets: items of an answer, and whether the pass ends with it."""

    turn: Turn
    reading: Reading
    step: Step
    fetched_at: datetime


class StorePipeline:
    """Keeps each answer's items in one transaction and ends the passes."""

    def __init__(self, spider: OqigaSpider) -> None:
        self._spider = spider

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> StorePipeline:
        """Takes the crawl's spider."""
        from crawlers.spider import OqigaSpider

        spider = crawler.spider
        if not isinstance(spider, OqigaSpider):
            raise TypeError("this pipeline belongs to Oqiga's own spider")
        return cls(spider)

    def process_item(self, item: Items) -> Items:
        """Keep items; a fault of the store ends the pass as failed, and the next pass repeats."""
        settle(
            item.turn,
            item.reading,
            item.step,
            item.fetched_at,
            keeper=self._spider.keeper,
            budgets=self._spider.budgets,
        )
        return item
