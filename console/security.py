"""Headers of every answer and the size of what the console's own forms may send."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not "no-referrer": with it browsers send "Origin: null" and a form's origin is unknown.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
MAX_FORM_BYTES = 64_000


def policy(tiles: str) -> str:
    """The policy; pictures may also come from the tile server that the operator chose."""
    address = urlsplit(tiles)
    if address.scheme not in ("http", "https") or not address.netloc:
        return POLICY
    origin = f"{address.scheme}://{address.netloc.replace('{s}', '*')}"
    return POLICY.replace("img-src 'self'", f"img-src 'self' {origin}")


class SecurityHeaders:
    """Adds the headers to every answer, errors too; only static files may be kept by a browser."""

    def __init__(self, app: ASGIApp, static: str, policy: str = POLICY) -> None:
        self._app = app
        self._static = static
        self._headers = {"Content-Security-Policy": policy, **HEADERS}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with the headers on its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        keep = scope["path"].startswith(self._static)

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)  # a filed report brings a policy of its own
                headers.setdefault("Cache-Control", "no-cache" if keep else "no-store")
            await send(message)

        await self._app(scope, receive, with_headers)


class FormLimit:
    """Answers 413 to a form or decision of more than 64 kB; other routers have their own limits."""

    def __init__(self, app: ASGIApp, prefixes: Sequence[str]) -> None:
        self._app = app
        self._prefixes = tuple(prefixes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read a limited body before the application sees it."""
        mine = scope["type"] == "http" and scope["path"].startswith(self._prefixes)
        if not mine or scope["method"] in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        chunks: list[bytes] = []
        size = 0
        more = True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return  # the sender went away
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
            more = message.get("more_body", False)
            if size > MAX_FORM_BYTES:
                headers = [(b"content-type", b"text/plain"), (b"connection", b"close")]
                await send({"type": "http.response.start", "status": 413, "headers": headers})
                await send({"type": "http.response.body", "body": b"too large"})
                return
        told = False

        async def replay() -> Message:
            nonlocal told
            if told:
                return await receive()
            told = True
            return {"type": "http.request", "body": b"".join(chunks), "more_body": False}

        await self._app(scope, replay, send)
