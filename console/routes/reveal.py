"""What is hidden, shown for a reason: masked numbers in a text, and authors' handles."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from console.deciding import Id
from console.event_page import member_ids
from console.handles import HandleRequest
from console.highlight import harmless
from console.roles import Action
from console.web import (
    CurrentReader,
    Reader,
    allowed,
    check_csrf,
    console_of,
    csrf_header,
    render,
    same_origin,
)
from core.errors import InputError
from core.records import AuditEntry, Post
from core.versions import newest, speaking

router = APIRouter()
MIN_REASON_CHARS = 5
Reveals = Annotated[Reader, Depends(allowed(Action.REVEAL))]
Approves = Annotated[Reader, Depends(allowed(Action.APPROVE))]
Token = Annotated[str, Form(max_length=200)]
Words = Annotated[str, Form(max_length=200)]


class RevealRequest(BaseModel):
    """Which post or report of the event, and why its numbers have to be read."""

    model_config = ConfigDict(extra="forbid")
    subject: Id
    reason: str = Field(min_length=MIN_REASON_CHARS, max_length=500)


@router.post("/api/events/{event_id}/reveal", dependencies=[Depends(csrf_header)])
def reveal(request: Request, event_id: str, who: Reveals, body: RevealRequest) -> dict[str, Any]:
    """A text with its numbers. The reason is written down before anything is shown."""
    console = console_of(request)
    event = console.store.event(event_id, who.audiences)
    if event is None:
        raise HTTPException(404)
    posts, reports = member_ids(event)
    if body.subject not in posts | reports:
        raise HTTPException(404)
    if body.subject in posts:
        versions = console.store.post_versions(body.subject, who.audiences)
        text = speaking(versions).text if versions else None
    else:
        report = console.store.report(body.subject, who.audiences)
        text = report.text if report else None
    if text is None:
        raise HTTPException(404)
    console.store.add_audit(
        AuditEntry(
            at=console.clock.now(),
            by=who.name,
            action="reveal_text",
            subject=body.subject,
            audience=event.audience,
            detail=" ".join(harmless(body.reason).split()),
        )
    )
    return {"text": harmless(text)}


@router.get("/handles", include_in_schema=False)
def handles_page(request: Request, who: Reveals, event: str = "", post: str = "") -> Response:
    """Requests for authors' handles, and the form to make one."""
    return _page(request, who, event=event, post=post)


@router.post("/handles", include_in_schema=False)
def ask(
    request: Request,
    who: Reveals,
    event: Words = "",
    post: Words = "",
    case: Words = "",
    csrf: Token = "",
) -> Response:
    """Ask for the handle of a post's author."""
    _guard(request, who, csrf)
    console = console_of(request)
    found = console.store.event(event, who.audiences)
    if found is None or post not in {link.id for link in found.posts}:
        raise HTTPException(404)
    try:
        console.handles.ask(_post(request, who, post), found.id, found.audience, case, who.name)
    except InputError as error:
        return _page(request, who, event=event, post=post, problem=str(error), status=422)
    return RedirectResponse("/handles", status_code=303)


@router.post("/handles/{request_id}/answer", include_in_schema=False)
def answer(
    request: Request, request_id: str, who: Approves, say: Words = "", csrf: Token = ""
) -> Response:
    """Approve or refuse as the second person."""
    _guard(request, who, csrf)
    _asked(request, who, request_id)
    try:
        console_of(request).handles.answer(request_id, who.name, approve=say == "yes")
    except InputError as error:
        return _page(request, who, problem=str(error), status=422)
    return RedirectResponse("/handles", status_code=303)


@router.post("/handles/{request_id}/show", include_in_schema=False)
def show(request: Request, request_id: str, who: Reveals, csrf: Token = "") -> Response:
    """The handle, once, on the page of the person who asked."""
    _guard(request, who, csrf)
    asked = _asked(request, who, request_id)
    try:
        handle = console_of(request).handles.show(
            request_id, _post(request, who, asked.post), who.name
        )
    except InputError as error:
        return _page(request, who, problem=str(error), status=422)
    return _page(request, who, handle=(request_id, harmless(handle)))


def _guard(request: Request, who: CurrentReader, csrf: str) -> None:
    same_origin(request)
    check_csrf(who, csrf)


def _asked(request: Request, who: Reader, request_id: str) -> HandleRequest:
    """The request, as far as this person may know of it; answers 404."""
    for one in console_of(request).handles.requests(who.audiences):
        if one.id == request_id:
            return one
    raise HTTPException(404)


def _post(request: Request, who: Reader, post_id: str) -> Post:
    versions = console_of(request).store.post_versions(post_id, who.audiences)
    if not versions:
        raise HTTPException(404)
    return newest(versions)


def _page(
    request: Request,
    who: Reader,
    *,
    event: str = "",
    post: str = "",
    problem: str = "",
    status: int = 200,
    handle: tuple[str, str] | None = None,
) -> Response:
    return render(
        request,
        "handles.html",
        who=who,
        status=status,
        asked_event=event,
        asked_post=post,
        problem=problem,
        handle=handle,
        requests=console_of(request).handles.requests(who.audiences),
    )
