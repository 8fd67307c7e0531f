"""The production store's figures on a real server of one node.

Posts are generated: texts, places and vectors of the project's corpus, moved about and bursting, at
twelve a second, so that a million is a day of the country. Writes ``docs/benchmarks_store.md``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from elasticsearch.helpers import parallel_bulk

from benchmarks.corpus import assessed_corpus, corpus_posts
from benchmarks.elasticsearch_proof import AS_OF, Pipelines
from benchmarks.elasticsearch_server import Node, single
from core.ids import digest
from core.records import Assessed, Assessment, Audience, Point, Post
from core.settings import ElasticsearchSettings, Settings
from oqiga.context import PROJECT_MODELS
from store.elasticsearch import ElasticsearchStore
from store.elasticsearch.bulk import Operation, write_bulk
from store.elasticsearch.documents import post_document
from store.elasticsearch.transaction import to_json
from store.ingest import BATCH
from store.protocol import CONFIDENTIAL, OPEN

DOC = Path(__file__).resolve().parent.parent / "docs" / "benchmarks_store.md"
RATE_PER_S = 12.0
RUNS = 3
BULK_POSTS = 6_000
THREADS = 2
QUERIES = 200
CHUNK = 1_000
END_TO_END = 4_000
BURST = 0.1
"""Share of posts that are about one of the running big events."""


@dataclass(frozen=True)
class Figures:
    """``blocking_ms``: 95th percentile by number of stored posts; ``end_to_end``: posts a second by
    number of pipelines."""

    bulk_per_s: float
    peer_per_s: float
    blocking_ms: dict[int, float]
    end_to_end: dict[int, float]
    bytes_per_post: float


class Generator:
    """Endless realistic posts with their assessments."""

    def __init__(self, seed: int = 102) -> None:
        self._random = random.Random(seed)  # noqa: S311 - test data
        self._pairs = assessed_corpus(PROJECT_MODELS)
        self._ordinary = [pair for pair in self._pairs if pair[1].incident < 0.1]
        self._bursts = [pair for pair in self._pairs if pair[1].location and pair[1].incident > 0.8]

    def post(self, number: int) -> tuple[Post, Assessment]:
        """The post of that number: a text of the corpus, somewhere near its place."""
        rnd = self._random
        burst = self._bursts[(number // 5_000) % len(self._bursts)]
        chosen = burst if rnd.random() < BURST else rnd.choice(self._pairs)
        return self.varied(number, *chosen)

    def of_kind(self, number: int, incident: bool) -> tuple[Post, Assessment]:
        """The post of that number, about an incident or about none."""
        chosen = self._random.choice(self._bursts if incident else self._ordinary)
        return self.varied(number, *chosen)

    def varied(
        self, number: int, post: Post, judged: Assessment, spread_deg: float = 0.02
    ) -> tuple[Post, Assessment]:
        """The same post as if by somebody else, at the time of that number, near its place."""
        rnd = self._random
        at = AS_OF + timedelta(seconds=number / RATE_PER_S)
        name = f"bench-{number}"
        post_id = digest("bench", name)
        text = f"{post.text} {rnd.randrange(10_000)}"
        made = post.model_copy(
            update={
                "id": post_id, "native_id": name, "text": text, "posted_at": at,
                "accepted_at": at, "content": name, "version": 1,
            }
        )  # fmt: skip
        place = judged.location
        moved = None
        if place is not None:
            moved = Point(
                lat=place.lat + rnd.gauss(0, spread_deg),
                lon=place.lon + rnd.gauss(0, spread_deg),
                radius_m=place.radius_m,
            )
        vector = tuple(round(v + rnd.gauss(0, 0.02), 5) for v in judged.vector)
        return made, judged.model_copy(
            update={"subject": post_id, "version": 1, "location": moved, "vector": vector}
        )

    def assessed(self, start: int, count: int) -> Iterator[Assessed]:
        """Posts with assessments."""
        for number in range(start, start + count):
            post, judged = self.post(number)
            yield Assessed(subject=post, assessment=judged, audience=Audience.OPEN)


def operation(found: Assessed, index: str) -> Operation:
    """A post as it is written into its index."""
    post, judged = found.subject, found.assessment
    if not isinstance(post, Post):
        raise TypeError("posts alone are generated")
    document = post_document(
        [post],
        {1: judged},
        accepted_at=post.accepted_at,
        assessed_at=post.accepted_at,
        vector_dims=ElasticsearchSettings().vector_dims,
    )
    return Operation(index, post.id, to_json(document))


def measure(sizes: Sequence[int], heap_mb: int, pipelines: Sequence[int]) -> Figures:
    """All figures on a fresh server."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        node = single(Path(folder, "node"), secure=False, heap_mb=heap_mb)
        try:
            generator = Generator()
            bulk, peer = _bulk(node, generator)
            blocking, size = _blocking(node, generator, sizes)
            end_to_end = {n: _end_to_end(node, Path(folder, f"home{n}"), n) for n in pipelines}
        finally:
            node.stop()
    return Figures(bulk, peer, blocking, end_to_end, size)


def _store(node: Node, prefix: str, **more: Any) -> ElasticsearchStore:
    section = ElasticsearchSettings(hosts=(node.url,), prefix=prefix, replicas=0, **more)
    store = ElasticsearchStore(section, node.folder)
    store.prepare()
    return store


def _bulk(node: Node, generator: Generator) -> tuple[float, float]:
    """Documents a second, ours and ``helpers.parallel_bulk``, the same bytes in turn."""
    ours, theirs = [], []
    for run in range(RUNS):
        for kind in ("ours", "peer") if run % 2 else ("peer", "ours"):
            store = _store(node, f"bulk{kind}{run}")
            index = store._names.of(Audience.OPEN, "posts", "2026.03")
            store._indices.ensure({index})
            operations = [operation(a, index) for a in generator.assessed(0, BULK_POSTS)]
            actions = [_action(one) for one in operations] if kind == "peer" else []
            started = time.perf_counter()
            if kind == "ours":
                if write_bulk(store.client, operations, threads=THREADS):
                    raise RuntimeError("documents were refused")
                ours.append(BULK_POSTS / (time.perf_counter() - started))
            else:
                _peer(store, actions)
                theirs.append(BULK_POSTS / (time.perf_counter() - started))
            store.client.indices.delete(index=f"{store.settings.prefix}-*")
            store.close()
    sys.stderr.write(f"bulk: ours {ours}, peer {theirs}\n")
    return median(ours), median(theirs)


def _action(one: Operation) -> dict[str, Any]:
    source = json.loads(one.source or "{}")
    return {"_op_type": "index", "_index": one.index, "_id": one.id, "_source": source}


def _peer(store: ElasticsearchStore, actions: Sequence[dict[str, Any]]) -> None:
    for done, item in parallel_bulk(
        store.client, actions, thread_count=THREADS, chunk_size=CHUNK, max_chunk_bytes=4_000_000
    ):
        if not done:
            raise RuntimeError(str(item))


def _blocking(
    node: Node, generator: Generator, sizes: Sequence[int]
) -> tuple[dict[int, float], float]:
    """95th percentile of the blocking query in ms at each size, and bytes a post at the last."""
    store = _store(node, "block")
    index = store._names.of(Audience.OPEN, "posts", "2026.03")
    store._indices.ensure({index})
    found: dict[int, float] = {}
    held = 0
    for size in sizes:
        started = time.perf_counter()
        while held < size:
            count = min(20_000, size - held)
            write_bulk(
                store.client,
                (operation(a, index) for a in generator.assessed(held, count)),
                threads=THREADS,
            )
            held += count
            took = time.perf_counter() - started
            sys.stderr.write(f"\r{held} posts stored, {held / took:.0f}/s ")
        store.client.indices.refresh(index=index)
        asked = list(generator.assessed(held - QUERIES, QUERIES))
        for record in asked[:20]:
            store.neighbours(record, 12 * 3600.0)
        times = []
        for record in asked:
            since = time.perf_counter()
            store.neighbours(record, 12 * 3600.0)
            times.append((time.perf_counter() - since) * 1000)
        found[size] = sorted(times)[int(0.95 * len(times))]
        sys.stderr.write(f"\nblocking at {size}: {found[size]:.1f} ms\n")
    store.client.indices.flush(index=index)
    stats = store.client.indices.stats(index=index)["_all"]["primaries"]["store"]
    store.client.indices.delete(index=f"{store.settings.prefix}-*")
    store.close()
    return found, stats["size_in_bytes"] / held


def _end_to_end(node: Node, home: Path, pipelines: int) -> float:
    """Posts a second from what was accepted to all correlated, by so many whole pipelines."""
    prefix = f"end{pipelines}"
    home.mkdir()
    store = _store(node, prefix)
    posts = corpus_posts()
    fresh = [
        post.model_copy(
            update={
                "id": digest("end", str(n)), "native_id": str(n), "content": str(n),
                "posted_at": AS_OF - timedelta(seconds=END_TO_END / RATE_PER_S - n / RATE_PER_S),
                "accepted_at": AS_OF,
            }
        )
        for n, post in ((n, posts[n % len(posts)]) for n in range(END_TO_END))
    ]  # fmt: skip
    values = {"home": str(home), "store": {"kind": "elasticsearch"}, "nlp": {"batch": 256}}
    running = []
    try:
        for part in range(pipelines):
            section = store.settings.model_copy(
                update={"assess_part": part, "assess_parts": pipelines}
            )
            settings = Settings.model_validate(values).model_copy(update={"elasticsearch": section})
            running.append(Pipelines(settings, 1))
        for one in running:
            one.wait_ready()
        started = time.perf_counter()
        source = iter(fresh)
        while batch := list(islice(source, BATCH)):
            store.accept_posts([(post, None) for post in batch])
        while True:
            stats = store.stats(OPEN)
            done = stats.posts + store.stats(CONFIDENTIAL).posts
            placed = store.events_of([post.id for post in fresh[-200:]], [*OPEN, *CONFIDENTIAL])
            if done >= END_TO_END and len(placed) == 200:
                rate = END_TO_END / (time.perf_counter() - started)
                sys.stderr.write(f"{pipelines} pipelines: {rate:.0f} posts/s\n")
                return rate
            if time.perf_counter() - started > 900:
                raise RuntimeError(f"not done after 900 s: {stats}")
            time.sleep(0.5)
    finally:
        for one in running:
            one.stop()
        store.client.indices.delete(index=f"{prefix}-*")
        store.close()


def describe(figures: Figures, heap_mb: int) -> str:
    """The document."""
    ratio = figures.bulk_per_s / figures.peer_per_s
    first = next(iter(figures.blocking_ms.values()))
    rows = [
        (
            f"bulk, posts with assessment and vector, {THREADS} threads",
            f"{figures.bulk_per_s:,.0f}/s; `helpers.parallel_bulk` with the same bytes "
            f"{figures.peer_per_s:,.0f}/s: ratio {ratio:.2f} (aim 0.8)",
        ),
        *(
            (
                f"blocking query at {size:,} stored posts",
                f"95th percentile {ms:.0f} ms, {ms / first:.2f} times the first",
            )
            for size, ms in figures.blocking_ms.items()
        ),
        *(
            (f"accepted to correlated, {n} pipeline{'s'[: n > 1]}", f"{rate:,.0f} posts/s")
            for n, rate in figures.end_to_end.items()
        ),
        ("bytes a post on disk, one copy", f"{figures.bytes_per_post:,.0f}"),
    ]
    load = os.getloadavg()[1]
    version = subprocess.run(["uname", "-m"], capture_output=True, text=True, check=True)  # noqa: S607
    return (
        "# Benchmarks of the production store\n\n"
        f"`python -m benchmarks.elasticsearch_bench`, last run {datetime.now(UTC).date()}: "
        f"Elasticsearch of one node with {heap_mb} MB heap beside the client on "
        f"{os.cpu_count()} processors ({version.stdout.strip()}), Python "
        f"{platform.python_version()}; load average {load:.1f} at the end, so others shared the "
        "processors when it is above the number of processors. Ratios hold better than absolute "
        "figures.\n\n| what | figure |\n|---|---|\n"
        + "".join(f"| {what} | {figure} |\n" for what, figure in rows)
    )


def main() -> None:
    """Measure and write the document."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    arguments.add_argument("--heap-mb", type=int, default=2_048)
    arguments.add_argument("--pipelines", type=int, nargs="+", default=[1, 2])
    given = arguments.parse_args()
    text = describe(measure(given.sizes, given.heap_mb, given.pipelines), given.heap_mb)
    DOC.write_text(text, encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
