"""One event, as a page and as JSON, and the decisions on it."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse, RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from console.decisions import (
    MAX_REASON_CHARS,
    Change,
    RejectReason,
    anchor_for,
    changes,
    decision_id,
    members,
    reason_text,
    undoable,
)
from console.event_page import EventPage, Material, make_page, member_ids
from console.highlight import shown
from console.roles import Action
from console.routes.queue import position_of, row_json
from console.web import (
    Console,
    CurrentReader,
    Reader,
    console_of,
    csrf_header,
    language,
    render,
    words,
)
from core.errors import InputError, StaleWriteError
from core.records import Decision, DecisionKind, Event, Post, Report

router = APIRouter()

NEARBY_MIN_M, NEARBY_MAX_M = 3_000.0, 30_000.0
NEARBY_BEFORE = timedelta(hours=12)
MAX_NEARBY = 12
MAX_VERSION = 2**31
Version = Annotated[int | None, Query(ge=1, le=MAX_VERSION)]
POSSIBLE = (
    DecisionKind.CONFIRM,
    DecisionKind.REJECT,
    DecisionKind.LINK,
    DecisionKind.UNLINK,
    DecisionKind.UNDO,
)


class DecisionRequest(BaseModel):
    """A decision as the page sends it.

    ``version``: the version that the person looked at; an undo may leave it out. ``request``: a
    random word of the sender's, so that sending it twice decides once.
    """

    model_config = ConfigDict(extra="forbid")
    kind: DecisionKind
    version: int | None = Field(default=None, ge=1, le=MAX_VERSION)
    reason: RejectReason | None = None
    words: str | None = Field(default=None, max_length=MAX_REASON_CHARS)
    members: list[Annotated[str, Field(min_length=1, max_length=300)]] = Field(
        default_factory=list, max_length=50
    )
    anchor: str | None = Field(default=None, max_length=300)
    undoes: str | None = Field(default=None, max_length=64)
    request: str | None = Field(default=None, min_length=8, max_length=64)


@router.get("/events/{event_id}", include_in_schema=False)
def event_page(
    request: Request, event_id: str, who: CurrentReader, version: Version = None
) -> Response:
    """The event's page; ``version`` shows what was known then."""
    console = console_of(request)
    position = position_of(console, who)
    page = _page(console, who, event_id, version)
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
    )


@router.get("/api/events/{event_id}")
def event_json(request: Request, event_id: str, who: CurrentReader, version: Version = None) -> Any:
    """The event with its posts, reports, candidates and decisions, texts masked."""
    console = console_of(request)
    page = _page(console, who, event_id, version)
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


@router.post("/api/events/{event_id}/decisions", dependencies=[Depends(csrf_header)])
def decide(request: Request, event_id: str, who: CurrentReader, body: DecisionRequest) -> Response:
    """Decide on an event. 409 with what changed when the page was out of date."""
    console = console_of(request)
    event = console.store.event(event_id, who.audiences)
    if event is None:
        raise HTTPException(404)
    if not who.rights.may(Action.DECIDE):
        raise HTTPException(403)
    if body.kind not in POSSIBLE:
        raise HTTPException(422, f"{body.kind} cannot be decided here")
    stands = console.reading.standing(event, who.audiences)
    key = decision_id(event.id, who.name, body.request or secrets.token_hex(16))
    known = console.store.decisions(who.audiences, event.id)
    repeated = next((d for d in known if d.id == key), None)
    if repeated is None:
        if body.version != event.version and not (
            body.kind is DecisionKind.UNDO and body.version is None
        ):
            return _stale(request, console, who, event, body.version)
        verdicts = (DecisionKind.CONFIRM, DecisionKind.REJECT)
        if body.kind in verdicts and stands.verdict is not None:
            return _conflict(request, event, [Change("decided", "", stands.verdict.value)])
        try:
            decision = _decision(console, who, event, body, key, known)
        except InputError as error:
            raise HTTPException(422, str(error)) from error
        try:
            console.store.add_decision(decision)
        except StaleWriteError:
            newer = console.store.event(event_id, who.audiences)
            if newer is None:
                raise HTTPException(404) from None
            return _stale(request, console, who, newer, event.version)
        repeated = decision
    console.hub.republish(event)
    now_stands = console.reading.standing(event, who.audiences)
    return JSONResponse(
        {
            "id": repeated.id,
            "event": event.id,
            "version": event.version,
            "kind": repeated.kind,
            "decided": now_stands.verdict,
        }
    )


def _decision(
    console: Console,
    who: Reader,
    event: Event,
    body: DecisionRequest,
    key: str,
    known: list[Decision],
) -> Decision:
    moved = tuple(dict.fromkeys(body.members))
    anchor, reason, undoes = None, None, None
    if body.kind is DecisionKind.REJECT:
        if body.reason is None:
            raise InputError("a rejection needs a reason")
        reason = reason_text(body.reason, body.words)
    elif body.kind is DecisionKind.UNDO:
        undoes = undoable(known, body.undoes).id
        moved = ()
    elif body.kind in (DecisionKind.LINK, DecisionKind.UNLINK):
        _check_members(console, who, event, body.kind, moved)
        anchor = anchor_for(event, moved, body.anchor)
        reason = reason_text(None, body.words)
    else:
        reason = reason_text(None, body.words)
    return Decision(
        id=key,
        event=event.id,
        event_version=event.version,
        kind=body.kind,
        by=who.name,
        at=console.clock.now(),
        reason=reason,
        anchor=anchor,
        members=moved if anchor else (),
        undoes=undoes,
        audience=event.audience,
    )


def _check_members(
    console: Console, who: Reader, event: Event, kind: DecisionKind, moved: tuple[str, ...]
) -> None:
    if not moved:
        raise InputError("name the posts or reports to link or unlink")
    inside = members(event)
    for member in moved:
        if kind is DecisionKind.UNLINK and member not in inside:
            raise InputError("only what is in the event can be unlinked")
        if kind is DecisionKind.LINK and member in inside:
            raise InputError("this is in the event already")
        readable = console.store.report(member, who.audiences) or console.store.post_versions(
            member, who.audiences
        )
        if not readable:  # the same for unknown and for confidential
            raise InputError("there is no such post or report")


def _stale(
    request: Request, console: Console, who: Reader, event: Event, seen: int | None
) -> Response:
    old = console.store.event(event.id, who.audiences, seen) if seen else None
    return _conflict(request, event, changes(old, event) if old else [])


def _conflict(request: Request, event: Event, found: list[Change]) -> Response:
    t = words(request)
    sentences = [
        t(
            f"change.{change.what}",
            before=_value(change.what, change.before, t),
            after=_value(change.what, change.after, t),
        )
        for change in found
    ]
    return JSONResponse(
        {
            "detail": t("decide.stale"),
            "version": event.version,
            "changes": [
                {"what": c.what, "before": c.before, "after": c.after, "text": sentence}
                for c, sentence in zip(found, sentences, strict=True)
            ],
        },
        status_code=409,
    )


def _value(what: str, value: str, t: Any) -> str:
    prefixes = {"category": "category", "report_state": "state", "decided": "verdict"}
    if what not in prefixes or not value:
        return value or t("unit.none")
    return str(t.known(f"{prefixes[what]}.{value}", value))


def _page(console: Console, who: Reader, event_id: str, version: int | None) -> EventPage:
    reading, store, audiences = console.reading, console.store, who.audiences
    event = reading.event(event_id, audiences, version) if audiences else None
    if event is None:
        raise HTTPException(404)
    reading.audit(who.name, audiences, "read_event", [event.id])
    post_ids, report_ids = member_ids(event)
    reports = {key: store.report(key, audiences) for key in sorted(report_ids)}
    material = Material(
        versions=store.event_versions(event.id, audiences),
        posts={key: store.post_versions(key, audiences) for key in sorted(post_ids)},
        reports={key: report for key, report in reports.items() if report is not None},
        assessments=store.assessments(post_ids | report_ids, audiences),
        nearby=_nearby(console, who, event),
        decisions=store.decisions(audiences, event.id),
    )
    return make_page(reading.rows([event], audiences)[0], material)


def _nearby(console: Console, who: Reader, event: Event) -> list[Report]:
    at = event.location
    if at is None:
        return []
    radius_m = min(max(3 * at.radius_m, NEARBY_MIN_M), NEARBY_MAX_M)
    since = event.started_at - NEARBY_BEFORE
    found = console.store.reports_near(at.lat, at.lon, radius_m, since, who.audiences)
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
