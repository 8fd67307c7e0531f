"""The queue, as a page and as JSON, and the search."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import RedirectResponse, Response

from console.hub import encode
from console.roles import start_page
from console.rows import Row, View
from console.web import (
    Console,
    CurrentReader,
    EventReader,
    Reader,
    console_of,
    language,
    render,
    words,
)
from core.masking import mask
from core.records import INCIDENT_CATEGORIES, Audience, Category, ReportState

router = APIRouter()
MAX_QUERY_CHARS = 200

Categories = Annotated[list[Category] | None, Query()]
States = Annotated[list[ReportState] | None, Query()]


def categories_for(who: Reader) -> list[Category]:
    """The categories that a reader's events can have."""
    if Audience.CONFIDENTIAL in who.audiences:
        return list(INCIDENT_CATEGORIES)
    return [c for c in INCIDENT_CATEGORIES if c is not Category.POLICE_CORRUPTION]


@router.get("/queue", include_in_schema=False)
def queue_page(
    request: Request,
    who: CurrentReader,
    view: View = View.TODO,
    category: Categories = None,
    state: States = None,
) -> Response:
    """The live list beside the map."""
    if not who.audiences:
        return RedirectResponse(start_page(who.role), status_code=303)
    console = console_of(request)
    position = position_of(console, who)  # before reading: what comes in between is sent again
    rows = console.reading.queue(who.audiences, view, categories=category or (), states=state or ())
    console.reading.audit(who.name, who.audiences, "read_queue", [row.event.id for row in rows])
    return render(
        request,
        "queue.html",
        who=who,
        rows=rows,
        views=list(View),
        view=view,
        categories=categories_for(who),
        chosen_categories=category or [],
        states=list(ReportState),
        chosen_states=state or [],
        position=position,
    )


@router.get("/api/queue")
def queue_json(
    request: Request,
    who: EventReader,
    view: View = View.TODO,
    category: Categories = None,
    state: States = None,
) -> dict[str, Any]:
    """The queue's events, most pressing first, and the position to follow it from."""
    console = console_of(request)
    position = position_of(console, who)
    rows = console.reading.queue(who.audiences, view, categories=category or (), states=state or ())
    console.reading.audit(who.name, who.audiences, "read_queue", [row.event.id for row in rows])
    return {
        "now": console.clock.now(),
        "position": position,
        "view": view,
        "count": len(rows),
        "events": [row_json(row, language(request)) for row in rows],
    }


@router.get("/api/search")
def search_json(
    request: Request,
    who: EventReader,
    q: Annotated[str, Query(max_length=MAX_QUERY_CHARS)] = "",
) -> dict[str, Any]:
    """Events with a post that has all the words; not by phone, ИИН or plate."""
    rows, refused = _search(console_of(request), who, q)
    if refused:
        raise HTTPException(422, words(request)("search.refused"))
    lang = language(request)
    return {"count": len(rows), "events": [row_json(row, lang) for row in rows]}


@router.get("/search", include_in_schema=False)
def search_page(
    request: Request,
    who: CurrentReader,
    q: Annotated[str, Query(max_length=MAX_QUERY_CHARS)] = "",
) -> Response:
    """The search's result as a list."""
    if not who.audiences:
        raise HTTPException(403)
    rows, refused = _search(console_of(request), who, q)
    return render(request, "search.html", who=who, rows=rows, query=q, refused=refused)


def _search(console: Console, who: Reader, query: str) -> tuple[list[Row], bool]:
    query = query.strip()
    if not query:
        return [], False
    if mask(query) != query:  # a search by number would be a search for a person
        return [], True
    rows = console.reading.search(query, who.audiences)
    console.reading.audit(who.name, who.audiences, "search", [row.event.id for row in rows])
    return rows, False


def row_json(row: Row, lang: str) -> dict[str, Any]:
    """A row for other programs."""
    event = row.event
    return {
        "id": event.id,
        "version": event.version,
        "category": event.category,
        "incident": event.incident,
        "urgency": event.urgency,
        "priority": event.priority,
        "priority_factors": [factor.model_dump() for factor in event.priority_factors],
        "report_state": event.report_state,
        "lead_s": event.lead_s,
        "flagged": event.flagged,
        "decided": row.standing.verdict,
        "started_at": event.started_at,
        "last_at": event.last_at,
        "location": event.location.model_dump() if event.location else None,
        "place": row.place,
        "town": row.town.names[lang] if row.town else None,
        "headline": row.headline,
        "posts": len(event.posts),
        "reports": len(event.reports),
        "sources": list(row.sources),
        "languages": list(row.languages),
        "media": row.media,
    }


def position_of(console: Console, who: Reader) -> str:
    """Where the reader's events stand now, to follow them from."""
    newest = console.hub.newest()
    return encode({a: newest[a] for a in who.audiences})
