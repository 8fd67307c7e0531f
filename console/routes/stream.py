"""The live stream of the queue (server-sent events)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from typing import Annotated, Any, cast

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse

from console.hub import Item, Kind, decode, encode
from console.regions import region_of
from console.roles import Action
from console.row_html import RowHtml
from console.rows import index_entry
from console.watch import waiting
from console.web import SESSION_COOKIE, Console, EventReader, Reader, console_of, language
from core.clock import Clock
from core.records import Audience, Heartbeat
from core.settings import IntakeSettings
from store.protocol import Store

router = APIRouter()
RETRY_MS = 2_000


@router.get("/api/stream")
async def stream(
    request: Request,
    who: EventReader,
    after: Annotated[str, Query(max_length=200)] = "",
    last_event_id: Annotated[str | None, Header(max_length=200)] = None,
) -> StreamingResponse:
    """Events as they change, from ``Last-Event-ID`` (or ``after``) on, until signed out.

    Messages: ``row`` (a row's HTML and where it belongs), ``gone`` (take the row away), ``claim``
    (who works on an event, nobody when ``by`` is null), ``reset`` (too much was missed: load the
    queue anew), ``pulse`` (time, silent feeds, counts).
    """
    positions = decode(last_event_id or after, who.audiences)
    lang = language(request)
    return StreamingResponse(
        _messages(console_of(request), request.cookies.get(SESSION_COOKIE), who, positions, lang),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _messages(
    console: Console,
    cookie: str | None,
    who: Reader,
    after: dict[Audience, int],
    lang: str,
) -> AsyncIterator[str]:
    yield f"retry: {RETRY_MS}\n: oqiga\n\n"
    await asyncio.to_thread(console.reading.audit, who.name, who.audiences, "follow", ())
    async for items in console.hub.follow(who.audiences, after):
        pulse_due = any(item.kind is Kind.PULSE for item in items)
        if pulse_due and await asyncio.to_thread(console.accounts.signed_in, cookie) is None:
            return
        yield await asyncio.to_thread(_encoded, console, who, items, lang)


def _encoded(console: Console, who: Reader, items: list[Item], lang: str) -> str:
    return "".join(_message(console, who, item, lang) for item in items)


def _message(console: Console, who: Reader, item: Item, lang: str) -> str:
    if item.kind is Kind.PULSE:
        return ": keep-alive\n" + _sse("pulse", pulse(console, who), item)
    if item.kind is Kind.RESET:
        return _sse("reset", {}, item)
    if item.kind is Kind.CLAIM:
        return _sse("claim", {"id": item.id, "by": item.claim.by if item.claim else None}, item)
    if item.kind is Kind.GONE or item.event is None:
        return _sse("gone", {"id": item.id}, item)
    row = console.reading.rows([item.event], who.audiences)[0]
    views = sorted(console.reading.views(row))
    if not views:
        return _sse("gone", {"id": item.id}, item)
    console.reading.audit(who.name, who.audiences, "read_event", [item.event.id])
    console.showing.note([item.event])
    render_row = cast(RowHtml, console.pages.globals["row_html"])
    html = render_row(row, console.texts[lang], console.clock.now())
    at = item.event.location
    region = region_of(console.regions, at.lat, at.lon) if at else None
    data = {
        **index_entry(item.event, row.standing),
        "views": views,
        "category": row.category,
        "state": item.event.report_state,
        "region": region.key if region else None,
        "sources": row.sources,
        "languages": row.languages,
        "html": html,
    }
    return _sse("row", data, item)


def _sse(name: str, data: dict[str, Any], item: Item) -> str:
    line = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    identity = f"id: {encode(item.positions)}\n" if item.positions else ""
    return f"{identity}event: {name}\ndata: {line}\n\n"


def pulse(console: Console, who: Reader) -> dict[str, Any]:
    """The time, the feeds that are silent, the counts of what the reader may see.

    For a supervisor also how many events wait so long that they have to step in.
    """
    stats = console.reading.stats(who.audiences)
    told = {
        "now": console.clock.now().isoformat(),
        "silent": silent_feeds(console.store, console.settings.intake, console.clock),
        "counts": {"flagged": stats.flagged, "posts": stats.posts, "reports": stats.reports},
    }
    if not who.rights.may(Action.SUPERVISE):
        return told
    limits = console.settings.console.overdue_min.model_dump()
    entries = console.board.all(who.audiences)
    late = waiting(entries, console.claims.living(), limits, console.clock.now())
    return {**told, "overdue": sum(w.escalated for w in late)}


def silent_feeds(store: Store, intake: IntakeSettings, clock: Clock) -> list[str]:
    """Names of the report feeds that were not heard within their limit, or never."""
    beats: Iterable[Heartbeat] = store.heartbeats()
    now = clock.now()
    live = {b.feed for b in beats if (now - b.at).total_seconds() <= b.limit_s}
    known = {b.feed for b in beats} | set(intake.feeds)
    return sorted(known - live)
