"""Serves the console until it is told to stop."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from types import FrameType

import uvicorn
from fastapi import APIRouter

from console.app import create_app
from console.hub import Hub
from console.web import Console
from core.clock import Clock
from core.errors import SettingsError
from core.settings import ConsoleSettings, Settings
from store.protocol import Store

GRACE_S = 5
"""Seconds that running requests get at the end; live streams end at once."""
BACKLOG = 512


def serve(
    store: Store,
    settings: Settings,
    clock: Clock,
    *,
    ready: Callable[[], None],
    extra_routers: Sequence[APIRouter] = (),
) -> None:
    """Serve on the configured host and port; returns after SIGTERM or SIGINT.

    ``ready`` is called once requests are answered. Raises SettingsError when the address cannot
    be used.
    """
    app = create_app(store, settings, clock, extra_routers)
    console: Console = app.state.console
    listening = _listen(settings.console)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,  # addresses hold ids of events and words of searches
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
        proxy_headers=False,
        ws="none",
    )
    try:
        _Server(config, hub=console.hub, ready=ready).run(sockets=[listening])
    finally:
        listening.close()


class _Server(uvicorn.Server):
    """uvicorn that says when it is ready, ends streams first, and keeps signals to itself."""

    def __init__(self, config: uvicorn.Config, *, hub: Hub, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._hub = hub
        self._ready = ready
        self._stopped_by: int | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._hub.close()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop; the same signal again does not wait. Not raised: the caller has work to end.

        Ctrl-C reaches the whole process group, and the parent then sends SIGTERM: still one stop.
        """
        self.force_exit = self.should_exit and sig == self._stopped_by
        self.should_exit, self._stopped_by = True, sig


def _listen(settings: ConsoleSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((settings.host, settings.port))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise SettingsError(
            f"console: {settings.host}:{settings.port} cannot be used ({error.strerror}); "
            "is Oqiga running already? Another port: OQIGA_CONSOLE__PORT"
        ) from error
    return listening
