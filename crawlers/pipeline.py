"""Scrapy's item pipeline: what the spider found goes into the store, and passes end."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from core.errors import OqigaError
from crawlers.turns import Turn, end_pass
from crawlers.web import Step

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from crawlers.spider import OqigaSpider

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Items:
    """What the pipeline gets: items of an answer, and whether the pass ends with it."""

    turn: Turn
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
        turn = item.turn
        reading = turn.reading
        if reading is None or reading.ended:
            return item
        try:
            if item.step.found:
                self._spider.keeper.keep(reading, item.step.found, item.fetched_at)
            reading.known += item.step.known
            if item.step.gone:
                self._spider.keeper.delete(reading, item.step.gone, item.fetched_at)
            turn.open -= 1
            if reading.problem is not None or turn.open <= 0:
                end_pass(turn, self._spider.keeper, self._spider.budgets)
        except OqigaError as error:
            reading.problem = f"the store refused the posts: {error}"
            reading.ended = True
            log.error("the posts of an answer could not be kept: %s", error)
        return item
