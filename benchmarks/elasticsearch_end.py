"""From accepted to correlated: posts a second, and what each costs the processors.

Each process is one of those that run in production: one accepts, one assesses and correlates,
perhaps more assess; all share the processors with the server. A first lot of posts goes the whole
way before the clock starts, so that the indices are there, as they are in life.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path

import psutil

from benchmarks.corpus import corpus_posts
from benchmarks.correlation_stream import POSTS_A_DAY, Stream
from benchmarks.elasticsearch_proof import AS_OF, Pipelines, beat
from benchmarks.elasticsearch_restart import server_s
from core.ids import digest
from core.records import Post
from core.settings import Settings
from store.elasticsearch import ElasticsearchStore
from store.ingest import BATCH
from store.protocol import ALL

FIRST = 500
LIMIT_S = 1_800.0
LOOK_S = 0.5
TAIL = 200


@dataclass(frozen=True)
class End:
    """``ours_ms`` and ``server_ms``: milliseconds of a processor a post, of our processes together
    and of Elasticsearch: those hardly depend on who shares the machine.
    """

    per_s: float
    ours_ms: float
    server_ms: float

    def __str__(self) -> str:
        told = f"{self.per_s:,.0f} posts/s (aim 1,000); a post takes {self.ours_ms:.1f} ms of a "
        return f"{told}processor in our processes and {self.server_ms:.1f} ms in the server"


def like_life(count: int) -> list[Post]:
    """Posts of which few are incidents."""
    subjects = (record.subject for record in Stream().ordinary(count))
    return [subject for subject in subjects if isinstance(subject, Post)]


def dense(count: int) -> list[Post]:
    """The corpus over and over: half are incidents, and there are dozens of copies of each."""
    posts = corpus_posts()
    return [
        posts[n % len(posts)].model_copy(
            update={"id": digest("end", str(n)), "native_id": str(n), "content": str(n)}
        )
        for n in range(count)
    ]


KINDS: dict[str, Callable[[int], list[Post]]] = {
    "like life (3 % incidents)": like_life,
    "dense (half incidents, told dozens of times)": dense,
}


def measure(store: ElasticsearchStore, home: Path, kind: str, *, assessing: int, count: int) -> End:
    """Of one accepting process, so many assessing and, in the first of those, one correlating."""
    beat(store)
    posts = _timed_posts(KINDS[kind](FIRST + count))
    running: list[Pipelines] = []
    try:
        for part in range(assessing):
            settings = _settings(store, home, part, assessing)
            running.append(Pipelines(settings, 1, assess_only=part > 0))
        for one in running:
            one.wait_ready()
        _through(store, posts[:FIRST])
        ours = [psutil.Process(), *(psutil.Process(p.pid) for r in running for p in r.processes)]
        before_s, server_before_s = _used_s(ours), server_s(store)
        started = time.perf_counter()
        _through(store, posts[FIRST:])
        found = End(
            per_s=count / (time.perf_counter() - started),
            ours_ms=(_used_s(ours) - before_s) / count * 1000,
            server_ms=(server_s(store) - server_before_s) / count * 1000,
        )
    finally:
        for one in running:
            one.stop()
    sys.stderr.write(f"{kind}, {assessing} assessing: {found}\n")
    return found


def _timed_posts(posts: Sequence[Post]) -> list[Post]:
    """As fast as a million a day, up to the moment at which the pipelines' clock stands."""
    apart = timedelta(days=1) / POSTS_A_DAY
    last = len(posts)
    return [
        post.model_copy(update={"posted_at": AS_OF - (last - n) * apart, "accepted_at": AS_OF})
        for n, post in enumerate(posts)
    ]


def _settings(store: ElasticsearchStore, home: Path, part: int, parts: int) -> Settings:
    values = {"home": str(home), "store": {"kind": "elasticsearch"}, "nlp": {"batch": BATCH}}
    section = store.settings.model_copy(update={"assess_part": part, "assess_parts": parts})
    return Settings.model_validate(values).model_copy(update={"elasticsearch": section})


def _through(store: ElasticsearchStore, posts: Sequence[Post]) -> None:
    """Accept the posts, and wait until each is in an event."""
    until = time.monotonic() + LIMIT_S
    source = iter(posts)
    while batch := list(islice(source, BATCH)):
        store.accept_posts([(post, None) for post in batch])
    wanted = [post.id for post in posts]
    while len(store.events_of(wanted[-TAIL:], ALL)) < TAIL or len(
        store.events_of(wanted, ALL)
    ) < len(wanted):
        if time.monotonic() > until:
            raise RuntimeError(f"not done after {LIMIT_S:.0f} s: {store.stats(ALL)}")
        time.sleep(LOOK_S)


def _used_s(processes: Sequence[psutil.Process]) -> float:
    """Seconds of a processor that they have used."""
    times = [process.cpu_times() for process in processes]
    return float(sum(t.user + t.system for t in times))
