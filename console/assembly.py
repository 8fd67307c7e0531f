"""Puts the console's parts together for one store."""

from __future__ import annotations

from datetime import datetime, tzinfo
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from console.accounts import Accounts
from console.alerts.budget import AlertBudget
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
from console.provider import make_provider
from console.reading import Reading
from console.regions import load_regions
from console.row_html import RowHtml
from console.showing import Showing
from console.texts import Translate, load_texts
from console.times import distance, moment, span, zone
from console.towns import load_towns
from console.web import Console
from core.clock import Clock
from core.records import Event
from core.secret_files import secret_text
from core.settings import Settings
from store.keyring import key_of
from store.protocol import Store

TEMPLATES = Path(__file__).parent / "templates"


def make_console(store: Store, settings: Settings, clock: Clock, real: Clock) -> Console:
    """All that the routes work with; see ``console.app.create_app`` for the clocks."""
    incident_at = settings.nlp.incident_at
    regions, texts = load_regions(), load_texts()
    board = Board(store, clock, regions=regions, incident_at=incident_at)
    reading = Reading(store, clock, towns=load_towns(), incident_at=incident_at, board=board)
    claims, outbox = Claims(store, real), Outbox(store, real)
    hub = Hub(store, interesting=reading.interesting, shown=reading.shown, claims=claims.living)

    def announce(event: Event) -> None:
        newest = store.event(event.id, {event.audience})
        if newest is None:  # its audience is another now
            hub.withdraw(event)
            return
        board.refresh(newest, store.decisions({event.audience}, event.id))
        hub.republish(newest)

    budget = AlertBudget(store, real, settings.console.alerts_per_h)
    alerts = Alerts(
        board,
        reading,
        outbox,
        settings,
        clock,
        real=real,
        channels=channels(settings, real),
        texts=texts,
        budget=budget,
    )
    return Console(
        store=store,
        settings=settings,
        clock=clock,
        accounts=Accounts(store, real, settings.console.session_h),
        reading=reading,
        board=board,
        claims=claims,
        deciding=Deciding(store, claims, clock, announce),
        hub=hub,
        showing=Showing(store, clock),
        handles=Handles(store, real, lambda: key_of(store, settings)),
        outbox=outbox,
        alerts=alerts,
        budget=budget,
        provider=make_provider(settings.oidc, real, _client_secret(settings)),
        regions=regions,
        places=Places.load(settings.under_home(settings.nlp.gazetteer_file)),
        pages=_environment(settings.console.time_zone),
        texts=texts,
    )


def _client_secret(settings: Settings) -> str | None:
    """The secret that the provider gave this console; raises SettingsError."""
    if settings.oidc.client_secret_file is None:
        return None
    path = settings.under_home(settings.oidc.client_secret_file)
    return secret_text(path, "oidc.client_secret_file", "put the provider's secret there")


class _Moment:
    """Local time for templates."""

    def __init__(self, local: tzinfo) -> None:
        self._local = local

    def __call__(self, time: datetime, now: datetime | None = None) -> str:
        return moment(time, self._local, now=now)


@lru_cache(maxsize=4)
def _environment(time_zone: str) -> Environment:
    """The templates with local times, compiled once a process; raises SettingsError."""
    pages = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.globals["moment"] = _Moment(zone(time_zone))
    pages.globals["span"] = span
    pages.globals["distance"] = distance
    pages.globals["ago"] = _ago
    pages.filters["masked"] = shown
    pages.globals["row_html"] = RowHtml(pages)
    return pages


def _ago(time: datetime, now: datetime, t: Translate) -> str:
    return span(max(0.0, (now - time).total_seconds()), t)
