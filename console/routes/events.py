"""One event, as a page and as JSON, and the decisions on it."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import RedirectResponse, Response

from console.deciding import MAX_VERSION
from console.event_page import EventPage, Material, make_page, member_ids
from console.highlight import shown
from console.neighbours import nearest_events
from console.routes.queue import SNOOZES_MIN, categories_for, position_of, row_json
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
from core.records import Audience, Event, Post, Report

router = APIRouter()

NEARBY_MIN_M, NEARBY_MAX_M = 3_000.0, 30_000.0
NEARBY_BEFORE = timedelta(hours=12)
MAX_NEARBY = 12
Version = Annotated[int | None, Query(ge=1, le=MAX_VERSION)]


@router.get("/events/{event_id}", include_in_schema=False)
def event_page(
    request: Request, event_id: str, who: CurrentReader, version: Version = None
) -> Response:
    """The event's page; ``version`` shows what was known then."""
    console = console_of(request)
    position = position_of(console, who)
    page = page_of(console, who, event_id, version)
    if page.event.id != event_id:  # merged away: on to the event that has its posts now
        return RedirectResponse(f"/events/{page.event.id}", status_code=303)
    return render(
        request,
        "event.html",
        who=who,
        page=page,
        position=position,
        row=page.row,
        event=page.event,
        claim=console.claims.of(page.event.id),
        categories=categories_for(who),
        snoozes=SNOOZES_MIN,
    )


@router.get("/api/events/{event_id}")
def event_json(request: Request, event_id: str, who: CurrentReader, version: Version = None) -> Any:
    """The event with its posts, reports, candidates and decisions, texts masked."""
    console = console_of(request)
    page = page_of(console, who, event_id, version)
    event = page.event
    return jsonable_encoder(
        {
            **row_json(page.row, language(request)),
            "newest_version": page.versions[-1].version,
            "versions": [{"version": e.version, "at": e.updated_at} for e in page.versions],
            "posts": [_post_json(view.link.id, view.speaking, page) for view in page.posts],
            "reports": [_report_json(v.report, page) for v in page.reports if v.linked],
            "candidates": [_report_json(v.report, page) for v in page.reports if not v.linked],
            "decisions": [d.model_dump(exclude={"audience"}) for d in page.decisions],
            "aliases": event.aliases,
        }
    )


@router.get("/api/events/{event_id}/neighbours")
def neighbours(request: Request, event_id: str, who: EventReader) -> list[dict[str, Any]]:
    """Open events near in place and time, to merge with, the nearest first."""
    console = console_of(request)
    event = console.store.event(event_id, who.audiences)
    if event is None:
        raise HTTPException(404)
    near = nearest_events(event, [e.event for e in console.board.all(who.audiences)])
    rows = console.reading.rows(near, who.audiences)
    console.reading.audit(who.name, who.audiences, "read_queue", [row.event.id for row in rows])
    t = words(request)
    return [
        {
            "id": row.event.id,
            "version": row.event.version,
            "text": " · ".join(
                part
                for part in (t(f"category.{row.category}"), row.place, row.headline[:120])
                if part
            ),
        }
        for row in rows
    ]


def page_of(console: Console, who: Reader, event_id: str, version: int | None) -> EventPage:
    """The page of an event for a person; answers 404 for what they may not see."""
    return page_for(console, who.audiences, who.name, event_id, version)


def page_for(
    console: Console,
    audiences: frozenset[Audience],
    name: str,
    event_id: str,
    version: int | None,
) -> EventPage:
    """The page of an event for these audiences; answers 404. The reading is noted for ``name``."""
    reading, store = console.reading, console.store
    event = reading.event(event_id, audiences, version) if audiences else None
    if event is None:
        raise HTTPException(404)
    reading.audit(name, audiences, "read_event", [event.id])
    post_ids, report_ids = member_ids(event)
    reports = {key: store.report(key, audiences) for key in sorted(report_ids)}
    material = Material(
        versions=store.event_versions(event.id, audiences),
        posts={key: store.post_versions(key, audiences) for key in sorted(post_ids)},
        reports={key: report for key, report in reports.items() if report is not None},
        assessments=store.assessments(post_ids | report_ids, audiences),
        nearby=_nearby(console, audiences, event),
        decisions=store.decisions(audiences, event.id),
        stages=store.stages(post_ids, audiences),
    )
    return make_page(reading.rows([event], audiences)[0], material)


def _nearby(console: Console, audiences: frozenset[Audience], event: Event) -> list[Report]:
    at = event.location
    if at is None:
        return []
    radius_m = min(max(3 * at.radius_m, NEARBY_MIN_M), NEARBY_MAX_M)
    since = event.started_at - NEARBY_BEFORE
    found = console.store.reports_near(at.lat, at.lon, radius_m, since, audiences)
    return found[:MAX_NEARBY]


def _post_json(key: str, post: Post, page: EventPage) -> dict[str, Any]:
    view = next(v for v in page.posts if v.link.id == key)
    return {
        "id": key,
        "source": post.source,
        "text": shown(post.text),
        "posted_at": post.posted_at,
        "edited_at": view.newest.edited_at,
        "deleted_at": view.newest.deleted_at,
        "versions": len(view.versions),
        "url": view.url,
        "probability": view.link.probability,
        "language": view.assessment.language if view.assessment else None,
    }


def _report_json(report: Report, page: EventPage) -> dict[str, Any]:
    view = next(v for v in page.reports if v.report.id == report.id)
    return {
        "id": report.id,
        "channel": report.channel,
        "text": shown(report.text),
        "received_at": report.received_at,
        "category": view.category,
        "lat": report.lat,
        "lon": report.lon,
        "probability": view.link.probability,
        "why": [
            {"feature": c.feature, "weight": c.weight, "sentence": shown(c.sentence)}
            for c in view.link.contributions
        ],
    }
