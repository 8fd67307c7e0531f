"""The audit trail, of the audiences that the reader is answerable for."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from console.highlight import shown
from console.web import Auditor, Console, Reader, console_of, render
from core.records import Audience, AuditEntry

router = APIRouter()
MAX_READ = 5_000
MAX_LISTED = 300
Word = Annotated[str, Query(max_length=100)]


@router.get("/audit", include_in_schema=False)
def audit_page(
    request: Request, who: Auditor, by: Word = "", action: Word = "", subject: Word = ""
) -> Response:
    """Who did what when; reading of confidential records for internal security."""
    console = console_of(request)
    entries = _entries(console, who, by, action, subject)
    return render(
        request,
        "audit.html",
        who=who,
        entries=[(entry, shown(entry.detail)) for entry in entries],
        by=by,
        action=action,
        subject=subject,
    )


@router.get("/api/audit")
def audit_json(
    request: Request, who: Auditor, by: Word = "", action: Word = "", subject: Word = ""
) -> list[dict[str, Any]]:
    """The trail for other programs, newest first."""
    entries = _entries(console_of(request), who, by, action, subject)
    return [entry.model_dump(mode="json", exclude={"audience"}) for entry in entries]


def _entries(console: Console, who: Reader, by: str, action: str, subject: str) -> list[AuditEntry]:
    audits = who.rights.audits
    found = [
        entry
        for entry in console.store.audit(audits, MAX_READ)
        if by in entry.by and entry.action.startswith(action) and subject in entry.subject
    ][:MAX_LISTED]
    if Audience.CONFIDENTIAL in audits:
        console.reading.audit(who.name, audits, "read_audit", ())
    return found
