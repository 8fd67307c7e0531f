"""The drop folder."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.clock import FixedClock
from core.errors import StoreError
from core.settings import Settings
from intake.drop import DropFolder
from store.protocol import ALL
from store.sqlite import SqliteStore

Report = Callable[..., dict[str, Any]]


@pytest.fixture
def drop(store: SqliteStore, settings: Settings, clock: FixedClock) -> DropFolder:
    drop = DropFolder(store, settings, clock)
    drop.folder.mkdir(parents=True)
    return drop


@pytest.fixture
def put(drop: DropFolder) -> Callable[..., Path]:
    """A file that was written ten seconds ago."""

    def put(name: str, *rows: dict[str, Any] | str, age_s: float = 10.0) -> Path:
        path = drop.folder / name
        text = "".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in rows)
        path.write_text(text, encoding="utf-8")
        then = time.time() - age_s
        os.utime(path, (then, then))
        return path

    return put


def test_a_complete_file_is_read_and_moved(
    drop: DropFolder, put: Callable[..., Path], store: SqliteStore, report: Report
) -> None:
    path = put("calls-1.ndjson", report("r-1", channel="call_card"), report("r-2"))
    [(read, summary)] = drop.scan_once()
    assert (read, summary.accepted, summary.refused) == (path, 2, 0)
    assert store.report("r-2", ALL) is not None
    assert [b.feed for b in store.heartbeats()] == ["calls"]
    assert [p.name for p in (drop.folder / "done").iterdir()] == ["calls-1.ndjson"]
    assert drop.scan_once() == []


def test_files_that_are_still_written_wait(
    drop: DropFolder, put: Callable[..., Path], report: Report
) -> None:
    put("a.ndjson.part", report())
    put(".hidden.ndjson", report())
    put("notes.txt", "no report")
    path = put("a.ndjson", report(), age_s=0)
    assert drop.scan_once() == []
    assert path.exists()
    time.sleep(1.05)
    assert [p for p, _ in drop.scan_once()] == [path]
    assert sorted(p.name for p in drop.folder.iterdir()) == [
        ".hidden.ndjson",
        "a.ndjson.part",
        "done",
        "notes.txt",
    ]


def test_a_file_from_a_clock_ahead_of_ours_is_watched(
    drop: DropFolder, put: Callable[..., Path], report: Report
) -> None:
    put("a.jsonl", report(), age_s=-3600)
    assert drop.scan_once() == []
    time.sleep(1.05)
    assert len(drop.scan_once()) == 1


def test_good_lines_are_kept_and_bad_ones_named(
    drop: DropFolder, put: Callable[..., Path], store: SqliteStore, report: Report
) -> None:
    put("app-7.jsonl", report("r-1"), "{broken", "", report("r-3", received_at="2026-03-20"))
    [(_, summary)] = drop.scan_once()
    assert (summary.accepted, summary.refused) == (1, 2)
    problems = (drop.folder / "done" / "app-7.jsonl.problems.txt").read_text().splitlines()
    assert [row.split(":")[0] for row in problems] == ["line 2", "line 4"]
    assert {a.where for a in store.set_aside_items()} == {
        "drop/app-7.jsonl:2",
        "drop/app-7.jsonl:4",
    }
    assert [b.feed for b in store.heartbeats()] == ["app"]


def test_a_file_without_any_report_fails_and_is_no_sign_of_life(
    drop: DropFolder, put: Callable[..., Path], store: SqliteStore
) -> None:
    put("app-8.ndjson", "<html>", "not found")
    drop.scan_once()
    names = sorted(p.name for p in (drop.folder / "failed").iterdir())
    assert names == ["app-8.ndjson", "app-8.ndjson.problems.txt"]
    assert store.heartbeats() == []


def test_an_empty_file_is_a_heartbeat(
    drop: DropFolder, put: Callable[..., Path], store: SqliteStore
) -> None:
    path = put("calls-alive.ndjson")
    other = put("unnamed.ndjson", "", "  ")
    assert len(drop.scan_once()) == 2
    assert [b.feed for b in store.heartbeats()] == ["calls"]
    assert not path.exists()
    assert not other.exists()


def test_the_same_name_again_overwrites_nothing(
    drop: DropFolder, put: Callable[..., Path], report: Report
) -> None:
    for number in range(3):
        put("calls-1.ndjson", report(f"r-{number}"))
        drop.scan_once()
    done = sorted(p.name for p in (drop.folder / "done").iterdir())
    assert done == ["calls-1.2.ndjson", "calls-1.3.ndjson", "calls-1.ndjson"]


def test_a_crash_before_the_move_changes_nothing(
    drop: DropFolder, put: Callable[..., Path], store: SqliteStore, report: Report
) -> None:
    put("calls-1.ndjson", report("r-1"), "{broken")
    drop.scan_once()
    (drop.folder / "done" / "calls-1.ndjson").rename(drop.folder / "calls-1.ndjson")
    [(_, summary)] = drop.scan_once()
    assert (summary.accepted, summary.repeated, summary.refused) == (0, 1, 1)
    assert len(store.set_aside_items()) == 1


def test_a_file_that_grew_while_it_was_read_is_read_again(
    drop: DropFolder,
    put: Callable[..., Path],
    store: SqliteStore,
    report: Report,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = put("calls-1.ndjson", report("r-1"))
    accept = store.accept_reports

    def and_grow(reports: Any) -> Any:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(report("r-2")) + "\n")
        return accept(reports)

    with monkeypatch.context() as patch:
        patch.setattr(store, "accept_reports", and_grow)
        assert drop.scan_once() == []
    assert path.exists()
    os.utime(path, (1, 1))
    assert len(drop.scan_once()) == 1
    assert store.report("r-2", ALL) is not None


def test_a_fault_of_one_file_holds_up_no_other(
    drop: DropFolder,
    put: Callable[..., Path],
    store: SqliteStore,
    report: Report,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    put("a.ndjson", report("r-1"), age_s=30)
    put("b.ndjson", report("r-2"), age_s=20)
    accept = store.accept_reports

    def first_fails(reports: Any) -> Any:
        if reports[0].id == "r-1":
            raise StoreError("locked")
        return accept(reports)

    with monkeypatch.context() as patch:
        patch.setattr(store, "accept_reports", first_fails)
        for _ in range(3):
            drop.scan_once()
    assert store.report("r-2", ALL) is not None
    assert (drop.folder / "a.ndjson").exists()
    assert len([r for r in caplog.records if "cannot be read now" in r.getMessage()]) == 1
    drop.scan_once()
    assert store.report("r-1", ALL) is not None


def test_links_are_not_followed(drop: DropFolder, tmp_path: Path, report: Report) -> None:
    outside = tmp_path / "outside.ndjson"
    outside.write_text(json.dumps(report()))
    (drop.folder / "link.ndjson").symlink_to(outside)
    (drop.folder / "folder.ndjson").mkdir()
    assert drop.scan_once() == []


def test_watching_stops(drop: DropFolder, put: Callable[..., Path], store: SqliteStore) -> None:
    stop = threading.Event()
    watcher = threading.Thread(target=drop.watch, args=(stop,))
    watcher.start()
    put("calls-1.ndjson")
    until = time.monotonic() + 5
    while not store.heartbeats() and time.monotonic() < until:
        time.sleep(0.02)
    stop.set()
    watcher.join(2)
    assert not watcher.is_alive()
    assert [b.feed for b in store.heartbeats()] == ["calls"]
