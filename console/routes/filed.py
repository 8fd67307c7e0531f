"""Filed reports, and the audit sample of the shift.

Both lie where their stages put them (``core/filing.py``; the note ``learning:sample``); this
only shows them, each reader's own audience alone.
"""

from __future__ import annotations

import json
import mimetypes
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import FileResponse, Response

from console.highlight import shown
from console.roles import Action
from console.web import REPORT_READERS, EventReader, Reader, console_of, render
from core import filing
from core.records import Audience, AuditEntry
from store.protocol import OPEN

router = APIRouter()
SAMPLE_NOTE = "learning:sample"
SHOWN = 120


@router.get("/reports", include_in_schema=False)
def reports_page(request: Request, who: EventReader) -> Response:
    """The filed reports of the reader's audience, newest first."""
    audience = _audience(who)
    folder = _folder(request)
    return render(request, "reports.html", who=who, reports=filing.listed(folder, audience)[:SHOWN])


@router.get("/reports/{copy}/{name}", include_in_schema=False)
def report_file(request: Request, copy: str, name: str, who: EventReader) -> Response:
    """One file of a report; reading a confidential one is logged."""
    audience = _audience(who)
    path = filing.one(_folder(request), audience, copy, name)
    if path is None:
        raise HTTPException(404)
    console = console_of(request)
    if audience == Audience.CONFIDENTIAL.value:
        entry = AuditEntry(
            at=console.clock.now(),
            by=who.name,
            action="read:report",
            subject=f"{copy}/{name}",
            audience=Audience.CONFIDENTIAL,
        )
        console.store.add_audit(entry)
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    # Reports hold styles of their own and no script; nothing else may be loaded from them.
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store"}
    return FileResponse(
        path, media_type=media_type, headers=headers, content_disposition_type="inline"
    )


@router.get("/sample", include_in_schema=False)
def sample_page(request: Request, who: EventReader) -> Response:
    """Posts of the last shift that were not flagged: is one of them an incident?"""
    if not who.rights.may(Action.DECIDE) or Audience.OPEN not in who.audiences:
        raise HTTPException(403)
    console = console_of(request)
    items = []
    for event_id in json.loads(console.store.note(SAMPLE_NOTE) or "[]"):
        event = console.store.event(event_id, OPEN)
        if event is None:
            continue
        posts = console.store.assessed([link.id for link in event.posts[:3]], OPEN)
        items.append(
            {
                "event": event,
                "verdict": console.reading.standing(event, OPEN).verdict,
                "texts": [shown(post.subject.text)[:600] for post in posts],
            }
        )
    return render(request, "sample.html", who=who, items=items)


def _audience(who: Reader) -> str:
    if who.role not in REPORT_READERS:
        raise HTTPException(403)
    return (
        Audience.CONFIDENTIAL if Audience.CONFIDENTIAL in who.audiences else Audience.OPEN
    ).value


def _folder(request: Request) -> Path:
    settings = console_of(request).settings
    return settings.under_home(settings.reports.folder)
