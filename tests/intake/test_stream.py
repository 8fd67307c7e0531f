"""Limits and streaming through a real server: what a phone on a slow line meets."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from store.protocol import ALL

from .conftest import Intake

Report = Callable[..., dict[str, Any]]
MB = 1_000_000


def _padded(path: Path, head: bytes, size: int) -> Path:
    """A file of that size that begins as a photo or video; the rest is a hole."""
    path.write_bytes(head)
    os.truncate(path, size)
    return path


def _post(
    server: httpx.Client, data: dict[str, Any], *paths: Path
) -> tuple[int, str | None, list[str]]:
    files = [("media", (path.name, path.open("rb"))) for path in paths]
    answer = server.post("/api/reports", data=data, files=files)
    for _, (_, file) in files:
        file.close()
    body = answer.json()
    return answer.status_code, body["id"], body["problems"]


def test_five_files_pass_and_six_do_not(
    intake: Intake, server: httpx.Client, report: Report, tmp_path: Path, jpeg: bytes
) -> None:
    paths = [tmp_path / f"{n}.jpg" for n in range(6)]
    for number, path in enumerate(paths):
        path.write_bytes(jpeg + bytes([number]))
    status, _, problems = _post(server, report(channel="app_photo"), *paths)
    assert status == 413
    assert "6 files" in problems[0]
    assert "at most 5" in problems[0]
    assert intake.media == []
    assert _post(server, report(channel="app_photo"), *paths[:5])[0] == 201
    assert len(intake.media) == 5


@pytest.mark.parametrize("kind", ["jpeg", "heic"])
def test_a_photo_of_exactly_10_mb_passes_and_one_byte_more_does_not(
    intake: Intake,
    server: httpx.Client,
    report: Report,
    tmp_path: Path,
    jpeg: bytes,
    heic: bytes,
    kind: str,
) -> None:
    head = jpeg if kind == "jpeg" else heic
    over = _padded(tmp_path / f"over.{kind}", head, 10 * MB + 1)
    status, report_id, problems = _post(server, report(channel="app_photo"), over)
    assert (status, report_id) == (413, "r-1")
    assert problems == [
        f"file 'over.{kind}': this photo has 10000001 bytes, the limit for a photo is "
        "10000000 bytes (10 MB); send it in a lower resolution"
    ]
    assert intake.media == []
    assert intake.store.report("r-1", ALL) is None
    exact = _padded(tmp_path / f"exact.{kind}", head, 10 * MB)
    assert _post(server, report(channel="app_photo"), exact)[0] == 201
    assert [p.stat().st_size for p in intake.media] == [10 * MB]


def _rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MB


def test_a_video_of_100_mb_passes_in_little_memory_and_one_byte_more_does_not(
    intake: Intake, server: httpx.Client, report: Report, tmp_path: Path, mp4: bytes
) -> None:
    exact = _padded(tmp_path / "exact.mp4", mp4, 100 * MB)
    server.get("/api/none")
    before, peak, done = _rss_mb(), 0.0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.01):
            peak = max(peak, _rss_mb())

    watcher = threading.Thread(target=watch)
    watcher.start()
    status, _, problems = _post(server, report(channel="app_video"), exact)
    done.set()
    watcher.join()
    assert (status, problems) == (201, [])
    assert [p.stat().st_size for p in intake.media] == [100 * MB]
    assert peak - before < 40  # client and server together hold a few pieces of 64 KB
    over = _padded(tmp_path / "over.mp4", mp4, 100 * MB + 1)
    status, _, problems = _post(server, report("r-2", channel="app_video"), over)
    assert status == 413
    assert "100000001 bytes" in problems[0]
    assert len(intake.media) == 1


def test_every_file_over_its_limit_is_named(
    server: httpx.Client, report: Report, tmp_path: Path, jpeg: bytes, heic: bytes
) -> None:
    first = _padded(tmp_path / "a.jpg", jpeg, 11 * MB)
    second = tmp_path / "b.jpg"
    second.write_bytes(jpeg)
    third = _padded(tmp_path / "c.heic", heic, 12 * MB)
    status, _, problems = _post(server, report(channel="app_photo"), first, second, third)
    assert status == 413
    assert ["'a.jpg'" in problems[0], "'c.heic'" in problems[1], len(problems)] == [True, True, 2]


def test_a_body_over_all_limits_is_refused_by_its_declared_length(server: httpx.Client) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while True:
            sent += 65_536
            yield b"\0" * 65_536

    answer = server.post(
        "/api/reports",
        content=endless(),
        headers={
            "Content-Type": "multipart/form-data; boundary=b",
            "Content-Length": str(10_000 * MB),
        },
    )
    assert answer.status_code == 413
    assert "5 files" in answer.json()["problems"][0]
    assert sent < 200 * MB


def test_a_body_without_length_is_cut_off_when_it_passes_all_limits(
    intake: Intake, server: httpx.Client
) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while True:
            sent += 65_536
            yield b" " * 65_536

    headers = {"Content-Type": "application/json"}
    answer = server.post("/api/reports", content=endless(), headers=headers)
    assert answer.status_code == 413
    assert "JSON" in answer.json()["problems"][0]
    assert sent < 100 * MB


def test_a_connection_that_breaks_leaves_nothing(
    intake: Intake, server: httpx.Client, jpeg: bytes
) -> None:
    address = server.base_url
    with socket.create_connection((address.host, address.port or 80)) as connection:
        head = (
            b"POST /api/reports HTTP/1.1\r\nHost: x\r\nX-API-Key: " + intake.key.encode() + b"\r\n"
            b"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 5000000\r\n\r\n"
            b'--b\r\nContent-Disposition: form-data; name="media"; filename="a.jpg"\r\n\r\n'
        )
        connection.sendall(head + jpeg + b"\0" * 300_000)
        until = time.monotonic() + 5
        while not intake.media and time.monotonic() < until:
            time.sleep(0.01)
        assert len(intake.media) == 1
    while intake.media and time.monotonic() < until:
        time.sleep(0.01)
    assert intake.media == []
    assert server.post("/api/heartbeat", json={"feed": "app"}).status_code == 200
