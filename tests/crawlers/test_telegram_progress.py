"""How far a channel was read, exactly: nothing is skipped for an order of arrival."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telethon.tl import types

from core.errors import InputError
from crawlers.telegram_messages import MEDIA_TYPE, Place, complete, found_of, read_payload
from crawlers.telegram_progress import RECENT, Progress

from .conftest import NOW


def test_progress_survives_json() -> None:
    progress = Progress(5, {3: (3, 4)}, {3: 17}, (9, 1))
    assert Progress.of(progress.to_json()) == progress
    assert Progress.of({}) == Progress()


@given(st.permutations(list(range(11, 31))))
def test_live_messages_in_any_order_never_move_past_a_gap(order: list[int]) -> None:
    progress = Progress(last=10)
    seen: set[int] = set()
    for number in order:
        missing = progress.missing_before(number)
        assert missing is None or not set(range(*missing)) & {n for n in seen if n == progress.last}
        progress.advance(number)
        seen.add(number)
        assert progress.last is not None
        assert set(range(11, progress.last + 1)) <= seen, "every id up to it was read"


def test_a_new_source_begins_at_its_first_live_message() -> None:
    progress = Progress()
    assert progress.missing_before(70) is None
    progress.advance(70)
    assert progress.missing_before(73) == (71, 72)


def test_albums_are_one_post_under_their_first_id() -> None:
    progress = Progress()
    progress.saw(7, [7, 8])
    progress.saw(7, [9])
    assert progress.head_of([9]) == 7
    assert progress.deleted([8]) == ([], True)
    assert progress.deleted([7, 8, 9, 50]) == ([7, 50], False)
    assert progress.gone([8, 9], 1) == []
    assert progress.gone([50], 1) == [7]
    assert progress.gone([50], 8) == [], "what lies below the page is not judged by it"
    for n in range(100, 100 + 2 * RECENT):
        progress.saw(n, [n])
    assert len(progress.recent) == RECENT
    assert progress.head_of([7]) is None


def _message(number: int, group: int | None = None) -> Any:
    return SimpleNamespace(id=number, grouped_id=group)


def test_an_album_at_the_end_of_a_full_page_waits_for_the_next() -> None:
    page = [_message(3, 1), _message(1), _message(2, 1)]
    assert [m.id for m in complete(page, full_page=True)] == [1]
    assert [m.id for m in complete(page, full_page=False)] == [1, 2, 3]
    album = [_message(n, 1) for n in range(4)]
    assert complete(album, full_page=True) == album
    assert complete([], full_page=True) == []


def test_the_payload_gives_the_same_item_again() -> None:
    channel = types.Channel(
        id=5, title="т", photo=types.ChatPhotoEmpty(), date=NOW, username="almaty_synaq"
    )
    stranger = types.Channel(id=6, title="x", photo=types.ChatPhotoEmpty(), date=NOW)
    message = types.Message(
        id=1, peer_id=types.PeerChannel(5), date=NOW, message="🔥 өрт", grouped_id=None
    )
    found = found_of([message], {5: channel, 6: stranger}, Place("almaty_synaq"))
    assert found.media_type == MEDIA_TYPE
    messages, chats = read_payload(found.payload)
    assert list(chats) == [5], "only what the message names is kept"
    assert found_of(messages, chats, Place("almaty_synaq")) == found
    with pytest.raises(InputError, match="another version"):
        read_payload(b"\x01\x02\x03\x04" + found.payload)
