"""Cost of a post as the open window grows: the correlator's memory alone, without a store.

A country's day (``correlation_stream``): a million posts, of which few are incidents, and one event
about which many posts come in one go. ``--stream corpus``: the corpus' own texts over and over, as
measured before 26 November 2026, evening: the window fills with near-copies.

``python -m benchmarks.correlation_scale --sizes 10000 100000 --burst 5000`` writes nothing; the
section of docs/benchmarks.md is written by ``python -m benchmarks.run window``.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

import psutil

from benchmarks.correlation_stream import BURST_TEXTS, INCIDENTS, POSTS_A_DAY, Stream, ids
from benchmarks.elasticsearch_bench import Generator
from benchmarks.elasticsearch_proof import AS_OF
from core.garbage import leave_what_is_here
from core.records import Assessed, Assessment, Audience, Post
from core.settings import CorrelatorSettings, Settings
from correlator.freshness import Freshness
from correlator.live import Correlator
from correlator.model import PairModel
from correlator.run import CLOSE_S

BURST = 5_000
BATCH = 100
MEASURED = 2_000
MEASURED_INCIDENTS = 200
SIZES = (10_000, 100_000)
MADE_AT_ONCE = 5_000


class Posts(Protocol):
    """Posts without end, in the order of their times."""

    def ordinary(self, count: int) -> list[Assessed]:
        """The next posts of an ordinary hour."""
        ...

    def incidents(self, count: int) -> list[Assessed]:
        """The next posts, all about incidents."""
        ...

    def burst(self, count: int) -> list[Assessed]:
        """The next posts of one big event."""
        ...


@dataclass(frozen=True)
class Figures:
    """Microseconds a post by number of open posts: ``cost_us`` as they come, ``incident_us`` of an
    incident. ``burst_us``: of those of a burst, ``burst``: how many those are, ``burst_events``:
    how many events they became; ``held_bytes``: memory an open post.
    """

    cost_us: dict[int, float]
    incident_us: dict[int, float]
    burst: int
    burst_us: float
    burst_events: int
    held_bytes: float


class CorpusStream:
    """The corpus' texts over and over, each with another number at its end."""

    def __init__(self, seed: int = 102) -> None:
        self._generator = Generator()
        self._chosen = random.Random(seed)  # noqa: S311 - choice of texts, no secret
        self._number = 0

    def ordinary(self, count: int) -> list[Assessed]:
        """The next posts of an ordinary hour."""
        return [self._of_kind(self._chosen.random() < INCIDENTS) for _ in range(count)]

    def incidents(self, count: int) -> list[Assessed]:
        """The next posts, all about incidents."""
        return [self._of_kind(True) for _ in range(count)]

    def burst(self, count: int) -> list[Assessed]:
        """The next posts of one big event, in the words of several."""
        first = self._generator.of_kind(0, incident=True)
        told = [first]
        while len(told) < BURST_TEXTS:
            other = self._generator.of_kind(0, incident=True)
            if other[1].category is first[1].category:
                place = {"location": first[1].location, "places": first[1].places}
                told.append((other[0], other[1].model_copy(update=place)))
        return [
            self._at(*self._generator.varied(self._number, *self._chosen.choice(told), 0.003))
            for _ in range(count)
        ]

    def _of_kind(self, incident: bool) -> Assessed:
        return self._at(*self._generator.of_kind(self._number, incident))

    def _at(self, post: Post, judged: Assessment) -> Assessed:
        at = AS_OF + timedelta(seconds=self._number * 86_400 / POSTS_A_DAY)
        self._number += 1
        moved = post.model_copy(update={"posted_at": at, "accepted_at": at})
        return Assessed(subject=moved, assessment=judged, audience=Audience.OPEN)


ABOUT = """\
Posts of a country's day (`benchmarks/correlation_stream.py`): 3 % are about incidents, of which
two in five tell a story again in other words; of the others 24 % speak of what 102 deals with, as
the models find in real posts; 5 % are copies, 20 % answer another post. Six words in ten are drawn
anew from all posts, so that most texts differ and words are as frequent as in life; the shares are
assumed. Times are those of a processor, with what is over being closed every five minutes; memory
includes what is at hand as objects, so an open post takes less the more there are. A million open
posts: `python -m benchmarks.correlation_scale --sizes 10000 1000000`. What costs how much, and what
the aims lack: [evaluation.md](evaluation.md#the-open-window)."""
STREAMS: dict[str, Callable[[], Posts]] = {"life": Stream, "corpus": CorpusStream}


class Window:
    """A correlator and the posts that come to it, closing what is over as it does when live."""

    def __init__(self) -> None:
        self.correlator = Correlator(
            CorrelatorSettings(), PairModel.load(), incident_at=Settings().nlp.incident_at
        )
        self._closed = datetime.min.replace(tzinfo=UTC)

    def take(self, posts: Sequence[Assessed]) -> float:
        """Hand posts over in batches; seconds of a processor."""
        seconds = 0.0
        for start in range(0, len(posts), BATCH):
            batch = posts[start : start + BATCH]
            now = batch[-1].subject.accepted_at
            began = time.process_time()
            self.correlator.update(batch, now, Freshness.always())
            if (now - self._closed).total_seconds() >= CLOSE_S:
                self.correlator.close(now)
                self._closed = now
            seconds += time.process_time() - began
        return seconds


def measure(sizes: Sequence[int] = SIZES, burst: int = BURST, stream: str = "life") -> Figures:
    """Fill the window to each size and time the next posts, at the end a burst."""
    posts: Posts = STREAMS[stream]()
    window = Window()
    leave_what_is_here()
    process = psutil.Process()
    before = process.memory_info().rss
    cost: dict[int, float] = {}
    incident: dict[int, float] = {}
    for size in sizes:
        while (lacking := size - len(window.correlator)) > 0:
            window.take(posts.ordinary(min(MADE_AT_ONCE, lacking)))
        cost[size] = window.take(posts.ordinary(MEASURED)) / MEASURED * 1e6
        alone = posts.incidents(MEASURED_INCIDENTS)
        incident[size] = window.take(alone) / MEASURED_INCIDENTS * 1e6
    held = (process.memory_info().rss - before) / len(window.correlator)
    told = posts.burst(burst)
    seconds = window.take(told)
    of_burst = ids(told)
    events = sum(any(link.id in of_burst for link in e.posts) for e in window.correlator.events)
    return Figures(cost, incident, burst, seconds / burst * 1e6, events, held)


def describe(figures: Figures) -> list[tuple[str, str]]:
    """Rows of the document."""
    sizes = sorted(figures.cost_us)
    first, last = figures.cost_us[sizes[0]], figures.cost_us[sizes[-1]]
    rows = []
    for size in sizes:
        us = figures.cost_us[size]
        rows += [
            (f"correlating a post into a window of {size:,}", f"{us:,.0f} µs, {1e6 / us:,.0f}/s"),
            (f"an incident's post into it, {INCIDENTS:.0%} of all", _us(figures.incident_us[size])),
        ]
    if len(sizes) > 1:
        rows.append((f"cost at {sizes[-1]:,} over that at {sizes[0]:,}", f"{last / first:.2f}"))
    told = f"{figures.burst_us:,.0f} µs a post, {figures.burst_events} events"
    rows.append((f"a burst: {figures.burst:,} posts about one event", told))
    return [*rows, ("memory an open post", f"{figures.held_bytes / 1e3:.1f} kB")]


def section() -> list[str]:
    """The document's section: the stream that is like life, and the corpus over and over."""
    lines = ["## The open window", "", ABOUT, "", *_table(describe(measure()))]
    old = describe(measure((10_000,), 1_000, "corpus"))[:-1]  # memory was there from before
    return [*lines, "", "The corpus' texts over and over, for comparison:", "", *_table(old)]


def _table(rows: Sequence[tuple[str, str]]) -> list[str]:
    return ["| what | figure |", "|---|---|", *(f"| {what} | {figure} |" for what, figure in rows)]


def _us(value: float) -> str:
    return f"{value:,.0f} µs"


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    arguments.add_argument("--burst", type=int, default=BURST)
    arguments.add_argument("--stream", choices=STREAMS, default="life")
    given = arguments.parse_args()
    for what, figure in describe(measure(given.sizes, given.burst, given.stream)):
        sys.stdout.write(f"{what}: {figure}\n")


if __name__ == "__main__":
    main()
