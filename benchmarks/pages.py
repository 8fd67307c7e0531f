"""A site of our own on 127.0.0.1 that serves public preview pages of channels as time goes by."""

from __future__ import annotations

import html
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

PAGE = 20
"""Messages a page, as on the real preview."""
MESSAGE = """
<div class="tgme_widget_message_wrap js-widget_message_wrap"><div
 class="tgme_widget_message js-widget_message" data-post="{channel}/{number}">
<div class="tgme_widget_message_bubble">
<div class="tgme_widget_message_text js-message_text" dir="auto">{text}</div>
<div class="tgme_widget_message_footer"><span class="tgme_widget_message_meta">
<a class="tgme_widget_message_date" href="https://t.me/{channel}/{number}"><time
 datetime="{at}" class="time">00:00</time></a></span></div></div></div></div>"""
DOCUMENT = """<!doctype html><html><head><meta charset="utf-8"></head>
<body class="widget_frame_base"><header class="tgme_header"></header>
<div class="tgme_channel_info"><a href="https://t.me/{channel}">@{channel}</a></div>
<section class="tgme_channel_history js-message_history">{more}{messages}</section></body></html>"""
MORE = (
    '<div class="tgme_widget_message_centered js-messages_more_wrap"><a '
    'href="/s/{channel}?before={before}" class="tme_messages_more js-messages_more" '
    'data-before="{before}"></a></div>'
)


@dataclass
class Pages:
    """Channels by name: (when it was published, text) of each message, oldest first."""

    now: Callable[[], datetime]
    channels: dict[str, list[tuple[datetime, str]]] = field(default_factory=dict)
    address: str = ""

    def publish(self, channel: str, at: datetime, text: str) -> None:
        """Add a message to a channel's end."""
        self.channels.setdefault(channel, []).append((at, text))

    def page(self, channel: str, before: int | None) -> str:
        """The newest messages that are out and have numbers under ``before``."""
        now = self.now()
        known = self.channels[channel]
        out = [
            (number, at, text)
            for number, (at, text) in enumerate(known, 1)
            if at <= now and (before is None or number < before)
        ]
        shown = out[-PAGE:]
        more = MORE.format(channel=channel, before=shown[0][0]) if len(out) > PAGE else ""
        return DOCUMENT.format(channel=channel, more=more, messages=_messages(channel, shown))


def _messages(channel: str, shown: Sequence[tuple[int, datetime, str]]) -> str:
    return "".join(
        MESSAGE.format(
            channel=channel, number=number, text=html.escape(text), at=at.isoformat("T", "seconds")
        )
        for number, at, text in shown
    )


@contextmanager
def serving(pages: Pages) -> Iterator[Pages]:
    """Serve the channels until the block ends; their names stand below ``address``/s/."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            channel = parts.path.removeprefix("/s/")
            if channel not in pages.channels:
                self.send_error(404)
                return
            before = parse_qs(parts.query).get("before")
            body = pages.page(channel, int(before[0]) if before else None).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1})
    thread.start()
    pages.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield pages
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
