"""The spider's decisions: addresses, how far to page back, what to say of a fault."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from scrapy.exceptions import IgnoreRequest, ResponseDataLossError
from scrapy.http import Request, Response
from scrapy.spidermiddlewares.httperror import HttpError

from core.errors import SourceError
from core.records import Source
from crawlers.faults import QuietLogFormatter, explain
from crawlers.telegram_preview import MAX_PAGES, advance, preview_url
from crawlers.web import Answer, Ask, Pass

from .conftest import NOW

SOURCE = Source(name="s", kind="telegram_preview", address="almaty_synaq")


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("almaty_synaq", "https://t.me/s/almaty_synaq"),
        ("@almaty_synaq", "https://t.me/s/almaty_synaq"),
        ("https://t.me/almaty_synaq", "https://t.me/s/almaty_synaq"),
        (" https://t.me/s/almaty_synaq/ ", "https://t.me/s/almaty_synaq"),
        ("http://127.0.0.1:8000/s/almaty_synaq", "http://127.0.0.1:8000/s/almaty_synaq"),
    ],
)
def test_addresses(address: str, url: str) -> None:
    assert preview_url(SOURCE.model_copy(update={"address": address})) == url


@pytest.mark.parametrize(
    "address", ["", "https://t.me/", "https://t.me/+AbCdEf", "ftp://t.me/x", "чат", "https://[x"]
)
def test_addresses_that_lead_to_no_public_channel(address: str) -> None:
    with pytest.raises(SourceError, match="no address of a public channel"):
        preview_url(SOURCE.model_copy(update={"address": address}))


def _messages(*numbers: int) -> Sequence[int]:
    return numbers


def _pass(since: int | None, pages: int = 1) -> Pass:
    return Pass(SOURCE, {}, last_id=None if since is None else str(since), pages=pages)


ANSWER = Answer(Ask("https://t.me/s/x"), "https://t.me/s/x", 200, b"", "utf-8", "text/html", NOW)


def test_paging_ends_where_the_last_pass_ended() -> None:
    assert advance(_pass(15), _messages(11, 20), 11, ANSWER) is None
    assert advance(_pass(10), _messages(11, 20), 11, ANSWER) is None
    assert advance(_pass(9), _messages(11, 20), 11, ANSWER) == 11
    assert advance(_pass(9), _messages(1, 20), None, ANSWER) is None


def test_a_new_source_brings_two_pages() -> None:
    assert advance(_pass(None, pages=1), _messages(11, 20), 11, ANSWER) == 11
    assert advance(_pass(None, pages=2), _messages(1, 10), 11, ANSWER) is None


def test_what_was_not_reached_is_a_gap() -> None:
    turn = _pass(100, pages=MAX_PAGES)
    assert advance(turn, _messages(901, 920), 901, ANSWER) is None
    [gap] = turn.gaps
    assert (gap.first, gap.last, gap.missing) == ("101", "900", 800)
    assert turn.newest == "920"


def _http_error(status: int) -> HttpError:
    response = Response("https://t.me/s/x", status=status, request=Request("https://t.me/s/x"))
    return HttpError(response)


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (_http_error(404), "no such page"),
        (_http_error(403), "may be private"),
        (_http_error(429), "slows down"),
        (_http_error(502), "answered 502"),
        (IgnoreRequest("Forbidden by robots.txt"), "robots.txt"),
        (IgnoreRequest(), "refused"),
        (ResponseDataLossError(), "cut off"),
        (RuntimeError("secret"), "RuntimeError"),
    ],
)
def test_faults_in_plain_words(error: Exception, word: str) -> None:
    assert word in explain(error)
    assert "secret" not in explain(error)


def test_the_log_formatter_hides_items() -> None:
    formatter = QuietLogFormatter()
    lines = (
        formatter.scraped("құпия", None, None),
        formatter.item_error("құпия", ValueError("құпия"), None, None),
    )
    assert not any("құпия" in str(line["msg"]) + str(line["args"]) for line in lines)
