"""What befalls a reader in months of running: kill -9, a full disk. Nothing lost, nothing twice."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.clock import SystemClock
from core.records import Outcome, Post, Source
from core.settings import CrawlerSettings, Settings
from crawlers.keeper import Keeper
from store.coverage import ledger_of
from store.sqlite import SqliteStore
from tests.crawlers.running import LISTEN, ONCE, PROJECT, read
from tests.servers.http import Asked, HttpServer, Reply, serving

from .conftest import message, page

SIZE = 10
SOURCE_NAME = "telegram:uzaq"


def _channel(server: HttpServer, newest: int, wait_s: float = 0.0) -> None:
    """A channel of messages 1 to ``newest``, ``SIZE`` a page."""

    def answer(asked: Asked) -> Reply:
        last = int(asked.query.get("before", newest + 1)) - 1
        first = max(1, last - SIZE + 1)
        messages = [message(n, f"хабар {n}") for n in range(first, last + 1)]
        text = page(*messages, before=first if first > 1 else None)
        return Reply(text.encode(), wait_s=wait_s)

    server.routes["/s/uzaq"] = answer


def _settings(folder: Path) -> Settings:
    crawlers = CrawlerSettings(
        allow_private_addresses=True, delay_s=0.0, timeout_s=5.0, requests_per_hour=1e6
    )
    return Settings(home=folder / "home", crawlers=crawlers)


def _source(server: HttpServer) -> Source:
    return Source(name=SOURCE_NAME, kind="telegram_preview", address=f"{server.address}/s/uzaq")


def _start(
    settings: Settings, *sources: Source, limit_bytes: int | None = None, script: str = ONCE
) -> subprocess.Popen[str]:
    def bound() -> None:
        if limit_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))

    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            script,
            settings.model_dump_json(),
            json.dumps([source.model_dump(mode="json") for source in sources]),
        ],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=bound,
    )


def _numbers(store: SqliteStore) -> list[int]:
    posts = [p for p in store.unassessed(100_000) if isinstance(p, Post)]
    return sorted(int(p.native_id.rpartition("/")[2]) for p in posts)


@pytest.mark.slow
def test_kill_9_in_mid_crawl_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    with serving(HttpServer()) as server:
        source = _source(server)
        _channel(server, 20)
        assert read(settings, source)[SOURCE_NAME][0] == 20
        for newest, pages in ((120, 4), (150, 7)):
            _channel(server, newest, wait_s=0.05)
            server.asked.clear()
            child = _start(settings, source)
            while len(server.paths()) < pages and child.poll() is None:
                time.sleep(0.01)
            os.kill(child.pid, signal.SIGKILL)
            child.communicate()
            store = SqliteStore(settings.under_home(settings.store.path))
            kept = len(_numbers(store))
            assert 20 <= kept < newest, "it was killed in the middle"
            assert ledger_of(store, SOURCE_NAME).last_id == "20", "an unfinished pass is repeated"
            store.close()
        _channel(server, 150)
        read(settings, source)
    store = SqliteStore(settings.under_home(settings.store.path))
    assert _numbers(store) == list(range(1, 151))
    assert store.broken_links("evidence") == []
    assert ledger_of(store, SOURCE_NAME).last_id == "150"
    store.close()


@pytest.mark.slow
def test_a_full_disk_is_reported_and_what_was_refused_comes_later(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    with serving(HttpServer()) as server:
        source = _source(server)
        _channel(server, 20)
        read(settings, source)
        _channel(server, 150)
        files = [p.stat().st_size for p in settings.home.rglob("*") if p.is_file()]
        full = _start(settings, source, limit_bytes=max(files) + 40_000)
        out, err = full.communicate(timeout=60)
        assert full.returncode == 0, err
        assert "store refused" in out, out + err
        store = SqliteStore(settings.under_home(settings.store.path))
        assert ledger_of(store, SOURCE_NAME).last_id == "20"
        assert len(_numbers(store)) < 150
        store.close()
        assert read(settings, source)[SOURCE_NAME][4] is None
    store = SqliteStore(settings.under_home(settings.store.path))
    assert _numbers(store) == list(range(1, 151))
    assert store.broken_links("evidence") == []
    store.close()


def test_a_429_that_names_no_time_slows_the_whole_host_down(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    refused = [time.monotonic()]
    with serving(HttpServer()) as server:
        _channel(server, 30)
        pages = server.routes["/s/uzaq"]

        def answer(asked: Asked) -> Reply:
            if len(refused) > 3:
                return pages(asked)
            refused.append(time.monotonic())
            return Reply(status=429)

        server.routes["/s/uzaq"] = answer
        server.shows("/s/basqa", page(message(1, channel="basqa")))
        source = _source(server).model_copy(update={"interval_s": 0.5})
        other = source.model_copy(
            update={"name": "basqa", "address": f"{server.address}/s/basqa", "interval_s": 0.2}
        )
        child = _start(settings, source, other, script=LISTEN)
        store = SqliteStore(settings.under_home(settings.store.path))
        until = time.monotonic() + 60
        while ledger_of(store, SOURCE_NAME).last_id is None and time.monotonic() < until:
            if problem := ledger_of(store, SOURCE_NAME).problem:
                assert "fewer requests (429)" in problem
            time.sleep(0.05)
        child.terminate()
        child.communicate()
    first, second, third = refused[1:]
    assert second - first >= 1.0, "the wait doubles"
    assert third - second >= 2.0, "and doubles again"
    calm = [a.at_s for a in server.asked if a.path == "/s/basqa"]
    assert not [at for at in calm if second + 0.3 < at < third - 0.3], "others on the host wait too"
    assert _numbers(store) == [1, *range(11, 31)], "nothing lost, nothing twice"
    assert ledger_of(store, SOURCE_NAME).failures == 0
    store.close()


def test_two_readers_of_one_source_end_with_one_post_each(tmp_path: Path) -> None:
    """By accident two processes read the same: the later sees the earlier's posts as known."""
    store = SqliteStore(tmp_path / "o.db")
    source = Source(name="s", kind="site", address="https://n.example/")
    from .test_found import ITEM

    first, second = (Keeper(store, SystemClock(), b"k" * 32) for _ in range(2))
    one, two = first.start(source), second.start(source)
    first.keep(one, [ITEM], SystemClock().now())
    second.keep(two, [ITEM], SystemClock().now())
    assert (one.new, two.new, two.known) == (1, 0, 1)
    [post] = store.unassessed(10)
    assert isinstance(post, Post)
    assert store.accept_posts([(post, None)]) == [Outcome.REPEATED]
    store.close()
