"""From a page that appears on a test site to its event in the queue, through a real Airflow.

In its two parts, and beside it what the same work takes as plain commands without the scheduler.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.pages import Pages, serving
from benchmarks.scheduler import Scheduler
from core.clock import SystemClock
from core.records import Heartbeat
from core.settings import load_settings
from store.open import open_store
from store.protocol import OPEN, EventQuery, Store

CHANNEL = "channel_0x"
FLOW = ("crawl_telegram", "assess", "correlate")
PLACES = ("Абая", "Саина", "Толе би", "Райымбека", "Сейфуллина", "Гоголя", "Достык", "Жандосова")
EVERY_S = 25.0
LIMIT_S = 300.0


@dataclass(frozen=True)
class Figures:
    """``waits_s``: publishing to flagged event, sorted; ``accepted_s``: to the post being kept;
    ``judged_s``: from there to the flagged event.

    ``commands_s``: what reading, assessing and correlating one post take as plain commands.
    """

    waits_s: tuple[float, ...]
    accepted_s: tuple[float, ...]
    judged_s: tuple[float, ...]
    commands_s: float
    published: int


def measure(folder: Path, count: int = 16) -> Figures:
    """Publish ``count`` incidents, one after the other, and wait for each in the queue."""
    home = folder / "home"
    home.mkdir(parents=True)
    pages = Pages(now=SystemClock().now, channels={CHANNEL: []})
    with serving(pages):
        (home / "sources.toml").write_text(
            f'[[source]]\nname = "chat"\nkind = "telegram_preview"\nhome = "Алматы"\n'
            f'address = "{pages.address}/s/{CHANNEL}"\ninterval_s = 5\n',
            encoding="utf-8",
        )
        (home / "oqiga.toml").write_text(
            f'[crawlers]\nsources_file = "{home}/sources.toml"\nallow_private_addresses = true\n'
            "delay_s = 0.0\n[intake]\nheartbeat_limit_s = 1e6\n",
            encoding="utf-8",
        )
        environment = {"OQIGA_CONFIG": str(home / "oqiga.toml"), "OQIGA_HOME": str(home)}
        store = open_store(load_settings(environment))
        try:
            for feed in ("app", "calls"):
                store.beat(Heartbeat(feed=feed, at=datetime.now(UTC), limit_s=1e6))
            _publish(pages, 0)
            commands_s = _by_hand(environment)
            airflow = Scheduler.start(folder / "airflow", environment)
            try:
                airflow.import_pools()
                airflow.wait_for_dags(*FLOW)
                airflow.unpause(*FLOW)
                published = {0: datetime.now(UTC)}
                for number in range(1, count + 1):
                    published[number] = _publish(pages, number)
                    time.sleep(EVERY_S)
                _wait(store, count + 1)
                return _figures(store, published, commands_s)
            finally:
                airflow.stop()
        finally:
            store.close()


def describe(figures: Figures) -> list[tuple[str, str]]:
    """Rows for the document."""

    def at(values: Sequence[float], share: float) -> float:
        return values[min(len(values) - 1, int(len(values) * share))] if values else float("nan")

    waits, accepted = figures.waits_s, figures.accepted_s
    return [
        (
            "page to event in the queue through Airflow",
            f"median {at(waits, 0.5):.0f} s, 95th percentile {at(waits, 0.95):.0f} s over "
            f"{len(waits)} of {figures.published} posts (aim under 60 s)",
        ),
        (
            "of it until the post is kept: the source's interval, the scheduler, a reading",
            f"median {at(accepted, 0.5):.0f} s, 95th percentile {at(accepted, 0.95):.0f} s",
        ),
        (
            "of it from there to the queue, models in memory",
            f"median {at(figures.judged_s, 0.5):.0f} s, 95th percentile "
            f"{at(figures.judged_s, 0.95):.0f} s",
        ),
        (
            "due, read, assess and correlate as plain commands, each loading its models",
            f"{figures.commands_s:.0f} s",
        ),
    ]


def _publish(pages: Pages, number: int) -> datetime:
    now = datetime.now(UTC)
    place = PLACES[number % len(PLACES)]
    text = f"На {place} {number + 10} горит квартира, дым из окон, люди кричат с балкона"
    pages.publish(CHANNEL, now, text)
    return now


def _by_hand(environment: dict[str, str]) -> float:
    started = time.monotonic()
    for arguments in (("due", "telegram"), ("read", "chat"), ("assess",), ("correlate",)):
        subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-m", "oqiga", "stage", *arguments],
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
        )
    return time.monotonic() - started


def _wait(store: Store, posts: int) -> None:
    until = time.monotonic() + LIMIT_S
    while time.monotonic() < until:
        events = store.events(EventQuery(flagged=True, limit=500), OPEN)
        if sum(len(event.posts) for event in events) >= posts:
            return
        time.sleep(1.0)


def _figures(store: Store, published: dict[int, datetime], commands_s: float) -> Figures:
    waits, accepted, judged = [], [], []
    for event in store.events(EventQuery(limit=500), OPEN):
        versions = store.event_versions(event.id, OPEN)
        for link in event.posts:
            post = store.post_versions(link.id, OPEN)[0]
            number = int(post.native_id.rpartition("/")[2]) - 1
            shown = [
                v.updated_at for v in versions if v.flagged and link.id in {p.id for p in v.posts}
            ]
            if number == 0 or number not in published or not shown:
                continue
            waits.append((min(shown) - published[number]).total_seconds())
            accepted.append((post.accepted_at - published[number]).total_seconds())
            judged.append((min(shown) - post.accepted_at).total_seconds())
    return Figures(
        tuple(sorted(waits)),
        tuple(sorted(accepted)),
        tuple(sorted(judged)),
        commands_s,
        len(published) - 1,
    )
