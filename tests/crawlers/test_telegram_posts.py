"""From messages to versions of posts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from core.records import Post, RawPost, Source
from crawlers.telegram_page import PARSER, Message, parse_page
from crawlers.telegram_posts import derive

from .conftest import NOW, message, page

SOURCE = Source(
    name="telegram:almaty_synaq", kind="telegram_preview", address="almaty_synaq", home="Алматы"
)


def _message(text: str = "Жол апаты", **changes: object) -> Message:
    [found] = parse_page(page(message(7, text)).encode(), "utf-8", "https://t.me/s/x").messages
    return replace(found, **changes)


def _derive(found: Message, *known: Post, minutes: int = 0) -> tuple[Post, RawPost] | None:
    at = NOW + timedelta(minutes=minutes)
    return derive(found, known, source=SOURCE, fetched_at=at, media_type="text/html; charset=utf-8")


def _made(pair: tuple[Post, RawPost] | None) -> tuple[Post, RawPost]:
    assert pair is not None
    return pair


def test_a_new_message_becomes_a_post_with_its_raw_payload() -> None:
    post, raw = _made(_derive(_message(edited=True)))
    assert (post.source, post.native_id, post.home) == (SOURCE.name, "almaty_synaq/7", "Алматы")
    assert (post.author, post.edited_at, post.accepted_at) == (None, None, NOW)
    assert post.extra["views"] == 1200
    assert post.extra["edited"] is True
    assert raw.payload == _message().payload
    assert (raw.parser, raw.native_id, raw.fetched_at) == (PARSER, post.native_id, NOW)


def test_views_and_addresses_of_media_make_no_new_version() -> None:
    post, _ = _made(_derive(_message()))
    assert _derive(_message(views=5_000_000, media=(), edited=True), post, minutes=5) is None


def test_changed_text_is_an_edit_at_the_time_it_was_seen() -> None:
    post, _ = _made(_derive(_message()))
    edited, _ = _made(_derive(_message("Жол апаты. Зардап шеккендер бар"), post, minutes=5))
    assert edited.id == post.id
    assert edited.edited_at == NOW + timedelta(minutes=5)
    back, _ = _made(_derive(_message(), post, edited, minutes=9))
    assert back.edited_at == NOW + timedelta(minutes=9)
    assert _derive(_message(), post, edited, back, minutes=12) is None


def test_an_edit_is_later_than_what_it_edits_whatever_the_clock_says() -> None:
    post, _ = _made(_derive(_message()))
    edited, _ = _made(_derive(_message("иначе"), post, minutes=-600))
    assert edited.edited_at is not None
    assert edited.edited_at > post.known_at


def test_a_message_that_was_thought_deleted_and_is_there_again_is_a_version() -> None:
    post, _ = _made(_derive(_message()))
    gone = post.model_copy(update={"deleted_at": NOW + timedelta(minutes=1), "version": 2})
    again, _ = _made(_derive(_message(), post, gone, minutes=2))
    assert again.edited_at == NOW + timedelta(minutes=2)
