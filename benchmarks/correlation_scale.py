"""Cost of a post as the open window grows: the correlator's memory alone, without a store.

A country's day: a million posts, of which few are incidents, and one event about which many posts
come in one go. Texts, places and assessments are those of the project's corpus, the places moved
about.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import psutil

from benchmarks.elasticsearch_bench import Generator
from benchmarks.elasticsearch_proof import AS_OF
from core.records import Assessed, Assessment, Audience, Post
from core.settings import CorrelatorSettings, Settings
from correlator.freshness import Freshness
from correlator.live import Correlator
from correlator.model import PairModel

POSTS_A_DAY = 1_000_000
INCIDENTS = 0.03
"""Share of posts about incidents, assumed."""
BURST = 1_000
BURST_TEXTS = 12
BATCH = 100
MEASURED = 2_000
SIZES = (10_000, 100_000)


@dataclass(frozen=True)
class Figures:
    """``cost_us``: microseconds a post by number of open posts; ``burst_us``: of those of a burst,
    ``burst``: how many those are, ``burst_events``: how many events they became; ``held_bytes``:
    memory an open post.
    """

    cost_us: dict[int, float]
    burst: int
    burst_us: float
    burst_events: int
    held_bytes: float


class Window:
    """A correlator and the posts that come to it, in the order of their times."""

    def __init__(self, seed: int = 102) -> None:
        self._model = PairModel.load()
        self.correlator = Correlator(
            CorrelatorSettings(), self._model, incident_at=Settings().nlp.incident_at
        )
        self._generator = Generator()
        self._chosen = random.Random(seed)  # noqa: S311 - choice of texts, no secret
        self._number = 0

    def ordinary(self, count: int) -> list[Assessed]:
        """The next posts of an ordinary hour."""
        made = []
        for _ in range(count):
            wanted = self._chosen.random() < INCIDENTS
            made.append(self._at(*self._generator.of_kind(self._number, wanted)))
        return made

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

    def take(self, posts: Sequence[Assessed]) -> float:
        """Hand posts over in batches; seconds."""
        seconds = 0.0
        for start in range(0, len(posts), BATCH):
            batch = posts[start : start + BATCH]
            now = batch[-1].subject.accepted_at
            began = time.perf_counter()
            self.correlator.update(batch, now, Freshness.always())
            seconds += time.perf_counter() - began
        return seconds

    def _at(self, post: Post, judged: Assessment) -> Assessed:
        at = AS_OF + timedelta(seconds=self._number * 86_400 / POSTS_A_DAY)
        self._number += 1
        moved = post.model_copy(update={"posted_at": at, "accepted_at": at})
        return Assessed(subject=moved, assessment=judged, audience=Audience.OPEN)


def measure(sizes: Sequence[int] = SIZES, burst: int = BURST) -> Figures:
    """Fill the window to each size and time the next posts, at the end a burst."""
    window = Window()
    process = psutil.Process()
    before = process.memory_info().rss
    cost: dict[int, float] = {}
    for size in sizes:
        while (lacking := size - len(window.correlator)) > 0:
            window.take(window.ordinary(min(10_000, lacking)))
        cost[size] = window.take(window.ordinary(MEASURED)) / MEASURED * 1e6
    held = (process.memory_info().rss - before) / len(window.correlator)
    posts = window.burst(burst)
    seconds = window.take(posts)
    ids = {post.subject.id for post in posts}
    events = sum(any(link.id in ids for link in e.posts) for e in window.correlator.events)
    return Figures(cost, burst, seconds / burst * 1e6, events, held)


def describe(figures: Figures) -> list[tuple[str, str]]:
    """Rows of the document."""
    sizes = sorted(figures.cost_us)
    first, last = figures.cost_us[sizes[0]], figures.cost_us[sizes[-1]]
    rows = [
        (f"correlating a post into a window of {size:,}", f"{us:,.0f} µs, {1e6 / us:,.0f} a second")
        for size, us in sorted(figures.cost_us.items())
    ]
    if len(sizes) > 1:
        rows.append((f"cost at {sizes[-1]:,} over that at {sizes[0]:,}", f"{last / first:.2f}"))
    told = f"{figures.burst_us:,.0f} µs a post, {figures.burst_events} events"
    rows.append((f"a burst: {figures.burst:,} posts about one event", told))
    return [*rows, ("memory an open post", f"{figures.held_bytes / 1e3:.1f} kB")]


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    arguments.add_argument("--burst", type=int, default=BURST)
    given = arguments.parse_args()
    for what, figure in describe(measure(given.sizes, given.burst)):
        sys.stdout.write(f"{what}: {figure}\n")


if __name__ == "__main__":
    main()
