"""Telegram Desktop's JSON export."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.errors import SourceError
from core.records import RawPost, Source
from crawlers.found import Found
from crawlers.telegram_export import again, read_export

from .conftest import NOW

ROWS: list[dict[str, Any]] = [
    {"id": 1, "type": "service", "date_unixtime": "1774000000", "action": "create_channel"},
    {
        "id": 2,
        "type": "message",
        "date": "2026-03-20T14:05:00",
        "date_unixtime": "1774000100",
        "edited_unixtime": "1774000200",
        "from": "Алматы сынақ",
        "from_id": "channel1234567890",
        "text": ["Жол апаты ", {"type": "bold", "text": "Сайын"}, " көшесінде 🚗"],
        "photo": "photos/photo_1.jpg",
    },
    {
        "id": 3,
        "type": "message",
        "date_unixtime": "1774000300",
        "from": "Куә",
        "from_id": "user700001",
        "text": "көрдім",
        "reply_to_message_id": 2,
        "forwarded_from": "Біреу",
        "location_information": {"latitude": 43.2, "longitude": 76.9},
    },
    {"id": 4, "type": "message", "date_unixtime": "қате", "text": "x"},
]


def _source(folder: Path, value: object) -> Source:
    path = folder / "result.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    return Source(name="export", kind="telegram_export", address=str(path))


def _read(folder: Path) -> tuple[list[Found], int]:
    value = {"name": "x", "type": "public_channel", "id": 1234567890, "messages": ROWS}
    return read_export(_source(folder, value))


def test_messages_are_read(tmp_path: Path) -> None:
    [post, reply], skipped = _read(tmp_path)
    assert skipped == 1
    assert post.text == "Жол апаты Сайын көшесінде 🚗"
    assert (post.native_id, post.author, post.attachments) == ("c/1234567890/2", None, ("photo",))
    assert post.edited_at is not None
    assert (reply.reply_to, reply.author) == ("c/1234567890/2", "telegram:700001")
    assert reply.forwarded_from is None, "a person is not traced"
    assert (reply.lat, reply.lon) == (43.2, 76.9)


def test_a_kept_message_gives_the_same_item_again(tmp_path: Path) -> None:
    found, _ = _read(tmp_path)
    for item in found:
        raw = RawPost(
            id="r",
            source="export",
            native_id=item.native_id,
            url=item.url,
            fetched_at=NOW,
            media_type=item.media_type,
            payload=item.payload,
            parser=item.parser,
        )
        assert again(raw) == item


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("{", "no JSON"),
        ([], "no list of messages"),
        ({"chats": {"list": []}}, "no list of messages"),
        ({"type": "personal_chat", "messages": []}, "only public channels"),
        ({"type": "private_supergroup", "messages": []}, "only public channels"),
    ],
)
def test_what_is_no_public_export_is_refused(tmp_path: Path, value: object, word: str) -> None:
    with pytest.raises(SourceError, match=word):
        read_export(_source(tmp_path, value))


def test_an_absent_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        read_export(Source(name="e", kind="telegram_export", address=str(tmp_path / "no.json")))
