"""Every page in three languages, sizes and both schemes: nothing cut off, WCAG 2.2 AA by axe.

The screenshots are kept in ``artefacts/screens`` to be looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from store.protocol import OPEN
from tests.console.browser import AXE, SCREENS, axe, cut_off, marked

pytestmark = marked

EVENT = "/events/{event}"
PAGES: dict[str, list[tuple[str, str]]] = {
    "specialist": [
        ("queue", "/queue"),
        ("event", EVENT),
        ("card", EVENT + "/card"),
        ("search", "/search?q=би"),
        ("account", "/account"),
        ("handles", "/handles?event={event}&post={post}"),
    ],
    "supervisor": [("supervisor", "/supervisor"), ("alerts", "/alerts"), ("audit", "/audit")],
    "administrator": [("admin", "/admin")],
    "internal_security": [("confidential", "/queue")],
}
LONG = {"event", "card", "supervisor", "admin"}


def address(pattern: str, filled: Any) -> str:
    """The page's address."""
    event = filled.store.event(filled.crash, OPEN)
    return pattern.format(event=event.id, post=event.posts[0].id)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lang", "size"),
    [
        ("ru", "laptop"),
        ("kk", "laptop"),
        ("en", "laptop"),
        ("ru", "phone"),
        ("kk", "phone"),
        ("en", "phone"),
        ("ru", "4k"),
        ("kk", "wide"),
    ],
)
def test_nothing_is_cut_off_and_the_screens_are_kept(
    page_of: Callable[..., Any], filled: Any, served: Any, lang: str, size: str
) -> None:
    SCREENS.mkdir(parents=True, exist_ok=True)
    wrong: list[str] = []
    for role, listed in PAGES.items():
        page = page_of(role, size=size, lang=lang)
        for name, pattern in listed:
            page.goto(served.url + address(pattern, filled))
            page.wait_for_load_state("load")
            if name == "queue":
                page.wait_for_selector("html[data-loaded]")
                if size != "phone":
                    page.keyboard.press("j")
            wrong += [f"{name}: {one}" for one in cut_off(page)]
            if page.evaluate("document.documentElement.scrollWidth - innerWidth") > 0:
                wrong.append(f"{name}: wider than the screen")
            if size == "4k" and name not in ("queue", "event"):
                continue
            if lang == "ru" and name in ("queue", "event"):
                page.emulate_media(color_scheme="dark")
                keep(page, f"{name}-{lang}-{size}-dark", False)
                page.emulate_media(color_scheme="light")
            keep(page, f"{name}-{lang}-{size}", name in LONG and size != "4k")
    assert wrong == []


def keep(page: Any, name: str, whole: bool) -> None:
    """Keep a screenshot."""
    page.screenshot(path=SCREENS / f"{name}.jpg", type="jpeg", quality=72, full_page=whole)


@pytest.mark.slow
@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: make setup")
@pytest.mark.parametrize(
    ("role", "scheme"), [*((role, "light") for role in PAGES), ("specialist", "dark")]
)
def test_axe_finds_nothing(
    page_of: Callable[..., Any], filled: Any, served: Any, role: str, scheme: str
) -> None:
    page = page_of(role, scheme=scheme)
    found: list[str] = []
    for name, pattern in PAGES[role]:
        page.goto(served.url + address(pattern, filled))
        page.wait_for_load_state("load")
        page.wait_for_timeout(150)
        found += [f"{name}: {one}" for one in axe(page)]
    if role == "specialist":
        page.goto(served.url + address(EVENT, filled))
        page.wait_for_selector("html[data-ready]")
        for key, dialog in (("?", "help"), ("x", "reject"), ("e", "category"), ("m", "merge")):
            page.keyboard.press(key)
            page.wait_for_selector(f"dialog#{dialog}[open]")
            found += [f"{dialog}: {one}" for one in axe(page)]
            page.keyboard.press("Escape")
            page.wait_for_selector(f"dialog#{dialog}", state="hidden")
    page.goto(f"{served.url}/login")
    found += [f"login: {one}" for one in axe(page)]
    assert found == []


def test_the_card_prints_on_white_without_its_controls(
    page_of: Callable[..., Any], filled: Any
) -> None:
    page = page_of(scheme="dark", path=f"/events/{filled.crash}/card")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.is_hidden(".card-tools")
    assert page.is_hidden("header.top")
    colours = page.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle("
        "document.querySelector('h1')).color]"
    )
    assert colours == ["rgb(255, 255, 255)", "rgb(0, 0, 0)"]
    assert page.pdf(format="A4")[:4] == b"%PDF"
