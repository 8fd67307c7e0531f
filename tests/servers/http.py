"""A real HTTP server on 127.0.0.1 whose answers the tests write as functions."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Asked:
    """One request: path, query (last value of each name), header with lower-case names."""

    path: str
    query: dict[str, str]
    header: dict[str, str]
    at_s: float


@dataclass(frozen=True)
class Reply:
    """An answer. ``cut``: bytes of the body that are sent before the connection is closed."""

    body: bytes = b""
    status: int = 200
    kind: str = "text/html; charset=utf-8"
    header: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    wait_s: float = 0.0


Route = Callable[[Asked], Reply]


@dataclass
class HttpServer:
    """Routes by path; unknown ones are 404, robots.txt too unless given."""

    routes: dict[str, Route] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    port: int = 0

    @property
    def address(self) -> str:
        """Its address without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    def shows(self, path: str, body: str | bytes, **more: Any) -> None:
        """A path that always answers so."""
        data = body.encode() if isinstance(body, str) else body
        self.routes[path] = lambda _: Reply(data, **more)

    def in_turn(self, path: str, *replies: Reply) -> None:
        """A path that answers so in turn; the last answer stays."""
        left = list(replies)
        self.routes[path] = lambda _: left.pop(0) if len(left) > 1 else left[0]

    def paths(self) -> list[str]:
        """What was asked in order, robots.txt left out."""
        return [asked.path for asked in self.asked if asked.path != "/robots.txt"]

    def answer(self, asked: Asked) -> Reply:
        """The answer to a request."""
        self.asked.append(asked)
        route = self.routes.get(asked.path)
        return Reply(status=404) if route is None else route(asked)


@contextlib.contextmanager
def serving(server: HttpServer) -> Iterator[HttpServer]:
    """The server, listening."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            header = {name.lower(): value for name, value in self.headers.items()}
            reply = server.answer(Asked(parts.path, query, header, time.monotonic()))
            time.sleep(reply.wait_s)
            self.send_response(reply.status)
            for name, value in {"Content-Type": reply.kind, **reply.header}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body if reply.cut is None else reply.body[: reply.cut])
            if reply.cut is not None:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Silence."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Silence: a client that leaves is part of the tests."""

    listening = Server(("127.0.0.1", 0), Handler)
    server.port = listening.server_address[1]
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()
