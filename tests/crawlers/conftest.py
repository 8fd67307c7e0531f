"""Preview pages of our own in the real structure, and a server that serves them on 127.0.0.1."""

from __future__ import annotations

import html
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from core.settings import CrawlerSettings, Settings
from store.sqlite import SqliteStore

NOW = datetime(2026, 3, 20, 14, 30, tzinfo=UTC)


def message(
    number: int,
    text: str | None = "Жол апаты",
    *,
    channel: str = "almaty_synaq",
    posted_at: str = "2026-03-20T14:05:00+00:00",
    edited: bool = False,
    inner: str = "",
    views: str = "1.2K",
) -> str:
    """One message; ``text`` is HTML, ``inner`` what stands in the bubble before it."""
    body = (
        ""
        if text is None
        else f'<div class="tgme_widget_message_text js-message_text" dir="auto">{text}</div>'
    )
    mark = "edited &nbsp;" if edited else ""
    return f"""
<div class="tgme_widget_message_wrap js-widget_message_wrap"><div
 class="tgme_widget_message text_not_supported_wrap js-widget_message"
 data-post="{channel}/{number}" data-view="eyJjIjotMTAwfQ">
<div class="tgme_widget_message_user"><a href="https://t.me/{channel}"><i
 class="tgme_widget_message_user_photo bgcolor0" data-content="А"></i></a></div>
<div class="tgme_widget_message_bubble">
<i class="tgme_widget_message_bubble_tail"><svg><g><path d="M9,1 L2,1"></path></g></svg></i>
<div class="tgme_widget_message_author accent_color"><a class="tgme_widget_message_owner_name"
 href="https://t.me/{channel}"><span dir="auto">Алматы сынақ арнасы</span></a></div>
{inner}{body}
<div class="tgme_widget_message_footer compact js-message_footer">
<div class="tgme_widget_message_info short js-message_info"><span
 class="tgme_widget_message_views">{views}</span><span class="copyonly"> views</span><span
 class="tgme_widget_message_meta">{mark}<a class="tgme_widget_message_date"
 href="https://t.me/{channel}/{number}"><time datetime="{posted_at}" class="time">14:05</time>
</a></span></div></div></div></div></div>"""


def service(number: int, text: str) -> str:
    """A service message: the channel was made, a message was pinned."""
    return f"""
<div class="tgme_widget_message_wrap js-widget_message_wrap"><div
 class="tgme_widget_message text_not_supported_wrap service_message js-widget_message"
 data-post="almaty_synaq/{number}"><div class="tgme_widget_message_bubble">
<div class="tgme_widget_message_text js-message_text" dir="auto">{text}</div>
<div class="tgme_widget_message_footer"><a class="tgme_widget_message_date"
 href="https://t.me/almaty_synaq/{number}"><time datetime="2026-01-01T00:00:00+00:00"
 class="time"></time></a></div></div></div></div>"""


def page(*messages: str, before: int | None = None, title: str = "Алматы сынақ арнасы") -> str:
    """A whole page with the channel's header and the link to older messages."""
    more = ""
    if before is not None:
        more = (
            '<div class="tgme_widget_message_centered js-messages_more_wrap"><a '
            f'href="/s/almaty_synaq?before={before}" class="tme_messages_more js-messages_more" '
            f'data-before="{before}"></a></div>'
        )
    return f"""<!DOCTYPE html><html><head><meta charset="utf-8"><title>{html.escape(title)}</title>
<meta property="og:title" content="{html.escape(title)}"></head><body class="widget_frame_base">
<header class="tgme_header"><div class="tgme_header_info"><a class="tgme_channel_info_header">
<div class="tgme_header_title"><span dir="auto">{html.escape(title)}</span></div></a></div></header>
<div class="tgme_channel_info"><div class="tgme_channel_info_header">
<div class="tgme_channel_info_header_title"><span dir="auto">{html.escape(title)}</span></div>
<div class="tgme_channel_info_header_username"><a href="https://t.me/almaty_synaq">@almaty_synaq</a>
</div></div></div>
<section class="tgme_channel_history js-message_history">{more}{"".join(messages)}</section>
<footer>конец</footer></body></html>"""


Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Site:
    """Channels by name, each a function of the query; and what was asked, when, as whom."""

    address: str = ""
    channels: dict[str, Callable[[dict[str, str]], Answer]] = field(default_factory=dict)
    robots: Answer = (404, {}, b"")
    asked: list[tuple[str, float, str]] = field(default_factory=list)
    requests: list[dict[str, str]] = field(default_factory=list)

    def show(self, channel: str, *pages: str) -> None:
        """A channel of several pages, the newest first."""

        def answer(query: dict[str, str]) -> Answer:
            before = int(query.get("before", "0"))
            number = next((n for n, b in enumerate(self.befores(pages)) if b == before), 0)
            return 200, {"Content-Type": "text/html; charset=utf-8"}, pages[number].encode()

        self.channels[channel] = answer

    @staticmethod
    def befores(pages: tuple[str, ...]) -> list[int]:
        """The number that leads to each page."""
        found = [0]
        for text in pages[:-1]:
            found.append(int(text.partition('data-before="')[2].partition('"')[0]))
        return found

    def answers(self, channel: str, *answers: Answer) -> None:
        """A channel that answers so, in turn; the last answer stays."""
        left = list(answers)
        self.channels[channel] = lambda _query: left.pop(0) if len(left) > 1 else left[0]

    def paths(self) -> list[str]:
        """What was asked, in order, robots.txt left out."""
        return [path for path, _, _ in self.asked if path != "/robots.txt"]


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            site.asked.append((self.path, time.monotonic(), self.headers.get("User-Agent", "")))
            site.requests.append(dict(self.headers.items()))
            if parts.path == "/robots.txt":
                status, headers, body = site.robots
            else:
                query = {k: v[0] for k, v in parse_qs(parts.query).items()}
                channel = site.channels.get(parts.path.removeprefix("/s/"))
                status, headers, body = channel(query) if channel else (404, {}, b"")
            self.send_response(status)
            length = headers.get("X-Length", str(len(body)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", length)
            self.end_headers()
            self.wfile.write(body)
            if length != str(len(body)):
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Silence."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Silence: a client that leaves is part of the tests."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    site.address = f"http://127.0.0.1:{server.server_address[1]}"
    yield site
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    crawlers = CrawlerSettings(
        allow_private_addresses=True, delay_s=0.0, timeout_s=2.0, requests_per_hour=1e6
    )
    return Settings(home=tmp_path / "home", crawlers=crawlers)


@pytest.fixture
def store(settings: Settings) -> Iterator[SqliteStore]:
    store = SqliteStore(settings.under_home(settings.store.path))
    yield store
    store.close()
