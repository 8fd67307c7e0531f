"""Taking decisions, one or many at once, and saying who works on what."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from console.claims import HeldError
from console.deciding import (
    DecisionRequest,
    Done,
    Id,
    OutdatedError,
    UnknownEventError,
    Version,
    Wish,
)
from console.decisions import Change
from console.roles import Action
from console.texts import Translate
from console.web import (
    CurrentReader,
    Reader,
    Supervisor,
    allowed,
    console_of,
    csrf_header,
    words,
)
from core.errors import InputError
from core.ids import digest
from core.records import Claim, DecisionKind, Event

router = APIRouter(dependencies=[Depends(csrf_header)])
MAX_BULK = 200
BULK_KINDS = (
    DecisionKind.CONFIRM,
    DecisionKind.REJECT,
    DecisionKind.SNOOZE,
    DecisionKind.CATEGORY,
    DecisionKind.NOTE,
    DecisionKind.UNDO,
)
Decides = Annotated[Reader, Depends(allowed(Action.DECIDE))]


class BulkItem(BaseModel):
    """One event of many. ``undoes``: the decision that an undo takes back."""

    model_config = ConfigDict(extra="forbid")
    event: Id
    version: Version | None = None
    undoes: str | None = Field(default=None, max_length=64)


class BulkRequest(BaseModel):
    """The same decision on many events."""

    model_config = ConfigDict(extra="forbid")
    wish: Wish
    items: list[BulkItem] = Field(min_length=1, max_length=MAX_BULK)


@router.post("/api/events/{event_id}/decisions")
def decide(request: Request, event_id: str, who: CurrentReader, body: DecisionRequest) -> Response:
    """Decide on an event. 409 with what changed when the page was out of date, or who has it."""
    console = console_of(request)
    if console.store.event(event_id, who.audiences) is None:
        raise HTTPException(404)
    if not who.rights.may(Action.DECIDE):
        raise HTTPException(403)
    status, answer = _attempt(request, who, event_id, body, body.version)
    if status in (403, 404, 422):
        raise HTTPException(status, answer.get("detail"))
    return JSONResponse(answer, status_code=status)


@router.post("/api/decisions")
def decide_many(request: Request, who: Decides, body: BulkRequest) -> dict[str, Any]:
    """Decide on many events at once. Each is taken or refused for itself; see its ``status``."""
    if body.wish.kind not in BULK_KINDS:
        raise HTTPException(422, f"{body.wish.kind} cannot be decided on many at once")
    token = body.wish.request or secrets.token_hex(16)
    batch = digest("batch", who.name, token)
    answers = []
    for item in body.items:
        wish = body.wish.model_copy(update={"undoes": item.undoes, "request": token})
        status, answer = _attempt(request, who, item.event, wish, item.version, batch)
        answers.append({**answer, "event": item.event, "status": status})
    return {"batch": batch, "items": answers}


@router.post("/api/events/{event_id}/claim")
def take(request: Request, event_id: str, who: Decides) -> Response:
    """Claim an event for the next minute; again to keep it. 409 says who has it."""
    console = console_of(request)
    event = _event(request, who, event_id)
    try:
        claim = console.claims.take(event, who.name)
    except HeldError as error:
        return JSONResponse(_held(error, words(request)), status_code=409)
    console.hub.claimed(event, claim)
    return JSONResponse(_claim(claim))


@router.post("/api/events/{event_id}/beat")
def beat(request: Request, event_id: str, who: Decides) -> Response:
    """Keep one's claim. 409 when it was broken or somebody else has the event."""
    console = console_of(request)
    event = _event(request, who, event_id)
    try:
        claim = console.claims.beat(event, who.name)
    except HeldError as error:
        return JSONResponse(_held(error, words(request)), status_code=409)
    if claim is None:
        return JSONResponse({"detail": words(request)("claim.lost")}, status_code=409)
    return JSONResponse(_claim(claim))


@router.post("/api/events/{event_id}/release")
def release(request: Request, event_id: str, who: Decides) -> dict[str, bool]:
    """Give up one's claim; whether there was one."""
    console = console_of(request)
    event = _event(request, who, event_id)
    done = console.claims.release(event.id, who.name)
    if done:
        console.hub.claimed(event, None)
    return {"released": done}


@router.post("/api/events/{event_id}/break-claim")
def break_claim(request: Request, event_id: str, who: Supervisor) -> dict[str, str | None]:
    """End another's claim, as a supervisor; whose it was. It is written down."""
    console = console_of(request)
    event = _event(request, who, event_id)
    held = console.claims.break_off(event, who.name)
    if held is not None:
        console.hub.claimed(event, None)
    return {"was": held.by if held else None}


def _event(request: Request, who: Reader, event_id: str) -> Event:
    event = console_of(request).store.event(event_id, who.audiences)
    if event is None:
        raise HTTPException(404)
    return event


def _attempt(
    request: Request,
    who: Reader,
    event_id: str,
    wish: Wish,
    version: int | None,
    batch: str | None = None,
) -> tuple[int, dict[str, Any]]:
    """Status and answer of one decision."""
    t = words(request)
    try:
        done = console_of(request).deciding.decide(who.decider, event_id, wish, version, batch)
    except UnknownEventError:
        return 404, {}
    except HeldError as error:
        return 409, _held(error, t)
    except OutdatedError as error:
        return 409, _outdated(error, t)
    except InputError as error:
        return 422, {"detail": str(error)}
    return 200, _done(done)


def _done(done: Done) -> dict[str, Any]:
    return {
        "id": done.decision.id,
        "event": done.event.id,
        "version": done.event.version,
        "kind": done.decision.kind,
        "decided": done.verdict,
        "gone": done.gone,
    }


def _claim(claim: Claim) -> dict[str, Any]:
    return {"event": claim.event, "by": claim.by, "until": claim.until.isoformat()}


def _held(error: HeldError, t: Translate) -> dict[str, Any]:
    return {
        "detail": t("claim.held", who=error.claim.by),
        "held_by": error.claim.by,
        "changes": [],
    }


def _outdated(error: OutdatedError, t: Translate) -> dict[str, Any]:
    return {
        "detail": t("decide.stale"),
        "event": error.event.id,
        "version": error.event.version,
        "changes": [
            {"what": c.what, "before": c.before, "after": c.after, "text": _sentence(c, t)}
            for c in error.changes
        ],
    }


def _sentence(change: Change, t: Translate) -> str:
    before, after = (_value(change.what, value, t) for value in (change.before, change.after))
    return t(f"change.{change.what}", before=before, after=after)


def _value(what: str, value: str, t: Translate) -> str:
    prefixes = {"category": "category", "report_state": "state", "decided": "verdict"}
    if what not in prefixes or not value:
        return value or t("unit.none")
    return t.known(f"{prefixes[what]}.{value}", value)
