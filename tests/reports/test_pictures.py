"""Reports as pictures: an empty day, 5,000 events, a dead feed; paper, screen and phone.

The pictures were looked at when the layout was made; here they are held to what a person would
notice at once: text that is there, pages that are not blank, nothing cut off.
"""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pypdfium2
import pytest
from PIL import Image

from core.clock import FixedClock
from core.settings import ReportCopy
from reports.run import make_report
from store.sqlite import SqliteStore
from tests.reports.days import DAY, MORNING, alive, fill, settings_at

DAYS = {
    "empty": (0, "За этот период происшествий не найдено"),
    "busy": (5_000, "происшествий"),
    "dead feed": (40, "Поток сообщений 102 молчит: app, calls"),
}

FLOATING = """[...document.querySelectorAll("svg.chart rect.bar")].map(bar =>
  bar.ownerSVGElement.querySelector(".axis").getBoundingClientRect().top
  - bar.getBoundingClientRect().bottom).filter(gap => Math.abs(gap) > 2)"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folder of each day's report."""
    folders = {}
    for name, (count, _) in DAYS.items():
        home = tmp_path_factory.mktemp(name.replace(" ", "_"))
        store = SqliteStore(home / "oqiga.db")
        if name != "dead feed":
            alive(store, MORNING)
        if name == "busy":
            for back in range(1, 15):
                fill(store, 10, day=DAY - timedelta(days=back))
        fill(store, count, silent_from_h=14 if name == "dead feed" else None, decided=0.1)
        paths = make_report(
            store, settings_at(home), FixedClock(MORNING), copy=ReportCopy(name="country")
        )
        store.close()
        folders[name] = paths[0].parent
    return folders


@pytest.mark.parametrize("name", DAYS)
def test_pdf(made: dict[str, Path], name: str) -> None:
    for mark, words in (("", DAYS[name][1]), (".kk", "Түнгі есеп: Қазақстан")):
        document = pypdfium2.PdfDocument(made[name] / f"nightly-2026-03-20{mark}.pdf")
        pages = [document[index] for index in range(len(document))]
        text = " ".join(page.get_textpage().get_text_range() for page in pages).split()
        assert words in " ".join(text)
        if mark:
            assert set("әіңғүұқө") <= set(" ".join(text).lower())
        assert len(pages) <= 8
        assert ink(pages[0].render(scale=1.0).to_pil().convert("L")) > 0.005
        for page in pages:
            picture = page.render(scale=1.0).to_pil().convert("L")
            assert 0.0002 < ink(picture) < 0.5, "neither blank nor black"
            width, height = picture.size
            edge = picture.crop((width - 12, 0, width, height))
            assert ink(edge) == 0, "nothing runs off the paper"
        document.close()


@pytest.mark.browser
def test_screens(made: dict[str, Path], tmp_path: Path) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("needs chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-background-networking"]
        )
        asked: list[str] = []
        for name, folder in made.items():
            for form, width in (("html", 1280), ("html", 390), ("short.html", 390)):
                page = browser.new_page(viewport={"width": width, "height": 844})
                page.on("request", lambda request: asked.append(request.url))
                page.goto((folder / f"nightly-2026-03-20.{form}").as_uri())
                page.screenshot(path=tmp_path / "shot.png", full_page=True)
                assert page.evaluate("document.documentElement.scrollWidth") <= width
                assert page.evaluate(FLOATING) == [], "every bar stands on its axis"
                if form == "short.html":
                    height = page.evaluate("document.documentElement.scrollHeight")
                    assert height <= 844 * 1.5, "a glance and a flick of the thumb"
                with Image.open(tmp_path / "shot.png") as picture:
                    assert ink(picture.convert("L")) > 0.004
                page.close()
            text = (folder / "nightly-2026-03-20.html").read_text("utf-8")
            assert DAYS[name][1] in text
            assert ("Норма ещё не набрана" in text) == (name == "dead feed")
        browser.close()
    assert all(url.startswith("file:") for url in asked), "self-contained"


def ink(picture: Image.Image) -> float:
    """Share of pixels that are not nearly white."""
    counts = picture.histogram()
    return sum(counts[:200]) / sum(counts)
