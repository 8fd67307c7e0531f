"""Which addresses name a person, and what is kept of those."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.ids import pseudonym
from core.inputs import make_post
from core.links import (
    NAME,
    PSEUDONYM,
    carries_handle,
    channels_of,
    kept_link,
    kept_origin,
    opening,
)
from core.sealing import unseal

KEY = b"k" * 32
PERSONAL = (
    "https://threads.net/@aigul.synaq/post/Cx1",
    "https://www.instagram.com/aigul.synaq/p/Cx1/",
    "https://vk.com/wall123_45",
    "https://vk.com/id123",
    "https://m.vk.com/aigul_synaq",
    "https://t.me/aigul_synaq",
    "https://x.com/aigul_synaq/status/1",
    "https://www.tiktok.com/@aigul/video/7",
    "https://facebook.com/profile.php?id=1",
    "https://forum.example/u/aigul/7",
    "https://forum.example/topic/7?user=aigul",
    "https://aigul:x@forum.example/7",
    "https://blog.example/~aigul/7",
    "javascript:alert(1)",
    "https://[broken",
)
IMPERSONAL = (
    "https://t.me/almaty_synaq/45",
    "https://t.me/s/almaty_synaq/45",
    "https://vk.com/wall-123_45",
    "https://www.instagram.com/p/Cx1/",
    "https://news.example/2026/03/orman-orti",
    "https://news.example/users",
    "https://youtu.be/abc",
)


@pytest.mark.parametrize("url", PERSONAL)
def test_an_address_that_names_a_person_is_known(url: str) -> None:
    assert carries_handle(url)


@pytest.mark.parametrize("url", IMPERSONAL)
def test_an_address_that_names_nobody_stays_open(url: str) -> None:
    assert not carries_handle(url)


def test_the_sources_own_name_is_no_handle_but_the_authors_is() -> None:
    page = "https://threads.net/@almaty_news/post/1"
    assert carries_handle(page)
    assert not carries_handle(page, channels_of("threads:almaty_news"))
    assert not carries_handle(page, channels_of("a name", "https://threads.net/@almaty_news/"))
    own = "https://aigul.blog.example/7"
    assert not carries_handle(own)
    assert carries_handle(own, author="blog:@Aigul")


def test_a_kept_address_is_a_pseudonym_and_opens_with_the_key_alone() -> None:
    url = PERSONAL[0]
    shown, sealed = kept_link(url, key=KEY, place="post-1")
    assert shown is not None
    assert sealed is not None
    assert shown.startswith(PSEUDONYM)
    assert opening(shown) is None
    assert unseal(sealed, KEY, "post-1") == url
    assert kept_link(url, key=KEY, place="post-1") == (shown, sealed), "a repeat changes nothing"
    assert kept_link(url, key=b"x" * 32, place="post-1")[0] != shown
    assert kept_link(IMPERSONAL[0], key=KEY, place="post-1") == (IMPERSONAL[0], None)


def test_a_reply_still_finds_the_post_whose_address_is_kept_as_a_pseudonym() -> None:
    def post(**values: str) -> dict[str, str]:
        return {"id": "1", "text": "өрт", "posted_at": "2026-03-20T19:05:00+05:00", **values}

    now = datetime(2026, 3, 20, tzinfo=UTC)
    first = make_post(post(url=PERSONAL[0]), now=now, key=KEY)
    reply = make_post(
        post(id="2", reply_to=PERSONAL[0], forwarded_from="canal/5"), now=now, key=KEY
    )
    assert "aigul" not in first.model_dump_json() + reply.model_dump_json()
    assert reply.reply_to == first.url
    assert reply.forwarded_from == "canal/5"


@pytest.mark.parametrize(
    ("origin", "platform", "kept"),
    [
        ("astana_synaq/88", True, True),
        ("c/1234567890/45", True, True),
        ("wall-5_8", True, True),
        ("wall5_8", True, False),
        ("17901234567890123", True, True),
        ("aigul_98", True, False),
        ("Айгуль Сынақова", True, False),
        ("n-a1", False, True),
        ("crash-a", False, True),
        ("abc", False, True),
        ("Айгуль", False, False),
        ("Aigul", False, False),
        ("Aigul Synaqova", False, False),
        ("@aigul_98", False, False),
        ("name:Айгуль", False, False),
    ],
)
def test_a_name_that_a_post_forwards_is_kept_as_a_pseudonym(
    origin: str, platform: bool, kept: bool
) -> None:
    found = kept_origin(origin, KEY, (), platform=platform)
    assert found is not None
    assert (found == origin) is kept
    assert kept or found == f"{NAME}{pseudonym(origin, KEY)}"
    assert kept_origin(found, KEY, (), platform=platform) == found, "a repeat changes nothing"
    assert kept_origin(origin, KEY, (origin,), platform=platform) == origin, "the source's own"
