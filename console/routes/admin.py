"""The status page for administrators, health, and the API's description."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from console.highlight import shown
from console.roles import COUNTED
from console.routes.stream import silent_feeds
from console.web import Administrator, CurrentReader, console_of, render

router = APIRouter()


@router.get("/healthz")
def health() -> dict[str, str]:
    """Whether the console answers."""
    return {"status": "ok"}


@router.get("/admin", include_in_schema=False)
def admin_page(request: Request, who: Administrator) -> Response:
    """Counts, feeds and what was set aside, without the contents of any record."""
    console = console_of(request)
    return render(
        request,
        "admin.html",
        who=who,
        stats=console.store.stats(COUNTED),
        feeds=console.store.heartbeats(),
        silent=silent_feeds(console.store, console.settings.intake, console.clock),
        aside=[
            {
                "at": item.at,
                "kind": item.kind,
                "where": shown(item.where)[:200],
                "problem": shown(item.problem)[:300],
                "size": item.size_bytes,
            }
            for item in console.store.set_aside_items(limit=100)
        ],
        users=console.store.users(),
    )


@router.get("/api/openapi.json", include_in_schema=False)
def openapi(request: Request, who: CurrentReader) -> dict[str, Any]:
    """The API's description, for those who are signed in."""
    description: dict[str, Any] = request.app.openapi()
    return description
