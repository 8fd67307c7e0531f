"""From accepting a post to its event standing in a real browser's queue, at 50 posts a second.

Also: seconds from start to ready, and memory of the whole process group (proportional set size,
so that pages which processes share count once).
"""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
from playwright.sync_api import Page, ViewportSize, sync_playwright

from benchmarks.corpus import corpus_posts
from benchmarks.harness import Running, settings_for
from core.ids import digest
from core.records import Heartbeat, Post
from store.open import open_store
from store.protocol import OPEN, Store

RATE_PER_S = 50.0
SECONDS = 40.0
SETTLE_S = 8.0
SCREEN: ViewportSize = {"width": 1366, "height": 768}
WATCH = """() => {
  window.appeared = {};
  const Source = window.EventSource;
  window.EventSource = class extends Source {
    constructor(...given) {
      super(...given);
      this.addEventListener("row", (event) => {
        const { id, views } = JSON.parse(event.data);
        if (!views.includes("todo")) return;
        // The list has it at the next frame and has been painted at the one after.
        const note = () => { window.appeared[id] ??= Date.now() / 1000; };
        requestAnimationFrame(() => requestAnimationFrame(note));
      });
    }
  };
}"""
"""Notes when the queue has taken in each event: in sight or above or below, where it is drawn only
when it is scrolled to."""


@dataclass(frozen=True)
class LiveFigures:
    """``latencies_s``: one a flagged event, sorted."""

    ready_s: float
    posts: int
    posts_per_s: float
    latencies_s: tuple[float, ...]
    memory_bytes: int

    def quantile_s(self, q: float) -> float:
        """A quantile of the latencies in seconds."""
        return self.latencies_s[min(len(self.latencies_s) - 1, int(q * len(self.latencies_s)))]


def measure(home: Path) -> LiveFigures:
    """Run it once under ``home``."""
    started = time.monotonic()
    running = Running.start(home)
    try:
        running.wait_ready()
        ready_s = time.monotonic() - started
        store = open_store(settings_for(home))
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=shutil.which("chromium"),
                    args=["--no-sandbox", "--disable-background-networking"],
                )
                page = browser.new_page(viewport=SCREEN)
                page.add_init_script(f"({WATCH})()")
                sign_in(page, running, home)
                posts, rate = _feed(store)
                memory = group_memory(running)
                page.wait_for_timeout(SETTLE_S * 1000)
                appeared: dict[str, float] = page.evaluate("() => window.appeared")
                counted = int(page.inner_text("#count"))
                browser.close()
            latencies = sorted(_latencies(store, appeared))
            if counted != store.stats(OPEN).flagged:
                raise RuntimeError(f"the queue holds {counted} events, the store others")
        finally:
            store.close()
    finally:
        running.stop()
    return LiveFigures(ready_s, posts, rate, tuple(latencies), memory)


def sign_in(page: Page, running: Running, home: Path, role: str = "specialist") -> None:
    """Sign in as the account of a role that the first run has made."""
    passwords = dict(
        line.split() for line in (home / "accounts.txt").read_text(encoding="utf-8").splitlines()
    )
    page.goto(f"http://127.0.0.1:{running.port}/login")
    page.fill("input[name=name]", role)
    page.fill("input[name=password]", passwords[role])
    page.click("button[type=submit]")
    page.wait_for_selector("#rows", state="attached")


def group_memory(running: Running) -> int:
    """Bytes of the parent and all its parts."""
    parent = psutil.Process(running.process.pid)
    return sum(
        process.memory_full_info().pss for process in [parent, *parent.children(recursive=True)]
    )


def _feed(store: Store) -> tuple[int, float]:
    """Posts of the corpus, as if written now, at the wanted rate; returns count and true rate."""
    random_ = random.Random(102)  # noqa: S311 - order of texts, no secret
    texts = corpus_posts()
    started = time.monotonic()
    sent = 0
    while (elapsed := time.monotonic() - started) < SECONDS:
        due = int(elapsed * RATE_PER_S) - sent
        if due > 0:
            now = datetime.now(UTC)
            for feed in ("app", "calls"):
                store.beat(Heartbeat(feed=feed, at=now, limit_s=300))
            batch = [_fresh(random_.choice(texts), sent + i, now) for i in range(due)]
            store.accept_posts([(post, None) for post in batch])
            sent += due
        time.sleep(0.02)
    return sent, sent / (time.monotonic() - started)


def _fresh(post: Post, number: int, now: datetime) -> Post:
    name = f"bench-{number}"
    return post.model_copy(
        update={
            "id": digest("bench", name),
            "native_id": name,
            "posted_at": now - timedelta(seconds=1),
            "accepted_at": now,
            "content": name,
        }
    )


def _latencies(store: Store, appeared: Mapping[str, float]) -> Iterator[float]:
    """Seconds from accepting an event's last post to its row; none for a row that holds only
    posts which stood in the queue before, in the event from which it was split.
    """
    versions = sorted(
        (version for event in appeared for version in store.event_versions(event, OPEN)),
        key=lambda version: version.updated_at,
    )
    in_queue: set[str] = set()
    begun: set[str] = set()
    for version in versions:
        if not version.flagged:
            continue
        posts = {link.id for link in version.posts}
        if version.id not in begun and not posts <= in_queue:
            accepted = max(v.accepted_at for post in posts for v in store.post_versions(post, OPEN))
            yield appeared[version.id] - accepted.timestamp()
        begun.add(version.id)
        in_queue |= posts


def describe(figures: LiveFigures) -> Sequence[tuple[str, str]]:
    """Rows of the document."""
    return [
        ("start to ready", f"{figures.ready_s:.1f} s (aim under 15 s)"),
        (
            f"accepted post to browser's queue at {figures.posts_per_s:.0f} posts/s",
            f"median {figures.quantile_s(0.5):.2f} s, 95th percentile "
            f"{figures.quantile_s(0.95):.2f} s over {len(figures.latencies_s)} events "
            "(aim under 2 s)",
        ),
        ("memory of all processes", f"{figures.memory_bytes / 1e6:.0f} MB (aim under 1,200 MB)"),
    ]
