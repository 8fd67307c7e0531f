"""Starting, killing and reading a whole Oqiga, as an operator would."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.records import Event
from core.settings import Settings, load_settings
from crawlers.replay import ReplayPlan, plan
from oqiga.context import REPLAY_NOTE
from store.open import open_store
from store.protocol import CONFIDENTIAL, OPEN, Store

LONG_AGO = datetime(1990, 1, 1, tzinfo=UTC)
DEMO = Path(__file__).resolve().parent.parent / "oqiga" / "demo"
READY_S = 120.0


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def settings_for(home: Path) -> Settings:
    """Default settings with data under ``home``."""
    return load_settings({"OQIGA_CONFIG": os.devnull, "OQIGA_HOME": str(home)})


@dataclass
class Running:
    """An ``oqiga run`` in a process group of its own, its output in ``home/run.log``."""

    home: Path
    port: int
    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, home: Path, *arguments: str, environment: Mapping[str, str] = {}) -> Running:
        """Start ``oqiga run`` with data under ``home`` on a free port."""
        home.mkdir(parents=True, exist_ok=True)
        port = free_port()
        with (home / "run.log").open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", "oqiga", "run", "--port", str(port), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={
                    **os.environ,
                    "OQIGA_CONFIG": os.devnull,
                    "OQIGA_HOME": str(home),
                    **environment,
                },
            )
        return cls(home, port, process)

    @property
    def log(self) -> str:
        """All it has printed."""
        return (self.home / "run.log").read_text(encoding="utf-8", errors="replace")

    def wait_ready(self, times: int = 1) -> None:
        """Wait until it has said ``times`` times that it is ready."""
        until = time.monotonic() + READY_S
        while self.log.count("Oqiga is ready") < times:
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"oqiga run did not get ready:\n{self.log[-3000:]}")
            time.sleep(0.1)

    def kill(self) -> None:
        """kill -9 of the whole group, in the midst of whatever it does."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """Ctrl-C; returns the exit code."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(30)


def plan_demo(home: Path, *, speed: float, like: Path | None = None) -> None:
    """Keep a plan of the demonstration's replay in a new store.

    ``like``: the home of another run whose moved times to use, so that both see the same input.
    """
    settings = settings_for(home)
    home.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    made = plan([DEMO / "posts.jsonl", DEMO / "reports.jsonl"], speed=speed, now=now)
    if like is not None:
        other = open_store(settings_for(like))
        text = other.note(REPLAY_NOTE)
        other.close()
        if text is None:
            raise RuntimeError(f"{like} holds no replay")
        made = replace(ReplayPlan.from_json(json.loads(text)), anchor=now)
    store = open_store(settings)
    store.put_note_once(REPLAY_NOTE, json.dumps(made.to_json()))
    store.close()


def wait_settled(store: Store, *, quiet_s: float, limit_s: float) -> None:
    """Wait until nothing was accepted, assessed or correlated for ``quiet_s`` seconds."""
    until = time.monotonic() + limit_s
    last: tuple[Any, ...] = ()
    since = time.monotonic()
    while time.monotonic() < until:
        stats = store.stats(OPEN)
        seen = (stats.posts, stats.reports, store.last_change(), stats.backlog)
        if seen != last or stats.backlog:
            last, since = seen, time.monotonic()
        elif time.monotonic() - since > quiet_s:
            return
        time.sleep(0.2)
    raise RuntimeError(f"not settled after {limit_s:.0f} s: {last}")


def final_events(store: Store) -> dict[tuple[frozenset[str], frozenset[str]], tuple[Any, ...]]:
    """What "the same events" compares: members, category, report state, place, audience."""
    found: dict[tuple[frozenset[str], frozenset[str]], tuple[Any, ...]] = {}
    for audience in (OPEN, CONFIDENTIAL):
        for event in store.open_events(LONG_AGO, audience):
            members = (
                frozenset(link.id for link in event.posts),
                frozenset(link.id for link in event.reports),
            )
            if members in found:
                raise RuntimeError(f"two events have the same members: {sorted(members[0])}")
            found[members] = _sameness(event)
    return found


def _sameness(event: Event) -> tuple[Any, ...]:
    place = event.location
    return (
        event.audience.value,
        event.category.value,
        event.report_state.value,
        None if place is None else (round(place.lat, 5), round(place.lon, 5)),
        event.flagged,
    )


def counts(store: Store) -> tuple[int, int]:
    """How many posts and reports are kept, confidential ones too."""
    open_, confidential = store.stats(OPEN), store.stats(CONFIDENTIAL)
    return open_.posts + confidential.posts, open_.reports + confidential.reports
