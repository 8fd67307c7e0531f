"""The production store's figures on a real server of one node.

Posts are generated: texts, places and vectors of the project's corpus, moved about and bursting, at
twelve a second, so that a million is a day of the country. Writes ``docs/benchmarks_store.md``
section by section, each size as soon as it is measured: an aborted run loses nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from elasticsearch import Elasticsearch
from elasticsearch.helpers import parallel_bulk

from benchmarks import elasticsearch_end, elasticsearch_restart
from benchmarks.corpus import assessed_corpus
from benchmarks.correlation_stream import Stream
from benchmarks.elasticsearch_proof import AS_OF
from benchmarks.elasticsearch_server import single
from benchmarks.sections import keep
from core.ids import digest
from core.records import Assessed, Assessment, Audience, Point, Post
from core.settings import CorrelatorSettings, ElasticsearchSettings
from correlator.items import make_item
from correlator.model import PairModel
from correlator.surroundings import AT_ONCE, sought
from oqiga.context import PROJECT_MODELS
from store.elasticsearch import ElasticsearchStore
from store.elasticsearch.bulk import Operation, write_bulk
from store.elasticsearch.documents import post_document
from store.elasticsearch.transaction import to_json
from store.protocol import Sought

DOC = Path(__file__).resolve().parent.parent / "docs" / "benchmarks_store.md"
RATE_PER_S = 12.0
RUNS = 3
BULK_POSTS = 6_000
THREADS = 2
QUERIES = 200
CHUNK = 1_000
STORED_AT_ONCE = 10_000
END_TO_END = 4_000
BURST = 0.1
"""Share of posts that are about one of the running big events."""
HEAD = """# Benchmarks of the production store

`python -m benchmarks.elasticsearch_bench` (part of `make bench`) writes this page, section by
section, each size as soon as it is measured. Ratios hold better than absolute figures: the
processors were shared with others when the load is above their number. Seconds in brackets are
those of a processor: the client's + the server's.
"""
HEADINGS = {
    "bulk": "Documents written in bulk",
    "blocking": "Blocking queries",
    "restart": "Start of a correlator, and its first steps",
    "end_to_end": "From accepted to correlated",
}
NOTES = {
    "blocking": """An incident is asked for in every way: by links and copies, in its town and close
by, by words, by meaning, in its chat. In a larger store it finds more, of each way the nearest or
likest up to a limit: of 10,000 posts some 200, of 50,000 some 500.""",
    "end_to_end": """Posts come as fast as they are taken; the server and all processes share the
processors. The posts like life are those of `benchmarks/correlation_stream.py`. The aim of 1,000
cannot be met on two processors while a post takes several milliseconds of one in our processes
alone: what each side takes is said with each figure.""",
}
"""What has to be known of a section's figures, written under its table."""
Row = tuple[str, str]


@dataclass(frozen=True)
class Server:
    """A server without security, and where what belongs to it may be kept."""

    url: str
    folder: Path

    @property
    def heap_mb(self) -> int:
        """Of its first node."""
        with Elasticsearch(self.url) as client:
            nodes = client.nodes.info(metric="jvm")["nodes"]
        found = next(iter(nodes.values()))
        return int(found["jvm"]["mem"]["heap_max_in_bytes"]) // 2**20


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


def _store(node: Server, prefix: str, **more: Any) -> ElasticsearchStore:
    section = ElasticsearchSettings(hosts=(node.url,), prefix=prefix, replicas=0, **more)
    store = ElasticsearchStore(section, node.folder)
    store.prepare()
    return store


def _bulk(node: Server, generator: Generator) -> tuple[float, float]:
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
    node: Server, sizes: Sequence[int]
) -> Iterator[tuple[int, list[float], float, float]]:
    """At each size: milliseconds of each query, posts a second in batches, bytes a post.

    Single queries are for incidents, asked for in every way; a batch is of ordinary posts, of which
    most are asked for by copies and links alone.
    """
    store, stream, idf = _store(node, "block"), Stream(), PairModel.load().idf
    index = store._names.of(Audience.OPEN, "posts", "2026.03")
    store._indices.ensure({index})

    def sought_of(records: Sequence[Assessed]) -> list[Sought]:
        return [sought(r, make_item(r, idf), CorrelatorSettings()) for r in records]

    held = 0
    for size in sizes:
        started, before = time.perf_counter(), held
        while held < size:
            count = min(STORED_AT_ONCE, size - held)
            write_bulk(
                store.client,
                (operation(a, index) for a in stream.ordinary(count)),
                threads=THREADS,
            )
            held += count
            rate = (held - before) / (time.perf_counter() - started)
            sys.stderr.write(f"{held} posts stored, {rate:.0f}/s\n")
        store.client.indices.refresh(index=index)
        asked = sought_of(stream.incidents(QUERIES))
        for one in asked:  # what is asked often is compiled by the server first
            store.neighbours([one])
        times = []
        for one in asked:
            since = time.perf_counter()
            store.neighbours([one])
            times.append((time.perf_counter() - since) * 1000)
        batch = sought_of(stream.ordinary(CHUNK))
        since = time.perf_counter()
        for start in range(0, CHUNK, AT_ONCE):
            store.neighbours(batch[start : start + AT_ONCE])
        per_s = CHUNK / (time.perf_counter() - since)
        store.client.indices.flush(index=index)
        stats = store.client.indices.stats(index=index)["_all"]["primaries"]["store"]
        yield size, sorted(times), per_s, stats["size_in_bytes"] / held
    store.client.indices.delete(index=f"{store.settings.prefix}-*")
    store.close()


def _bulk_rows(node: Server) -> Iterator[list[Row]]:
    ours, peer = _bulk(node, Generator())
    told = f"{ours:,.0f}/s; `helpers.parallel_bulk` with the same bytes {peer:,.0f}/s: "
    told += f"ratio {ours / peer:.2f} (aim 0.8)"
    yield [(f"bulk, posts with assessment and vector, {THREADS} threads", told)]


def _blocking_rows(node: Server, sizes: Sequence[int]) -> Iterator[list[Row]]:
    rows: list[Row] = []
    first = None
    for size, times, per_s, size_bytes in _blocking(node, sizes):
        p95 = times[int(0.95 * len(times))]
        first = first or p95
        told = f"an incident's neighbours: median {median(times):.0f} ms, 95th percentile "
        told += f"{p95:.0f} ms, {p95 / first:.2f} times the first; ordinary posts {AT_ONCE} at "
        told += f"once: {per_s:,.0f}/s; {size_bytes:,.0f} bytes a post on disk, one copy"
        rows.append((f"blocking at {size:,} stored posts", told))
        yield rows


def _restart_rows(node: Server, sizes: Sequence[int]) -> Iterator[list[Row]]:
    store = _store(node, "restart")
    rows: list[Row] = []
    for found in elasticsearch_restart.measure(store, sizes):
        rows += elasticsearch_restart.describe(found)
        yield rows
    store.client.indices.delete(index=f"{store.settings.prefix}-*")
    store.close()


def _end_to_end_rows(node: Server, assessing: Sequence[int], posts: int) -> Iterator[list[Row]]:
    rows: list[Row] = []
    for number, kind in enumerate(elasticsearch_end.KINDS):
        for count in assessing:
            store = _store(node, f"end{number}{count}")
            home = node.folder / store.settings.prefix
            home.mkdir()
            found = elasticsearch_end.measure(store, home, kind, assessing=count, count=posts)
            store.client.indices.delete(index=f"{store.settings.prefix}-*")
            store.close()
            processes = f"{count} process{'es'[: 2 * (count > 1)]} assessing"
            rows.append(
                (f"{posts:,} posts {kind}, {processes}, one of them correlates", str(found))
            )
            yield rows


def _section(name: str, rows: Sequence[Row], server: Server) -> str:
    now, load = datetime.now(UTC), os.getloadavg()[1]
    told = (
        f"Measured {now:%Y-%m-%d %H:%M} UTC on one node with {server.heap_mb} MB heap beside the "
    )
    told += f"client, {os.cpu_count()} processors ({platform.machine()}), Python "
    told += f"{platform.python_version()}; load {load:.1f} at the end."
    table = "".join(f"| {what} | {figure} |\n" for what, figure in rows)
    section = f"## {HEADINGS[name]}\n\n{told}\n\n| what | figure |\n|---|---|\n{table}"
    return f"{section}\n{NOTES[name]}\n" if name in NOTES else section


def main() -> None:
    """Measure and write the document."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    arguments.add_argument("--restart-sizes", type=int, nargs="+", default=[10_000, 50_000])
    arguments.add_argument("--heap-mb", type=int, default=2_048)
    arguments.add_argument("--assessing", type=int, nargs="+", default=[1, 2])
    arguments.add_argument("--posts", type=int, default=END_TO_END, help="from end to end")
    arguments.add_argument("--sections", nargs="+", choices=HEADINGS, default=list(HEADINGS))
    arguments.add_argument("--page", type=Path, default=DOC, help="where the figures are written")
    arguments.add_argument("--url", help="of a server that runs already, without security")
    given = arguments.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the server is stopped then, too
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        if given.url:
            _measure(Server(given.url, folder), given)
            return
        node = single(folder / "node", secure=False, heap_mb=given.heap_mb)
        try:
            _measure(Server(node.url, node.folder), given)
        finally:
            node.stop()


def _measure(server: Server, given: argparse.Namespace) -> None:
    sections: dict[str, Callable[[], Iterator[list[Row]]]] = {
        "bulk": lambda: _bulk_rows(server),
        "blocking": lambda: _blocking_rows(server, given.sizes),
        "restart": lambda: _restart_rows(server, given.restart_sizes),
        "end_to_end": lambda: _end_to_end_rows(server, given.assessing, given.posts),
    }
    for name in given.sections:
        for rows in sections[name]():
            section = _section(name, rows, server)
            keep(given.page, HEAD, section)
            sys.stderr.write(f"{section}\n")


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
