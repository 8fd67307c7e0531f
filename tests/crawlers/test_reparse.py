"""Posts derived again from their untouched payloads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from core.clock import FixedClock
from core.ids import content_digest
from core.records import Audience, Post, Source
from core.sealing import open_payload
from crawlers import telegram_page
from crawlers.keeper import Keeper
from crawlers.reparse import ReparseSummary, reparse
from crawlers.telegram_preview import TelegramPreviewReader
from crawlers.vk import VkReader
from crawlers.vk import post as vk_post
from crawlers.web import Answer, Ask, Pass
from store.protocol import ALL
from store.sqlite import SqliteStore
from tests.store.contract import a_post, assess

from .conftest import NOW, message, page

KEY = b"k" * 32
CLOCK = FixedClock(NOW + timedelta(hours=1))
SOURCE = Source(name="tg", kind="telegram_preview", address="almaty_synaq", home="Алматы")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "o.db")
    yield store
    store.close()


def _keep_page(store: SqliteStore, *texts: str) -> None:
    keeper = Keeper(store, FixedClock(NOW), KEY)
    reading = keeper.start(SOURCE)
    body = page(*[message(n, text) for n, text in enumerate(texts, 1)]).encode()
    answer = Answer(Ask("https://t.me/s/almaty_synaq"), "https://t.me/s/almaty_synaq", 200, body,
                    "utf-8", "text/html", NOW)  # fmt: skip
    keeper.keep(reading, TelegramPreviewReader().read(Pass(SOURCE, {}), answer).found, NOW)
    keeper.finish(reading)


def _reparse(store: SqliteStore, only: str | None = None) -> ReparseSummary:
    return reparse(store, {"tg": SOURCE}, CLOCK, key=KEY, since=NOW - timedelta(days=1), only=only)


def _versions(store: SqliteStore, number: int) -> list[Post]:
    from core.inputs import post_id

    return store.post_versions(post_id("tg", f"almaty_synaq/{number}"), ALL)


def test_the_same_parser_changes_nothing(store: SqliteStore) -> None:
    _keep_page(store, "бір", "екі")
    store.accept_posts([(a_post("x"), None)])
    summary = _reparse(store)
    assert (summary.read, summary.changed, summary.failed) == (2, 0, 0)
    assert summary.without_payload == 1


def test_a_better_parser_makes_versions_that_say_so(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    _keep_page(store, "бір", "екі")
    assess(store, _versions(store, 1)[0].id, audience=Audience.CONFIDENTIAL)
    plain = telegram_page._text
    monkeypatch.setattr(
        telegram_page, "_text", lambda part, titled: plain(part, titled=titled).upper()
    )
    assert _reparse(store, only="басқа").read == 0
    assert _reparse(store).changed == 2
    old, new = _versions(store, 2)
    assert (old.text, new.text) == ("екі", "ЕКІ")
    assert new.extra["reparsed"] == telegram_page.PARSER
    assert new.home == "Алматы"
    first, second = store.raw_posts(new.id, ALL)
    assert first.payload == second.payload
    assert _reparse(store).changed == 0, "repeating it changes nothing"
    assert [p.text for p in _versions(store, 1)] == ["бір", "БІР"]


def test_a_payload_that_cannot_be_read_is_counted(store: SqliteStore) -> None:
    item = {"id": 1, "owner_id": -7, "from_id": -7, "date": 1_774_000_000, "text": "х"}
    found = vk_post(item, json.dumps(item).encode())
    assert found is not None
    keeper = Keeper(store, FixedClock(NOW), KEY)
    reading = keeper.start(Source(name="vk", kind="vk", address="x"))
    from dataclasses import replace

    keeper.keep(reading, [found, replace(found, native_id="wall-7_2", payload=b"{broken")], NOW)
    summary = _reparse(store)
    assert (summary.read, summary.failed, summary.changed) == (2, 1, 0)
    again = VkReader("https://example.org", "").again
    raw = open_payload(store.raw_posts(_only(store, "wall-7_1").id, ALL)[0], KEY)
    assert content_digest(again(raw, SOURCE, NOW)) == content_digest(found)


def test_without_the_key_nothing_is_read_and_nothing_is_changed(store: SqliteStore) -> None:
    _keep_page(store, "бір")
    (kept,) = store.raw_posts(_versions(store, 1)[0].id, ALL)
    assert "бір".encode() not in kept.payload
    summary = reparse(store, {"tg": SOURCE}, CLOCK, key=b"x" * 32, since=NOW - timedelta(days=1))
    assert (summary.read, summary.failed, summary.changed) == (1, 1, 0)


def _only(store: SqliteStore, native_id: str) -> Post:
    posts = [p for p in store.unassessed(10) if isinstance(p, Post) and p.native_id == native_id]
    return posts[0]
