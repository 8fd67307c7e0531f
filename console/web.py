"""What every page shares: who reads, in which language, and the guards of requests."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, cast
from urllib.parse import urlsplit

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment

from console.accounts import Accounts, SignedIn
from console.alerts.budget import AlertBudget
from console.alerts.outbox import Outbox
from console.alerts.run import Alerts
from console.board import Board
from console.claims import Claims
from console.deciding import Decider, Deciding
from console.decisions import RejectReason
from console.handles import Handles
from console.hub import Hub
from console.places import Places
from console.provider import Provider
from console.reading import Reading
from console.regions import Region
from console.roles import RIGHTS, Action, Rights
from console.showing import Showing
from console.texts import DEFAULT_LANGUAGE, LANGUAGES, Translate
from core.clock import Clock
from core.records import INCIDENT_CATEGORIES, Audience, Role
from core.settings import ConsoleSettings, Settings
from store.protocol import Store

SESSION_COOKIE = "oqiga_session"
LOGIN_COOKIE = "oqiga_login"
LANGUAGE_COOKIE = "oqiga_lang"
THEME_COOKIE = "oqiga_theme"
THEMES = ("auto", "light", "dark")
CSRF_HEADER = "X-CSRF-Token"
REPORT_READERS = frozenset({Role.SUPERVISOR, Role.ANALYST, Role.INTERNAL_SECURITY})
"""Reports are for those who lead and evaluate; a shift has its queue."""
FACTORLESS = ("/account", "/logout", "/preferences")
"""What a person may do whose role needs a second factor before there is one."""
YEAR_S = 31_536_000


@dataclass(frozen=True)
class Console:
    """What the routes work with, made by ``create_app``."""

    store: Store
    settings: Settings
    clock: Clock
    accounts: Accounts
    reading: Reading
    board: Board
    claims: Claims
    deciding: Deciding
    hub: Hub
    showing: Showing
    handles: Handles
    outbox: Outbox
    alerts: Alerts
    budget: AlertBudget
    provider: Provider | None
    regions: list[Region]
    places: Places
    pages: Environment
    texts: dict[str, Translate]


@dataclass(frozen=True)
class Reader:
    """The signed-in person of a request."""

    signed_in: SignedIn
    rights: Rights

    @property
    def name(self) -> str:
        """The account's name."""
        return self.signed_in.user.name

    @property
    def role(self) -> Role:
        """The account's role."""
        return self.signed_in.user.role

    @property
    def audiences(self) -> frozenset[Audience]:
        """What may be read; no event for who may not see any."""
        return self.rights.audiences if self.rights.may(Action.SEE_EVENTS) else frozenset()

    @property
    def decider(self) -> Decider:
        """The person as one who decides."""
        return Decider(self.name, self.audiences)


class NotSignedInError(Exception):
    """The request needs a signed-in person: pages send to the sign-in, the API answers 401."""


def console_of(request: Request) -> Console:
    """The console that the application was made with."""
    return attached(request.app)


def attached(app: FastAPI) -> Console:
    """The console that an application works with."""
    return cast(Console, app.state.console)


def attach(app: FastAPI, console: Console) -> None:
    """Give the console to the application's routes."""
    app.state.console = console


def language(request: Request) -> str:
    """The reader's language: the cookie's, else Russian."""
    chosen = request.cookies.get(LANGUAGE_COOKIE, DEFAULT_LANGUAGE)
    return chosen if chosen in LANGUAGES else DEFAULT_LANGUAGE


def theme(request: Request) -> str:
    """The reader's choice of light or dark, else what the system says."""
    chosen = request.cookies.get(THEME_COOKIE, THEMES[0])
    return chosen if chosen in THEMES else THEMES[0]


def words(request: Request) -> Translate:
    """The console's words in the reader's language."""
    return console_of(request).texts[language(request)]


def reader_or_none(request: Request) -> Reader | None:
    """Who is signed in, if anybody."""
    signed_in = console_of(request).accounts.signed_in(request.cookies.get(SESSION_COOKIE))
    return Reader(signed_in, RIGHTS[signed_in.user.role]) if signed_in else None


def reader(request: Request) -> Reader:
    """Who is signed in; raises NotSignedInError."""
    found = reader_or_none(request)
    if found is None:
        raise NotSignedInError
    factor_for = console_of(request).settings.console.factor_for
    user = found.signed_in.user
    lacks_factor = found.role in factor_for and user.totp is None and user.subject is None
    if lacks_factor and not request.url.path.startswith(FACTORLESS):
        raise HTTPException(403, words(request)("account.factor_needed"))
    return found


CurrentReader = Annotated[Reader, Depends(reader)]


def allowed(action: Action) -> Callable[[Reader], Reader]:
    """A dependency: the reader, who may do this; answers 403 otherwise."""

    def check(who: CurrentReader) -> Reader:
        if not who.rights.may(action):
            raise HTTPException(403)
        return who

    return check


EventReader = Annotated[Reader, Depends(allowed(Action.SEE_EVENTS))]
Supervisor = Annotated[Reader, Depends(allowed(Action.SUPERVISE))]
Exporter = Annotated[Reader, Depends(allowed(Action.EXPORT))]
Auditor = Annotated[Reader, Depends(allowed(Action.AUDIT))]
Administrator = Annotated[Reader, Depends(allowed(Action.ADMINISTER))]


def same_origin(request: Request) -> None:
    """Answers 403 to a request that the browser says another site sent."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        raise HTTPException(403)
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise HTTPException(403)


def check_csrf(who: Reader, given: str | None) -> None:
    """Answers 403 unless ``given`` is the session's token."""
    expected = who.signed_in.session.csrf
    if not hmac.compare_digest((given or "").encode(), expected.encode()):
        raise HTTPException(403)


def csrf_header(request: Request, who: CurrentReader) -> None:
    """A dependency of all JSON writes."""
    same_origin(request)
    check_csrf(who, request.headers.get(CSRF_HEADER))


def secure(request: Request) -> bool:
    """Whether cookies are for HTTPS alone: they are wherever it is spoken."""
    return request.url.scheme == "https"


def local_path(target: str | None) -> str | None:
    """``target`` when it is a path of this console, so that nobody is sent elsewhere."""
    if not target or not target.startswith("/") or target.startswith("//") or "\\" in target:
        return None
    return target if target.isprintable() and not urlsplit(target).netloc else None


def tiles_address(settings: ConsoleSettings) -> str:
    """Where the map finds tiles: nowhere, an address with {z}, {x}, {y}, or our copy of a file."""
    return "/tiles/map.pmtiles" if settings.tiles.endswith(".pmtiles") else settings.tiles


def render(
    request: Request, name: str, *, who: Reader | None, status: int = 200, **values: Any
) -> HTMLResponse:
    """A page: the template's HTML with what all pages need."""
    console = console_of(request)
    t = words(request)
    html = console.pages.get_template(name).render(
        t=t,
        lang=t.lang,
        languages=LANGUAGES,
        theme=theme(request),
        themes=THEMES,
        who=who,
        csrf=who.signed_in.session.csrf if who else "",
        may={action.value for action in (who.rights.actions if who else ())},
        sees_events=who is not None and who.rights.may(Action.SEE_EVENTS),
        decides=who is not None and who.rights.may(Action.DECIDE),
        reads_reports=who is not None and who.role in REPORT_READERS,
        samples=who is not None
        and who.rights.may(Action.DECIDE)
        and Audience.OPEN in who.audiences,
        administers=who is not None and who.rights.may(Action.ADMINISTER),
        confidential=who is not None and Audience.CONFIDENTIAL in who.audiences,
        now=console.clock.now(),
        path=request.url.path,
        script_texts=t.all("js."),
        reject_reasons=list(RejectReason),
        all_categories=INCIDENT_CATEGORIES,
        tiles=tiles_address(console.settings.console),
        tiles_credit=console.settings.console.tiles_credit,
        **values,
    )
    return HTMLResponse(html, status_code=status)


def to_login(request: Request) -> RedirectResponse:
    """To the sign-in, and back to this page afterwards."""
    target = request.url.path if request.method == "GET" else "/"
    suffix = f"?next={target}" if local_path(target) and target != "/" else ""
    return RedirectResponse(f"/login{suffix}", status_code=303)
