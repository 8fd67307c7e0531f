"""Faults on a real cluster while it is written to, and whether the events end the same.

The demonstration's posts and reports are accepted in small batches while two whole pipelines
assess and correlate them; meanwhile nodes are killed or pipelines stopped. What comes out is
compared with an undisturbed run of one pipeline on SQLite.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.harness import DEMO, final_events
from core.errors import StoreAwayError
from core.inputs import make_post, make_report
from core.records import Audience, Heartbeat, Outcome, Post, Report
from core.settings import Settings
from store.open import open_store
from store.protocol import ALL, CONFIDENTIAL, OPEN, Store

AS_OF = datetime(2026, 3, 20, 17, 10, tzinfo=UTC)
KEY = b"k" * 32
BATCH = 12
SETTLED_S = 4.0
LIMIT_S = 300.0


@dataclass(frozen=True)
class Outcomes:
    """What a proof came to. ``refused``: batches that were not accepted and were sent again."""

    seconds: float
    faults: int
    records: int
    lost: int
    doubled: int
    refused: int
    events: int
    differing: int

    @property
    def passed(self) -> bool:
        """Nothing lost, nothing double, the same events."""
        return not (self.lost or self.doubled or self.differing)


class Pipelines:
    """Processes that assess and correlate, or assess only."""

    def __init__(self, settings: Settings, count: int, *, assess_only: bool = False) -> None:
        self.processes = [
            subprocess.Popen(  # noqa: S603 - our own program
                [
                    sys.executable, "-m", "benchmarks.elasticsearch_worker",
                    settings.model_dump_json(), AS_OF.isoformat(),
                    *(["assess"] if assess_only else []),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            for _ in range(count)
        ]  # fmt: skip

    def wait_ready(self) -> None:
        """Wait until all have loaded their models."""
        for process in self.processes:
            if process.stdout is None or process.stdout.readline() != b"ready\n":
                raise RuntimeError("a pipeline did not start")

    def stop(self) -> None:
        """End them."""
        for process in self.processes:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()


def recorded(limit: int | None = None) -> list[Post | Report]:
    """The demonstration's records in the order of their times, the first ``limit``."""
    found: list[tuple[datetime, Post | Report]] = []
    for line in (DEMO / "posts.jsonl").read_text(encoding="utf-8").splitlines():
        value: dict[str, Any] = json.loads(line)
        post = make_post(value, now=AS_OF, key=KEY)
        found.append((post.known_at, post.model_copy(update={"accepted_at": post.known_at})))
    for line in (DEMO / "reports.jsonl").read_text(encoding="utf-8").splitlines():
        report = make_report(json.loads(line), now=AS_OF)
        at = report.received_at
        found.append((at, report.model_copy(update={"accepted_at": at})))
    found.sort(key=lambda item: (item[0], item[1].id))
    return [record for _, record in found[:limit]]


def undisturbed(home: Path, records: Sequence[Post | Report]) -> dict[Any, Any]:
    """The events of one pipeline on SQLite that nothing happens to."""
    settings = Settings(home=home)
    home.mkdir(parents=True, exist_ok=True)
    store = open_store(settings)
    try:
        beat(store)
        for batch in batches(records):
            accept(store, batch)
        pipelines = Pipelines(settings, 1)
        try:
            pipelines.wait_ready()
            wait_settled(store, _ids(records))
        finally:
            pipelines.stop()
        return final_events(store)
    finally:
        store.close()


def disturbed(
    settings: Settings,
    records: Sequence[Post | Report],
    expected: dict[Any, Any],
    fault: Callable[[int, Pipelines], bool],
    *,
    pipelines: int = 2,
) -> Outcomes:
    """Work through the records while ``fault`` happens.

    ``fault`` is called after each batch with its number; it says whether something happened.
    """
    started = time.monotonic()
    settings.home.mkdir(parents=True, exist_ok=True)
    store = open_store(settings)
    running = Pipelines(settings, pipelines)
    refused = faults = 0
    try:
        beat(store)
        running.wait_ready()
        for number, batch in enumerate(batches(records)):
            refused += accept(store, batch)
            faults += fault(number, running)
        wait_settled(store, _ids(records))
        got = final_events(store)
        lost, doubled = _census(store, records)
    finally:
        running.stop()
        store.close()
    keys = expected.keys() | got.keys()
    return Outcomes(
        seconds=time.monotonic() - started,
        faults=faults,
        records=len(records),
        lost=lost,
        doubled=doubled,
        refused=refused,
        events=len(expected),
        differing=sum(expected.get(key) != got.get(key) for key in keys),
    )


def beat(store: Store) -> None:
    """The feeds are alive."""
    for feed in Settings().intake.feeds:
        store.beat(Heartbeat(feed=feed, at=AS_OF, limit_s=86_400.0))


def batches(records: Sequence[Post | Report]) -> Iterator[list[Post | Report]]:
    """Small batches, as readers bring them."""
    iterator = iter(records)
    while batch := list(islice(iterator, BATCH)):
        yield batch


def accept(store: Store, batch: Sequence[Post | Report]) -> int:
    """Offer a batch until it is accepted; how often it was not."""
    posts: list[Post] = [record for record in batch if isinstance(record, Post)]
    reports: list[Report] = [record for record in batch if isinstance(record, Report)]
    outcomes = store.accept_posts([(post, None) for post in posts])
    outcomes += store.accept_reports(reports)
    if Outcome.CONFLICT in outcomes:
        raise RuntimeError("a record met another of its id")
    return 0


def wait_settled(store: Store, subjects: Collection[str]) -> None:
    """Wait until each record is in an event and no event is written any more."""
    until, last, since = time.monotonic() + LIMIT_S, (-1, -1, -1), time.monotonic()
    placed = 0
    while time.monotonic() < until:
        time.sleep(0.3)
        try:
            placed = len(store.events_of(subjects, ALL))
            now = (
                store.last_change(),
                store.last_event_change(Audience.OPEN),
                store.last_event_change(Audience.CONFIDENTIAL),
            )
        except StoreAwayError:  # a node has just been killed: as every part, try again
            continue
        if now != last or placed < len(subjects):
            last, since = now, time.monotonic()
        elif time.monotonic() - since > SETTLED_S:
            return
    raise RuntimeError(f"not settled after {LIMIT_S:.0f} s: {placed} of {len(subjects)} placed")


def kill_a_node(
    nodes: Sequence[Any], at: Sequence[int], seed: int
) -> Callable[[int, Pipelines], bool]:
    """kill -9 of a node after the batches ``at``; before the next it is started again."""
    random_ = random.Random(seed)  # noqa: S311 - which node, no secret
    dead: list[Any] = []

    def fault(number: int, _: Pipelines) -> bool:
        if number not in at:
            return False
        for node in dead:
            node.start()
            node.wait(len(nodes))
        dead[:] = [random_.choice(list(nodes))]
        dead[0].kill()
        return True

    return fault


def stop_a_pipeline(at: Sequence[int], seconds: float) -> Callable[[int, Pipelines], bool]:
    """SIGSTOP of one pipeline, wherever it is, for a while from the batches ``at`` on."""

    def fault(number: int, pipelines: Pipelines) -> bool:
        if number not in at:
            return False
        process = pipelines.processes[at.index(number) % len(pipelines.processes)]
        process.send_signal(signal.SIGSTOP)
        timer = threading.Timer(seconds, process.send_signal, (signal.SIGCONT,))
        timer.daemon = True
        timer.start()
        return True

    return fault


def _ids(records: Sequence[Post | Report]) -> set[str]:
    return {record.id for record in records}


def _census(store: Store, records: Sequence[Post | Report]) -> tuple[int, int]:
    """How many records are not there, and how many more than once."""
    kept: list[str] = []
    for audience in (OPEN, CONFIDENTIAL):
        kept += [r.subject.id for r in store.window(AS_OF - timedelta(days=30), audience)]
    contents = {record.content for record in records}
    held: set[str] = set()
    for name in _ids(records):
        held |= {v.content for v in store.post_versions(name, {*OPEN, *CONFIDENTIAL})}
        report = store.report(name, {*OPEN, *CONFIDENTIAL})
        if report is not None:
            held.add(report.content)
    links = [link.subject + link.digest for link in store.chain("evidence")]
    doubled = len(kept) - len(set(kept)) + len(links) - len(set(links))
    return len(contents - held), doubled
