"""Taking preview pages apart."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import SourceError
from crawlers.telegram_page import Message, Page, parse_page

from .conftest import message, page, service

URL = "https://t.me/s/almaty_synaq"
PHOTO = (
    '<a class="tgme_widget_message_photo_wrap 5301 1232_4567" href="https://t.me/almaty_synaq/7"'
    " style=\"width:800px;background-image:url('https://cdn4.example.org/file/a.jpg?t=1')\">"
    '<div class="tgme_widget_message_photo" style="padding-top:75%"></div></a>'
)
VIDEO = (
    '<a class="tgme_widget_message_video_player blured js-message_video_player" href="?single">'
    '<i class="tgme_widget_message_video_thumb" style="background-image:url(\'//x/t.jpg\')"></i>'
    '<div class="tgme_widget_message_video_wrap"><video src="https://cdn4.example.org/v.mp4?token=b"'
    ' class="tgme_widget_message_video js-message_video"></video></div>'
    '<time class="message_video_duration js-message_video_duration">0:20</time></a>'
)
REPLY = (
    '<a class="tgme_widget_message_reply user-color-default" '
    'href="https://t.me/almaty_synaq/5"><div class="tgme_widget_message_author accent_color">'
    '<span class="tgme_widget_message_author_name" dir="auto">Алматы</span></div>'
    '<div class="tgme_widget_message_text js-message_reply_text" dir="auto">чужие слова</div></a>'
)
FORWARD = (
    '<div class="tgme_widget_message_forwarded_from accent_color">Forwarded from&nbsp;<a '
    'class="tgme_widget_message_forwarded_from_name" href="https://t.me/astana_synaq/88">'
    '<span dir="auto">Астана сынақ</span></a></div>'
)


def _page(text: str, url: str = URL) -> Page:
    return parse_page(text.encode(), "utf-8", url)


def _only(text: str) -> Message:
    [found] = _page(page(text)).messages
    return found


def test_a_page_in_its_order() -> None:
    found = _page(page(service(1, "Channel created"), message(6), message(7), before=6))
    assert [m.native_id for m in found.messages] == ["almaty_synaq/6", "almaty_synaq/7"]
    assert [m.number for m in found.messages] == [6, 7]
    assert (found.before, found.skipped) == (6, 0)
    first = found.messages[0]
    assert first.url == "https://t.me/almaty_synaq/6"
    assert first.posted_at == datetime(2026, 3, 20, 14, 5, tzinfo=UTC)
    assert (first.text, first.views, first.edited) == ("Жол апаты", 1200, False)
    assert (first.media, first.forwarded_from, first.reply_to, first.lat) == ((), None, None, None)


def test_line_breaks_emoji_links_and_entities_are_kept() -> None:
    text = (
        '<b>ДТП</b> на&nbsp;Саина <i class="emoji" style="background-image:url(\'//x/e.png\')">'
        "<b>🚗</b></i><br/>угол &lt;Толе би&gt;<br><br>"
        '<a href="?q=%23алматы">#алматы</a> <tg-spoiler>видео</tg-spoiler>'
        "<blockquote>Очевидец:<br/>«стоят обе полосы»</blockquote>после  цитаты<!-- x --> и ещё"
    )
    assert _only(message(7, text)).text == (
        "ДТП на Саина 🚗\nугол <Толе би>\n\n#алматы видео\nОчевидец:\n«стоят обе полосы»\n"
        "после цитаты и ещё"
    )


def test_family_emoji_and_kazakh_letters_survive_and_reordering_marks_do_not() -> None:
    assert (
        _only(message(7, "Әке 👨‍👩‍👧 жоғалды\u202eқараңыз\u2066")).text
        == "Әке 👨‍👩‍👧 жоғалдықараңыз"
    )


def test_a_reply_is_linked_and_its_quote_is_not_the_text() -> None:
    found = _only(message(7, "уже потушили", inner=REPLY))
    assert (found.text, found.reply_to) == ("уже потушили", "almaty_synaq/5")


@pytest.mark.parametrize(
    ("href", "expected"),
    [
        ('href="https://t.me/astana_synaq/88"', "astana_synaq/88"),
        ('href="https://t.me/astana_synaq"', "astana_synaq"),
        ("", "Астана сынақ"),
    ],
)
def test_a_forward_names_its_origin(href: str, expected: str) -> None:
    inner = FORWARD.replace('href="https://t.me/astana_synaq/88"', href)
    assert _only(message(7, inner=inner)).forwarded_from == expected


def test_photos_and_videos() -> None:
    found = _only(message(7, None, inner=PHOTO + VIDEO))
    assert found.text == ""
    assert [m.url for m in found.media] == [
        "https://cdn4.example.org/file/a.jpg?t=1",
        "https://cdn4.example.org/v.mp4?token=b",
    ]
    assert found.attachments == ("photo", "video")


def test_an_album_is_one_message() -> None:
    inner = f'<div class="tgme_widget_message_grouped_wrap">{PHOTO}{PHOTO}</div>'
    assert len(_only(message(7, "Фото с места", inner=inner)).media) == 2


@pytest.mark.parametrize("link", ["javascript:alert(1)", "data:image/png;base64,AA", "file:///x"])
def test_only_web_addresses_are_media(link: str) -> None:
    inner = PHOTO.replace("https://cdn4.example.org/file/a.jpg?t=1", link)
    assert _only(message(7, inner=inner)).media == ()


def test_edited_poll_location_and_views() -> None:
    poll = (
        '<div class="tgme_widget_message_poll"><div class="tgme_widget_message_poll_question">'
        'Свет есть?</div><div class="tgme_widget_message_poll_option">'
        '<div class="tgme_widget_message_poll_option_text">Нет</div></div></div>'
    )
    place = (
        '<a class="tgme_widget_message_location_wrap" '
        'href="https://maps.google.com/maps?q=43.2383,76.8425&amp;ll=43.2383,76.8425&amp;z=16">'
        '<div class="tgme_widget_message_location"></div></a>'
    )
    found = _only(message(7, None, edited=True, inner=poll + place, views="987"))
    assert found.text == "Свет есть?\nНет"
    assert (found.lat, found.lon, found.edited, found.views) == (43.2383, 76.8425, True, 987)


def test_the_payload_is_what_was_served_and_can_be_parsed_again() -> None:
    body = page(message(6), message(7, "өрт &amp; түтін", inner=PHOTO)).encode()
    found = parse_page(body, "utf-8", URL).messages
    for each in found:
        assert each.payload in body
        again = parse_page(each.payload, "utf-8", URL).messages
        assert again == (each,)
    assert b"footer>" not in found[-1].payload


def test_a_page_in_windows_1251() -> None:
    body = page(message(7, "Пожар на рынке")).encode("cp1251", "replace")
    [found] = parse_page(body, "cp1251", URL).messages
    assert found.text == "Пожар на рынке"


def test_a_changed_structure_is_noticed_and_yields_nothing() -> None:
    good = [message(n) for n in range(1, 11)]
    renamed = page(*good).replace("tgme_widget_message_text", "tgme_text")
    with pytest.raises(SourceError, match=r"10 have neither text nor attachment.*structure has"):
        _page(renamed)
    with pytest.raises(SourceError, match="10 of 10 messages have no id or time"):
        _page(page(*good).replace("<time datetime", "<time data-at"))
    with pytest.raises(SourceError, match="no messages and no channel"):
        _page("<html><body><div class='tgme_page'>Contact @someone</div></body></html>")


def test_a_few_odd_messages_are_counted_and_the_rest_is_read() -> None:
    odd = message(8).replace('data-post="almaty_synaq/8"', 'data-post="?"')
    found = _page(page(message(6), message(7), odd))
    assert (len(found.messages), found.skipped) == (2, 1)


def test_a_channel_without_messages_is_no_error() -> None:
    assert _page(page()).messages == ()


def test_hostile_nesting_and_length_are_borne() -> None:
    deep = "<div>" * 20_000 + "дно" + "</div>" * 20_000
    long = "а" * 150_000
    found = _page(page(message(6, deep), message(7, long)))
    assert len(found.messages[-1].text) == 100_000


@given(st.binary(max_size=300), st.integers(0, 2000))
@settings(max_examples=80, deadline=None)
def test_damage_raises_source_errors_at_most(junk: bytes, at: int) -> None:
    body = page(message(6, inner=REPLY + FORWARD + PHOTO), before=6).encode()
    at = at % len(body)
    try:
        parse_page(body[:at] + junk + body[at + len(junk) :], "utf-8", URL)
    except SourceError:
        return


def test_what_looks_as_it_did_is_not_taken_apart_again() -> None:
    first = _page(page(message(6, views="1K"), message(7), message(8)))
    assert [m.number for m in first.messages] == [6, 7, 8]
    changed = page(message(6, views="2.5K"), message(7, "басқа"), message(8), message(9))
    again = parse_page(changed.encode(), "utf-8", URL, first.digests)
    assert [m.number for m in again.messages] == [7, 9], "views alone are no change"
    assert again.unchanged == ("almaty_synaq/6", "almaty_synaq/8")
    assert set(again.digests) == {f"almaty_synaq/{n}" for n in (6, 7, 8, 9)}
