"""A person's own account: password, second factor, sessions, saved views."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from console import totp
from console.accounts import MAX_PASSWORD_CHARS
from console.web import (
    CurrentReader,
    EventReader,
    Reader,
    check_csrf,
    console_of,
    csrf_header,
    render,
    same_origin,
)
from core.errors import InputError

router = APIRouter()
VIEWS = "views:"
MAX_VIEWS = 30
Token = Annotated[str, Form(max_length=200)]
Password = Annotated[str, Form(max_length=MAX_PASSWORD_CHARS)]


class SavedView(BaseModel):
    """A name for a choice of filters; without ``query`` the name is given up."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(min_length=1, max_length=60)
    query: str | None = Field(default=None, max_length=1_000)


@router.get("/account", include_in_schema=False)
def account_page(request: Request, who: CurrentReader) -> Response:
    """The person's own account."""
    return _page(request, who)


@router.post("/account/password", include_in_schema=False)
def password(
    request: Request,
    who: CurrentReader,
    old: Password = "",
    new: Password = "",
    csrf: Token = "",
) -> Response:
    """A new password; all other sessions end."""
    _guard(request, who, csrf)
    try:
        console_of(request).accounts.change_password(who.signed_in, old, new)
    except InputError as error:
        return _page(request, who, problem=str(error), status=422)
    return _page(request, who, done="account.password_changed")


@router.post("/account/factor", include_in_schema=False)
def factor(
    request: Request, who: CurrentReader, secret: Token = "", code: Token = "", csrf: Token = ""
) -> Response:
    """Turn the second factor on with a code of it, or off with one."""
    _guard(request, who, csrf)
    console = console_of(request)
    user = who.signed_in.user
    try:
        if user.totp is None:
            console.accounts.set_factor(user, secret, code)
        elif (
            totp.matching_step(user.totp, code, console.accounts.clock.now(), user.totp_step)
            is None
        ):
            raise InputError("the code does not fit; check the clock of the phone")
        else:
            console.accounts.drop_factor(user, user.name)
    except InputError as error:
        return _page(request, who, problem=str(error), status=422, secret=secret)
    return RedirectResponse("/account", status_code=303)


@router.post("/account/sessions", include_in_schema=False)
def end_session(
    request: Request, who: CurrentReader, session: Token = "", csrf: Token = ""
) -> Response:
    """End one of one's own sessions."""
    _guard(request, who, csrf)
    accounts = console_of(request).accounts
    if session not in {one.id for one in accounts.sessions(who.name)}:
        raise HTTPException(404)
    accounts.revoke(session, who.name)
    return RedirectResponse("/account", status_code=303)


@router.get("/api/views")
def views(request: Request, who: EventReader) -> dict[str, str]:
    """The person's saved views: filters of the queue, by name."""
    return _views(console_of(request).store.note(VIEWS + who.name))


@router.put("/api/views", dependencies=[Depends(csrf_header)])
def save_view(request: Request, who: EventReader, body: SavedView) -> dict[str, str]:
    """Save a view, or forget it; the views that there are now."""
    store, key = console_of(request).store, VIEWS + who.name
    while True:
        text = store.note(key)
        kept = _views(text)
        if body.query is None:
            kept.pop(body.name, None)
        else:
            kept[body.name] = body.query
        if len(kept) > MAX_VIEWS:
            raise HTTPException(422, f"at most {MAX_VIEWS} views are kept; forget one first")
        if store.swap_note(key, text, json.dumps(kept, ensure_ascii=False)):
            return kept


def _views(text: str | None) -> dict[str, str]:
    return {} if text is None else dict(json.loads(text))


def _guard(request: Request, who: Reader, csrf: str) -> None:
    same_origin(request)
    check_csrf(who, csrf)


def _page(
    request: Request,
    who: Reader,
    *,
    problem: str = "",
    done: str = "",
    status: int = 200,
    secret: str = "",
) -> Response:
    console = console_of(request)
    user = console.store.user(who.name) or who.signed_in.user
    fresh = secret if secret and user.totp is None else totp.new_secret()
    return render(
        request,
        "account.html",
        who=who,
        status=status,
        problem=problem,
        done=done,
        factor_on=user.totp is not None,
        vouched=user.subject is not None,
        secret=fresh,
        address=totp.address(fresh, user.name),
        needed=user.role in console.settings.console.factor_for,
        sessions=console.accounts.sessions(who.name),
        current=who.signed_in.session.id,
    )
