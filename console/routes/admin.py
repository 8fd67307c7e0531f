"""The administrator's pages: state, accounts, sources, models, retention; and health."""

from __future__ import annotations

import secrets
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import FileResponse, RedirectResponse, Response

from console.accounts import MAX_NAME_CHARS, ensure_account
from console.highlight import shown
from console.roles import COUNTED
from console.routes.stream import silent_feeds
from console.times import zone
from console.web import (
    Administrator,
    Console,
    CurrentReader,
    Reader,
    check_csrf,
    console_of,
    render,
    same_origin,
)
from core.errors import InputError
from core.records import Role, User
from core.settings import load_sources
from media import retention

router = APIRouter()
PASSWORD_BYTES = 12
Token = Annotated[str, Form(max_length=200)]
Name = Annotated[str, Form(max_length=MAX_NAME_CHARS)]


@router.get("/healthz")
def health() -> dict[str, str]:
    """Whether the console answers."""
    return {"status": "ok"}


@router.get("/admin", include_in_schema=False)
def admin_page(request: Request, who: Administrator) -> Response:
    """Counts, feeds, accounts and what was set aside, without the contents of any record."""
    return _page(request, who)


@router.post("/admin/accounts", include_in_schema=False)
def add_account(
    request: Request, who: Administrator, name: Name = "", role: Token = "", csrf: Token = ""
) -> Response:
    """Make an account; its password is shown once."""
    _guard(request, who, csrf)
    console = console_of(request)
    name = name.strip()
    if console.store.user(name) is not None:
        return _page(request, who, problem=f"the account {name!r} exists", status=422)
    return _with_password(request, who, name, role)


@router.post("/admin/accounts/{name}/password", include_in_schema=False)
def new_password(request: Request, who: Administrator, name: str, csrf: Token = "") -> Response:
    """Give an account a new password, shown once; its sessions end."""
    _guard(request, who, csrf)
    user = _user(request, name)
    console_of(request).accounts.revoke_all(name, who.name)
    return _with_password(request, who, name, user.role)


@router.post("/admin/accounts/{name}/change", include_in_schema=False)
def change_account(
    request: Request,
    who: Administrator,
    name: str,
    do: Token = "",
    role: Token = "",
    csrf: Token = "",
) -> Response:
    """Disable or enable an account, change its role, drop a lost second factor."""
    _guard(request, who, csrf)
    accounts, user = console_of(request).accounts, _user(request, name)
    if name == who.name and do in ("disable", "role"):
        return _page(request, who, problem="one cannot lock oneself out", status=422)
    if do in ("disable", "enable"):
        accounts.change(name, who.name, disabled=do == "disable")
    elif do == "role" and role in set(Role):
        accounts.change(name, who.name, role=Role(role))
    elif do == "factor":
        accounts.drop_factor(user, who.name)
    elif do == "sessions":
        accounts.revoke_all(name, who.name)
    else:
        raise HTTPException(422)
    return RedirectResponse("/admin", status_code=303)


@router.post("/admin/retention", include_in_schema=False)
def run_retention(request: Request, who: Administrator, csrf: Token = "") -> Response:
    """Remove now what is over its limit; answers when it is done."""
    _guard(request, who, csrf)
    console = console_of(request)
    retention.retain(console.store, console.settings, console.clock, who.name)
    return RedirectResponse("/admin#retention", status_code=303)


@router.get("/tiles/map.pmtiles", include_in_schema=False)
def tiles(request: Request, who: CurrentReader) -> Response:
    """The operator's map tiles, in parts as the browser asks for them."""
    console = console_of(request)
    path = console.settings.under_home(Path(console.settings.console.tiles))
    if path.suffix != ".pmtiles" or not path.is_file():
        raise HTTPException(404)
    return FileResponse(path, media_type="application/vnd.pmtiles")


@router.get("/api/openapi.json", include_in_schema=False)
def openapi(request: Request, who: CurrentReader) -> dict[str, Any]:
    """The API's description, for those who are signed in."""
    description: dict[str, Any] = request.app.openapi()
    return description


def _guard(request: Request, who: Reader, csrf: str) -> None:
    same_origin(request)
    check_csrf(who, csrf)


def _user(request: Request, name: str) -> User:
    user = console_of(request).store.user(name)
    if user is None:
        raise HTTPException(404)
    return user


def _with_password(request: Request, who: Reader, name: str, role: str) -> Response:
    console = console_of(request)
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    try:
        if role not in set(Role):
            raise InputError("choose a role")
        ensure_account(
            console.store, name, Role(role), password, console.accounts.clock, by=who.name
        )
    except InputError as error:
        return _page(request, who, problem=str(error), status=422)
    return _page(request, who, fresh=(name, password))


def _page(
    request: Request,
    who: Reader,
    *,
    problem: str = "",
    status: int = 200,
    fresh: tuple[str, str] | None = None,
) -> Response:
    console = console_of(request)
    settings = console.settings
    counts: dict[str, int] = {}
    for session in console.accounts.sessions():
        counts[session.user] = counts.get(session.user, 0) + 1
    return render(
        request,
        "admin.html",
        who=who,
        status=status,
        problem=problem,
        fresh=fresh,
        stats=console.store.stats(COUNTED),
        feeds=console.store.heartbeats(),
        silent=silent_feeds(console.store, settings.intake, console.clock),
        aside=[
            {
                "at": item.at,
                "kind": item.kind,
                "where": shown(item.where)[:200],
                "problem": shown(item.problem)[:300],
                "size": item.size_bytes,
            }
            for item in console.store.set_aside_items(limit=100)
        ],
        users=console.store.users(),
        roles=list(Role),
        sessions=counts,
        sources=load_sources(settings.crawlers.sources_file),
        models={
            "nlp": str(settings.nlp.model_dir or ""),
            "incident_at": settings.nlp.incident_at,
            "confidential_at": settings.nlp.confidential_at,
            "link_at": settings.correlator.link_at,
        },
        assessor=console.reading.assessor(),
        kept=retention.kept(console.store, settings),
        last_run=retention.last_run(console.store),
        next_run=_next_run(console),
    )


def _next_run(console: Console) -> datetime | None:
    """When the live runtime removes next, ``None`` before it has run once."""
    last = retention.last_run(console.store)
    if last is None:
        return None
    local = zone(console.settings.console.time_zone)
    return retention.next_run(last.at, console.settings.retention.at, local)
