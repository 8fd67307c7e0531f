"""The card for 102 of one event: to print, as JSON, as CAP 1.2."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from console.cap import cap_alert
from console.card import Card, card_json, make_card
from console.routes.events import page_of
from console.web import CurrentReader, EventReader, Reader, console_of, language, render
from core.records import AuditEntry

router = APIRouter()
CAP_TYPE = "application/cap+xml"
Version = Annotated[int | None, Query(ge=1, le=2**31)]


@router.get("/events/{event_id}/card", include_in_schema=False)
def card_page(
    request: Request, event_id: str, who: CurrentReader, version: Version = None
) -> Response:
    """The card as a page to print."""
    card = _card(request, event_id, who, version)
    return render(request, "card.html", who=who, card=card)


@router.get("/api/events/{event_id}/card.json")
def card_as_json(
    request: Request, event_id: str, who: EventReader, version: Version = None
) -> dict[str, Any]:
    """The card for other programs."""
    return card_json(_card(request, event_id, who, version), language(request))


@router.get("/api/events/{event_id}/card.cap", response_class=Response)
def card_as_cap(
    request: Request, event_id: str, who: EventReader, version: Version = None
) -> Response:
    """The card as a CAP 1.2 alert, in Russian and Kazakh."""
    console = console_of(request)
    card = _card(request, event_id, who, version)
    texts = [console.texts["ru"], console.texts["kk"]]
    return Response(cap_alert(card, console.clock.now(), texts), media_type=CAP_TYPE)


def _card(request: Request, event_id: str, who: Reader, version: int | None) -> Card:
    console = console_of(request)
    card = make_card(page_of(console, who, event_id, version))
    console.store.add_audit(
        AuditEntry(
            at=console.clock.now(),
            by=who.name,
            action="card",
            subject=card.event_id,
            audience=console.reading.audience_of(who.audiences),
            detail=f"version {card.version}",
        )
    )
    return card
