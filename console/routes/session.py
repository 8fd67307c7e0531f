"""Signing in and out, language and theme."""

from __future__ import annotations

import hmac
import secrets
from typing import Annotated, Literal

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from console.accounts import MAX_NAME_CHARS, MAX_PASSWORD_CHARS
from console.roles import start_page
from console.texts import LANGUAGES
from console.web import (
    LANGUAGE_COOKIE,
    LOGIN_COOKIE,
    SESSION_COOKIE,
    THEME_COOKIE,
    THEMES,
    YEAR_S,
    CurrentReader,
    check_csrf,
    console_of,
    local_path,
    reader_or_none,
    render,
    same_origin,
    secure,
)

router = APIRouter(include_in_schema=False)

Name = Annotated[str, Form(max_length=MAX_NAME_CHARS)]
Password = Annotated[str, Form(max_length=MAX_PASSWORD_CHARS)]
Token = Annotated[str, Form(max_length=200)]
Target = Annotated[str, Form(max_length=500)]


@router.get("/login")
def login_page(request: Request, next: str = "") -> Response:
    """The sign-in form."""
    who = reader_or_none(request)
    if who is not None:
        return RedirectResponse(local_path(next) or start_page(who.role), status_code=303)
    return login_form(request, next)


@router.post("/login")
def login(
    request: Request,
    name: Name = "",
    password: Password = "",
    code: Annotated[str, Form(max_length=20)] = "",
    token: Token = "",
    next: Target = "",
) -> Response:
    """Sign in; a wrong name and a wrong password get the same answer."""
    same_origin(request)
    _check_login_token(request, token)
    console = console_of(request)
    name = name.strip()
    session = console.accounts.sign_in(name, password, code)
    if session is None:
        problem = "login.locked" if console.accounts.locked(name) else "login.wrong"
        return login_form(request, next, problem=problem, status=401)
    signed_in = console.accounts.signed_in(session)
    role_page = start_page(signed_in.user.role) if signed_in else "/queue"
    if signed_in and signed_in.user.role in console.settings.console.factor_for:
        role_page = role_page if signed_in.user.totp else "/account"
    response = RedirectResponse(local_path(next) or role_page, status_code=303)
    set_cookie(request, response, SESSION_COOKIE, session, hours=console.settings.console.session_h)
    response.delete_cookie(LOGIN_COOKIE)
    return response


@router.post("/logout")
def logout(request: Request, who: CurrentReader, csrf: Token = "") -> Response:
    """Sign out: the session is gone from the store, not only from the browser."""
    same_origin(request)
    check_csrf(who, csrf)
    console_of(request).accounts.sign_out(who.signed_in)
    response = RedirectResponse("/login", status_code=303)
    response.delete_cookie(SESSION_COOKIE)
    return response


@router.post("/preferences")
def preferences(
    request: Request,
    lang: Annotated[str, Form(max_length=10)] = "",
    theme: Annotated[str, Form(max_length=10)] = "",
    csrf: Token = "",
    next: Target = "/",
) -> Response:
    """Keep language and theme in cookies; also for those who have not signed in yet."""
    same_origin(request)
    who = reader_or_none(request)
    if who is not None:
        check_csrf(who, csrf)
    else:
        _check_login_token(request, csrf)
    response = RedirectResponse(local_path(next) or "/", status_code=303)
    for name, value, choices in (
        (LANGUAGE_COOKIE, lang, LANGUAGES),
        (THEME_COOKIE, theme, THEMES),
    ):
        if value in choices:
            set_cookie(request, response, name, value, hours=YEAR_S / 3600)
    return response


@router.get("/")
def start(request: Request, who: CurrentReader) -> Response:
    """To the page where this role begins."""
    return RedirectResponse(start_page(who.role), status_code=303)


def login_form(request: Request, target: str, *, problem: str = "", status: int = 200) -> Response:
    """The sign-in page."""
    console = console_of(request)
    token = request.cookies.get(LOGIN_COOKIE) or secrets.token_urlsafe(32)
    response = render(
        request,
        "login.html",
        who=None,
        status=status,
        token=token,
        target=local_path(target) or "",
        problem=problem,
        provider=console.provider is not None,
        provider_label=console.settings.oidc.label,
    )
    set_cookie(request, response, LOGIN_COOKIE, token, hours=1)
    return response


def _check_login_token(request: Request, given: str) -> None:
    expected = request.cookies.get(LOGIN_COOKIE, "")
    if not expected or not hmac.compare_digest(expected.encode(), given.encode()):
        raise HTTPException(403)


def set_cookie(
    request: Request,
    response: Response,
    name: str,
    value: str,
    *,
    hours: float,
    samesite: Literal["strict", "lax"] = "strict",
) -> None:
    """A cookie that scripts and plain connections do not get."""
    response.set_cookie(
        name,
        value,
        max_age=round(hours * 3600),
        httponly=True,
        samesite=samesite,
        secure=secure(request),
    )
