"""A store, an app with the intake's routes, and photos and videos to send."""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient
from PIL import Image

from core.clock import FixedClock
from core.settings import IntakeSettings, Settings
from intake.api import intake_router
from intake.keys import new_key
from media.files import WAITING
from store.sqlite import SqliteStore

NOW = datetime(2026, 3, 20, 14, 30, tzinfo=UTC)


@dataclass
class Intake:
    """What a test needs of the 102 side."""

    store: SqliteStore
    settings: Settings
    app: FastAPI
    key: str

    @property
    def media(self) -> list[Path]:
        """Kept files; the marks of those that still have to be described are none."""
        files = (self.settings.home / "media").rglob("*")
        return sorted(p for p in files if p.is_file() and p.parent.name != WAITING)

    def shelf(self, name: str) -> list[Path]:
        return [p for p in self.media if p.is_relative_to(self.settings.home / "media" / name)]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", intake=IntakeSettings(drop_interval_s=0.05))


@pytest.fixture
def store(settings: Settings) -> Iterator[SqliteStore]:
    store = SqliteStore(settings.under_home(settings.store.path))
    yield store
    store.close()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def intake(store: SqliteStore, settings: Settings, clock: FixedClock) -> Intake:
    key = new_key(settings.under_home(settings.intake.keys_file), "app")
    app = FastAPI()
    app.include_router(intake_router(store, settings, clock))
    return Intake(store, settings, app, key)


@pytest.fixture
def client(intake: Intake) -> Iterator[TestClient]:
    with TestClient(intake.app, headers={"Authorization": f"Bearer {intake.key}"}) as client:
        yield client


@pytest.fixture
def server(intake: Intake) -> Iterator[httpx.Client]:
    """The routes behind a real uvicorn, as the console runs it."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    running = uvicorn.Server(uvicorn.Config(intake.app, log_level="error", lifespan="off"))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
    thread.start()
    while not running.started:
        time.sleep(0.01)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    headers = {"X-API-Key": intake.key}
    with httpx.Client(base_url=address, headers=headers, timeout=30) as client:
        yield client
    running.should_exit = True
    thread.join()
    listener.close()


@pytest.fixture
def report() -> Callable[..., dict[str, Any]]:
    def make(report_id: str = "r-1", **changes: object) -> dict[str, Any]:
        value: dict[str, Any] = {
            "id": report_id,
            "text": "Абай көшесі мен Сейфуллин қиылысында екі көлік соғысып қалды",
            "received_at": "2026-03-20T19:29:50+05:00",
            "channel": "app_message",
        }
        return {**value, **changes}

    return make


@pytest.fixture
def jpeg() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (80, 60), "teal").save(file, "JPEG")
    return file.getvalue()


@pytest.fixture
def heic() -> bytes:
    from pillow_heif import register_heif_opener

    register_heif_opener()
    file = io.BytesIO()
    Image.new("RGB", (64, 64), "olive").save(file, "HEIF")
    return file.getvalue()


@pytest.fixture
def mp4() -> bytes:
    """The beginning of a video; what follows may be anything."""
    return b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + b"\0\0\0\x08free" * 40
