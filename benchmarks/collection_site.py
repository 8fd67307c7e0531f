"""A server of preview pages, as fast as a process can: ``python -m benchmarks.collection_site``.

``/s/NAME?before=N`` shows the 20 messages before N, without one the newest 20 of 400.
"""

from __future__ import annotations

import asyncio
import html
import sys
from functools import cache

NEWEST = 400
ITEMS = 20
TEXT = (
    "Сайын көшесі мен Абай даңғылының қиылысында жол апаты болды, екі көлік соқтығысты. "
    "На месте работают спасатели, движение затруднено, объезд по соседним улицам. "
)


@cache
def page(name: str, before: int) -> bytes:
    """One page of a channel, in the structure of the real ones."""
    first = max(1, before - ITEMS)
    rows = "".join(_message(name, number) for number in range(first, before))
    more = f'<a href="/s/{name}?before={first}" class="tme_messages_more js-messages_more" '
    more += f'data-before="{first}"></a>' if first > 1 else "></a>"
    return (
        f'<!DOCTYPE html><html><head><title>{name}</title></head><body><div class="'
        f'tgme_channel_info_header_title">{html.escape(name)}</div><section class="'
        f'tgme_channel_history js-message_history">{more if first > 1 else ""}{rows}</section>'
        "</body></html>"
    ).encode()


def _message(name: str, number: int) -> str:
    return f"""<div class="tgme_widget_message_wrap js-widget_message_wrap"><div
 class="tgme_widget_message text_not_supported_wrap js-widget_message" data-post="{name}/{number}">
<div class="tgme_widget_message_user"><a href="https://t.me/{name}"><i
 class="tgme_widget_message_user_photo bgcolor0"></i></a></div><div
 class="tgme_widget_message_bubble"><div class="tgme_widget_message_author accent_color"><a
 class="tgme_widget_message_owner_name" href="https://t.me/{name}"><span
 dir="auto">{name}</span></a></div><a class="tgme_widget_message_photo_wrap" href="https://t.me/{name}/{number}"
 style="width:800px;background-image:url('https://cdn4.telesco.pe/file/{number}.jpg')"></a><div
 class="tgme_widget_message_text js-message_text" dir="auto">{TEXT * 2}{number}</div><div
 class="tgme_widget_message_footer compact js-message_footer"><div
 class="tgme_widget_message_info short js-message_info"><span
 class="tgme_widget_message_views">1.2K</span><span class="tgme_widget_message_meta"><a
 class="tgme_widget_message_date" href="https://t.me/{name}/{number}"><time
 datetime="2026-03-20T14:05:00+00:00" class="time">14:05</time></a></span></div></div></div></div>
</div>"""


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the requests of a connection."""
    while True:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()
            return
        target = head.split(b" ", 2)[1].decode()
        path, _, query = target.partition("?")
        found = path.startswith("/s/")
        before = int(query.removeprefix("before=") or NEWEST + 1) if found else 0
        body = page(path.removeprefix("/s/"), before) if found else b""
        status = b"200 OK" if found else b"404 Not Found"
        writer.write(
            b"HTTP/1.1 " + status + b"\r\nContent-Type: text/html; charset=utf-8\r\n"
            b"Content-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body
        )
        await writer.drain()


async def main() -> None:
    """Listen, say where, and serve until killed."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
