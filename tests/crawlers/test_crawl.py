"""The readers against a real server, each run in a process of its own: Twisted starts once."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from core.coverage import Ledger
from core.inputs import post_id
from core.sealing import open_aside, open_payload
from core.settings import CrawlerSettings, Settings, load_sources, pseudonym_key
from crawlers.readers import KINDS, Readers
from crawlers.run import what_is_wrong
from crawlers.scrapy_run import scrapy_settings
from media.files import Shelf
from media.keeping import MediaKeeper
from store.coverage import known_ledger, ledger_of
from store.protocol import ALL
from store.sqlite import SqliteStore
from tests.crawlers.running import give_token
from tests.media.test_describing import jpeg, scene

from .conftest import Answer, Site, message, page
from .running import run_script

CHILD = """
import logging, sys, threading, json
from core.clock import SystemClock
from core.errors import SourceError
from core.records import Source
from core.settings import Settings
from crawlers.run import crawl_once, listen
from store.open import open_store
logging.basicConfig(level="DEBUG", format="%(levelname)s %(name)s %(message)s")
settings = Settings.model_validate_json(sys.argv[1])
sources = [Source.model_validate(s) for s in json.loads(sys.argv[2])]
store = open_store(settings)
if sys.argv[3] == "listen":
    stop = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
    listen(store, sources, settings, SystemClock(), stop)
else:
    for source in sources:
        try:
            print(crawl_once(store, source, settings, SystemClock()))
        except SourceError as error:
            print("error:", error)
store.close()
"""
PROJECT = Path(__file__).parent.parent.parent
HTML = {"Content-Type": "text/html; charset=utf-8"}


def _command(settings: Settings, sources: list[dict[str, Any]], mode: str) -> list[str]:
    rows = json.dumps(sources)
    return [sys.executable, "-c", CHILD, settings.model_dump_json(), rows, mode]


def _once(settings: Settings, *sources: dict[str, Any]) -> str:
    done = run_script(CHILD, *_command(settings, list(sources), "once")[3:])
    assert done.returncode == 0, done.stderr
    return done.stdout


def _source(site: Site, channel: str, **more: object) -> dict[str, Any]:
    address = f"{site.address}/s/{channel}"
    source = {"name": f"telegram:{channel}", "kind": "telegram_preview", "address": address}
    return {**source, "interval_s": 0.5, **more}


def _ledger(store: SqliteStore, channel: str) -> Ledger:
    ledger = known_ledger(store, f"telegram:{channel}")
    assert ledger is not None
    return ledger


def _last_id(store: SqliteStore, channel: str) -> str | None:
    return ledger_of(store, f"telegram:{channel}").last_id


def _numbers(store: SqliteStore) -> list[int]:
    posts = store.unassessed(10_000)
    return sorted(int(getattr(p, "native_id", "/0").split("/")[1]) for p in posts)


@pytest.fixture
def one(site: Site, settings: Settings) -> Any:
    """Crawl one channel once."""

    def crawl(channel: str = "almaty_synaq", **more: object) -> str:
        return _once(settings, _source(site, channel, **more)).strip()

    return crawl


def _history(*lasts: int, size: int = 5) -> tuple[str, ...]:
    """Pages that end with these numbers, the newest first."""
    return tuple(
        page(
            *[message(n, f"хабар {n}") for n in range(last - size + 1, last + 1)],
            before=last - size + 1 if last - size > 0 else None,
        )
        for last in lasts
    )


@pytest.mark.slow
def test_history_is_paged_back_to_what_is_known(
    site: Site, store: SqliteStore, settings: Settings, one: Any
) -> None:
    site.show("almaty_synaq", *_history(20, 15, 10, 5))
    assert one(home="Алматы") == "telegram:almaty_synaq: 10 new posts, 0 edits, 0 known, 2 pages"
    assert _numbers(store) == list(range(11, 21))
    [post] = store.post_versions(post_id("telegram:almaty_synaq", "almaty_synaq/20"), ALL)
    assert (post.text, post.home, post.author) == ("хабар 20", "Алматы", None)
    assert _last_id(store, "almaty_synaq") == "20"

    site.show("almaty_synaq", *_history(32, 27, 22, 17, 12))
    site.asked.clear()
    assert one() == "telegram:almaty_synaq: 12 new posts, 0 edits, 3 known, 3 pages"
    assert _numbers(store) == list(range(11, 33))
    queries = [path.partition("?")[2] for path in site.paths()]
    assert queries == ["", "before=28", "before=23"]

    site.asked.clear()
    assert one() == "telegram:almaty_synaq: 0 new posts, 0 edits, 5 known, 1 pages"
    ledger = _ledger(store, "almaty_synaq")
    assert (ledger.posts, ledger.last_id, ledger.problem) == (22, "32", None)
    assert all(agent == settings.crawlers.user_agent for _, _, agent in site.asked)
    assert {r["From"] for r in site.requests} == {settings.crawlers.contact}


@pytest.mark.slow
def test_photos_are_fetched_once_and_kept(
    site: Site, store: SqliteStore, settings: Settings, one: Any
) -> None:
    photo = jpeg(scene(1))
    wrap = (
        '<a class="tgme_widget_message_photo_wrap" style="background-image:url(\'{0}/{1}\')"></a>'
    )
    site.show(
        "suretti",
        page(
            message(1, inner=wrap.format(site.address, "ok.jpg")),
            message(2, inner=wrap.format(site.address, "ok.jpg")),
            message(3, inner=wrap.format(site.address, "absent.jpg")),
            message(4, inner=wrap.format("http://192.0.2.7", "elsewhere.jpg")),
        ),
    )
    site.channels["/ok.jpg"] = lambda _query: (200, {"Content-Type": "image/jpeg"}, photo)
    site.asked.clear()
    assert "4 new posts" in one("suretti")
    assert site.paths().count("/ok.jpg") == 1
    keeper = MediaKeeper(store, settings)
    found = {}
    for number in range(1, 5):
        name = post_id("telegram:suretti", f"almaty_synaq/{number}")
        [use] = keeper.index.of_post(name, Shelf.PENDING)
        found[number] = use.digest or use.problem
    assert found[1] == found[2] == sha256(photo).hexdigest()
    assert "404" in str(found[3])
    assert "no configured source" in str(found[4])


@pytest.mark.slow
def test_a_pass_that_breaks_half_way_is_repeated_whole(
    site: Site, store: SqliteStore, one: Any
) -> None:
    site.show("kettik", *_history(10, 5))
    one("kettik")
    first, second, third = _history(25, 20, 15)
    bad = {"before=16": 1}

    def answer(query: dict[str, str]) -> Answer:
        before = query.get("before")
        if before == "16" and bad["before=16"]:
            return 404, {}, b""
        text = {None: first, "21": second, "16": third}[before]
        return 200, dict(HTML), text.encode()

    site.channels["kettik"] = answer
    assert one("kettik").startswith("error: source 'telegram:kettik': no such page (404)")
    assert _last_id(store, "kettik") == "10"
    assert _numbers(store) == list(range(1, 11)) + list(range(16, 26))
    bad["before=16"] = 0
    assert "5 new posts" in one("kettik")
    assert _numbers(store) == list(range(1, 26))
    assert _last_id(store, "kettik") == "25"


@pytest.mark.slow
def test_pages_that_lead_in_a_circle_end(site: Site, store: SqliteStore, one: Any) -> None:
    site.show("aylanba", *_history(10, 5))
    one("aylanba")
    text = page(message(50), before=50).encode()
    site.answers("aylanba", (200, dict(HTML), text))
    assert "circle" in one("aylanba")
    assert _last_id(store, "aylanba") == "10"


def test_robots_txt_is_obeyed(site: Site, store: SqliteStore, one: Any) -> None:
    site.show("tyiym", *_history(5))
    site.robots = (200, {"Content-Type": "text/plain"}, b"User-agent: *\nDisallow: /s/tyiym\n")
    site.asked.clear()
    try:
        assert "robots.txt" in one("tyiym")
    finally:
        site.robots = (404, {}, b"")
    assert site.paths() == []
    assert _numbers(store) == []


@pytest.mark.slow
def test_private_addresses_are_refused_before_and_after_dns(
    site: Site, store: SqliteStore, settings: Settings
) -> None:
    closed = settings.model_copy(
        update={"crawlers": CrawlerSettings(delay_s=0.0, timeout_s=2.0)},
    )
    site.show("ishki", *_history(5))
    site.asked.clear()
    assert "private" in _once(closed, _source(site, "ishki"))
    named = _source(
        site, "ishki", address=f"{site.address}/s/ishki".replace("127.0.0.1", "localhost")
    )
    assert "does not resolve to a public address" in _once(closed, named)
    assert site.asked == []


def test_a_second_crawl_in_one_process_says_why_not(site: Site, settings: Settings) -> None:
    site.show("ekinshi", *_history(5))
    out = _once(settings, _source(site, "ekinshi"), _source(site, "ekinshi", name="x"))
    assert "5 new posts" in out
    assert "process of its own" in out


def test_recorded_posts_are_a_source(
    store: SqliteStore, settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "recorded.jsonl"
    row = {"id": "1", "text": "су басып кетті", "posted_at": "2026-03-20T19:00:00+05:00"}
    path.write_text(json.dumps(row) + "\n{broken\n" + json.dumps({**row, "id": 2, "home": "Орал"}))
    source = {"name": "archive", "kind": "replay", "address": str(path), "home": "Тараз"}
    out = _once(settings, source, source, {**source, "address": "absent"})
    first, again, absent = out.splitlines()
    assert first == "archive: 2 new posts, 0 edits, 0 known, 1 pages"
    assert again == "archive: 0 new posts, 0 edits, 2 known, 1 pages"
    assert absent.startswith("error: source 'archive': absent: cannot be read")
    homes = {post.native_id: post.home for post in store.unassessed(10) if hasattr(post, "home")}
    assert homes == {"1": "Тараз", "2": "Орал"}
    (aside,) = store.set_aside_items()
    key = pseudonym_key(settings)
    assert (aside.where, open_aside(aside, key).record) == ("archive:2", b"{broken")
    kept = [store.raw_posts(post_id("archive", number), ALL)[0] for number in ("1", "2")]
    lines = path.read_bytes().split(b"\n")
    assert [open_payload(raw, key).payload for raw in kept] == [lines[0], lines[2]], (
        "byte for byte, whatever the reader added"
    )


# -- all sources in one process -------------------------------------------------------------------


class World:
    """One run of ``listen`` over a source for each fault."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.site = site
        crawlers = CrawlerSettings(
            allow_private_addresses=True, delay_s=0.0, timeout_s=1.0, requests_per_hour=1e6
        )
        self.settings = Settings(home=folder / "home", crawlers=crawlers)
        self.store = SqliteStore(self.settings.under_home(self.settings.store.path))
        good = page(message(1), message(2)).encode()
        site.answers("jaksy", (200, dict(HTML), good))
        site.answers("buzyldy", (500, {}, b""), (500, {}, b""), (200, dict(HTML), good))
        site.answers(
            "tuzetildi",
            (200, dict(HTML), page(message(7, "2 көлік")).encode()),
            (200, dict(HTML), page(message(7, "3 көлік", edited=True)).encode()),
        )
        site.answers("qate", (500, {}, b""))
        site.answers("uzildi", (200, {**HTML, "X-Length": "90000"}, good))
        site.answers("shyr", (302, {"Location": "/s/shyr"}, b""))
        site.answers("auyr", (200, dict(HTML), good + b" " * 9_000_000))
        site.answers(
            "bomba",
            (200, {**HTML, "Content-Encoding": "gzip"}, gzip.compress(good + b" " * 40_000_000)),
        )
        site.answers("qysu", (200, {**HTML, "Content-Encoding": "gzip"}, b"no gzip at all"))
        site.answers(
            "win1251",
            (
                200,
                {"Content-Type": "text/html; charset=windows-1251"},
                page(message(1, "Пожар на рынке")).encode("cp1251", "replace"),
            ),
        )
        renamed = page(*[message(n) for n in range(9)]).replace("message_text", "message_words")
        site.answers("ozgerdi", (200, dict(HTML), renamed.encode()))
        site.answers("jabyq", (302, {"Location": "/jabyq"}, b""))
        site.channels["/jabyq"] = lambda _query: (200, dict(HTML), b"<html>Contact @jabyq</html>")
        site.answers("syrt", (302, {"Location": "http://192.0.2.1/s/syrt"}, b""))
        site.answers("suret", (200, {"Content-Type": "image/png"}, b"\x89PNG"))
        site.answers("koop", (429, {"Retry-After": "3600"}, b""))

        def slow(_query: dict[str, str]) -> Answer:
            time.sleep(1.5)
            return 200, dict(HTML), good

        site.channels["bayau"] = slow
        stamps = []

        def unchanged(query: dict[str, str]) -> Answer:
            stamps.append(query)
            if len(stamps) > 1:
                return 304, {}, b""
            return 200, {**HTML, "ETag": '"v1"'}, good

        site.channels["sol_kui"] = unchanged
        self.faults = [
            "qate",
            "uzildi",
            "shyr",
            "auyr",
            "bomba",
            "qysu",
            "ozgerdi",
            "jabyq",
            "syrt",
            "suret",
            "koop",
            "bayau",
            "joqqa",
            "telefon",
            "adres",
        ]
        good_ones = ("jaksy", "buzyldy", "tuzetildi", "win1251", "sol_kui")
        sources = [_source(site, name) for name in (*good_ones, *self.faults[:-2])]
        for source in sources:  # what a host asks for holds for all of its channels: one of its own
            if source["name"] == "telegram:koop":
                source["address"] = source["address"].replace("127.0.0.1", "localhost")
        sources.append(_source(site, "telefon", kind="fax"))
        sources.append(_source(site, "adres", address="мекенжай жоқ"))
        site.asked.clear()
        log = folder / "log"
        with (
            log.open("wb") as stream,
            subprocess.Popen(
                _command(self.settings, sources, "listen"),
                stdin=subprocess.PIPE,
                stderr=stream,
                cwd=PROJECT,
            ) as child,
        ):
            until = time.monotonic() + 40
            while not self._all_seen() and child.poll() is None and time.monotonic() < until:
                time.sleep(0.1)
            started = time.monotonic()
            child.communicate(timeout=30)
            self.stop_s = time.monotonic() - started
            self.code = child.returncode
        self.log = log.read_text(encoding="utf-8")

    def _all_seen(self) -> bool:
        return (
            min(self.asked("jaksy"), self.asked("sol_kui")) >= 3
            and self._count("tuzetildi", "edits") == 1
            and self._count("buzyldy", "posts") == 2
            and self._count("win1251", "posts") == 1
            and all(self._count(name, "failures") for name in self.faults)
        )

    def _count(self, channel: str, field: str) -> int:
        return int(getattr(ledger_of(self.store, f"telegram:{channel}"), field))

    def problem(self, channel: str) -> str:
        ledger = _ledger(self.store, channel)
        assert ledger.failures >= 1
        return str(ledger.problem)

    def asked(self, channel: str) -> int:
        return sum(path.startswith(f"/s/{channel}") for path in self.site.paths())


@pytest.fixture(scope="module")
def world(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(site, tmp_path_factory.mktemp("world"))
    yield world
    world.store.close()


def test_good_sources_are_read_again_and_again(world: World) -> None:
    ledger = _ledger(world.store, "jaksy")
    assert (ledger.posts, ledger.last_id, ledger.problem) == (2, "2", None)
    assert world.asked("jaksy") >= 3


def test_an_edit_becomes_a_version(world: World) -> None:
    versions = world.store.post_versions(post_id("telegram:tuzetildi", "almaty_synaq/7"), ALL)
    assert [v.text for v in versions] == ["2 көлік", "3 көлік"]
    assert versions[0].edited_at is None
    assert versions[1].edited_at is not None
    assert _ledger(world.store, "tuzetildi").edits == 1


def test_a_source_that_failed_recovers(world: World) -> None:
    ledger = _ledger(world.store, "buzyldy")
    assert (ledger.posts, ledger.problem, ledger.failures) == (2, None, 0)


@pytest.mark.parametrize(
    ("channel", "word"),
    [
        ("joqqa", r"no such page \(404\)"),
        ("qate", "answered 500"),
        ("uzildi", "cut off"),
        ("shyr", "max redirections"),
        ("auyr", "larger"),
        ("ozgerdi", "structure has changed"),
        ("jabyq", "private, renamed"),
        ("syrt", "no configured source"),
        ("suret", "image/png"),
        ("koop", "429"),
        ("bayau", "no answer in time"),
        ("telefon", "unknown kind 'fax'"),
        ("adres", "no address of a public channel"),
    ],
)
def test_each_fault_is_said_in_plain_words_and_leaves_no_post(
    world: World, channel: str, word: str
) -> None:
    assert re.search(word, world.problem(channel))
    assert _last_id(world.store, channel) is None
    sources = {getattr(post, "source", "") for post in world.store.unassessed(1000)}
    assert f"telegram:{channel}" not in sources


@pytest.mark.parametrize("channel", ["bomba", "qysu"])
def test_compressed_pages_cannot_harm(world: World, channel: str) -> None:
    assert world.problem(channel)
    assert _last_id(world.store, channel) is None


def test_a_page_in_windows_1251_is_read(world: World) -> None:
    [post] = world.store.post_versions(post_id("telegram:win1251", "almaty_synaq/1"), ALL)
    assert post.text == "Пожар на рынке"


def test_an_unchanged_page_is_not_sent_again(world: World) -> None:
    assert _ledger(world.store, "sol_kui").problem is None
    assert _ledger(world.store, "sol_kui").posts == 2
    sent = [r for r in world.site.requests if r.get("If-None-Match") == '"v1"']
    assert len(sent) >= 2


def test_a_host_that_asks_for_patience_is_not_asked_again(world: World) -> None:
    assert world.asked("koop") == 1


def test_it_stops_when_told_to(world: World) -> None:
    assert world.code == 0
    assert world.stop_s < 8


def test_the_log_has_no_text_and_no_tracebacks(world: World) -> None:
    for word in ("Жол апаты", "Пожар", "көлік"):
        assert word not in world.log
    assert "Traceback" not in world.log, world.log


# -- settings -------------------------------------------------------------------------------------


def test_the_shipped_sources_contact_nobody_and_are_right_when_enabled(tmp_path: Path) -> None:
    shipped = Path(__file__).parent.parent.parent / "sources.toml"
    assert load_sources(shipped) == []
    text = re.sub(
        r"(?m)^# (?=\[\[source\]\]|(?:name|kind|address|home|interval_s|article|selectors) = )",
        "",
        shipped.read_text(),
    )
    enabled = tmp_path / "sources.toml"
    enabled.write_text(text)
    sources = load_sources(enabled)
    assert {source.kind for source in sources} == set(KINDS), "an example of each kind"
    settings = Settings(home=tmp_path)
    for name in ("vk", "threads"):
        give_token(settings, name, "secret")
    give_token(settings, "instagram", "1784:secret")
    readers = Readers(settings)
    assert [what_is_wrong(source, readers) for source in sources] == [None] * len(sources)


def test_politeness_is_on(settings: Settings) -> None:
    made = scrapy_settings(settings, ["t.me"])
    assert made["ROBOTSTXT_OBEY"]
    assert made["AUTOTHROTTLE_ENABLED"]
    assert not made["COOKIES_ENABLED"]
    assert not made["HTTPPROXY_ENABLED"]
    assert "@" in made["USER_AGENT"]
