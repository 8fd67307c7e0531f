"""Replays as if live."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.clock import FixedClock
from core.errors import InputError
from core.inputs import post_id
from core.settings import Settings
from crawlers.replay import Replay, ReplayPlan, known_at, plan, shifted
from store.protocol import ALL
from store.sqlite import SqliteStore

START = datetime(2026, 3, 20, 14, 0, tzinfo=UTC)
KEY = b"k" * 32
NO_SHIFT = timedelta(0)


@dataclass
class HandClock:
    """A clock that the test sets."""

    at: datetime = START
    seen: list[datetime] = field(default_factory=list)

    def now(self) -> datetime:
        return self.at


def _post(post_id: str, minute: float, **more: object) -> dict[str, Any]:
    at = (START + timedelta(minutes=minute)).isoformat()
    return {"id": post_id, "text": f"жазба {post_id}", "posted_at": at, "source": "s", **more}


def _report(report_id: str, minute: float) -> dict[str, Any]:
    at = (START + timedelta(minutes=minute)).isoformat()
    return {"id": report_id, "text": f"хабар {report_id}", "received_at": at}


def _at(minute: float) -> str:
    return (START + timedelta(minutes=minute)).isoformat()


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write(name: str, *rows: dict[str, Any] | str) -> Path:
        path = tmp_path / name
        lines = [r if isinstance(r, str) else json.dumps(r, ensure_ascii=False) for r in rows]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write


@dataclass
class Player:
    """Runs a replay in a thread, with a clock in the test's hand."""

    store: SqliteStore
    settings: Settings
    clock: HandClock = field(default_factory=HandClock)
    _running: list[tuple[threading.Event, threading.Thread]] = field(default_factory=list)

    def start(self, paths: Sequence[Path], shift: timedelta = NO_SHIFT) -> Replay:
        stop = threading.Event()
        replay = Replay(paths, shift=shift, clock=self.clock)
        arguments = {"feeds": ("app", "calls"), "settings": self.settings}
        thread = threading.Thread(target=replay.run, args=(self.store, KEY, stop), kwargs=arguments)
        thread.start()
        self._running.append((stop, thread))
        return replay

    def stop(self) -> None:
        for stop, thread in self._running:
            stop.set()
            thread.join(5)
            assert not thread.is_alive()
        self._running.clear()

    def to(self, minute: float) -> set[str]:
        """Set the clock, wait until nothing more happens, and say what is known."""
        self.clock.at = START + timedelta(minutes=minute)
        before: set[str] = {"?"}
        known: set[str] = set()
        while known != before:
            before = known
            time.sleep(0.15)
            known = {getattr(s, "native_id", s.id) for s in self.store.unassessed(1000)}
        return known


@pytest.fixture
def player(store: SqliteStore, settings: Settings) -> Iterator[Player]:
    player = Player(store, settings)
    yield player
    player.stop()


def test_lines_come_when_they_are_known(player: Player, write: Callable[..., Path]) -> None:
    posts = write(
        "posts.jsonl",
        _post("p-3", 30),
        _post("p-1", 10),
        _post("p-1", 10, text="түзетілді", edited_at=_at(20)),
        _post("p-1", 10, text="түзетілді", edited_at=_at(20), deleted_at=_at(40)),
    )
    reports = write("reports.jsonl", _report("r-1", 15))
    player.start([posts, reports])
    assert player.to(9) == set()
    assert player.to(10) == {"p-1"}
    assert player.to(16) == {"p-1", "r-1"}
    versions = lambda: player.store.post_versions(post_id("s", "p-1"), ALL)  # noqa: E731
    assert len(versions()) == 1
    player.to(25)
    assert len(versions()) == 2
    assert player.to(60) == {"p-1", "p-3", "r-1"}
    assert len(versions()) == 3
    assert versions()[2].deleted_at == START + timedelta(minutes=40)


def test_times_are_shifted_before_parsing(player: Player, write: Callable[..., Path]) -> None:
    shift = timedelta(days=400, seconds=7)
    player.clock.at = START + shift
    replay = player.start(
        [write("p.jsonl", _post("p-1", 1), _post("p-2", 2, edited_at=_at(3)))], shift
    )
    assert player.to(400 * 24 * 60 + 10) == {"p-1", "p-2"}
    [post] = player.store.post_versions(post_id("s", "p-2"), ALL)
    assert post.posted_at == START + timedelta(minutes=2) + shift
    assert post.edited_at == START + timedelta(minutes=3) + shift
    assert replay.summary.refused == 0


def test_bad_lines_are_set_aside_at_once_with_their_numbers(
    player: Player, write: Callable[..., Path]
) -> None:
    path = write(
        "p.jsonl",
        _post("p-1", 50),
        "{broken",
        {"id": "p-3", "text": "без часового пояса", "posted_at": "2026-03-20T19:00:00"},
        {"id": "p-4", "text": "конец времён", "posted_at": "9999-12-31T23:59:59+00:00"},
    )
    replay = player.start([path])
    assert player.to(0) == set()
    wheres = {item.where for item in player.store.set_aside_items()}
    assert wheres == {"p.jsonl:2", "p.jsonl:3"}
    player.to(60)
    assert replay.summary.refused == 2
    player.clock.at = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    time.sleep(0.2)
    assert replay.summary.refused == 3


def test_a_restart_goes_on_and_a_repeat_changes_nothing(
    player: Player, write: Callable[..., Path]
) -> None:
    path = write("p.jsonl", *[_post(f"p-{n}", n) for n in range(20)])
    first = player.start([path])
    assert len(player.to(9.5)) == 10
    player.stop()
    second = player.start([path])
    assert len(player.to(30)) == 20
    assert (first.summary.posts.accepted, second.summary.posts.accepted) == (10, 10)
    assert second.summary.posts.repeated == 0
    player.stop()
    [note] = [k for k in ("replay:" + _digest(path),) if player.store.note(k) is not None]
    player.store.put_note(note, "0")  # as after a kill between a batch and its note
    third = player.start([path])
    player.to(31)
    assert (third.summary.posts.accepted, third.summary.posts.repeated) == (0, 20)


def _digest(path: Path) -> str:
    from crawlers.replay import content_digest

    return content_digest([path])


def test_feeds_are_live_as_long_as_it_runs(player: Player, write: Callable[..., Path]) -> None:
    player.start([write("p.jsonl", _post("p-1", 1))])
    player.to(2)
    assert {b.feed for b in player.store.heartbeats()} == {"app", "calls"}
    player.to(500)  # long after the last line, and more than a limit in one step of the clock
    beats = player.store.heartbeats()
    assert {b.at for b in beats} == {START + timedelta(minutes=500)}
    assert {b.limit_s for b in beats} == {300.0}


def test_large_files_come_in_batches(player: Player, write: Callable[..., Path]) -> None:
    path = write("p.jsonl", *[_post(f"p-{n}", n / 100) for n in range(1500)])
    replay = player.start([path])
    player.clock.at = START + timedelta(hours=1)
    until = time.monotonic() + 10
    while replay.summary.posts.accepted < 1500 and time.monotonic() < until:
        time.sleep(0.02)
    assert replay.summary.posts.accepted == 1500


# -- the plan -------------------------------------------------------------------------------------


def test_simulated_time_meets_real_time_when_the_last_line_is_due(
    write: Callable[..., Path],
) -> None:
    path = write("p.jsonl", _post("p-1", 0), "{broken", _post("p-2", 180))
    now = datetime(2027, 1, 1, tzinfo=UTC)
    made = plan([path], speed=60, now=now)
    end = now + timedelta(minutes=3)
    assert made.end == end
    assert made.shift + START == made.start == end - timedelta(minutes=180)
    for real, simulated in (
        (now, made.start),
        (now + timedelta(minutes=1), made.start + timedelta(minutes=60)),
        (end, end),
        (end + timedelta(hours=1), end + timedelta(hours=1)),
    ):
        assert made.clock(FixedClock(real)).now() == simulated
    assert made.progress(made.start) == 0.0
    assert made.progress(end - timedelta(minutes=90)) == pytest.approx(0.5)
    assert made.progress(end + timedelta(days=1)) == 1.0


def test_a_plan_survives_its_note(write: Callable[..., Path]) -> None:
    path = write("p.jsonl", _post("p-1", 0), _post("p-2", 7.123456))
    made = plan([path], speed=3.5, now=datetime(2027, 1, 1, 0, 0, 0, 123457, tzinfo=UTC))
    assert ReplayPlan.from_json(json.loads(json.dumps(made.to_json()))) == made


def test_the_digest_is_of_the_content(write: Callable[..., Path]) -> None:
    now = datetime(2027, 1, 1, tzinfo=UTC)
    first, same, other = (
        plan([write(name, _post(post, 0))], speed=1, now=now).digest
        for name, post in (("a.jsonl", "p-1"), ("b.jsonl", "p-1"), ("c.jsonl", "p-2"))
    )
    assert first == same != other


def test_a_single_line_is_a_replay_too(write: Callable[..., Path]) -> None:
    now = datetime(2027, 1, 1, tzinfo=UTC)
    made = plan([write("p.jsonl", _post("p-1", 0))], speed=60, now=now)
    assert made.start == made.end == now
    assert made.progress(now) == 1.0


def test_what_cannot_be_replayed_is_said(write: Callable[..., Path], tmp_path: Path) -> None:
    now = datetime(2027, 1, 1, tzinfo=UTC)
    with pytest.raises(InputError, match="no line has a readable time"):
        plan([write("p.jsonl", "{broken")], speed=60, now=now)
    with pytest.raises(InputError, match="cannot be read"):
        plan([tmp_path / "absent.jsonl"], speed=60, now=now)
    with pytest.raises(InputError, match="at least 1"):
        plan([write("q.jsonl", _post("p-1", 0))], speed=0.5, now=now)


def test_known_times() -> None:
    assert known_at(_post("p", 5)) == START + timedelta(minutes=5)
    assert known_at(_post("p", 5, edited_at=_at(6))) == START + timedelta(minutes=6)
    both = _post("p", 5, edited_at=_at(6), deleted_at=_at(7))
    assert known_at(both) == START + timedelta(minutes=7)
    assert known_at(_report("r", 8)) == START + timedelta(minutes=8)
    assert known_at({"id": "x"}) is None
    assert known_at(_post("p", 5, edited_at=None)) == START + timedelta(minutes=5)


def test_shifting_leaves_what_it_cannot_read() -> None:
    row = {"posted_at": "вчера", "edited_at": 5, "received_at": None, "text": "t"}
    assert shifted(row, timedelta(days=1)) == row
