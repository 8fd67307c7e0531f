"""Pages in a real Chromium, opened as a person of a role."""

from __future__ import annotations

import hashlib
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from console.web import SESSION_COOKIE
from core.records import Audience, Category, Session
from store.protocol import EventWrite
from tests.console.conftest import NOW, make_assessment, make_event, make_post

CHROMIUM = shutil.which("chromium")
ROOT = Path(__file__).parents[2]
SCREENS = ROOT / "artefacts" / "screens"
AXE = ROOT / "console" / "web" / "node_modules" / "axe-core" / "axe.min.js"
COLOURS = ("color-contrast", "link-in-text-block")
"""axe's rules that a colour scheme can break."""
SIZES = {"laptop": (1366, 768), "wide": (1920, 1080), "4k": (3840, 2160), "phone": (390, 844)}

marked = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]


@contextmanager
def launched() -> Iterator[Any]:
    """A browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        yield browser
        browser.close()


@contextmanager
def pages(browser: Any, served: Any) -> Iterator[Callable[..., Any]]:
    """Opens pages as a person of a role; at the end none may have complained."""
    contexts: list[Any] = []
    complaints: list[str] = []
    abroad: list[str] = []

    def make(
        name: str = "specialist",
        *,
        size: str = "laptop",
        lang: str = "ru",
        scheme: str = "light",
        path: str = "/",
    ) -> Any:
        width, height = SIZES[size]
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme
        )
        contexts.append(context)
        context.grant_permissions(["notifications"])
        token = signed_in(served, name)
        context.add_cookies(
            [
                {"name": "oqiga_lang", "value": lang, "url": served.url},
                {"name": SESSION_COOKIE, "value": token, "url": served.url},
            ]
        )
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console", lambda m: complaints.append(m.text) if "Content Security" in m.text else None
        )
        page.on(
            "request",
            lambda r: None if r.url.startswith((served.url, "data:")) else abroad.append(r.url),
        )
        page.goto(served.url + path)
        return page

    yield make
    for context in contexts:
        context.close()
    assert complaints == []
    assert abroad == []


def signed_in(served: Any, name: str) -> str:
    """The cookie of a new session, without the time that a password takes."""
    token, now = secrets.token_urlsafe(), datetime.now(UTC)
    served.filled.store.put_session(
        Session(
            id=hashlib.sha256(token.encode()).hexdigest(),
            user=name,
            created_at=now,
            expires_at=now + timedelta(hours=1),
            csrf=secrets.token_urlsafe(),
        )
    )
    return token


def ready(page: Any) -> Any:
    """The page once its modules run and the stream is open."""
    page.wait_for_selector("html[data-ready]")
    page.wait_for_selector("#live[data-state=live]", state="attached")
    return page


def add_event(filled: Any, key: str, priority: float, **more: Any) -> Any:
    """A new flagged event at Temirtau."""
    post = make_post(key, f"Горит рынок, люди бегут, вход заблокирован {key}", NOW)
    filled.store.accept_posts([(post, None)])
    made = make_assessment(post, Category.FIRE_EMERGENCY, None)
    filled.store.save_assessments([(made, Audience.OPEN)], NOW)
    event = make_event(
        key,
        [post],
        [],
        category=Category.FIRE_EMERGENCY,
        priority=priority,
        location={"lat": 50.06, "lon": 72.96, "radius_m": 800},
        **more,
    )
    filled.store.write_events([EventWrite(event, 0)])
    return event


def selected(page: Any) -> str | None:
    """Id of the selected row."""
    found: str | None = page.evaluate(
        "document.querySelector('.row[aria-selected=true]')?.dataset.id ?? null"
    )
    return found


def cut_off(page: Any) -> list[str]:
    """Words of the console's own that do not fit where they stand."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll(
            'button, .badge, .category, .tabs button, h1, h2, dt, dd, th, .hints span, .links a,' +
            '.total, label, .button, td'
        )].filter((e) => e.offsetParent && !e.closest('.visually-hidden') &&
            (e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== 'inline'
            || !e.closest('.scroll') && e.getBoundingClientRect().right > innerWidth + 1))
        .concat([...document.querySelectorAll('svg text')].filter((e) => {
            const [word, picture] = [e, e.ownerSVGElement].map((x) => x.getBoundingClientRect());
            return word.width && (word.left < picture.left - 1 || word.right > picture.right + 1
                || word.top < picture.top - 1 || word.bottom > picture.bottom + 1);
        }))
        .concat([...document.querySelectorAll('select')].filter((e) => {
            if (!e.offsetParent || !e.selectedOptions.length || e.closest('.scroll')) return false;
            const style = getComputedStyle(e);
            const pen = document.createElement('canvas').getContext('2d');
            pen.font = style.font;
            const pads = parseFloat(style.paddingLeft) + parseFloat(style.paddingRight);
            const room = e.clientWidth - pads;  // the arrow takes 16 of it
            return pen.measureText(e.selectedOptions[0].textContent).width > room - 16;
        }))
        .map((e) => `${e.className || e.tagName}: ${e.textContent.trim().slice(0, 60)}`)"""
    )
    return found


def at_rest(page: Any) -> None:
    """Wait until nothing moves or fades: colours are measured as they stay."""
    page.evaluate("Promise.all(document.getAnimations().map((a) => a.finished.catch(() => null)))")


def axe(page: Any, rules: Sequence[str] = (), within: str = "html") -> list[str]:
    """What axe finds against WCAG 2.2 A and AA, or by these ``rules``, one line a rule.

    ``within``: the selector of the part that is looked at.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[str] = page.evaluate(
        """async ([rules, within]) => {
            const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
            const only = rules.length ? {type: 'rule', values: rules} : {type: 'tag', values: tags};
            const result = await axe.run(within, {runOnly: only, resultTypes: ['violations']});
            return result.violations.map((v) => `${v.id}: ${v.nodes.length}: ` +
                v.nodes.slice(0, 3).map((n) => n.html.slice(0, 140) + ' | ' +
                (n.any[0]?.message ?? n.failureSummary ?? '')).join(' ## '));
        }""",
        [list(rules), within],
    )
    return found
