"""Event to screen with 100 open browsers: the console's own process, real connections.

99 clients load the queue, its index and the stream as the page does and read on; the hundredth is
a real Chromium, in which the time is taken after the row was painted. 10,000 events are open. Each
new event is written into the store by another process (this one), as the correlator does.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks import console
from benchmarks.console import EVENTS, fill, flagged_event, seconds, session
from benchmarks.harness import free_port, settings_for
from console.accounts import ensure_account
from console.web import SESSION_COOKIE
from core.clock import SystemClock
from core.records import Role
from core.settings import Settings
from store.open import open_store
from store.protocol import Store

CLIENTS = 99
WRITES = 120
PAUSE_S = 0.5
SETTLE_S = 5.0
READY_S = 120.0
OPENED_AT_ONCE = 10
PAINTED = """() => {
  window.painted = {};
  const look = () => {  // what stands there at a frame's begin was painted with the one before
    for (const row of document.querySelectorAll("#rows .row[data-id]"))
      window.painted[row.dataset.id] ??= Date.now() / 1000;
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}"""


@dataclass
class Screens:
    """When each event reached each screen, in seconds of the clock on the wall.

    ``clients``: one mapping of event to time a client; ``chromium``: that of the real browser.
    """

    written: dict[str, float] = field(default_factory=dict)
    clients: list[dict[str, float]] = field(default_factory=list)
    chromium: dict[str, float] = field(default_factory=dict)
    memory_bytes: int = 0
    busy: float = 0.0

    def latencies(self, of: list[dict[str, float]]) -> list[float]:
        """Seconds from before the write to the screen, sorted; raises RuntimeError for a loss."""
        found = []
        for screen in of:
            lost = self.written.keys() - screen.keys()
            if lost:
                raise RuntimeError(f"{len(lost)} events never reached a screen")
            found += [screen[name] - at for name, at in self.written.items()]
        return sorted(found)


def measure(home: Path) -> Screens:
    """Run it once under ``home``."""
    settings = settings_for(home)
    port = free_port()
    settings = settings.model_copy(
        update={"console": settings.console.model_copy(update={"port": port})}
    )
    home.mkdir(parents=True, exist_ok=True)
    store = open_store(settings)
    fill(store, EVENTS)
    cookies = _people(store, CLIENTS + 1)
    screens = Screens()
    try:
        with _console(settings) as process, _clients(port, cookies[:CLIENTS], screens):
            _watch(f"http://127.0.0.1:{port}", cookies[CLIENTS], store, screens, process)
    finally:
        store.close()
    return screens


def describe(screens: Screens) -> list[tuple[str, str]]:
    """Rows of the document."""
    rows = []
    for what, of in (
        (f"{CLIENTS} connections of 100 open browsers", screens.clients),
        ("painted in the hundredth, a real Chromium", [screens.chromium]),
    ):
        found = screens.latencies(of)
        told = f"median {seconds(found[len(found) // 2])}, 95th percentile "
        told += f"{seconds(found[int(0.95 * len(found))])}, longest {seconds(found[-1])}"
        rows.append((f"event to screen, {what}: {len(found):,} times", told + " (aim under 1 s)"))
    told = f"{100 * screens.busy:.0f}% of a processor, {screens.memory_bytes / 1e6:.0f} MB"
    return [*rows, ("the console's process meanwhile", told)]


def _people(store: Store, count: int) -> list[str]:
    """Accounts of specialists; the cookie of each one's session."""
    ensure_account(store, "bench", Role.SPECIALIST, secrets.token_urlsafe(), SystemClock())
    first = store.user("bench")
    if first is None:
        raise RuntimeError("the account was not made")
    names = [f"bench-{number}" for number in range(count)]
    for name in names:
        store.put_user(first.model_copy(update={"name": name}))
    return [session(store, name) for name in names]


@contextmanager
def _console(settings: Settings) -> Iterator[psutil.Process]:
    """The console as the live runtime starts it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "oqiga", "part", "console"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env={
            **os.environ,
            "OQIGA_CONFIG": os.devnull,
            "OQIGA_HOME": str(settings.home),
            "OQIGA_CONSOLE__PORT": str(settings.console.port),
        },
    )
    try:
        if process.stdout is None or process.stdout.readline() != b"ready\n":
            raise RuntimeError("the console did not start; the lines above say why")
        url = f"http://127.0.0.1:{settings.console.port}/healthz"
        until = time.monotonic() + READY_S
        while not _answers(url):
            if time.monotonic() > until:
                raise RuntimeError(f"the console did not answer {url} within {READY_S:.0f} s")
            time.sleep(0.1)
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(30)
        if process.stdout is not None:
            process.stdout.close()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).is_success
    except httpx.TransportError:
        return False


@contextmanager
def _clients(port: int, cookies: list[str], screens: Screens) -> Iterator[None]:
    """Open pages of so many people, in an event loop of their own."""
    screens.clients = [{} for _ in cookies]
    opened, stop = threading.Event(), threading.Event()
    faults: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(_follow_all(port, cookies, screens, opened, stop))
        except BaseException as error:
            faults.append(error)
            opened.set()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        if not opened.wait(READY_S) or faults:
            raise RuntimeError("the pages could not be opened") from next(iter(faults), None)
        yield
    finally:
        stop.set()
        thread.join(30)


async def _follow_all(
    port: int, cookies: list[str], screens: Screens, opened: threading.Event, stop: threading.Event
) -> None:
    gate = asyncio.Semaphore(OPENED_AT_ONCE)
    ready = [asyncio.Event() for _ in cookies]
    tasks = [
        asyncio.create_task(_page(port, cookie, screen, gate, event))
        for cookie, screen, event in zip(cookies, screens.clients, ready, strict=True)
    ]
    waiting = asyncio.ensure_future(asyncio.gather(*(event.wait() for event in ready)))
    pages: list[asyncio.Future[Any]] = [waiting, *tasks]
    await asyncio.wait(pages, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        if task.done():
            task.result()
    await waiting
    opened.set()
    await asyncio.to_thread(stop.wait)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _page(
    port: int, cookie: str, screen: dict[str, float], gate: asyncio.Semaphore, ready: asyncio.Event
) -> None:
    """One person's page: the queue, its index, then the stream until it is closed."""
    base = f"http://127.0.0.1:{port}"
    async with gate:
        async with httpx.AsyncClient(cookies={SESSION_COOKIE: cookie}, timeout=READY_S) as client:
            page = await client.get(f"{base}/queue")
            position = re.search(r'data-position="([^"]*)"', page.raise_for_status().text)
            (await client.get(f"{base}/api/queue/index")).raise_for_status()
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
        after = position[1] if position else ""
        writer.write(
            f"GET /api/stream?after={after} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            f"Cookie: {SESSION_COOKIE}={cookie}\r\nAccept: text/event-stream\r\n\r\n".encode()
        )
        await reader.readuntil(b": oqiga\n")
    ready.set()
    try:
        name = b""
        while line := await reader.readline():
            if line.startswith(b"event: "):
                name = line[7:].strip()
            elif line.startswith(b"data: ") and name == b"row":
                data = json.loads(line[6:])
                if data["html"]:
                    screen.setdefault(data["id"], time.time())
    finally:
        writer.close()


def _watch(url: str, cookie: str, store: Store, screens: Screens, process: psutil.Process) -> None:
    """Write events while a real browser looks on."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--disable-background-networking"],
        )
        context = browser.new_context(viewport={"width": 1366, "height": 768})
        context.add_cookies([{"name": SESSION_COOKIE, "value": cookie, "url": url}])
        page = context.new_page()
        page.goto(f"{url}/queue")
        page.wait_for_selector("html[data-loaded]")
        page.wait_for_selector("#live[data-state=live]", state="attached")
        page.evaluate(PAINTED)
        used = sum(process.cpu_times()[:2])
        begun = time.monotonic()
        for number in range(WRITES):
            name, write = flagged_event(
                store,
                EVENTS + number,
                datetime.now(UTC),
                priority=0.9 + (number + 1) / 2_000,
            )
            screens.written[name] = time.time()
            store.write_events([write])
            page.wait_for_timeout(PAUSE_S * 1000)
        screens.busy = (sum(process.cpu_times()[:2]) - used) / (time.monotonic() - begun)
        page.wait_for_timeout(SETTLE_S * 1000)
        screens.chromium = page.evaluate("() => window.painted")
        screens.memory_bytes = process.memory_full_info().pss
        browser.close()


def section() -> list[str]:
    """Lines of the document: the console's own section."""
    with tempfile.TemporaryDirectory() as folder:
        rows = console.measure(Path(folder, "queue"))
        rows += describe(measure(Path(folder, "live")))
    lines = ["", "## Console", "", "| what | figure |", "|---|---|"]
    return [*lines, *(f"| {what} | {figure} |" for what, figure in rows)]


if __name__ == "__main__":
    sys.stdout.write("\n".join(section()) + "\n")
