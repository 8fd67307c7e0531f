"""The input contract: what is accepted, what is refused, and in what words."""

from __future__ import annotations

import contextlib
import io
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from core.folding import fold_words
from core.inputs import MAX_LINE_BYTES, clean_text, make_post, make_report, parse_object
from core.lines import read_lines
from core.records import Category, Channel

NOW = datetime(2026, 3, 20, 14, 0, tzinfo=UTC)
KEY = b"k" * 32
POST = {"id": "1", "text": "на Саина пожар", "posted_at": "2026-03-20T19:00:00+05:00"}
REPORT = {"id": "r1", "text": "пожар", "received_at": "2026-03-20T19:00:00+05:00"}


def post(**changes: object) -> object:
    return make_post({**POST, **changes}, now=NOW, key=KEY)


def test_smallest_post_and_report() -> None:
    made = make_post(POST, now=NOW, key=KEY)
    assert made.posted_at == datetime(2026, 3, 20, 14, 0, tzinfo=UTC)
    assert made.native_id == "1"
    assert made.author is None
    report = make_report(REPORT, now=NOW)
    assert report.channel is Channel.OTHER
    assert report.category is None


def test_unknown_fields_are_kept() -> None:
    made = make_post({**POST, "views": 7, "tags": ["a"]}, now=NOW, key=KEY)
    assert made.extra == {"views": 7, "tags": ["a"]}


def test_author_is_kept_as_pseudonym_only() -> None:
    made = make_post({**POST, "author": "nick_77"}, now=NOW, key=KEY)
    assert made.author is not None
    assert "nick_77" not in made.model_dump_json()
    other_key = make_post({**POST, "author": "nick_77"}, now=NOW, key=b"x" * 32)
    assert other_key.author != made.author


def test_post_id_depends_on_source_and_native_id_only() -> None:
    first = make_post({**POST, "source": "a"}, now=NOW, key=KEY)
    again = make_post({**POST, "source": "a", "text": "другое"}, now=NOW, key=KEY)
    other = make_post({**POST, "source": "b"}, now=NOW, key=KEY)
    assert first.id == again.id != other.id
    assert first.content != again.content


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"posted_at": "2026-02-30T10:00:00+05:00"}, "posted_at"),
        ({"posted_at": "2026-03-20T19:00:00"}, "offset"),
        ({"posted_at": 1774000000}, "ISO 8601"),
        ({"posted_at": "вчера"}, "ISO 8601"),
        ({"posted_at": "0001-01-01T00:00:00+00:00"}, "year 1"),
        ({"text": None}, "text"),
        ({"text": "а" * 200_000}, "text"),
        ({"text": "ноль\x00"}, "U+0000"),
        ({"text": "\u202eтидереп"}, "U+202E"),
        ({"lat": 91.0, "lon": 76.0}, "lat"),
        ({"lat": 43.0}, "go together"),
        ({"lat": 43.0, "lon": 976.0}, "lon"),
        ({"id": ""}, "id"),
        ({"id": "a\u2066b"}, "U+2066"),
        ({"edited_at": "2026-03-20T18:59:59+05:00"}, "before posted_at"),
        ({"media": [{"size_bytes": -1}]}, "media"),
    ],
)
def test_bad_posts_are_refused_in_words(changes: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words.replace("+", r"\+")):
        post(**changes)


@pytest.mark.parametrize("missing", ["id", "text", "posted_at"])
def test_required_fields(missing: str) -> None:
    value = {k: v for k, v in POST.items() if k != missing}
    with pytest.raises(InputError, match=missing):
        make_post(value, now=NOW, key=KEY)


def test_emoji_joiners_and_direction_marks_are_accepted() -> None:
    text = "семья 👨‍👩‍👧 ❤️ \u200fسلام\u200e"
    assert make_post({**POST, "text": text}, now=NOW, key=KEY).text == text


def test_crawled_text_is_cleaned_instead_of_refused() -> None:
    assert clean_text("\u202eпожар\x00\nна Саина") == "пожар\nна Саина"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"channel": "pigeon"}, "channel"),
        ({"category": "ufo"}, "category"),
        ({"accuracy_m": -3}, "accuracy_m"),
        ({"lat": float("nan"), "lon": 1.0}, "lat"),
    ],
)
def test_bad_reports_are_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        make_report({**REPORT, **changes}, now=NOW)


def test_report_with_everything() -> None:
    made = make_report(
        {
            **REPORT,
            "channel": "app_photo",
            "category": "weapon",
            "lat": 43.2,
            "lon": 76.9,
            "accuracy_m": 15,
            "media": ["https://example.org/1.jpg"],
        },
        now=NOW,
    )
    assert made.category is Category.WEAPON
    assert made.media[0].url == "https://example.org/1.jpg"


@pytest.mark.parametrize(
    "line",
    [b"", b"{", b"[1]", b"\xff\xfe", b'{"a": NaN}', b"[" * 100_000, b'"text"', b"null"],
)
def test_unreadable_lines(line: bytes) -> None:
    with pytest.raises(InputError):
        parse_object(line)


def test_ten_megabytes_in_one_line_lose_nothing_else() -> None:
    huge = json.dumps({**POST, "text": "а" * 5_000_000}, ensure_ascii=False).encode()
    file = io.BytesIO(b'{"id": "a"}\n' + huge + b"\n\n" + b'{"id": "b"}')
    lines = list(read_lines(file))
    assert [line.number for line in lines] == [1, 2, 4]
    assert len(lines[1].data) == MAX_LINE_BYTES + 1
    assert lines[1].size_bytes == pytest.approx(len(huge), abs=1)
    with pytest.raises(InputError, match="at most"):
        parse_object(lines[1].data)
    assert parse_object(lines[2].data) == {"id": "b"}


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=20) | st.integers() | st.none()))
def test_any_object_is_a_post_or_a_clear_error(value: dict[str, object]) -> None:
    with contextlib.suppress(InputError):
        assert make_post({**POST, **value}, now=NOW, key=KEY).accepted_at == NOW


@given(st.binary(max_size=200))
def test_any_bytes_are_an_object_or_a_clear_error(data: bytes) -> None:
    with contextlib.suppress(InputError):
        assert isinstance(parse_object(data), dict)


@pytest.mark.parametrize(
    "value", [1e999, "\ud800", json.loads("[" * 250 + "]" * 250)], ids=["huge", "surrogate", "deep"]
)
def test_what_json_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(InputError, match="cannot be kept"):
        make_post({**POST, "unknown": value}, now=NOW, key=KEY)


def test_letters_of_two_signs_and_stress_do_not_split_words() -> None:
    assert fold_words("Саи\u0306н замо\u0301к") == ["сайн", "замок"]
