"""Feeds for other systems, by a key of theirs or for a person who is signed in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import Response

from console.board import Filters
from console.cap import cap_alert
from console.card import make_card
from console.feeds import atom, geojson
from console.roles import Action
from console.routes.card import CAP_TYPE
from console.routes.events import page_for
from console.routes.queue import filters_of
from console.rows import Row
from console.web import console_of, language, reader_or_none
from core.records import Audience, AuditEntry
from intake import keys
from store.protocol import OPEN

router = APIRouter(prefix="/api/feeds")
MAX_LISTED = 500
GEOJSON_TYPE = "application/geo+json"
ATOM_TYPE = "application/atom+xml"


@dataclass(frozen=True)
class Subscriber:
    """Who reads a feed, and what they may see."""

    name: str
    audiences: frozenset[Audience]


def subscriber(request: Request) -> Subscriber:
    """A dependency: the owner of the bearer key, or the signed-in person; answers 401 or 403."""
    console = console_of(request)
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and key:
        path = console.settings.under_home(console.settings.console.feed_keys_file)
        name = keys.sender(keys.load(path), key.strip())
        if name is None:
            raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})
        return Subscriber(f"feed {name}", OPEN)
    who = reader_or_none(request)
    if who is None:
        raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})
    if not who.rights.may(Action.EXPORT):
        raise HTTPException(403)
    return Subscriber(who.name, who.audiences)


Subscribed = Annotated[Subscriber, Depends(subscriber)]
Wanted = Annotated[Filters, Depends(filters_of)]
Limit = Annotated[int, Query(ge=1, le=MAX_LISTED)]


@router.get("/events.geojson", response_class=Response)
def events_geojson(
    request: Request, who: Subscribed, wanted: Wanted, limit: Limit = MAX_LISTED
) -> Response:
    """Events as GeoJSON: circles of uncertainty with what is known of each."""
    console = console_of(request)
    rows = _rows(request, who, wanted, limit)
    body = geojson(rows, console.clock.now(), console.texts[language(request)])
    return Response(_json(body), media_type=GEOJSON_TYPE)


@router.get("/events.atom", response_class=Response)
def events_atom(
    request: Request, who: Subscribed, wanted: Wanted, limit: Limit = MAX_LISTED
) -> Response:
    """Events as Atom with GeoRSS-Simple."""
    return _atom(request, _rows(request, who, wanted, limit), "events.atom", "/events/{}")


@router.get("/cap.atom", response_class=Response)
def cap_index(
    request: Request, who: Subscribed, wanted: Wanted, limit: Limit = MAX_LISTED
) -> Response:
    """An Atom index of the events' CAP 1.2 alerts."""
    rows = _rows(request, who, wanted, limit)
    return _atom(request, rows, "cap.atom", "/api/feeds/cap/{}.xml", link_type=CAP_TYPE)


@router.get("/cap/{event_id}.xml", response_class=Response)
def cap_document(request: Request, event_id: str, who: Subscribed) -> Response:
    """One event as a CAP 1.2 alert."""
    console = console_of(request)
    card = make_card(page_for(console, who.audiences, who.name, event_id, None))
    texts = [console.texts["ru"], console.texts["kk"]]
    return Response(cap_alert(card, console.clock.now(), texts), media_type=CAP_TYPE)


def _atom(
    request: Request, rows: Sequence[Row], name: str, link: str, link_type: str = "text/html"
) -> Response:
    """Rows as the Atom feed of that name; ``link``: path of an event with a place for its id."""
    console = console_of(request)
    base = str(request.base_url).rstrip("/")
    body = atom(
        rows,
        console.clock.now(),
        console.texts[language(request)],
        address=f"{base}/api/feeds/{name}",
        link=lambda event_id: base + link.format(event_id),
        link_type=link_type,
    )
    return Response(body, media_type=ATOM_TYPE)


def _rows(request: Request, who: Subscriber, wanted: Filters, limit: int) -> Sequence[Row]:
    console = console_of(request)
    if not who.audiences:
        raise HTTPException(403)
    entries = console.board.entries(who.audiences, wanted, me=who.name)[:limit]
    rows = console.reading.rows_of(entries, who.audiences)
    console.store.add_audit(
        AuditEntry(
            at=console.clock.now(),
            by=who.name,
            action="export",
            subject="events",
            audience=console.reading.audience_of(who.audiences),
            detail=f"{len(rows)} records",
        )
    )
    return rows


def _json(body: dict[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))
