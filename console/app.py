"""Makes the console's application from a store, settings and a clock."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, tzinfo
from http import HTTPStatus
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from console.accounts import Accounts
from console.alerts.channels import channels
from console.alerts.outbox import Outbox
from console.alerts.run import Alerts
from console.board import Board
from console.claims import Claims
from console.deciding import Deciding
from console.handles import Handles
from console.highlight import shown
from console.hub import Hub
from console.places import Places
from console.reading import Reading
from console.regions import load_regions
from console.routes import (
    account,
    admin,
    alerting,
    audit,
    card,
    decisions,
    events,
    feeds,
    queue,
    reveal,
    search,
    session,
    stream,
    supervisor,
)
from console.row_html import RowHtml
from console.security import FormLimit, SecurityHeaders
from console.texts import Translate, load_texts
from console.times import distance, moment, span, zone
from console.towns import load_towns
from console.web import Console, NotSignedInError, attach, reader_or_none, render, to_login, words
from core.clock import Clock, SystemClock
from core.errors import OqigaError
from core.records import Event
from core.settings import PSEUDONYM_KEY, Settings, secret_key
from store.protocol import Store

log = logging.getLogger(__name__)

HERE = Path(__file__).parent
STATIC = "/static"
ERRORS = (403, 404, 405, 413, 422)


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
    incident_at = settings.nlp.incident_at
    regions = load_regions()
    board = Board(store, clock, regions=regions, incident_at=incident_at)
    reading = Reading(store, clock, towns=load_towns(), incident_at=incident_at, board=board)
    real = session_clock or SystemClock()
    claims = Claims(store, real)
    texts = load_texts()
    outbox = Outbox(store, real)
    alerts = Alerts(
        board,
        reading,
        outbox,
        settings,
        clock,
        real=real,
        channels=channels(settings, real),
        texts=texts,
    )
    hub = Hub(store, interesting=reading.interesting, shown=reading.shown, claims=claims.living)

    def announce(event: Event) -> None:
        newest = store.event(event.id, {event.audience})
        if newest is None:  # its audience is another now
            hub.withdraw(event)
            return
        board.refresh(newest, store.decisions({event.audience}, event.id))
        hub.republish(newest)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        task = asyncio.create_task(hub.run())
        warming = asyncio.create_task(asyncio.to_thread(_warm, board))
        stop = threading.Event()
        telling = threading.Thread(target=alerts.watch, args=(stop,), name="alerts")
        telling.start()
        try:
            yield
        finally:
            stop.set()
            hub.close()
            await asyncio.gather(task, warming)
            await asyncio.to_thread(telling.join)

    app = FastAPI(title="Oqiga", lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None)
    attach(
        app,
        Console(
            store=store,
            settings=settings,
            clock=clock,
            accounts=Accounts(store, real, settings.console.session_h),
            reading=reading,
            board=board,
            claims=claims,
            deciding=Deciding(store, claims, clock, announce),
            hub=hub,
            handles=Handles(store, real, lambda: secret_key(settings.under_home(PSEUDONYM_KEY))),
            regions=regions,
            places=Places.load(settings.under_home(settings.nlp.gazetteer_file)),
            pages=_environment(local_moment=_Moment(zone(settings.console.time_zone))),
            texts=texts,
            outbox=outbox,
        ),
    )
    for module in (
        session,
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
            "/admin",
            "/api/events/",
            "/api/decisions",
            "/api/views",
        ),
    )
    app.add_middleware(SecurityHeaders, static=STATIC)
    return app


def _warm(board: Board) -> None:
    try:
        board.warm()
    except OqigaError as error:
        log.error("the queue could not be read ahead: %s", error)


class _Moment:
    """Local time for templates."""

    def __init__(self, local: tzinfo) -> None:
        self._local = local

    def __call__(self, time: datetime, now: datetime | None = None) -> str:
        return moment(time, self._local, now=now)


def _environment(*, local_moment: _Moment) -> Environment:
    pages = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.globals["moment"] = local_moment
    pages.globals["span"] = span
    pages.globals["distance"] = distance
    pages.globals["ago"] = _ago
    pages.filters["masked"] = shown
    pages.globals["row_html"] = RowHtml(pages)
    return pages


def _ago(time: datetime, now: datetime, t: Translate) -> str:
    return span(max(0.0, (now - time).total_seconds()), t)


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
