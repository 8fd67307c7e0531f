"""Telegram Desktop's JSON export of a public channel or group (``result.json``). Pure but reading.

Structure, as Telegram Desktop 5 writes it: ``messages`` with ``id``, ``date_unixtime``, ``text`` as
a string or a list of pieces, ``forwarded_from``, ``reply_to_message_id``, ``photo`` or ``file``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.errors import SourceError
from core.inputs import MAX_TEXT_CHARS, clean_text
from core.records import RawPost, Source
from crawlers.found import Found
from crawlers.slices import elements, json_text

PARSER = "telegram_export/1"
MEDIA_TYPE = "application/json; item=telegram.export"
MAX_BYTES = 1_000_000_000
PUBLIC = ("public_channel", "public_supergroup")


def read_export(source: Source) -> tuple[list[Found], int]:
    """All messages of an export and how many could not be understood; raises SourceError."""
    path = Path(source.address)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SourceError(
                f"{path}: larger than {MAX_BYTES // 1_000_000} MB; export in parts by date"
            )
        text = json_text(path.read_bytes())
        value = json.loads(text)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{path}: no JSON ({error}); export again as JSON") from error
    messages = value.get("messages") if isinstance(value, dict) else None
    if not isinstance(messages, list):
        raise SourceError(
            f"{path}: no list of messages; export one channel as 'Machine-readable JSON'"
        )
    if value.get("type") not in PUBLIC:
        raise SourceError(
            f"{path}: an export of a {value.get('type')}; only public channels and groups are read"
        )
    found = list(_items(text, str(value.get("id"))))
    return [item for item in found if item is not None], sum(item is None for item in found)


def again(raw: RawPost) -> Found | None:
    """The item of a kept message, by the parser of today."""
    chat = raw.native_id.split("/")[1]
    return message(json.loads(raw.payload), raw.payload, chat)


def _items(text: str, chat: str) -> Iterator[Found | None]:
    for each, payload in elements(text, "messages"):
        if each.get("type") == "message":
            yield message(each, payload, chat)


def message(item: Mapping[str, Any], payload: bytes, chat: str) -> Found | None:
    """The item of one message; ``None`` without id, time, or anything to tell."""
    posted_at = _time(item.get("date_unixtime"))
    text = clean_text(_text(item))[:MAX_TEXT_CHARS]
    kinds = _kinds(item)
    if posted_at is None or not isinstance(item.get("id"), int) or not (text or kinds):
        return None
    place = item.get("location_information") or {}
    reply = item.get("reply_to_message_id")
    author = str(item.get("from_id") or "")
    return Found(
        native_id=f"c/{chat}/{item['id']}",
        text=text,
        posted_at=posted_at,
        payload=payload,
        media_type=MEDIA_TYPE,
        parser=PARSER,
        url=f"https://t.me/c/{chat}/{item['id']}",
        edited_at=_time(item.get("edited_unixtime")),
        author=f"telegram:{author.removeprefix('user')}" if author.startswith("user") else None,
        forwarded_from=None if author.startswith("user") else _origin(item),
        reply_to=f"c/{chat}/{reply}" if isinstance(reply, int) else None,
        attachments=kinds,
        lat=place.get("latitude"),
        lon=place.get("longitude"),
    )


def _text(item: Mapping[str, Any]) -> str:
    text = item.get("text")
    pieces = text if isinstance(text, list) else [text]
    said = "".join(p if isinstance(p, str) else str((p or {}).get("text") or "") for p in pieces)
    poll = item.get("poll") or {}
    answers = [str(answer.get("text") or "") for answer in poll.get("answers") or ()]
    return "\n".join(p for p in (said.strip(), str(poll.get("question") or ""), *answers) if p)


def _kinds(item: Mapping[str, Any]) -> tuple[str, ...]:
    kinds = []
    if item.get("photo"):
        kinds.append("photo")
    if item.get("file"):
        media = str(item.get("media_type") or "")
        kinds.append({"video_file": "video", "video_message": "roundvideo"}.get(media, "document"))
    for name in ("poll", "location_information"):
        if item.get(name):
            kinds.append(name.partition("_")[0])
    return tuple(kinds)


def _origin(item: Mapping[str, Any]) -> str | None:
    name = item.get("forwarded_from")
    return str(name)[:300] if name else None


def _time(value: object) -> datetime | None:
    try:
        time = datetime.fromtimestamp(int(str(value)), UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return time if 1990 <= time.year <= 2100 else None
