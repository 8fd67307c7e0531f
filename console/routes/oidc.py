"""Signing in by the organisation's own provider (OpenID Connect), beside local accounts."""

from __future__ import annotations

import logging

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError

from console.provider import ANSWERED_WITHIN, Attempt, Provider, ProviderError
from console.roles import start_page
from console.routes.session import login_form, set_cookie
from console.web import SESSION_COOKIE, Console, console_of, local_path, render
from core.errors import InputError
from core.sealing import seal, unseal
from core.secret_files import secret_key

router = APIRouter(include_in_schema=False)
log = logging.getLogger(__name__)
CALLBACK = "/login/oidc/callback"
ATTEMPT_COOKIE = "oqiga_oidc"
MAX_ANSWER_CHARS = 4_000


@router.get("/login/oidc")
def begin(request: Request, next: str = "") -> Response:
    """To the provider, with an attempt that the browser carries along."""
    console, provider = console_of(request), _provider(request)
    attempt = provider.begin(local_path(next) or "")
    try:
        address = provider.address(attempt, _redirect_uri(console))
    except ProviderError as error:
        return _failed(request, str(error))
    response = RedirectResponse(address, status_code=303)
    # Lax: the provider sends the browser back, and a strict cookie would stay at home.
    set_cookie(
        request,
        response,
        ATTEMPT_COOKIE,
        seal(attempt.model_dump_json(), _key(console), ATTEMPT_COOKIE),
        hours=ANSWERED_WITHIN.total_seconds() / 3600,
        samesite="lax",
    )
    return response


@router.get(CALLBACK)
def callback(request: Request) -> Response:
    """The provider's answer: a session for whom it vouches for, if a role is theirs."""
    console, provider = console_of(request), _provider(request)
    if len(request.url.query) > MAX_ANSWER_CHARS:
        raise HTTPException(422)
    attempt = _attempt(request)
    if attempt is None:
        return _failed(request, "the browser brought no attempt of this console")
    answer = dict(request.query_params)
    try:
        who = provider.identity(attempt, answer, _redirect_uri(console))
        token, user = console.accounts.sign_in_vouched(
            who, trusted_factor=console.settings.oidc.factor, factor_for=_factor_for(console)
        )
    except (ProviderError, InputError) as error:
        return _failed(request, str(error))
    # A page that goes on by itself: a redirect would still count as the provider's, and the
    # browser would leave the strict session cookie out.
    target = local_path(attempt.target) or start_page(user.role)
    response = render(request, "signed_in.html", who=None, target=target)
    set_cookie(request, response, SESSION_COOKIE, token, hours=console.settings.console.session_h)
    response.delete_cookie(ATTEMPT_COOKIE)
    return response


def _provider(request: Request) -> Provider:
    provider = console_of(request).provider
    if provider is None:
        raise HTTPException(404)
    return provider


def _attempt(request: Request) -> Attempt | None:
    sealed = request.cookies.get(ATTEMPT_COOKIE, "")
    try:
        text = unseal(sealed, _key(console_of(request)), ATTEMPT_COOKIE)
        return Attempt.model_validate_json(text)
    except (InputError, ValidationError):
        return None


def _failed(request: Request, why: str) -> Response:
    log.warning("sign-in by the provider failed: %s", why)
    response = login_form(request, "", problem="login.oidc_failed", status=401)
    response.delete_cookie(ATTEMPT_COOKIE)
    return response


def _redirect_uri(console: Console) -> str:
    base = console.settings.oidc.base_url or console.settings.alerts.base_url
    return base.rstrip("/") + CALLBACK


def _factor_for(console: Console) -> frozenset[str]:
    return frozenset(console.settings.console.factor_for)


def _key(console: Console) -> bytes:
    return secret_key(console.settings.under_home(console.settings.oidc.key_file))
