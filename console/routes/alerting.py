"""Who is told of what, and the trace of every delivery."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from console.web import Supervisor, check_csrf, console_of, render, same_origin

router = APIRouter(include_in_schema=False)
MAX_LISTED = 200
Token = Annotated[str, Form(max_length=200)]


@router.get("/alerts")
def alerts_page(request: Request, who: Supervisor) -> Response:
    """The rules for this audience's events and what became of each delivery."""
    console = console_of(request)
    audiences = {audience.value for audience in who.audiences}
    console.reading.audit(who.name, who.audiences, "read_alerts", ())
    return render(
        request,
        "alerts.html",
        who=who,
        rules=[r for r in console.settings.alerts.rules if r.audience in audiences],
        failures={one.id: one.where for one in console.outbox.troubles()},
        deliveries=console.outbox.deliveries(who.audiences)[:MAX_LISTED],
    )


@router.post("/alerts/{delivery_id}/again")
def again(request: Request, delivery_id: str, who: Supervisor, csrf: Token = "") -> Response:
    """Try a failed or held delivery anew."""
    same_origin(request)
    check_csrf(who, csrf)
    if not console_of(request).outbox.again(delivery_id, who.audiences):
        raise HTTPException(404)
    return RedirectResponse("/alerts", status_code=303)
