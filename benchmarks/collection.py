"""Collection: the spider beside plain Scrapy, and 300 channels through a simulated day.

The spider and its peer read the same pages from a server in a process of its own, in turn; each run
is a process too, because Twisted's reactor starts once.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks import collection_live
from crawlers.pacing import BURST_SHARE, Budget
from crawlers.schedule import Load, intervals_s

PROJECT = Path(__file__).resolve().parent.parent
RUNS = 3
CHANNELS = 300
POSTS_A_DAY = 20_000
PAGE_ITEMS = 20
BUDGET_PER_HOUR = 7_200
DAY_S = 86_400.0
READ_S = 1.0
"""Seconds from asking to acceptance of a page, network included: assumed, on the slow side."""


@dataclass(frozen=True)
class Throughput:
    """Pages a second of processor time, and the largest memory of ours: medians of ``RUNS``."""

    what: str
    ours: float
    peers: float
    ours_bytes: float

    @property
    def ratio(self) -> float:
        """Ours over the peer's."""
        return self.ours / self.peers


@dataclass(frozen=True)
class SimulatedDay:
    """A day of polling: ``seen`` and ``posted`` posts, delays in seconds, requests in all and in
    the busiest hour.
    """

    what: str
    posted: int
    seen: int
    median_s: float
    p95_s: float
    mean_s: float
    requests: int
    requests_per_hour: float


# -- throughput ------------------------------------------------------------------------------------


def throughput() -> list[Throughput]:
    """Pages that hold nothing new, and pages that are new whole, against an empty callback."""
    with _server() as address:
        modes = ("stock", "peer", "steady", "new")
        runs: dict[str, list[tuple[float, float]]] = {mode: [] for mode in modes}
        for _ in range(RUNS):
            for mode in modes:
                runs[mode].append(_run(mode, address))
    rates = {mode: median(rate for rate, _ in runs[mode]) for mode in modes}
    settings = {"stock": "its own settings", "peer": "our settings"}
    pages = {
        "steady": "preview pages read, nothing new on them",
        "new": "preview pages read, all 20 messages new and kept",
    }
    return [
        Throughput(
            f"{what}; plain Scrapy with {how}",
            rates[mode],
            rates[peer],
            median(held for _, held in runs[mode]),
        )
        for mode, what in pages.items()
        for peer, how in settings.items()
    ]


@contextmanager
def _server() -> Iterator[str]:
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.collection_site"],
        stdout=subprocess.PIPE,
        cwd=PROJECT,
        text=True,
    )
    try:
        assert server.stdout is not None  # noqa: S101 - a pipe was asked for
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
    finally:
        server.kill()
        server.wait()


def _run(mode: str, address: str) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as home:
        for each in ("warm", mode) if mode == "steady" else (mode,):
            done = subprocess.run(  # noqa: S603 - our own program
                [sys.executable, "-m", "benchmarks.collection_run", each, address, home],
                cwd=PROJECT,
                capture_output=True,
                text=True,
                check=True,
                timeout=900,
            )
    figures = json.loads(done.stdout.splitlines()[-1])
    return float(figures["pages_per_cpu_s"]), float(figures["largest_bytes"])


# -- a simulated day -------------------------------------------------------------------------------


def days() -> list[SimulatedDay]:
    """The adaptive schedule and a fixed interval through the same day, within the same budget."""
    posts = published(random.Random(102))  # noqa: S311 - a mix of posts, no secret
    counts = [len(times) for times in posts]
    fixed = CHANNELS / (BUDGET_PER_HOUR * (1 - BURST_SHARE) / 3600)
    loads = [Load(count / DAY_S, 1.0, 10.0, 1800.0) for count in counts]
    adaptive = intervals_s(loads, BUDGET_PER_HOUR * (1 - BURST_SHARE) / 3600)
    return [
        simulate("adaptive interval", posts, adaptive),
        simulate("fixed interval", posts, [fixed] * CHANNELS),
    ]


def published(rng: random.Random) -> list[list[float]]:
    """Times of a day's posts by channel: sizes by Zipf's law, busy by day, quiet at night, bursts.

    The mix: the largest of 300 channels posts 2,900 times a day, the median one 21 times.
    """
    weights = [1 / (rank + 1) ** 0.9 for rank in range(CHANNELS)]
    scale = POSTS_A_DAY / sum(weights)
    channels = []
    for weight in weights:
        count = max(1, round(weight * scale))
        times: list[float] = []
        while len(times) < count:
            at = min(max(rng.gauss(15 * 3600, 4.5 * 3600), 0.0), DAY_S - 1)
            burst = 1 + (rng.random() < 0.15) * rng.randint(1, 4)
            times += [min(at + 40.0 * n * rng.random(), DAY_S - 1) for n in range(burst)]
        channels.append(sorted(times[:count]))
    return channels


def simulate(
    what: str, posts: Sequence[Sequence[float]], intervals: Sequence[float]
) -> SimulatedDay:
    """Poll each channel at its interval within the host's budget; a page shows 20 posts.

    More than 20 new ones take more pages, which spend the budget too, as in the spider.
    """
    budget = Budget(float(BUDGET_PER_HOUR))
    clock = 1.0
    due = sorted((1.0 + n * intervals[n] / len(intervals), n) for n in range(len(intervals)))
    upto = [0] * len(posts)
    delays: list[float] = []
    requests: list[float] = []
    import heapq

    heapq.heapify(due)
    while due and due[0][0] < DAY_S + 3600:
        at, channel = heapq.heappop(due)
        clock = max(clock, at)
        clock += budget.wait_s(clock)
        new = [t for t in posts[channel][upto[channel] :] if t <= clock]
        for page in range(max(1, -(-len(new) // PAGE_ITEMS))):
            clock += budget.wait_s(clock) if page else 0.0
            budget.spend(clock)
            requests.append(clock)
        delays += [clock + READ_S - t for t in new]
        upto[channel] += len(new)
        heapq.heappush(due, (max(at + intervals[channel], clock), channel))
    delays.sort()
    busiest = max(_in_hour(requests))
    return SimulatedDay(
        what,
        posted=sum(len(times) for times in posts),
        seen=len(delays),
        median_s=delays[len(delays) // 2],
        p95_s=delays[int(len(delays) * 0.95)],
        mean_s=sum(delays) / len(delays),
        requests=len(requests),
        requests_per_hour=busiest,
    )


def _in_hour(requests: Sequence[float]) -> Iterator[int]:
    end = 0
    for start, at in enumerate(requests):
        while end < len(requests) and requests[end] < at + 3600:
            end += 1
        yield end - start


def describe() -> list[str]:
    """Lines of the document: its own section."""
    lines = [
        "",
        "## Collection",
        "",
        "| what | ours, pages a processor second | plain Scrapy | ratio |",
        "|---|---|---|---|",
    ]
    rows = throughput()
    for row in rows:
        lines.append(f"| {row.what} | {row.ours:.0f} | {row.peers:.0f} | {row.ratio:.2f} |")
    lines += [
        "",
        f"{CHANNELS} channels, {POSTS_A_DAY:,} posts in a simulated day, {BUDGET_PER_HOUR} "
        "requests an hour to one host:",
        "",
        "| schedule | seen | mean delay | median | 95th percentile | requests, busiest hour |",
        "|---|---|---|---|---|---|",
    ]
    simulated = days()
    for day in simulated:
        lines.append(
            f"| {day.what} | {day.seen} of {day.posted} | {day.mean_s:.0f} s "
            f"| {day.median_s:.0f} s | {day.p95_s:.0f} s | {day.requests_per_hour:.0f} |"
        )
    steady, new = rows[0], rows[-1]
    busy_s = simulated[0].requests / steady.ours + simulated[0].posted / PAGE_ITEMS / new.ours
    lines += [
        "",
        f"Reading that day ({simulated[0].requests:,} requests, adaptive) takes {busy_s:,.0f} s of "
        f"processor time by the speeds above, {100 * busy_s / DAY_S:.1f} % of one processor; the "
        f"reading process held {new.ours_bytes / 1e6:.0f} MB at most.",
    ]
    lines += ["", "| live Telegram account, real client and protocol | figure |", "|---|---|"]
    lines += [f"| {what} | {figure} |" for what, figure in collection_live.describe()]
    return lines


if __name__ == "__main__":
    started = time.monotonic()
    sys.stdout.write("\n".join(describe()) + f"\n\n{time.monotonic() - started:.0f} s\n")
