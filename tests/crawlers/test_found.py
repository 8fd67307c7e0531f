"""From an item to the records that are kept."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from core.errors import InputError
from core.records import MediaRef, Post, Source
from core.sealing import open_payload, unseal
from crawlers.found import Found, deletion, derive

from .conftest import NOW

SOURCE = Source(name="s", kind="site", address="https://n.example/", home="Тараз")
KEY = b"k" * 32
ITEM = Found(
    native_id="1",
    text="өрт",
    posted_at=NOW - timedelta(minutes=5),
    payload=b"<p>\xff</p>",
    media_type="text/html",
    parser="p/1",
    author="vk:5",
    media=(MediaRef(url="https://n.example/1.jpg"),),
    attachments=("photo",),
    extra={"views": 7},
)


def _derive(item: Found, known: list[Post] | None = None, minutes: float = 0) -> Post | None:
    made = derive(
        item, known or [], source=SOURCE, fetched_at=NOW + timedelta(minutes=minutes), key=KEY
    )
    return None if made is None else made[0]


def _must(item: Found, known: list[Post] | None = None, minutes: float = 0) -> Post:
    post = _derive(item, known, minutes)
    assert post is not None
    return post


def test_the_payload_is_kept_untouched_and_the_author_is_a_pseudonym() -> None:
    made = derive(ITEM, [], source=SOURCE, fetched_at=NOW, key=KEY)
    assert made is not None
    post, raw = made
    assert (raw.parser, raw.native_id) == ("p/1", "1")
    assert open_payload(raw, KEY) == raw.model_copy(
        update={"payload": ITEM.payload, "url": ITEM.url}
    )
    assert (post.home, post.edited_at, post.accepted_at) == ("Тараз", None, NOW)
    assert post.author not in (None, "vk:5")
    assert post.extra == {"views": 7, "attachments": ["photo"]}


def test_handle_payload_and_personal_address_are_sealed_with_the_key() -> None:
    item = replace(
        ITEM,
        author="threads:aigul.synaq",
        url="https://threads.net/@aigul.synaq/post/1",
        reply_to="https://threads.net/@other.synaq/post/9",
        payload=b"<p>aigul.synaq</p>",
    )
    made = derive(item, [], source=SOURCE, fetched_at=NOW, key=KEY)
    assert made is not None
    post, raw = made
    for kept in (post.model_dump_json(), raw.model_dump_json()):
        assert not re.search("aigul|other.synaq|threads.net", kept)
    assert b"aigul" not in raw.payload
    assert post.handle is not None
    assert post.sealed_url is not None
    assert unseal(post.handle, KEY, post.id) == item.author
    assert unseal(post.sealed_url, KEY, post.id) == item.url
    opened = open_payload(raw, KEY)
    assert (opened.payload, opened.url) == (item.payload, item.url)
    with pytest.raises(InputError, match="cannot be opened"):
        open_payload(raw, b"x" * 32)
    again = derive(item, [], source=SOURCE, fetched_at=NOW, key=KEY)
    assert again == made, "delivered again it is the same record"


def test_views_and_changing_addresses_of_media_are_no_edit() -> None:
    post = _must(ITEM)
    moved = replace(ITEM, media=(MediaRef(url="https://cdn2.example/1.jpg"),), extra={"views": 99})
    assert _derive(moved, [post], 5) is None
    assert _derive(replace(ITEM, edited_at=NOW), [post], 5) is None, "a reaction is no edit"


def test_an_edit_has_the_sources_time_or_when_it_was_seen() -> None:
    post = _must(ITEM)
    told = _must(replace(ITEM, text="екі өрт", edited_at=NOW), [post], 5)
    assert told.edited_at == NOW
    seen = _must(replace(ITEM, text="үш өрт"), [post, told], 7)
    assert seen.edited_at == NOW + timedelta(minutes=7)
    early = replace(ITEM, text="төрт өрт", edited_at=NOW - timedelta(hours=9))
    late = _must(early, [post, told, seen], 7)
    assert late.edited_at is not None
    assert seen.edited_at is not None
    assert late.edited_at > seen.edited_at, "always later than the version before"


def test_a_clock_that_runs_ahead_is_brought_back() -> None:
    ahead = replace(ITEM, posted_at=NOW + timedelta(hours=5))
    post = _must(ahead)
    assert post.posted_at == NOW
    assert post.extra["posted_at_of_source"] == (NOW + timedelta(hours=5)).isoformat()
    assert _derive(ahead, [post], 60) is None, "the same item again is known"
    edit = _must(replace(ahead, text="басқа"), [post], 60)
    assert edit.posted_at == NOW


def test_deletions_are_marks_and_come_back() -> None:
    post = _must(ITEM)
    mark = deletion([post], at=NOW + timedelta(minutes=1), accepted_at=NOW + timedelta(minutes=2))
    assert mark is not None
    assert (mark.deleted_at, mark.text) == (NOW + timedelta(minutes=1), "өрт")
    assert deletion([post, mark], at=NOW, accepted_at=NOW) is None
    assert deletion([], at=NOW, accepted_at=NOW) is None
    back = _must(ITEM, [post, mark], 9)
    assert back.edited_at == NOW + timedelta(minutes=9)
    assert back.deleted_at is None
