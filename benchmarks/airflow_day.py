"""A whole day through a real Airflow in minutes, with kills; compared with an undisturbed run.

The day is the demonstration's three hours repeated around the clock, its posts spread over
channels of a preview site of our own and a recorded file, its reports dropped as files. The day
goes by in steps: the store's clock is set to the step's end, what was published by then appears,
and the next step begins when the scheduler's tasks have taken all of it in. So no run depends on
how fast the machine is, and a day takes minutes.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil

from benchmarks.harness import DEMO, counts, final_events
from benchmarks.pages import Pages, serving
from benchmarks.scheduler import Scheduler
from core.records import Heartbeat
from core.settings import load_settings
from crawlers.replay import ReplayPlan
from oqiga.context import REPLAY_NOTE
from store.open import open_store
from store.protocol import Store

DAY_S = 86_400.0
FLOW = ("crawl_telegram", "crawl_files", "crawl_drop", "assess", "correlate")
AGAIN = ("assess", "correlate")
NIGHT = ("retention", "evidence_check", "store_maintenance")
CHANNELS = 3
RUN_S = 1_200.0


@dataclass(frozen=True)
class Input:
    """The day: posts as (published, channel or "file", line), reports as (received, line)."""

    posts: list[tuple[datetime, str, dict[str, Any]]]
    reports: list[tuple[datetime, dict[str, Any]]]


@dataclass(frozen=True)
class Outcome:
    """What a run left: counts of posts and reports, events by members, states of runs."""

    kept: tuple[int, int]
    events: dict[Any, Any]
    kills: int
    night: dict[str, str]
    seconds: float
    alerts: int


def day_input(start: datetime, copies: int, share: float = 1.0) -> Input:
    """The demonstration ``copies`` times over a day from ``start``; ``share`` of its lines."""
    posts: list[tuple[datetime, str, dict[str, Any]]] = []
    reports: list[tuple[datetime, dict[str, Any]]] = []
    lines = _lines("posts.jsonl"), _lines("reports.jsonl")
    first = min(_time(line, "posted_at") for line in lines[0])
    for copy in range(copies):
        shift = start - first + timedelta(seconds=DAY_S / copies * copy)
        chosen = random.Random(copy)  # noqa: S311 - choice of lines, no secret
        for number, line in enumerate(lines[0]):
            if chosen.random() >= share or "deleted_at" in line or "edited_at" in line:
                continue
            at = _time(line, "posted_at") + shift
            channel = "file" if number % (CHANNELS + 1) == CHANNELS else f"channel_{number % 4}x"
            moved = {**line, "id": f"{copy}-{number}", "posted_at": at.isoformat()}
            moved.pop("source", None)
            posts.append((at, channel, moved))
        for number, line in enumerate(lines[1]):
            if chosen.random() < share:
                at = _time(line, "received_at") + shift
                moved = {**line, "id": f"r{copy}-{number}", "received_at": at.isoformat()}
                reports.append((at, moved))
    end = start + timedelta(seconds=DAY_S)
    return Input(
        sorted((p for p in posts if p[0] < end), key=lambda p: (p[0], p[2]["id"])),
        sorted((r for r in reports if r[0] < end), key=lambda r: (r[0], r[1]["id"])),
    )


def prepare(
    home: Path, start: datetime, address: str, kept_in: Mapping[str, str]
) -> dict[str, str]:
    """A home with sources and settings; the environment for Oqiga's commands."""
    home.mkdir(parents=True, exist_ok=True)
    addresses = {f"channel_{n}x": f"{address}/s/channel_{n}x" for n in range(CHANNELS)}
    addresses["gone"] = f"{address}/s/gone_x"
    sources = [
        f'[[source]]\nname = "{name}"\nkind = "telegram_preview"\naddress = "{where}"\n'
        "interval_s = 5\n"
        for name, where in addresses.items()
    ]
    sources.append(
        f'[[source]]\nname = "file"\nkind = "replay"\naddress = "{home}/posts.jsonl"\n'
        "interval_s = 5\n"
    )
    (home / "sources.toml").write_text("\n".join(sources), encoding="utf-8")
    (home / "posts.jsonl").touch()
    (home / "oqiga.toml").write_text(
        f'[crawlers]\nsources_file = "{home}/sources.toml"\nallow_private_addresses = true\n'
        "delay_s = 0.0\n[intake]\nheartbeat_limit_s = 1e6\n",
        encoding="utf-8",
    )
    environment = {
        **kept_in,
        "OQIGA_CONFIG": str(home / "oqiga.toml"),
        "OQIGA_HOME": str(home),
    }
    store = open_store(load_settings(environment))
    for feed in ("app", "calls"):
        store.beat(Heartbeat(feed=feed, at=start, limit_s=1e6))
    store.close()
    return environment


class Day:
    """One run of the day: a site, a file and a drop folder that fill step by step.

    ``kept_in``: environment that says where; none: the embedded store.
    """

    def __init__(
        self,
        home: Path,
        given: Input,
        *,
        steps: int,
        start: datetime,
        kept_in: Mapping[str, str] = {},
    ) -> None:
        self.home, self.given, self.start = home, given, start
        self.kept_in = kept_in
        self.ends = [start + timedelta(seconds=DAY_S / steps * (n + 1)) for n in range(steps)]
        self._now = start
        self.pages = Pages(now=lambda: self._now)
        for number in range(CHANNELS):
            self.pages.channels[f"channel_{number}x"] = []
        for at, channel, line in given.posts:
            if channel != "file":
                self.pages.publish(channel, at, str(line["text"]))
        self.environment: dict[str, str] = {}

    @contextlib.contextmanager
    def running(self) -> Iterator[Store]:
        """The site serves; gives the run's store."""
        with serving(self.pages):
            self.environment = prepare(self.home, self.start, self.pages.address, self.kept_in)
            store = open_store(load_settings(self.environment))
            try:
                yield store
            finally:
                store.close()

    def advance(self, store: Store, end: datetime) -> None:
        """Set the store's clock to a step's end; what was out by then appears."""
        plan = ReplayPlan(
            paths=(),
            anchor=datetime.now(UTC),
            start=end,
            end=end + timedelta(days=1),
            shift=timedelta(0),
            speed=1.0,
            digest="airflow-day",
        )
        store.put_note(REPLAY_NOTE, json.dumps(plan.to_json()))
        before, self._now = self._now, end
        lines = [x for at, channel, x in self.given.posts if channel == "file" and at <= end]
        self._put(self.home / "posts.jsonl", lines)
        part = [line for at, line in self.given.reports if before < at <= end]
        if part:
            (self.home / "drop").mkdir(exist_ok=True)
            self._put(self.home / "drop" / f"app-{end:%H%M}.ndjson", part)

    def settled(self, store: Store) -> bool:
        """Whether all that is out was accepted, assessed and correlated."""
        out = (
            sum(at <= self._now for at, _, _ in self.given.posts),
            sum(at <= self._now for at, _ in self.given.reports),
        )
        cursor = store.note("correlator:cursor")
        return (
            counts(store) == out
            and not store.unassessed(1)
            and cursor is not None
            and int(json.loads(cursor)) == store.last_change()
        )

    def _put(self, path: Path, lines: Sequence[dict[str, Any]]) -> None:
        draft = self.home / f"{path.name}.part"
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)


def by_hand(day: Day) -> Outcome:
    """The undisturbed run: each stage's command once a step."""
    started = time.monotonic()
    with day.running() as store:
        for end in day.ends:
            day.advance(store, end)
            for name in (*(f"channel_{n}x" for n in range(CHANNELS)), "file"):
                _command(day, "stage", "read", name)
            for stage in ("drop", "assess", "correlate"):
                _command(day, "stage", stage)
        return Outcome(counts(store), final_events(store), 0, {}, time.monotonic() - started, 0)


def through_airflow(
    day: Day, folder: Path, *, kills: int, seed: int = 102, step_limit_s: float = 900.0
) -> Outcome:
    """The day by schedule; ``kills`` times a command or a task's process is killed (-9).

    At the end the night's work is run, and a run of each DAG is cleared and run again.
    """
    chosen = random.Random(seed)  # noqa: S311 - moments of kills, no secret
    started = time.monotonic()
    with day.running() as store:
        airflow = Scheduler.start(folder, day.environment)
        try:
            airflow.import_pools()
            airflow.wait_for_dags(*FLOW, *NIGHT, "nightly_report")
            airflow.unpause(*FLOW, *NIGHT, "nightly_report")
            killed = 0
            for number, end in enumerate(day.ends, 1):
                day.advance(store, end)
                wanted = kills * number // len(day.ends)
                killed += _step(day, store, airflow, wanted - killed, chosen, step_limit_s)
            night = _night(day, airflow)
            _again(airflow)
            _step(day, store, airflow, 0, chosen, step_limit_s)
            return Outcome(
                counts(store),
                final_events(store),
                killed,
                night,
                time.monotonic() - started,
                sum(item.kind == "alert" for item in store.set_aside_items(1_000)),
            )
        finally:
            airflow.stop()


def _step(
    day: Day,
    store: Store,
    airflow: Scheduler,
    kills: int,
    chosen: random.Random,
    limit_s: float,
) -> int:
    """Wait until the step's work is done, killing meanwhile; how many kills."""
    killed = 0
    until, next_kill = time.monotonic() + limit_s, time.monotonic()
    while time.monotonic() < until:
        if killed >= kills and day.settled(store):
            return killed
        running = airflow.commands() if killed < kills and time.monotonic() >= next_kill else []
        if running:
            killed += _kill(chosen.choice(running), chosen)
            next_kill = time.monotonic() + chosen.uniform(1.0, 8.0)
        time.sleep(0.3)
    raise RuntimeError(f"a step did not settle: {counts(store)}\n{airflow.log[-3000:]}")


def _kill(process: psutil.Process, chosen: random.Random) -> int:
    """kill -9 of the command, or of the task's process above it."""
    try:
        parent = process.parent()
        victim = process if parent is None or chosen.random() < 0.5 else parent
        victim.kill()
    except psutil.NoSuchProcess:
        return 0
    return 1


def _night(day: Day, airflow: Scheduler) -> dict[str, str]:
    """The work of the night, and the report of the day, made twice."""
    states = {}
    morning = (day.start + timedelta(days=1, hours=6)).astimezone(UTC)
    runs = [(name, airflow.trigger(name)) for name in NIGHT]
    runs.append(("nightly_report", airflow.trigger("nightly_report", morning.isoformat())))
    for name, run_id in runs:
        states[name] = airflow.wait_run(name, run_id, RUN_S)
    airflow.clear("nightly_report", runs[-1][1])
    states["nightly_report again"] = airflow.wait_run("nightly_report", runs[-1][1], RUN_S)
    return states


def _again(airflow: Scheduler) -> None:
    """Clear a finished run of the flow's DAGs: it runs again and changes nothing."""
    for name in AGAIN:
        finished = [r for r in airflow.runs(name) if r["state"] in ("success", "failed")]
        if finished:
            airflow.clear(name, finished[-1]["dag_run_id"])
            airflow.wait_run(name, finished[-1]["dag_run_id"], RUN_S)


def _command(day: Day, *arguments: str) -> None:
    subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "oqiga", *arguments],
        env={**os.environ, **day.environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )


def _lines(name: str) -> list[dict[str, Any]]:
    text = (DEMO / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def _time(line: dict[str, Any], field: str) -> datetime:
    return datetime.fromisoformat(line[field])
