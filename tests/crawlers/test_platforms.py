"""VK, Instagram and Threads against servers with their real shapes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.inputs import post_id
from core.records import Post, Source
from core.settings import CrawlerSettings, MediaSettings, Settings
from store.coverage import ledger_of
from store.protocol import ALL
from store.sqlite import SqliteStore
from tests.crawlers.running import give_token, read
from tests.servers.http import HttpServer, serving
from tests.servers.meta import OWN_ID, Meta
from tests.servers.meta import TOKEN as META_TOKEN
from tests.servers.vk import TOKEN as VK_TOKEN
from tests.servers.vk import Vk

VK = Source(name="vk", kind="vk", address="https://vk.com/taraz_synaq", home="Тараз")
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with serving(HttpServer()) as server:
        yield server


@pytest.fixture
def vk(server: HttpServer) -> Vk:
    return Vk(server)


@pytest.fixture
def meta(server: HttpServer) -> Meta:
    return Meta(server)


@pytest.fixture
def settings(tmp_path: Path, vk: Vk, meta: Meta) -> Settings:
    crawlers = CrawlerSettings(
        allow_private_addresses=True,
        delay_s=0.0,
        requests_per_hour=1e6,
        vk_api=vk.api,
        instagram_api=meta.instagram,
        threads_api=meta.threads,
    )
    nothing = MediaSettings(photos=False, videos=False)  # the tests ask no host but their own
    settings = Settings(home=tmp_path / "home", crawlers=crawlers, media=nothing)
    give_token(settings, "vk", VK_TOKEN)
    give_token(settings, "instagram", f"{OWN_ID}:{META_TOKEN}")
    give_token(settings, "threads", META_TOKEN)
    return settings


@pytest.fixture
def store(settings: Settings) -> Iterator[SqliteStore]:
    store = SqliteStore(settings.under_home(settings.store.path))
    yield store
    store.close()


def _versions(store: SqliteStore, source: Source, native_id: str) -> list[Post]:
    return store.post_versions(post_id(source.name, native_id), ALL)


def _media(number: int, caption: str | None = None, **more: Any) -> dict[str, Any]:
    at = (NOW - timedelta(minutes=1000 - number)).strftime("%Y-%m-%dT%H:%M:%S+0000")
    return {
        "id": f"18{number:06}",
        "media_type": "IMAGE",
        "media_url": f"https://scontent.cdninstagram.com/{number}.jpg",
        "permalink": f"https://www.instagram.com/p/{number}/",
        "timestamp": at,
        **more,
        **({} if caption is None else {"caption": caption}),
    }


@pytest.mark.slow
def test_vk_walls_pages_comments_edits_and_deletions(
    vk: Vk, settings: Settings, store: SqliteStore
) -> None:
    first = vk.post(
        "taraz_synaq",
        1,
        "Авария на Толе би",
        edited=1_774_000_500,
        geo={"type": "point", "coordinates": "42.9 71.36"},
        attachments=[
            {
                "type": "photo",
                "photo": {
                    "sizes": [
                        {
                            "type": "s",
                            "url": "https://sun1.userapi.com/s.jpg",
                            "width": 75,
                            "height": 5,
                        },
                        {
                            "type": "w",
                            "url": "https://sun1.userapi.com/w.jpg",
                            "width": 9,
                            "height": 9,
                        },
                    ]
                },
            }
        ],
    )
    vk.post(
        "taraz_synaq", 2, "", copy_history=[{"owner_id": -5, "id": 8, "text": "репост", "date": 1}]
    )
    vk.post("taraz_synaq", 3, "бекітілген", is_pinned=1)
    for number in range(120):
        vk.comment(first, number, f"пікір {number}")
    vk.comments[-77, 1][0]["thread"] = {
        "count": 1,
        "items": [
            {"id": 900, "from_id": 502, "date": 1_774_000_900, "text": "иә", "reply_to_comment": 0}
        ],
    }
    vk.comments[-77, 1][5]["deleted"] = True
    assert read(settings, VK)["vk"] == (3 + 119 + 1, 0, 0, 0, None)
    [post] = _versions(store, VK, "wall-77_1")
    assert (post.lat, post.lon, post.author, post.home) == (42.9, 71.36, None, "Тараз")
    assert [ref.url for ref in post.media] == ["https://sun1.userapi.com/s.jpg"]
    assert post.edited_at is not None
    [copy] = _versions(store, VK, "wall-77_2")
    assert (copy.text, copy.forwarded_from) == ("репост", "wall-5_8")
    [comment] = _versions(store, VK, "wall-77_1?reply=7")
    assert (comment.reply_to, comment.author is None) == ("wall-77_1", False)
    [reply] = _versions(store, VK, "wall-77_1?reply=900")
    assert reply.text == "иә"

    for number in range(4, 254):
        vk.post("taraz_synaq", number, f"хабар {number}")
    vk.server.asked.clear()
    assert read(settings, VK)["vk"] == (250, 0, 0, 3, None)
    pages = [a.query["offset"] for a in vk.server.asked if a.path.endswith("wall.get")]
    assert pages == ["0", "100", "200"]
    assert not [a for a in vk.server.asked if a.path.endswith("getComments")]
    assert ledger_of(store, "vk").last_id == "253"

    wall = vk.walls["taraz_synaq"]
    next(i for i in wall if i["id"] == 250).update(text="түзетілді", edited=1_774_003_000)
    wall.remove(next(i for i in wall if i["id"] == 240))
    new, edited, deleted, _, problem = read(settings, VK)["vk"]
    assert (new, edited, deleted, problem) == (0, 1, 1, None)
    assert _versions(store, VK, "wall-77_240")[-1].deleted_at is not None
    assert VK_TOKEN not in "".join(str(a.query) for a in vk.server.asked)


VK_FAULTS = {
    5: ("does not accept the token", None),
    6: ("fewer requests a second", 2),
    15: ("closed", None),
    18: ("deleted or blocked", None),
    29: ("daily limit", 3600),
    77: ("refused", None),
}


def test_vk_says_what_is_wrong(vk: Vk, settings: Settings, store: SqliteStore) -> None:
    vk.errors = {f"qate{code}": code for code in VK_FAULTS if code != 29}
    vk.post("adam", 1, "жеке", owner_id=55)
    sources = {
        code: Source(name=f"vk{code}", kind="vk", address=f"qate{code}") for code in VK_FAULTS
    }
    person = VK.model_copy(update={"name": "person", "address": "adam"})
    nobody = VK.model_copy(update={"name": "nobody", "address": "joq"})
    # What the host asks holds back the others on it, so the two waits come last and alone.
    first = read(settings, *(sources[c] for c in (5, 15, 18, 77)), person, nobody, sources[6])
    vk.errors["qate29"] = 29
    last = read(settings, sources[29])
    for code, (word, asked_s) in VK_FAULTS.items():
        problem = {**first, **last}[f"vk{code}"][4]
        assert word in (problem or "")
        until = ledger_of(store, f"vk{code}").not_before
        assert (until is None) == (asked_s is None)
        if until is not None and asked_s is not None:
            assert abs((until - datetime.now(UTC)).total_seconds() - asked_s) < 60
    assert "person's wall" in (first["person"][4] or "")
    assert "no such community" in (first["nobody"][4] or "")


@pytest.mark.slow
def test_instagram_accounts_and_hashtags(
    meta: Meta, settings: Settings, store: SqliteStore
) -> None:
    account = Source(name="ig", kind="instagram", address="@shymkent_synaq")
    tag = Source(name="igtag", kind="instagram", address="#дтп")
    meta.accounts["shymkent_synaq"] = [_media(n, f"фото {n}") for n in range(60, 0, -1)]
    meta.tags["басқа"] = []
    meta.tag(
        "дтп",
        [
            _media(
                500,
                "альбом",
                media_type="CAROUSEL_ALBUM",
                children={
                    "data": [
                        {"media_type": "IMAGE", "media_url": "https://x.cdninstagram.com/1.jpg"},
                        {"media_type": "VIDEO", "media_url": "https://x.cdninstagram.com/2.mp4"},
                    ]
                },
            )
        ],
    )
    found = read(settings, account, tag)
    assert found["ig"] == (50, 0, 0, 0, None)
    assert found["igtag"] == (1, 0, 0, 0, None)
    [album] = _versions(store, tag, "18000500")
    assert len(album.media) == 2
    meta.accounts["shymkent_synaq"][:0] = [_media(n, f"жаңа {n}") for n in range(160, 60, -1)]
    meta.server.asked.clear()
    found = read(settings, account, tag)
    assert found["ig"][0] == 100
    assert "/v23.0/ig_hashtag_search" not in meta.server.paths(), "the tag's id is remembered"


@pytest.mark.slow
def test_threads_profiles_searches_and_replies(
    meta: Meta, settings: Settings, store: SqliteStore
) -> None:
    profile = Source(name="th", kind="threads", address="https://www.threads.net/@astana_synaq")
    search = Source(name="thq", kind="threads", address="search: өрт")
    post = _media(900, text="Сол жағалауда өрт", media_type="TEXT_POST", has_replies=True)
    del post["media_url"]
    meta.profiles["astana_synaq"] = [post, _media(899, text="басқа", username="astana_synaq")]
    reply = _media(901, text="түтін көрінеді", username="kua", replied_to={"id": post["id"]})
    meta.reply(post["id"], [reply])
    found = read(settings, profile, search)
    assert found["th"] == (3, 0, 0, 0, None)
    assert found["thq"][0] == 2
    [kept] = _versions(store, profile, reply["id"])
    assert kept.reply_to == post["id"]
    assert kept.author is not None
    assert "kua" not in kept.author


def test_graph_errors(meta: Meta, settings: Settings, store: SqliteStore) -> None:
    words = {
        "expired": (400, 190),
        "permission": (403, 10),
        "no such public account": (400, 110),
        "tried again": (500, 2),
        "limit of requests": (400, 4),
    }
    meta.errors = {f"a{code}": (status, code) for status, code in words.values()}
    meta.usage_min = 7
    sources = [
        Source(name=f"ig{code}", kind="instagram", address=f"@a{code}")
        for _, code in words.values()
    ]
    found = read(settings, *sources)
    for word, (_, code) in words.items():
        assert word in (found[f"ig{code}"][4] or "")
    until = ledger_of(store, "ig4").not_before
    assert until is not None
    assert abs((until - datetime.now(UTC)).total_seconds() - 420) < 60
