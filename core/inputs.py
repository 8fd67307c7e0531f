"""The input contract: one JSON line to a Post or Report, or an error that says what is wrong.

Unknown fields are kept in ``extra``. See "Contracts" in ``docs/architecture.md``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, NoReturn, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from core.errors import InputError
from core.ids import content_digest, digest, pseudonym
from core.links import channels_of, kept_link, kept_origin, kept_reference
from core.records import (
    Category,
    Channel,
    Latitude,
    Longitude,
    MediaRef,
    Post,
    Report,
    UtcDatetime,
)
from core.sealing import seal

MAX_TEXT_CHARS = 100_000
"""A news article fits 20 times over; Telegram's longest message is 4,096 characters."""
MAX_LINE_BYTES = 2_000_000
MAX_KEPT = 65_536
"""Bytes of a refused line that are kept for a person to look at."""
MAX_ID_CHARS = 300

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u0080-\u009f\u202a-\u202e\u2066-\u2069]")
"""Control characters and those that reorder text; joiners and marks of emoji and scripts pass."""

DEFAULT_SOURCE = "unnamed"

M = TypeVar("M", bound=BaseModel)
R = TypeVar("R", bound=BaseModel)


def clean_text(text: str) -> str:
    """The text without forbidden characters: for readers that keep the raw payload beside it."""
    return _FORBIDDEN.sub("", text)


def _no_forbidden(text: str) -> str:
    found = _FORBIDDEN.search(text)
    if found:
        raise ValueError(
            f"has the control or bidirectional character U+{ord(found[0]):04X} at position "
            f"{found.start()}; remove it and send again"
        )
    return text


def _iso_time(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("must be a string in ISO 8601 with offset, as 2026-03-20T19:05:00+05:00")
    try:
        time = datetime.fromisoformat(value)
    except ValueError as error:
        raise ValueError(
            f"is no date and time in ISO 8601 ({error}); as 2026-03-20T19:05:00+05:00"
        ) from error
    if time.tzinfo is None:
        raise ValueError("has no offset from UTC; as 2026-03-20T19:05:00+05:00")
    if not 1990 <= time.year <= 2100:
        raise ValueError(f"lies in the year {time.year}; between 1990 and 2100 is accepted")
    return time


def _name(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _media(value: object) -> object:
    if isinstance(value, list):
        return [{"url": item} if isinstance(item, str) else item for item in value]
    return value


Text = Annotated[str, Field(max_length=MAX_TEXT_CHARS), AfterValidator(_no_forbidden)]
ShortText = Annotated[
    str,
    BeforeValidator(_name),
    Field(min_length=1, max_length=MAX_ID_CHARS),
    AfterValidator(_no_forbidden),
]
LongText = Annotated[str, Field(max_length=2_000), AfterValidator(_no_forbidden)]
Time = Annotated[UtcDatetime, BeforeValidator(_iso_time)]


class MediaInput(BaseModel):
    """A photo or video of an input record."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    url: LongText | None = None
    digest: ShortText | None = None
    media_type: ShortText | None = None
    size_bytes: Annotated[int, Field(ge=0)] | None = None


Media = Annotated[tuple[MediaInput, ...], BeforeValidator(_media), Field(max_length=50)]


class _Input(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False)
    lat: Latitude | None = None
    lon: Longitude | None = None
    media: Media | None = None

    @model_validator(mode="after")
    def _both_or_neither(self) -> _Input:
        if (self.lat is None) != (self.lon is None):
            raise ValueError("lat and lon go together: give both or neither")
        return self


class PostInput(_Input):
    """An input post, as in the contract."""

    id: ShortText
    text: Text
    posted_at: Time
    source: ShortText | None = None
    url: LongText | None = None
    author: ShortText | None = None
    home: ShortText | None = None
    reply_to: ShortText | None = None
    forwarded_from: ShortText | None = None
    edited_at: Time | None = None
    deleted_at: Time | None = None

    @model_validator(mode="after")
    def _in_order(self) -> PostInput:
        for name in ("edited_at", "deleted_at"):
            later = getattr(self, name)
            if later is not None and later < self.posted_at:
                raise ValueError(f"{name} lies before posted_at")
        return self


class ReportInput(_Input):
    """An input report, as in the contract."""

    id: ShortText
    text: Text
    received_at: Time
    channel: Channel = Channel.OTHER
    category: Category | None = None
    accuracy_m: Annotated[float, Field(ge=0, le=20_100_000)] | None = None


def post_id(source: str, native_id: str) -> str:
    """Id of a post: digest of (source, native id)."""
    return digest("post", source, native_id)


def parse_object(line: bytes | str, limit_bytes: int = MAX_LINE_BYTES) -> dict[str, Any]:
    """One line of JSON lines as an object; raises InputError."""
    if len(line) > limit_bytes:
        raise InputError(
            f"the line has {len(line)} bytes, at most {limit_bytes} are accepted; shorten the text"
        )
    try:
        if isinstance(line, bytes):
            line = line.decode("utf-8-sig")
        value = json.loads(line, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise InputError(f"not UTF-8 at byte {error.start}; convert the file to UTF-8") from error
    except RecursionError as error:
        raise InputError("the JSON is nested too deeply") from error
    except ValueError as error:
        raise InputError(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise InputError(f"a JSON object is expected, this is a {type(value).__name__}")
    return value


def make_post(
    value: dict[str, Any], *, now: datetime, key: bytes, source: str | None = None
) -> Post:
    """A Post (version 1) from an input object; raises InputError.

    ``now`` becomes ``accepted_at`` (UTC); ``key`` makes the author's pseudonym; ``source`` is
    used where the object names none.
    """
    given = _validated(PostInput, value)
    name = given.source or source or DEFAULT_SOURCE
    extra, own = _extra(given), post_id(name, given.id)
    channels = channels_of(name)
    url, sealed_url = kept_link(
        given.url, key=key, place=own, channels=channels, author=given.author
    )
    return _built(
        lambda: Post(
            id=own,
            source=name,
            native_id=given.id,
            version=1,
            text=given.text,
            posted_at=given.posted_at,
            edited_at=given.edited_at,
            deleted_at=given.deleted_at,
            accepted_at=now,
            url=url,
            sealed_url=sealed_url,
            author=pseudonym(given.author, key) if given.author else None,
            handle=seal(given.author, key, own) if given.author else None,
            home=given.home,
            lat=given.lat,
            lon=given.lon,
            reply_to=kept_reference(given.reply_to, key, channels),
            forwarded_from=kept_origin(given.forwarded_from, key, channels, platform=False),
            media=_media_refs(given.media),
            extra=extra,
            content=content_digest(given.model_dump(mode="json")),
        )
    )


def make_report(value: dict[str, Any], *, now: datetime) -> Report:
    """A Report from an input object; raises InputError. ``now`` becomes ``accepted_at``."""
    given = _validated(ReportInput, value)
    return _built(
        lambda: Report(
            id=given.id,
            channel=given.channel,
            text=given.text,
            received_at=given.received_at,
            accepted_at=now,
            category=given.category,
            lat=given.lat,
            lon=given.lon,
            accuracy_m=given.accuracy_m,
            media=_media_refs(given.media),
            extra=_extra(given),
            content=content_digest(given.model_dump(mode="json")),
        )
    )


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _media_refs(media: tuple[MediaInput, ...] | None) -> tuple[MediaRef, ...]:
    return tuple(MediaRef(**item.model_dump()) for item in media or ())


def _extra(given: _Input) -> dict[str, object]:
    return dict(given.model_extra or {})


def _validated(model: type[M], value: dict[str, Any]) -> M:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise InputError(_sentences(error)) from error


def _built(make: Callable[[], R]) -> R:
    try:
        record = make()
        if type(record).model_validate_json(record.model_dump_json()) != record:
            raise ValueError("a number or character in it does not survive JSON")
    except ValueError as error:  # pydantic's errors are among them
        raise InputError(f"the record cannot be kept: {error}") from error
    return record


def _sentences(error: ValidationError) -> str:
    return "; ".join(
        ".".join(str(part) for part in item["loc"])
        + (" " if item["loc"] else "")
        + item["msg"].removeprefix("Value error, ")
        for item in error.errors(include_url=False, include_input=False)
    )
