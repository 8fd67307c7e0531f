"""Makes the console's application from a store, settings and a clock."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator, Sequence
from http import HTTPStatus
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from console.assembly import make_console
from console.routes import (
    account,
    admin,
    alerting,
    audit,
    card,
    decisions,
    events,
    feeds,
    filed,
    oidc,
    queue,
    reveal,
    search,
    session,
    stream,
    supervisor,
)
from console.security import FormLimit, SecurityHeaders, policy
from console.web import (
    Console,
    NotSignedInError,
    attach,
    attached,
    reader_or_none,
    render,
    to_login,
    words,
)
from core.clock import Clock, SystemClock
from core.errors import OqigaError
from core.settings import Settings
from store.protocol import Store

log = logging.getLogger(__name__)

HERE = Path(__file__).parent
STATIC = "/static"
ERRORS = (403, 404, 405, 413, 422)
ERRORS_OF_API: tuple[int | str, ...] = (401, 403, 404, 422, 503)


class Mistake(BaseModel):
    """One mistake in a request."""

    where: str
    problem: str


class Problem(BaseModel):
    """Why a request was not answered: a sentence, or the mistakes in it."""

    detail: str | list[Mistake]


def create_app(
    store: Store,
    settings: Settings,
    clock: Clock,
    extra_routers: Sequence[APIRouter] = (),
    *,
    session_clock: Clock | None = None,
) -> FastAPI:
    """The console as an ASGI application.

    ``store`` is called from several threads. ``clock`` tells the time of events and decisions, a
    replay's too; sessions and lock-outs go by ``session_clock`` (default: the machine's).
    ``extra_routers`` bring their own authentication and limits, as the intake's API does. Raises
    SettingsError for an unknown time zone.
    """
    app = make_app(settings, extra_routers)
    attach(app, make_console(store, settings, clock, session_clock or SystemClock()))
    return app


def make_app(settings: Settings, extra_routers: Sequence[APIRouter] = ()) -> FastAPI:
    """The routes and guards, which work with the console that is attached when they are asked."""
    app = FastAPI(
        title="Oqiga",
        lifespan=_lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        responses={status: {"model": Problem} for status in ERRORS_OF_API},
    )
    for module in (
        session,
        oidc,
        account,
        queue,
        search,
        events,
        decisions,
        card,
        reveal,
        feeds,
        stream,
        supervisor,
        alerting,
        audit,
        admin,
        filed,
    ):
        app.include_router(module.router)
    for router in extra_routers:
        app.include_router(router)
    app.mount(STATIC, StaticFiles(directory=HERE / "static"), name="static")
    app.add_exception_handler(NotSignedInError, _not_signed_in)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(OqigaError, _store_failed)
    app.add_middleware(
        FormLimit,
        prefixes=(
            "/login",
            "/logout",
            "/preferences",
            "/account",
            "/handles",
            "/alerts",
            "/supervisor",
            "/admin",
            "/api/events/",
            "/api/decisions",
            "/api/views",
        ),
    )
    app.add_middleware(SecurityHeaders, static=STATIC, policy=policy(settings.console.tiles))
    return app


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    console = attached(app)
    task = asyncio.create_task(console.hub.run())
    warming = asyncio.create_task(asyncio.to_thread(_warm, console))
    stop = threading.Event()
    telling = threading.Thread(target=console.alerts.watch, args=(stop,), name="alerts")
    noting = threading.Thread(target=console.showing.watch, args=(stop,), name="shown")
    telling.start()
    noting.start()
    try:
        yield
    finally:
        stop.set()
        console.hub.close()
        await asyncio.gather(task, warming)
        await asyncio.to_thread(telling.join)
        await asyncio.to_thread(noting.join)


def _warm(console: Console) -> None:
    try:
        console.board.warm()
    except OqigaError as error:
        log.error("the queue could not be read ahead: %s", error)


def _is_api(request: Request) -> bool:
    return request.url.path.startswith("/api/")


def _not_signed_in(request: Request, _: Exception) -> Response:
    if _is_api(request):
        return JSONResponse({"detail": words(request)("error.401")}, status_code=401)
    return to_login(request)


def _http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    status = error.status_code
    t = words(request)
    own = t(f"error.{status}") if status in ERRORS else t("error.other")
    if _is_api(request):
        plain = error.detail == HTTPStatus(status).phrase
        detail = own if plain or not error.detail else error.detail
        return JSONResponse({"detail": detail}, status_code=status, headers=error.headers)
    return _error_page(request, status, own)


def _store_failed(request: Request, error: Exception) -> Response:
    log.error("a request failed: %s", error)
    told = words(request)("error.store")
    if _is_api(request):
        return JSONResponse({"detail": told}, status_code=503)
    # Without asking who reads: that would need the store.
    return render(request, "error.html", who=None, status=503, code=503, message=told)


def _error_page(request: Request, status: int, message: str) -> Response:
    who = reader_or_none(request)
    return render(request, "error.html", who=who, status=status, code=status, message=message)


def _invalid(request: Request, error: Exception) -> Response:
    problems = error.errors() if isinstance(error, RequestValidationError) else []
    told = [
        {"where": ".".join(str(part) for part in item["loc"]), "problem": str(item["msg"])}
        for item in problems
    ]
    if _is_api(request):
        return JSONResponse({"detail": told}, status_code=422)
    return _error_page(request, 422, words(request)("error.422"))
