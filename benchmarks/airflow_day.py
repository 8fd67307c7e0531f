"""A whole day through a real Airflow in minutes, with kills; compared with an undisturbed run.

The day is the demonstration's three hours repeated around the clock, its posts spread over
channels of a preview site of our own and a recorded file, its reports dropped as files. The
store's clock runs ``speed`` times as fast as life, so that the scheduler sees a day of work.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil

from benchmarks.harness import DEMO, counts, final_events
from benchmarks.pages import Pages, serving
from benchmarks.scheduler import Scheduler
from core.clock import SystemClock
from core.settings import Settings, load_settings
from crawlers.replay import ReplayPlan
from oqiga.context import REPLAY_NOTE
from store.open import open_store
from store.protocol import Store

DAY_S = 86_400.0
FLOW = ("crawl_telegram", "crawl_files", "crawl_drop", "assess", "correlate")
AGAIN = ("assess", "correlate")
NIGHT = ("retention", "evidence_check", "store_maintenance")
CHANNELS = 3
REPORT_FILES = 12


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


def prepare(home: Path, *, speed: float, start: datetime, address: str) -> dict[str, str]:
    """A store whose clock runs a day from ``start``; the environment for Oqiga's commands."""
    home.mkdir(parents=True, exist_ok=True)
    sources = [
        f'[[source]]\nname = "channel_{n}x"\nkind = "telegram_preview"\n'
        f'address = "{address}/s/channel_{n}x"\ninterval_s = 600\n'
        for n in range(CHANNELS)
    ]
    sources.append(
        f'[[source]]\nname = "file"\nkind = "replay"\naddress = "{home}/posts.jsonl"\n'
        "interval_s = 900\n"
    )
    sources.append(
        f'[[source]]\nname = "gone"\nkind = "telegram_preview"\naddress = "{address}/s/gone_x"\n'
        "interval_s = 600\n"
    )
    (home / "sources.toml").write_text("\n".join(sources), encoding="utf-8")
    (home / "posts.jsonl").touch()
    (home / "oqiga.toml").write_text(
        f'[crawlers]\nsources_file = "{home}/sources.toml"\nallow_private_addresses = true\n'
        "delay_s = 0.0\n[intake]\nheartbeat_limit_s = 1e6\n",
        encoding="utf-8",
    )
    environment = {"OQIGA_CONFIG": str(home / "oqiga.toml"), "OQIGA_HOME": str(home)}
    now = datetime.now(UTC)
    lasts = timedelta(seconds=DAY_S)
    plan = ReplayPlan(
        paths=(),
        anchor=now,
        start=start,
        end=start + lasts,
        shift=timedelta(0),
        speed=speed,
        digest="airflow-day",
    )
    store = open_store(settings_of(environment))
    store.put_note(REPLAY_NOTE, json.dumps(plan.to_json()))
    store.close()
    return environment


def settings_of(environment: dict[str, str]) -> Settings:
    """The settings that Oqiga's commands see."""
    return load_settings(environment)


class Day:
    """One run of the day: a site, a file and a drop folder that fill as its clock goes."""

    def __init__(self, home: Path, given: Input, *, speed: float, start: datetime) -> None:
        self.home, self.given, self.speed, self.start = home, given, speed, start
        self.pages = Pages(now=self.now)
        for number in range(CHANNELS):
            self.pages.channels[f"channel_{number}x"] = []
        for at, channel, line in given.posts:
            if channel != "file":
                self.pages.publish(channel, at, str(line["text"]))
        self.environment: dict[str, str] = {}
        self._plan: ReplayPlan | None = None
        self._fed = 0

    def now(self) -> datetime:
        """The day's time."""
        if self._plan is None:
            return self.start
        return self._plan.clock(SystemClock()).now()

    @contextlib.contextmanager
    def running(self) -> Iterator[Day]:
        """The site serves, the store's clock goes."""
        with serving(self.pages):
            self.environment = prepare(
                self.home, speed=self.speed, start=self.start, address=self.pages.address
            )
            with self.store() as store:
                self._plan = ReplayPlan.from_json(json.loads(store.note(REPLAY_NOTE) or "{}"))
            yield self

    @contextlib.contextmanager
    def store(self) -> Iterator[Store]:
        """The run's store."""
        opened = open_store(settings_of(self.environment))
        try:
            yield opened
        finally:
            opened.close()

    def feed(self, until: datetime) -> None:
        """Write what is out by then to the file, and drop the reports, a file every few hours."""
        lines = [
            json.dumps(line, ensure_ascii=False)
            for at, channel, line in self.given.posts
            if channel == "file" and at <= until
        ]
        draft = self.home / "posts.part"
        draft.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        draft.replace(self.home / "posts.jsonl")
        step = timedelta(seconds=DAY_S / REPORT_FILES)
        while self._fed < REPORT_FILES and self.start + step * (self._fed + 1) <= until:
            part = [
                line
                for at, line in self.given.reports
                if self.start + step * self._fed <= at < self.start + step * (self._fed + 1)
            ]
            self._drop(f"app-{self._fed:02}.ndjson", part)
            self._fed += 1

    def _drop(self, name: str, lines: Sequence[dict[str, Any]]) -> None:
        folder = self.home / "drop"
        folder.mkdir(exist_ok=True)
        draft = self.home / name
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        draft.write_text(text, encoding="utf-8")
        draft.replace(folder / name)

    def settled(self, store: Store) -> bool:
        """Whether all of the day was accepted, assessed and correlated."""
        if counts(store) != (len(self.given.posts), len(self.given.reports)):
            return False
        cursor = store.note("correlator:cursor")
        return (
            not store.unassessed(1)
            and cursor is not None
            and int(json.loads(cursor)) == store.last_change()
        )


def by_hand(day: Day) -> Outcome:
    """The undisturbed run: each stage's command once, when the whole day is out."""
    started = time.monotonic()
    with day.running():
        day._plan = replace(day._plan, speed=1e9) if day._plan else None
        with day.store() as store:
            if day._plan is not None:
                store.put_note(REPLAY_NOTE, json.dumps(day._plan.to_json()))
        day.feed(day.start + timedelta(seconds=DAY_S))
        for name in (*(f"channel_{n}x" for n in range(CHANNELS)), "file"):
            _command(day, "stage", "read", name)
        for stage in ("drop", "assess", "correlate"):
            _command(day, "stage", stage)
        with day.store() as store:
            return Outcome(counts(store), final_events(store), 0, {}, time.monotonic() - started, 0)


def through_airflow(
    day: Day, folder: Path, *, kills: int, seed: int = 102, limit_s: float = 1_200.0
) -> Outcome:
    """The day by schedule; ``kills`` times a command or a task's process is killed (-9).

    At the end the night's work is run, and a run of each DAG is cleared and run again.
    """
    chosen = random.Random(seed)  # noqa: S311 - moments of kills, no secret
    started = time.monotonic()
    with day.running():
        airflow = Scheduler.start(folder, day.environment)
        try:
            airflow.import_pools()
            airflow.wait_for_dags(*FLOW, *NIGHT, "nightly_report")
            with day.store() as store:
                # The day begins now, not when Airflow began to start.
                day._plan = replace(day._plan, anchor=datetime.now(UTC)) if day._plan else None
                if day._plan is not None:
                    store.put_note(REPLAY_NOTE, json.dumps(day._plan.to_json()))
                airflow.unpause(*FLOW, *NIGHT, "nightly_report")
                killed = _run_day(day, store, airflow, kills, chosen, time.monotonic() + limit_s)
                night = _night(day, airflow)
                _again(airflow)
                _wait(day, store, airflow, time.monotonic() + 240)
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


def _run_day(
    day: Day,
    store: Store,
    airflow: Scheduler,
    kills: int,
    chosen: random.Random,
    until: float,
) -> int:
    killed = 0
    next_kill = time.monotonic()
    while time.monotonic() < until:
        day.feed(day.now())
        over = day.now() >= day.start + timedelta(seconds=DAY_S)
        if over and killed >= kills and day.settled(store):
            return killed
        if killed < kills and time.monotonic() >= next_kill:
            running = airflow.commands()
            if running:
                killed += _kill(chosen.choice(running), chosen)
                next_kill = time.monotonic() + chosen.uniform(2.0, 12.0)
        time.sleep(0.3)
    raise RuntimeError(
        f"the day did not settle: {counts(store)} of "
        f"{(len(day.given.posts), len(day.given.reports))}, {killed} kills\n{airflow.log[-3000:]}"
    )


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
    morning = (day.start + timedelta(days=1)).astimezone(UTC).replace(minute=0, second=0)
    runs = [(name, airflow.trigger(name)) for name in NIGHT]
    runs.append(("nightly_report", airflow.trigger("nightly_report", morning.isoformat())))
    for name, run_id in runs:
        states[name] = airflow.wait_run(name, run_id, 300)
    airflow.clear("nightly_report", runs[-1][1])
    states["nightly_report again"] = airflow.wait_run("nightly_report", runs[-1][1], 300)
    return states


def _again(airflow: Scheduler) -> None:
    """Clear a finished run of the flow's DAGs: it runs again and changes nothing."""
    for name in AGAIN:
        finished = [r for r in airflow.runs(name) if r["state"] in ("success", "failed")]
        if finished:
            airflow.clear(name, finished[-1]["dag_run_id"])
            airflow.wait_run(name, finished[-1]["dag_run_id"], 240)


def _wait(day: Day, store: Store, airflow: Scheduler, until: float) -> None:
    while not day.settled(store):
        if time.monotonic() > until:
            raise RuntimeError(f"not settled after the runs were cleared:\n{airflow.log[-3000:]}")
        time.sleep(1.0)


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
