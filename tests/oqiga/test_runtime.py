"""The runtime: starts everything, restarts what dies, stops cleanly, leaves nothing behind."""

from __future__ import annotations

import contextlib
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psutil
import pytest

from benchmarks.harness import Running, settings_for, wait_settled
from core.clock import FixedClock
from core.inputs import make_report
from core.records import Audience, MediaRef
from intake.keys import new_key
from media.files import MEDIA_FOLDER, MediaFiles, Shelf
from media.shelving import Shelving
from store.open import open_store
from store.protocol import OPEN, EventQuery
from tests.store.contract import assess

pytestmark = pytest.mark.slow


def parts(running: Running) -> dict[str, psutil.Process]:
    found = {}
    for child in psutil.Process(running.process.pid).children():
        with contextlib.suppress(psutil.NoSuchProcess):  # ended, or not yet become our program
            words = child.cmdline()
            if words[3:4] == ["part"]:
                found[words[4]] = child
    return found


def gone(process: psutil.Process, limit_s: float = 10.0) -> bool:
    until = time.monotonic() + limit_s
    while time.monotonic() < until:
        if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


def test_a_report_by_http_and_a_post_dropped_meet_in_the_store(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    settings = settings_for(home)
    key = new_key(home / settings.intake.keys_file, "app")
    running = Running.start(home)
    try:
        running.wait_ready()
        assert "sign in as specialist /" in running.log
        now = datetime.now(UTC)
        headers = {"Authorization": f"Bearer {key}"}
        base = f"http://127.0.0.1:{running.port}"
        for feed in settings.intake.feeds:
            answer = httpx.post(f"{base}/api/heartbeat", json={"feed": feed}, headers=headers)
            assert answer.status_code == 200, answer.text
        report = {
            "id": "r1",
            "text": "Пожар, горит частный дом, Алматы, угол Абая и Саина",
            "received_at": now.isoformat(),
            "channel": "app_message",
            "lat": 43.2199,
            "lon": 76.8511,
            "accuracy_m": 20,
        }
        assert httpx.post(f"{base}/api/reports", json=report, headers=headers).status_code == 201
        assert httpx.post(f"{base}/api/reports", json=report, headers=headers).status_code == 200
        assert httpx.post(f"{base}/api/reports", json=report).status_code == 401
        drop = home / "drop"
        drop.mkdir(exist_ok=True)
        bad = drop / "app-1.ndjson.part"
        bad.write_text('{"id": "r2", "text": "шум", "received_at": "завтра"}\n', encoding="utf-8")
        bad.rename(drop / "app-1.ndjson")
        store = open_store(settings)
        try:
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline:
                events = store.events(EventQuery(), OPEN)
                if events and store.set_aside_items():
                    break
                time.sleep(0.2)
            (event,) = store.events(EventQuery(), OPEN)
            assert [link.id for link in event.reports] == ["r1"]
            assert [item.kind for item in store.set_aside_items()] == ["report"]
        finally:
            store.close()
    finally:
        assert running.stop() == 0, running.log
    assert "горит частный дом" not in running.log


def test_a_part_that_dies_is_started_again_and_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    running = Running.start(tmp_path / "home")
    try:
        running.wait_ready()
        before = parts(running)
        assert set(before) == {"pipeline", "console", "readers"}
        before["readers"].kill()
        until = time.monotonic() + 30
        while time.monotonic() < until:
            now = parts(running)
            if "readers" in now and now["readers"].pid != before["readers"].pid:
                break
            time.sleep(0.1)
        after = parts(running)
        assert after["readers"].pid != before["readers"].pid
        assert after["console"].pid == before["console"].pid
    finally:
        assert running.stop() == 0, running.log
    assert all(gone(process) for process in after.values())


def test_parts_leave_when_the_parent_is_killed(tmp_path: Path) -> None:
    rule = {"name": "r", "channel": "webhook", "to": "https://hooks.example.org/S3CRET-IN-IT"}
    environment = {"OQIGA_ALERTS__RULES": json.dumps([rule])}
    running = Running.start(tmp_path / "home", environment=environment)
    running.wait_ready()
    children = parts(running)
    assert httpx.get(f"http://127.0.0.1:{running.port}/login").status_code == 200, "told the port"
    for process in (psutil.Process(running.process.pid), *children.values()):
        assert "S3CRET" not in " ".join(process.cmdline()), "any user of the machine reads that"
    psutil.Process(running.process.pid).kill()
    running.process.wait()
    assert all(gone(process) for process in children.values())


def test_another_replay_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    home = tmp_path / "home"
    first = tmp_path / "a.jsonl"
    first.write_text(
        '{"id": "1", "text": "тихо", "posted_at": "2026-03-20T19:00:00+05:00"}\n', encoding="utf-8"
    )
    running = Running.start(home, "--replay", str(first))
    try:
        running.wait_ready()
        store = open_store(settings_for(home))
        wait_settled(store, quiet_s=1.0, limit_s=30.0)
        assert store.stats(OPEN).posts == 1
        store.close()
    finally:
        running.stop()
    first.write_text(first.read_text("utf-8").replace("тихо", "громко"), encoding="utf-8")
    again = Running.start(home, "--replay", str(first))
    assert again.process.wait(60) == 1
    assert "holds another replay" in again.log


def test_media_follow_their_report(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    store = open_store(settings)
    files = MediaFiles(tmp_path / MEDIA_FOLDER)
    writer = files.draft()
    writer.write(b"picture")
    draft = writer.finish()
    digest = draft.digest
    files.keep(draft, Shelf.PENDING)
    now = datetime(2026, 3, 20, 14, 0, tzinfo=UTC)
    report = make_report({"id": "r", "text": "", "received_at": now.isoformat()}, now=now)
    report = report.model_copy(update={"media": (MediaRef(digest=digest),)})
    waiting = report.model_copy(update={"id": "other", "content": "other"})
    store.accept_reports([report, waiting])
    assess(store, "r", audience=Audience.CONFIDENTIAL)
    shelving = Shelving(store, settings)
    assert shelving.settle([(report, Audience.CONFIDENTIAL)]) == 1
    assert files.has(digest, Shelf.CONFIDENTIAL)
    assert files.has(digest, Shelf.PENDING), "another pending report has the same picture"
    assess(store, "other")
    shelving.repair(FixedClock(now + timedelta(hours=1)))
    assert files.has(digest, Shelf.OPEN)
    assert not files.has(digest, Shelf.PENDING)
    store.close()
