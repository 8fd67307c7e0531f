"""The console in a real Chromium: a shift's work by keyboard, three languages, three sizes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from core.records import Audience, Category, Heartbeat, ReportState
from store.protocol import OPEN, EventWrite
from tests.console.conftest import NOW, PASSWORD, make_assessment, make_event, make_post

CHROMIUM = shutil.which("chromium")
SCREENS = Path(__file__).parents[2] / "artefacts" / "screens"
SIZES = {"laptop": (1366, 768), "wide": (1920, 1080), "phone": (390, 844)}

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A browser for all tests of this file."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        yield browser
        browser.close()


@pytest.fixture
def page_of(chromium: Any, served: Any) -> Iterator[Callable[..., Any]]:
    """Opens pages as a person of a role; at the end none may have complained."""
    contexts: list[Any] = []
    complaints: list[str] = []
    abroad: list[str] = []

    def make(
        name: str = "specialist", *, size: str = "laptop", lang: str = "ru", scheme: str = "light"
    ) -> Any:
        width, height = SIZES[size]
        context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme
        )
        contexts.append(context)
        context.add_cookies([{"name": "oqiga_lang", "value": lang, "url": served.url}])
        page = context.new_page()
        page.set_default_timeout(8_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console", lambda m: complaints.append(m.text) if "Content Security" in m.text else None
        )
        page.on(
            "request",
            lambda r: None if r.url.startswith((served.url, "data:")) else abroad.append(r.url),
        )
        page.goto(f"{served.url}/login")
        page.fill("input[name=name]", name)
        page.fill("input[name=password]", PASSWORD)
        page.click("button.primary")
        page.wait_for_url(lambda url: "/login" not in url)
        return page

    yield make
    for context in contexts:
        context.close()
    assert complaints == []
    assert abroad == []


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


def test_a_shift_without_the_mouse(page_of: Callable[..., Any], filled: Any) -> None:
    page = ready(page_of())
    event = add_event(filled, "live", 0.999)
    page.wait_for_selector(f"#e-{event.id}")
    assert page.locator(".row").first.get_attribute("data-id") == event.id
    assert page.inner_text("#count") == "31"
    page.keyboard.press("j")
    assert selected(page) == event.id
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/events/{event.id}")
    ready(page)
    page.keyboard.press("x")
    page.wait_for_selector("dialog#reject[open]")
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    page.wait_for_selector("#verdict.verdict-reject")
    ready(page)
    (rejected,) = filled.store.decisions(OPEN, event.id)
    assert rejected.reason == "old"
    page.keyboard.press("u")
    page.wait_for_selector("[data-act=confirm]")
    ready(page)
    page.keyboard.press("Escape")
    ready(page)
    page.wait_for_selector(f"#e-{event.id}[aria-selected=true]")
    page.keyboard.press("c")
    page.wait_for_selector(f"#e-{event.id}", state="detached")
    page.keyboard.press("u")
    page.wait_for_selector(f"#e-{event.id}")
    kinds = [d.kind.value for d in filled.store.decisions(OPEN, event.id)]
    assert kinds == ["reject", "undo", "confirm", "undo"]


def test_two_people_see_each_others_decisions(page_of: Callable[..., Any], filled: Any) -> None:
    one, two = ready(page_of()), ready(page_of("supervisor", lang="kk"))
    two.wait_for_selector(f"#e-{filled.crash}")
    one.click(f"#e-{filled.crash}")
    one.click("#peek [data-act=confirm]")
    two.wait_for_selector(f"#e-{filled.crash}", state="detached")
    one.click(".toast button")
    two.wait_for_selector(f"#e-{filled.crash}")


def test_new_events_do_not_move_what_the_hand_is_on(
    page_of: Callable[..., Any], filled: Any
) -> None:
    page = ready(page_of())
    row = page.locator(".row").nth(3)
    held = row.get_attribute("data-id")
    row.hover()
    before = page.locator(f"#e-{held}").bounding_box()["y"]
    for number in range(3):
        event = add_event(filled, f"above-{number}", 0.99)
        page.wait_for_selector(f"#e-{event.id}")
        page.wait_for_timeout(60)
        assert abs(page.locator(f"#e-{held}").bounding_box()["y"] - before) < 1.5
    assert page.inner_text("#new-above") == "Новых выше: 3"
    page.click("#new-above")
    assert page.evaluate("document.getElementById('rows').scrollTop") == 0


def test_keys_are_silent_while_typing_and_work_under_a_russian_layout(
    page_of: Callable[..., Any], filled: Any
) -> None:
    page = ready(page_of())
    page.keyboard.press("/")
    page.keyboard.type("jjcxu?")
    assert page.input_value(".find input") == "jjcxu?"
    assert selected(page) is None
    assert filled.store.decisions(OPEN) == []
    page.keyboard.press("Escape")
    page.evaluate(
        "document.body.dispatchEvent(new KeyboardEvent('keydown',"
        "{key: 'о', code: 'KeyJ', bubbles: true}))"
    )
    assert selected(page) is not None
    page.keyboard.press("?")
    page.wait_for_selector("dialog#help[open]")
    page.keyboard.press("j")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog#help[open]", state="detached")


def test_a_stale_page_says_what_changed_and_can_decide_anyway(
    page_of: Callable[..., Any], filled: Any
) -> None:
    page = ready(page_of())
    page.goto(page.url.replace("/queue", f"/events/{filled.crash}"))
    ready(page)
    event = filled.store.event(filled.crash, OPEN)
    newer = event.model_copy(update={"version": 3, "report_state": ReportState.UNKNOWN})
    filled.store.write_events([EventWrite(newer, 2)])
    page.wait_for_selector("#banner-changed:not([hidden])")
    page.keyboard.press("c")
    page.wait_for_selector("dialog#stale[open]")
    assert "Связи с 102 нет" in page.inner_text("dialog#stale .changes")
    page.click("dialog#stale [value=again]")
    page.wait_for_selector("#verdict.verdict-confirm")
    assert filled.store.decisions(OPEN, filled.crash)[0].event_version == 3


def test_a_lost_server_and_a_silent_feed_are_said_aloud(
    page_of: Callable[..., Any], filled: Any, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = app.state.console.hub
    monkeypatch.setattr(hub, "_pulse_s", 0.2)
    page = ready(page_of())
    assert page.is_hidden("#banner-silent")
    late = NOW + timedelta(microseconds=1)
    filled.store.beat(Heartbeat(feed="calls", at=late, limit_s=1e-9))
    page.wait_for_selector("#banner-silent:not([hidden])")
    assert "calls" in page.inner_text("#banner-silent")
    hub._loop.call_soon_threadsafe(hub.close)
    page.wait_for_selector("#banner-lost:not([hidden])")


def test_linking_a_candidate_from_the_event_page(page_of: Callable[..., Any], filled: Any) -> None:
    page = ready(page_of())
    page.goto(page.url.replace("/queue", f"/events/{filled.crash}"))
    ready(page)
    page.click(f'.report [data-act=link][data-member="{filled.candidate}"]')
    page.wait_for_selector(".timeline .m-decision_link")
    (decision,) = filled.store.decisions(OPEN, filled.crash)
    assert decision.members == (filled.candidate,)


def test_the_map_selects_and_is_moved_by_keys(page_of: Callable[..., Any], filled: Any) -> None:
    page = ready(page_of(size="wide"))
    row = page.locator(f"#e-{filled.crash}")
    row.click()
    before = page.locator("#map canvas").screenshot()
    page.focus("#map")
    for key in ("+", "ArrowLeft", "ArrowUp", "-", "0"):
        page.keyboard.press(key)
    for _ in range(6):
        page.keyboard.press("+")
    page.wait_for_timeout(100)
    assert page.locator("#map canvas").screenshot() != before
    assert selected(page) == filled.crash


def test_a_phone_opens_events_by_touch_and_has_a_map(
    page_of: Callable[..., Any], filled: Any
) -> None:
    page = ready(page_of(size="phone"))
    page.click("#map-toggle")
    page.wait_for_timeout(400)
    assert page.locator("#map").bounding_box()["height"] > 200
    painted = page.evaluate(
        """() => { const c = document.querySelector('#map canvas');
        const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
        return new Set(new Uint32Array(d.buffer)).size; }"""
    )
    assert painted > 20
    page.click(f"#e-{filled.crash}")
    page.wait_for_url(f"**/events/{filled.crash}")


def test_an_analyst_reads_and_has_no_way_to_decide(
    page_of: Callable[..., Any], filled: Any
) -> None:
    page = ready(page_of("analyst"))
    page.keyboard.press("j")
    page.keyboard.press("c")
    assert page.locator("[data-act]").count() == 0
    assert filled.store.decisions(OPEN) == []


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", list(SIZES))
@pytest.mark.parametrize("lang", ["ru", "kk", "en"])
def test_nothing_is_cut_off_and_the_screens_are_kept(
    page_of: Callable[..., Any], filled: Any, lang: str, size: str, scheme: str
) -> None:
    page = ready(page_of(size=size, lang=lang, scheme=scheme))
    SCREENS.mkdir(parents=True, exist_ok=True)
    if size != "phone":
        page.keyboard.press("j")
    for name, path in (
        ("queue", ""),
        ("event", f"/events/{filled.crash}"),
        ("search", "/search?q=би"),
    ):
        if path:
            page.goto(page.url.split("/queue")[0].split("/events")[0] + path)
        page.wait_for_timeout(500)
        page.screenshot(
            path=SCREENS / f"{name}-{lang}-{size}-{scheme}.png", full_page=name == "event"
        )
        assert cut_off(page) == []
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def cut_off(page: Any) -> list[str]:
    """Words of the console's own that do not fit where they stand."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll(
            'button, .badge, .category, .tabs button, h1, h2, dt, dd, .hints span, .links a, .total'
        )].filter((e) => e.offsetParent && (e.scrollWidth > e.clientWidth + 1
            && getComputedStyle(e).display !== 'inline'
            || e.getBoundingClientRect().right > innerWidth + 1))
        .map((e) => `${e.className || e.tagName}: ${e.textContent.trim().slice(0, 60)}`)"""
    )
    return found
