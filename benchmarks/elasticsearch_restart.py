"""What the start of a correlator and its first steps cost when the store holds much.

The same code on the same store, once as it is and once as a store that finds no neighbours, so that
the open window is read: as a store without blocking of its own has it done.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from benchmarks.correlation_stream import Stream
from core.records import Assessed, Heartbeat, Post
from core.settings import Settings
from correlator.model import PairModel
from correlator.run import LiveCorrelator
from store.elasticsearch import ElasticsearchStore
from store.protocol import Store

CHUNK = 1_000
FEW, MANY = 100, 1_000
BEAT_S = 1e9


@dataclass(frozen=True)
class Took:
    """``wall_s``: seconds by the clock; ``client_s`` and ``server_s``: of a processor, by the
    correlator and by Elasticsearch: those hardly depend on who shares the machine.
    """

    wall_s: float
    client_s: float
    server_s: float

    def __str__(self) -> str:
        return f"{self.wall_s:.1f} s ({self.client_s:.1f} + {self.server_s:.1f})"


@dataclass(frozen=True)
class Restart:
    """``records``: posts in the store; ``window``: whether the open window was read.

    Of the start, a step with ``FEW`` new posts and one with ``MANY``: what each took.
    ``held_first`` and ``held_last``: records in memory after the start and at the end.
    """

    records: int
    window: bool
    start: Took
    few: Took
    many: Took
    held_first: int
    held_last: int


@dataclass
class HandClock:
    """A clock that stands at the newest post."""

    at: datetime

    def now(self) -> datetime:
        """See core.clock.Clock."""
        return self.at


class WindowOnly:
    """A store as the correlator sees one that finds no neighbours."""

    def __init__(self, store: ElasticsearchStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        if name == "neighbours":
            raise AttributeError(name)
        return getattr(self._store, name)


def measure(store: ElasticsearchStore, sizes: Sequence[int]) -> Iterator[list[Restart]]:
    """Both ways at each size; what is stored for one size stays for the next."""
    stream, settings, model = Stream(), Settings(), PairModel.load()
    first = stream.ordinary(1)
    clock = HandClock(_at(first[0]))
    for feed in settings.intake.feeds:
        store.beat(Heartbeat(feed=feed, at=clock.at, limit_s=BEAT_S))
    live = LiveCorrelator(store, settings, model, clock)
    held = 0
    for size in sizes:
        since, before = time.perf_counter(), held
        while held < size:
            _give(store, stream, clock, min(CHUNK, size - held))
            _run_dry(live)
            held += min(CHUNK, size - held)
            rate = (held - before) / (time.perf_counter() - since)
            sys.stderr.write(f"{held} posts accepted, assessed and placed, {rate:.0f}/s\n")
        found = []
        for window in (True, False):
            seen = cast(Store, WindowOnly(store)) if window else store
            found.append(_restart(seen, store, stream, clock, model, held))
            sys.stderr.write(f"{found[-1]}\n")
            held += FEW + MANY
            _run_dry(live)  # takes over what was written, and notes that
        yield found


def describe(found: Sequence[Restart]) -> list[tuple[str, str]]:
    """Rows of the table: seconds by the clock, in brackets of a processor (ours + the server's)."""
    rows = []
    for one in found:
        how = "the window is read" if one.window else "the store is asked for neighbours"
        rows.append(
            (
                f"{one.records:,} stored, {how}",
                f"start {one.start}, a step of {FEW} posts {one.few}, one of {MANY:,} posts "
                f"{one.many}; records in memory {one.held_first:,}, at the end {one.held_last:,}",
            )
        )
    return rows


def _restart(
    seen: Store,
    store: ElasticsearchStore,
    stream: Stream,
    clock: HandClock,
    model: PairModel,
    records: int,
) -> Restart:
    live = LiveCorrelator(seen, Settings(), model, clock)
    start = _timed(store, live.start)
    held_first = live.held
    took = []
    for count in (FEW, MANY):
        _give(store, stream, clock, count)
        took.append(_timed(store, live.step))
        _run_dry(live)
    return Restart(
        records=records,
        window=seen is not store,
        start=start,
        few=took[0],
        many=took[1],
        held_first=held_first,
        held_last=live.held,
    )


def _timed(store: ElasticsearchStore, what: Callable[[], object]) -> Took:
    before_s, client_s, since = server_s(store), time.process_time(), time.perf_counter()
    what()
    wall_s, client_s = time.perf_counter() - since, time.process_time() - client_s
    return Took(wall_s, client_s, server_s(store) - before_s)


def server_s(store: ElasticsearchStore) -> float:
    """Seconds of a processor that all nodes have used."""
    nodes: dict[str, Any] = store.client.nodes.stats(metric="process")["nodes"]
    used = [float(node["process"]["cpu"]["total_in_millis"]) for node in nodes.values()]
    return sum(used) / 1000


def _give(store: ElasticsearchStore, stream: Stream, clock: HandClock, count: int) -> None:
    records = stream.ordinary(count)
    store.accept_posts([(r.subject, None) for r in records if isinstance(r.subject, Post)])
    clock.at = _at(records[-1])
    store.save_assessments([(r.assessment, r.audience) for r in records], clock.at)


def _at(record: Assessed) -> datetime:
    return record.subject.accepted_at


def _run_dry(live: LiveCorrelator) -> None:
    while live.step():
        pass
