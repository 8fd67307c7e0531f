"""The all-in-one live runtime: one parent that starts, watches and stops the parts.

The parts are processes, so that assessing never holds up the console, and so that a part that
dies is started again without the others noticing. They share nothing but the store. A part
leaves as soon as its parent is gone, so kill -9 of the parent leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import json
import logging
import secrets
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import typer

from console.accounts import ensure_account
from core.clock import SystemClock
from core.errors import OqigaError
from core.records import Role
from core.settings import Settings
from crawlers.replay import ReplayPlan, plan
from oqiga.context import REPLAY_NOTE, Context
from oqiga.parts import PARTS
from oqiga.progress import Bar
from store.keyring import key_of
from store.protocol import OPEN, Store

log = logging.getLogger(__name__)
DEMO = Path(__file__).resolve().parent / "demo"
START_LIMIT_S = 120.0
STOP_LIMIT_S = 10.0
RESTART_S = (0.5, 1.0, 2.0, 5.0, 15.0)
ACCOUNTS_FILE = Path("accounts.txt")


@dataclass(frozen=True)
class Plan:
    """What ``oqiga run`` was asked to do."""

    settings: Settings
    demo: bool
    replay: tuple[Path, ...]
    speed: float


@dataclass
class _Part:
    name: str
    process: subprocess.Popen[bytes]
    started: float
    ready: threading.Event = field(default_factory=threading.Event)
    failures: int = 0


def run_all(wanted: Plan) -> int:
    """Start everything and stay until Ctrl-C or SIGTERM; returns the exit code."""
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    context = Context(wanted.settings)
    try:
        replay = _keep_plan(context, wanted)
        key_of(context.store, wanted.settings)  # before anything is written with a wrong one
        sign_in = _accounts(context)
        started = time.monotonic()
        parts = [_start(name, wanted.settings) for name in PARTS]
        try:
            _wait_ready(parts, stop)
            if not stop.is_set():
                _announce(wanted.settings, sign_in, time.monotonic() - started)
                _watch(parts, wanted.settings, context, replay, stop)
        finally:
            _stop(parts)
    finally:
        context.store.close()
    return 0


def _keep_plan(context: Context, wanted: Plan) -> ReplayPlan | None:
    """Plan the replay, or go on with the one that this store was started with."""
    paths = list(wanted.replay)
    if wanted.demo:
        paths += [DEMO / "posts.jsonl", DEMO / "reports.jsonl"]
    if not paths:
        return context.replay_plan()
    made = plan([p.resolve() for p in paths], speed=wanted.speed, now=SystemClock().now())
    kept = ReplayPlan.from_json(
        json.loads(context.store.put_note_once(REPLAY_NOTE, json.dumps(made.to_json())))
    )
    if kept.digest != made.digest:
        raise OqigaError(
            f"{context.settings.home} holds another replay; set OQIGA_HOME to a new folder, "
            "or remove that one"
        )
    return kept


def _accounts(context: Context) -> str:
    """Make the first accounts, one a role; returns where their passwords stand."""
    path = context.settings.under_home(ACCOUNTS_FILE)
    clock = SystemClock()
    if not context.store.users():
        lines = []
        for role in Role:
            password = secrets.token_urlsafe(9)
            ensure_account(context.store, role.value, role, password, clock)
            lines.append(f"{role.value} {password}\n")
        path.touch(mode=0o600)
        path.write_text("".join(lines), encoding="utf-8")
    if not path.exists():
        return "your account"
    first = path.read_text(encoding="utf-8").split("\n", 1)[0].split()
    return f"{first[0]} / {first[1]} (other roles: {path})"


def _start(name: str, settings: Settings) -> _Part:
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "oqiga", "part", name, "--from-parent"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    if process.stdin is not None:
        # Not as an argument: a webhook's or cluster's address may hold a secret, and any user of
        # the machine can read arguments.
        with contextlib.suppress(BrokenPipeError):  # it ended at once: whoever waits for it says so
            process.stdin.write(settings.model_dump_json().encode() + b"\n")
            process.stdin.flush()
    part = _Part(name, process, time.monotonic())
    threading.Thread(target=_read_ready, args=(part,), daemon=True).start()
    return part


def _read_ready(part: _Part) -> None:
    stream = part.process.stdout
    if stream is not None and stream.readline():
        part.ready.set()


def _wait_ready(parts: list[_Part], stop: threading.Event) -> None:
    until = time.monotonic() + START_LIMIT_S
    with Bar("starting", len(parts)) as bar:
        while not stop.is_set() and not all(part.ready.is_set() for part in parts):
            for part in parts:
                if part.process.poll() is not None:
                    raise OqigaError(
                        f"the {part.name} ended with code {part.process.returncode} while "
                        "starting; the lines above say why"
                    )
            if time.monotonic() > until:
                raise OqigaError(f"not ready after {START_LIMIT_S:.0f} s; see the lines above")
            bar.advance(0)
            stop.wait(0.05)


def _announce(settings: Settings, sign_in: str, seconds: float) -> None:
    console = settings.console
    typer.echo(
        f"Oqiga is ready after {seconds:.1f} s: open http://{console.host}:{console.port} "
        f"and sign in as {sign_in}; Ctrl-C stops."
    )


def _watch(
    parts: list[_Part],
    settings: Settings,
    context: Context,
    replay: ReplayPlan | None,
    stop: threading.Event,
) -> None:
    with _ReplayBar(context, replay) as bar:
        while not stop.wait(0.5):
            bar.update()
            for index, part in enumerate(parts):
                if part.process.poll() is not None and not stop.wait(0.3):
                    parts[index] = _restart(part, settings, stop)


def _restart(part: _Part, settings: Settings, stop: threading.Event) -> _Part:
    lived_s = time.monotonic() - part.started
    failures = 0 if lived_s > 60 else part.failures
    rest_s = RESTART_S[min(failures, len(RESTART_S) - 1)]
    log.error(
        "the %s ended with code %s; starting it again in %.1f s",
        part.name,
        part.process.returncode,
        rest_s,
    )
    stop.wait(rest_s)
    fresh = _start(part.name, settings)
    fresh.failures = failures + 1
    return fresh


def _stop(parts: list[_Part]) -> None:
    for part in parts:
        if part.process.poll() is None:
            part.process.terminate()
    until = time.monotonic() + STOP_LIMIT_S
    for part in parts:
        try:
            part.process.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.warning("the %s did not stop in time and was killed", part.name)
            part.process.kill()
            part.process.wait()


class _ReplayBar:
    """How far a replay is and what it has brought; quiet when there is none or it is over."""

    def __init__(self, context: Context, replay: ReplayPlan | None) -> None:
        self._clock = context.clock
        self._store: Store = context.store
        self._replay = replay
        self._bar = Bar("replay")

    def __enter__(self) -> _ReplayBar:
        return self

    def __exit__(self, *exc: object) -> None:
        self._bar.close()

    def update(self) -> None:
        """Move the bar to the present."""
        if self._replay is None:
            return
        done = self._replay.progress(self._clock.now())
        stats = self._store.stats(OPEN)
        label = f"replay: {stats.posts} posts, {stats.reports} reports, {stats.flagged} flagged"
        self._bar.to(label, done)
        if done >= 1.0 and not stats.backlog:
            self._bar.close()
            typer.echo(f"{label}; the replay is over, reading goes on.")
            self._replay = None
