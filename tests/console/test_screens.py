"""Every page in three languages, sizes and both schemes: nothing cut off, WCAG 2.2 AA by axe.

The screenshots are kept in ``artefacts/screens`` to be looked at.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from console.routes.filed import SAMPLE_NOTE
from console.web import attach
from core.clock import FixedClock
from core.coverage import Gap, Ledger
from core.lines import refused
from core.settings import ReportCopy
from media import retention
from reports.run import make_report
from store.coverage import keep_ledger
from store.ingest import CONFLICT
from store.protocol import OPEN
from tests.console.browser import AXE, COLOURS, SCREENS, SIZES, at_rest, axe, cut_off, marked
from tests.console.conftest import NOW

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
        ("sample", "/sample"),
    ],
    "supervisor": [
        ("supervisor", "/supervisor"),
        ("alerts", "/alerts"),
        ("audit", "/audit"),
        ("reports", "/reports"),
    ],
    "administrator": [("admin", "/admin")],
    "internal_security": [("confidential", "/queue")],
}
LONG = {"event", "card", "supervisor", "admin"}


def address(pattern: str, filled: Any) -> str:
    """The page's address."""
    event = filled.store.event(filled.crash, OPEN)
    return pattern.format(event=event.id, post=event.posts[0].id)


SIZES_OF = {
    "ru": ("phone", "laptop", "wide", "4k"),
    "kk": ("phone", "laptop", "wide", "4k"),
    "en": ("phone", "laptop", "4k"),
}


@pytest.mark.slow
@pytest.mark.parametrize("lang", SIZES_OF)
@pytest.mark.parametrize("role", PAGES)
def test_nothing_is_cut_off_and_the_screens_are_kept(
    app: Any,
    page_of: Callable[..., Any],
    filled: Any,
    served: Any,
    settings: Any,
    tmp_path: Path,
    lang: str,
    role: str,
) -> None:
    """Each page is opened once as a phone and then grows: as when a window is made wider."""
    SCREENS.mkdir(parents=True, exist_ok=True)
    wrong: list[str] = []
    show_what_goes_wrong(app, filled, settings, tmp_path)
    page = page_of(role, size="phone", lang=lang)
    for name, pattern in PAGES[role]:
        page.goto(served.url + address(pattern, filled))
        page.wait_for_load_state("load")
        if name == "supervisor":
            assert page.locator(f"text={LONG_NAMES[1]}").count() == 1, "its blind spot is there"
        if name == "queue":
            page.wait_for_selector("html[data-loaded]")
        for size in SIZES_OF[lang]:
            width, height = SIZES[size]
            page.set_viewport_size({"width": width, "height": height})
            page.evaluate("scrollTo(0, 0)")
            if name == "queue" and size == "laptop":
                page.keyboard.press("j")
            wrong += [f"{name}, {size}: {one}" for one in cut_off(page)]
            if page.evaluate("document.documentElement.scrollWidth - innerWidth") > 0:
                wrong.append(f"{name}, {size}: wider than the screen")
            kept(page, name, lang, size)
        page.set_viewport_size({"width": SIZES["phone"][0], "height": SIZES["phone"][1]})
    assert wrong == []


LONG_NAMES = ("telegram:karagandy_zhol_zhagdaiy", "vk:wall-of-a-town-with-a-long-name", "unread")


def show_what_goes_wrong(app: Any, filled: Any, settings: Any, folder: Path) -> None:
    """Blind spots of every kind, a run of retention and something set aside: tables with rows."""
    store, sources = filled.store, folder / "sources.toml"
    table = '[[source]]\nname = "{}"\nkind = "feed"\naddress = "https://news.example.org/"\n'
    sources.write_text("".join(map(table.format, LONG_NAMES)), encoding="utf-8")
    crawlers = settings.crawlers.model_copy(update={"sources_file": sources})
    console = replace(
        app.state.console, settings=settings.model_copy(update={"crawlers": crawlers})
    )
    attach(app, console)
    gap = Gap(first="17", last="29", found_at=NOW, why="live updates were dropped", missing=12)
    keep_ledger(store, Ledger(source=LONG_NAMES[0], gaps=(gap,), gaps_found=1, last_ok_at=NOW))
    keep_ledger(
        store,
        Ledger(
            source=LONG_NAMES[1],
            problem="https://api.example.org: asks for fewer requests (429); lower the budget",
            problem_since=NOW,
            failures=9,
        ),
    )
    retention.retain(store, settings, FixedClock(NOW), "system")
    item = refused(
        kind="post", where="posts-of-a-long-name.jsonl:12345", problem=CONFLICT, record=b"x",
        size_bytes=1, at=NOW, key=b"k" * 32,
    )  # fmt: skip
    store.set_aside([item])
    store.put_note(SAMPLE_NOTE, json.dumps([filled.quiet]))


@pytest.mark.slow
@pytest.mark.parametrize("lang", ["ru", "kk"])
def test_a_filed_report_fits_every_screen(
    page_of: Callable[..., Any], filled: Any, served: Any, settings: Any, lang: str
) -> None:
    """As the console shows it: a day with events, in the language, on every size of screen."""
    SCREENS.mkdir(parents=True, exist_ok=True)
    copy = ReportCopy(name="country", languages=("ru", "kk"))
    clock = FixedClock(NOW + timedelta(days=1))
    made = make_report(filled.store, settings, clock, copy=copy, day=NOW.date())
    mark = "" if lang == "ru" else ".kk"
    wrong: list[str] = []
    page = page_of("supervisor", size="phone", lang=lang)
    for form in ("html", "short.html"):
        (name,) = {path.name for path in made if path.name.endswith(f"-20{mark}.{form}")}
        page.goto(f"{served.url}/reports/country/{name}")
        for size in SIZES_OF[lang]:
            width, height = SIZES[size]
            page.set_viewport_size({"width": width, "height": height})
            wrong += [f"{name}, {size}: {one}" for one in cut_off(page)]
            if page.evaluate("document.documentElement.scrollWidth - innerWidth") > 0:
                wrong.append(f"{name}, {size}: wider than the screen")
            keep(page, f"report-{form.partition('.')[0]}-{lang}-{size}", size != "4k")
    assert wrong == []


def kept(page: Any, name: str, lang: str, size: str) -> None:
    """Keep a screenshot, of the work pages in Russian also a dark one."""
    if size == "4k" and name not in ("queue", "event", "supervisor"):
        return
    if lang == "ru" and name in ("queue", "event"):
        page.emulate_media(color_scheme="dark")
        keep(page, f"{name}-{lang}-{size}-dark", False)
        page.emulate_media(color_scheme="light")
    keep(page, f"{name}-{lang}-{size}", name in LONG and size != "4k")


def keep(page: Any, name: str, whole: bool) -> None:
    """Keep a screenshot."""
    page.screenshot(path=SCREENS / f"{name}.jpg", type="jpeg", quality=72, full_page=whole)


@pytest.mark.slow
@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: make setup")
@pytest.mark.parametrize("role", PAGES)
def test_axe_finds_nothing(
    page_of: Callable[..., Any], filled: Any, served: Any, role: str
) -> None:
    """All rules in the light scheme; in the dark one, whose pages are the same, its colours."""
    page = page_of(role)
    found: list[str] = []

    def look(name: str, within: str = "html") -> None:
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            at_rest(page)
            rules = COLOURS if scheme == "dark" else ()
            found.extend(f"{name}, {scheme}: {one}" for one in axe(page, rules, within))
        page.emulate_media(color_scheme="light")

    for name, pattern in PAGES[role]:
        page.goto(served.url + address(pattern, filled))
        page.wait_for_load_state("load")
        look(name)
    if role == "specialist":
        page.goto(served.url + address(EVENT, filled))
        page.wait_for_selector("html[data-ready]")
        for key, dialog in (("?", "help"), ("x", "reject"), ("e", "category"), ("m", "merge")):
            page.keyboard.press(key)
            page.wait_for_selector(f"dialog#{dialog}[open]")
            look(dialog, f"dialog#{dialog}")
            page.keyboard.press("Escape")
            page.wait_for_selector(f"dialog#{dialog}", state="hidden")
        page.context.clear_cookies()
        page.goto(f"{served.url}/login")
        look("login")
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
