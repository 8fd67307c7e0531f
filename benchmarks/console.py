"""The console with 10,000 open events: time of the server, time to work in a real browser."""

from __future__ import annotations

import hashlib
import secrets
import shutil
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import httpx
import uvicorn

from benchmarks.harness import free_port, settings_for
from console.accounts import ensure_account
from console.app import create_app
from console.web import SESSION_COOKIE
from core.clock import SystemClock
from core.inputs import make_post
from core.records import (
    Assessment,
    Audience,
    Category,
    Event,
    Language,
    Link,
    Point,
    Post,
    ReportState,
    Role,
    Session,
)
from store.open import open_store
from store.protocol import EventWrite, Store

EVENTS = 10_000
REQUESTS = 60
CATEGORIES = [c for c in Category if c not in (Category.NONE, Category.POLICE_CORRUPTION)]


def measure(home: Path) -> list[tuple[str, str]]:
    """Rows for the table of figures."""
    settings = settings_for(home)
    home.mkdir(parents=True, exist_ok=True)
    store = open_store(settings)
    fill(store, EVENTS)
    ensure_account(store, "bench", Role.SPECIALIST, secrets.token_urlsafe(), SystemClock())
    cookie = session(store, "bench")
    port = free_port()
    app = create_app(store, settings, SystemClock())
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    url = f"http://127.0.0.1:{port}"
    try:
        rows = _server_times(url, cookie) + _browser_times(url, cookie)
    finally:
        app.state.console.hub.close()
        server.should_exit = True
        thread.join()
        store.close()
    return rows


def fill(store: Store, count: int) -> None:
    """``count`` flagged events of one post each, spread over the country."""
    now = datetime.now(UTC)
    for start in range(0, count, 500):
        numbers = range(start, min(count, start + 500))
        posts = [_post(n, now, now - timedelta(seconds=n)) for n in numbers]
        store.accept_posts([(post, None) for post in posts])
        store.save_assessments([(_assessed(post), Audience.OPEN) for post in posts], now)
        store.write_events(
            [
                EventWrite(_event(n, post, now, 0.9 * (n * 7919 % 10_000) / 10_000), 0)
                for n, post in zip(numbers, posts, strict=True)
            ]
        )


def flagged_event(
    store: Store, n: int, now: datetime, *, priority: float
) -> tuple[str, EventWrite]:
    """The id and first version of an event whose post is kept already; it is to be written."""
    post = _post(n, now, now)
    store.accept_posts([(post, None)])
    store.save_assessments([(_assessed(post), Audience.OPEN)], now)
    event = _event(n, post, now, priority)
    return event.id, EventWrite(event, 0)


def _post(n: int, now: datetime, posted_at: datetime) -> Post:
    value = {
        "id": str(n),
        "text": f"Пожар во дворе дома {n}, дым из подъезда, люди на балконах",
        "posted_at": posted_at.isoformat(),
        "source": f"telegram:town_{n % 40}",
    }
    return make_post(value, now=now, key=b"bench")


def _assessed(post: Post) -> Assessment:
    return Assessment(
        subject=post.id,
        version=1,
        assessor="bench",
        language=Language.RU,
        incident=0.9,
        category=Category.FIRE_EMERGENCY,
        categories={},
        urgency=0.5,
    )


def _event(n: int, post: Post, now: datetime, priority: float) -> Event:
    return Event(
        id=f"{n:024d}",
        version=1,
        audience=Audience.OPEN,
        category=CATEGORIES[n % len(CATEGORIES)],
        incident=0.9,
        urgency=0.5,
        location=Point(
            lat=42 + (n * 37 % 1200) / 100, lon=50 + (n * 91 % 3500) / 100, radius_m=300 + n % 5_000
        ),
        started_at=post.posted_at,
        last_at=post.posted_at,
        posts=(Link(kind="post", id=post.id, at=post.posted_at),),
        report_state=ReportState.UNREPORTED,
        flagged=True,
        priority=priority,
        headline=post.text,
        updated_at=now,
    )


def session(store: Store, user: str) -> str:
    """The cookie of a new session of an account."""
    token, now = secrets.token_urlsafe(), datetime.now(UTC)
    store.put_session(
        Session(
            id=hashlib.sha256(token.encode()).hexdigest(),
            user=user,
            created_at=now,
            expires_at=now + timedelta(hours=1),
            csrf=secrets.token_urlsafe(),
        )
    )
    return token


def _server_times(url: str, cookie: str) -> list[tuple[str, str]]:
    rows = []
    with httpx.Client(base_url=url, cookies={SESSION_COOKIE: cookie}, timeout=120) as client:
        started = time.monotonic()
        client.get("/queue")
        rows.append(
            ("console: 10,000 events read at the start", seconds(time.monotonic() - started))
        )
        for path in ("/queue", "/api/queue/index"):
            taken = []
            for _ in range(REQUESTS):
                begun = time.monotonic()
                client.get(path).raise_for_status()
                taken.append(time.monotonic() - begun)
            taken.sort()
            told = (
                f"{seconds(median(taken))}, 95th percentile {seconds(taken[int(0.95 * REQUESTS)])}"
            )
            rows.append((f"console: {path} with 10,000 open events", told))
    return rows


def _browser_times(url: str, cookie: str) -> list[tuple[str, str]]:
    chromium = shutil.which("chromium")
    if chromium is None:
        return [("console: in a browser", "not measured, no Chromium")]
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1366, "height": 768})
        context.add_cookies([{"name": SESSION_COOKIE, "value": cookie, "url": url}])
        page = context.new_page()
        page.goto(f"{url}/queue")
        page.wait_for_selector("html[data-loaded]")
        interactive = []
        for _ in range(7):
            begun = time.monotonic()
            page.goto(f"{url}/queue", wait_until="commit")
            page.wait_for_selector("html[data-ready]")
            interactive.append(time.monotonic() - begun)
        page.wait_for_selector("html[data-loaded]")
        frame_ms = page.evaluate(
            """async () => {
                const list = document.getElementById('rows');
                const times = [];
                let last = performance.now();
                for (let step = 0; step < 120; step += 1) {
                    list.scrollTop += 700;
                    await new Promise(requestAnimationFrame);
                    const now = performance.now();
                    times.push(now - last);
                    last = now;
                }
                times.sort((a, b) => a - b);
                return times[Math.floor(times.length * 0.95)];
            }"""
        )
        page.reload()
        page.wait_for_selector("html[data-loaded]")
        begun = time.monotonic()
        for _ in range(60):
            page.keyboard.press("j")
            chosen = page.locator(".row[aria-selected=true]").get_attribute("data-id")
            page.keyboard.press("c")
            page.wait_for_selector(f"#e-{chosen}", state="detached")
        cleared_s = time.monotonic() - begun
        browser.close()
    return [
        ("console: queue interactive in Chromium", seconds(median(interactive))),
        ("console: 95th percentile of a frame while scrolling 10,000 rows", f"{frame_ms:.0f} ms"),
        ("console: 60 events cleared by the keyboard", seconds(cleared_s)),
    ]


def seconds(value: float) -> str:
    """A time for the document."""
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        for row in measure(Path(folder, "home")):
            print(*row, sep=": ")  # noqa: T201
