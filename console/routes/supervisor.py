"""The supervisor's page."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from console.routes.stream import silent_feeds
from console.watch import (
    blind_spots,
    budgets,
    precision,
    standing_decisions,
    waiting,
    workload,
)
from console.web import (
    Console,
    Reader,
    Supervisor,
    check_csrf,
    console_of,
    render,
    same_origin,
)
from core.errors import InputError
from core.records import Audience, Role
from core.settings import load_sources
from store.coverage import all_blind_spots

router = APIRouter()
MAX_WAITING = 60
REFRESH_S = 20
LIMITS = (5, 10, 20, 30, 60)
WORKERS = {
    Audience.OPEN: (Role.SPECIALIST, Role.SUPERVISOR),
    Audience.CONFIDENTIAL: (Role.INTERNAL_SECURITY,),
}


@router.get("/supervisor", include_in_schema=False)
def supervisor_page(request: Request, who: Supervisor) -> Response:
    """Workload, what waits too long, blind spots, precision, the alert budget."""
    console = console_of(request)
    figures = _figures(console, who)
    entries = [w.entry for w in figures["waiting"][:MAX_WAITING]]
    rows = {r.event.id: r for r in console.reading.rows_of(entries, who.audiences)}
    console.reading.audit(who.name, who.audiences, "read_queue", list(rows))
    return render(
        request,
        "supervisor.html",
        who=who,
        refresh_s=REFRESH_S,
        shown=MAX_WAITING,
        rows=rows,
        stats=console.reading.stats(who.audiences),
        feeds=console.store.heartbeats(),
        silent=silent_feeds(console.store, console.settings.intake, console.clock),
        limit=console.budget.per_hour,
        **figures,
    )


@router.post("/supervisor/budget", include_in_schema=False)
def change_budget(
    request: Request,
    who: Supervisor,
    per_hour: Annotated[int, Form()] = 0,
    csrf: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Choose how many alerts a specialist gets in an hour at most."""
    same_origin(request)
    check_csrf(who, csrf)
    try:
        console_of(request).budget.change(per_hour, who.name)
    except InputError as error:
        raise HTTPException(422, str(error)) from error
    return RedirectResponse("/supervisor", status_code=303)


@router.get("/api/supervisor")
def supervisor_json(request: Request, who: Supervisor) -> dict[str, Any]:
    """The same figures for other programs."""
    found = _figures(console_of(request), who)
    return {
        "open": len(found["waiting"]),
        "unclaimed": sum(w.claimed_by is None for w in found["waiting"]),
        "overdue": [
            {
                "event": w.entry.event.id,
                "level": w.level,
                "waited_s": round(w.waited_s),
                "limit_s": w.limit_s,
                "claimed_by": w.claimed_by,
                "escalated": w.escalated,
            }
            for w in found["waiting"]
            if w.overdue
        ],
        "work": [vars(work) for work in found["work"]],
        "precision": [
            {"source": p.source, "right": p.right, "wrong": p.wrong, "share": round(p.share, 3)}
            for p in found["precision"]
        ],
        "blind": [line.region.key for line in found["regions"] if line.blind],
        "blind_spots": [spot.model_dump(mode="json") for spot in found["spots"]],
        "budgets": [vars(budget) for budget in found["budgets"]],
    }


def _figures(console: Console, who: Reader) -> dict[str, Any]:
    now, claims = console.clock.now(), console.claims.living()
    entries = console.board.all(who.audiences, learn=True)
    by_id = {entry.event.id: entry for entry in entries}
    mine = {i: claim for i, claim in claims.items() if i in by_id}
    roles = {role for audience in who.audiences for role in WORKERS.get(audience, ())}
    names = [u.name for u in console.store.users() if u.role in roles and not u.disabled]
    sources = load_sources(console.settings.crawlers.sources_file)
    on_shift = {session.user for session in console.accounts.sessions()} & set(names)
    decisions = standing_decisions(console.board.decisions(who.audiences))
    return {
        "waiting": waiting(entries, mine, console.settings.console.overdue_min.model_dump(), now),
        "work": workload(names, decisions, by_id, mine, now),
        "precision": precision(entries),
        "regions": blind_spots(console.regions, entries, now),
        "sources": len(sources),
        "spots": all_blind_spots(console.store, [s.name for s in sources], now),
        "on_shift": len(on_shift),
        "budgets": budgets(entries, sorted({*LIMITS, console.budget.per_hour}), len(on_shift), now),
    }
