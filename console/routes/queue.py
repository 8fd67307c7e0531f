"""The queue, as a page and as JSON: first the rows in sight, then an index of all the others."""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import RedirectResponse, Response

from console.board import Entry, Filters
from console.hub import encode
from console.roles import start_page
from console.row_html import RowHtml
from console.rows import Row, View, index_entry
from console.web import Console, CurrentReader, EventReader, Reader, console_of, language, render
from core.records import INCIDENT_CATEGORIES, Audience, Category, Language, ReportState

router = APIRouter()
FIRST_ROWS = 40
"""Rows in the page itself: more than a 4K screen shows at once."""
MAX_ROWS = 120
MAX_LISTED = 500
Names = Annotated[list[Annotated[str, Query(max_length=200)]] | None, Query(max_length=50)]


def filters_of(
    view: View = View.TODO,
    category: Annotated[list[Category] | None, Query()] = None,
    state: Annotated[list[ReportState] | None, Query()] = None,
    region: Names = None,
    source: Names = None,
    lang: Annotated[list[Language] | None, Query()] = None,
    hours: Annotated[float | None, Query(gt=0, le=24 * 366)] = None,
    owner: Annotated[str | None, Query(pattern="^(me|free)$")] = None,
) -> Filters:
    """A dependency: what the request wants to see."""
    return Filters(
        view=view,
        categories=tuple(category or ()),
        states=tuple(state or ()),
        regions=tuple(region or ()),
        sources=tuple(source or ()),
        languages=tuple(language.value for language in lang or ()),
        hours=hours,
        owner=owner,
    )


Wanted = Annotated[Filters, Depends(filters_of)]


def categories_for(who: Reader) -> list[Category]:
    """The categories that a reader's events can have."""
    if Audience.CONFIDENTIAL in who.audiences:
        return list(INCIDENT_CATEGORIES)
    return [c for c in INCIDENT_CATEGORIES if c is not Category.POLICE_CORRUPTION]


@router.get("/queue", include_in_schema=False)
def queue_page(request: Request, who: CurrentReader, wanted: Wanted) -> Response:
    """The live list beside the map."""
    if not who.audiences:
        return RedirectResponse(start_page(who.role), status_code=303)
    console = console_of(request)
    position = position_of(console, who)  # before reading: what comes in between is sent again
    entries = entries_of(console, who, wanted)
    rows = console.reading.rows_of(entries[:FIRST_ROWS], who.audiences)
    console.reading.audit(who.name, who.audiences, "read_queue", [row.event.id for row in rows])
    console.showing.note(row.event for row in rows)
    return render(
        request,
        "queue.html",
        who=who,
        rows=rows,
        total=len(entries),
        views=list(View),
        wanted=wanted,
        view=wanted.view,
        categories=categories_for(who),
        states=list(ReportState),
        regions=console.regions,
        codes=list(Language),
        sources=console.board.sources(who.audiences),
        position=position,
        snoozes=SNOOZES_MIN,
        alerts_per_h=console.budget.per_hour,
    )


SNOOZES_MIN = (15, 30, 60, 180, 720)
"""How long an event can be put off by a key, in minutes."""


@router.get("/api/queue/index")
def queue_index(request: Request, who: EventReader, wanted: Wanted) -> dict[str, Any]:
    """Every event of the queue in few words, in order, and who works on which."""
    console = console_of(request)
    position = position_of(console, who)
    entries = entries_of(console, who, wanted)
    claims = console.claims.living()
    console.reading.audit(who.name, who.audiences, "read_queue", [e.event.id for e in entries])
    return {
        "position": position,
        "events": [index_entry(entry.event, entry.standing) for entry in entries],
        "claims": {
            entry.event.id: claims[entry.event.id].by
            for entry in entries
            if entry.event.id in claims
        },
    }


@router.get("/api/queue/rows")
def queue_rows(
    request: Request,
    who: EventReader,
    id: Annotated[list[str], Query(max_length=MAX_ROWS)],
) -> dict[str, Any]:
    """The HTML of rows, by the ids of their events; unknown ones are left out."""
    console = console_of(request)
    found = [console.store.event(event_id, who.audiences) for event_id in dict.fromkeys(id)]
    rows = console.reading.rows([event for event in found if event is not None], who.audiences)
    console.reading.audit(who.name, who.audiences, "read_queue", [row.event.id for row in rows])
    console.showing.note(row.event for row in rows)
    draw = cast(RowHtml, console.pages.globals["row_html"])
    t, now = console.texts[language(request)], console.clock.now()
    return {row.event.id: {"version": row.event.version, "html": draw(row, t, now)} for row in rows}


@router.get("/api/queue")
def queue_json(
    request: Request,
    who: EventReader,
    wanted: Wanted,
    limit: Annotated[int, Query(ge=1, le=MAX_LISTED)] = MAX_LISTED,
) -> dict[str, Any]:
    """The queue's events, most pressing first, and the position to follow it from."""
    console = console_of(request)
    position = position_of(console, who)
    entries = entries_of(console, who, wanted)
    rows = console.reading.rows_of(entries[:limit], who.audiences)
    console.reading.audit(who.name, who.audiences, "read_queue", [row.event.id for row in rows])
    console.showing.note(row.event for row in rows)
    return {
        "now": console.clock.now(),
        "position": position,
        "view": wanted.view,
        "count": len(entries),
        "events": [row_json(row, language(request)) for row in rows],
    }


def entries_of(console: Console, who: Reader, wanted: Filters) -> list[Entry]:
    """The board's entries for a reader."""
    claims = console.claims.living() if wanted.owner else None
    return console.board.entries(who.audiences, wanted, claims=claims, me=who.name)


def row_json(row: Row, lang: str) -> dict[str, Any]:
    """A row for other programs."""
    event = row.event
    return {
        "id": event.id,
        "version": event.version,
        "category": row.category,
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
