"""The card for 102: what a duty officer needs of an event, as data for print, JSON and CAP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from console.event_page import EventPage
from console.highlight import shown
from console.rows import Level
from core.records import Category, Decision, DecisionKind, Point, ReportState

MAX_POSTS = 10
MAX_TEXT_CHARS = 2_000


@dataclass(frozen=True)
class Quote:
    """One post on the card: its text masked, its address only where it names no person."""

    source: str
    at: datetime
    text: str
    url: str | None
    deleted: bool


@dataclass(frozen=True)
class Card:
    """An event as it is passed on. ``confirmed``: the decision that did, ``None`` before."""

    event_id: str
    version: int
    category: Category
    level: Level
    incident: float
    headline: str
    place: str | None
    town: dict[str, str] | None
    location: Point | None
    started_at: datetime
    last_at: datetime
    updated_at: datetime
    state: ReportState
    lead_s: float | None
    quotes: tuple[Quote, ...]
    more_posts: int
    reports: tuple[str, ...]
    notes: tuple[str, ...]
    confirmed: Decision | None
    previous: tuple[int, datetime] | None


def make_card(page: EventPage) -> Card:
    """The card of the event that a page shows."""
    event, row = page.event, page.row
    stands = page.standing
    quotes = [
        Quote(
            source=view.newest.source,
            at=view.newest.posted_at,
            text=shown(view.speaking.text)[:MAX_TEXT_CHARS],
            url=view.url,
            deleted=view.newest.deleted_at is not None,
        )
        for view in page.posts
    ]
    confirmed = stands.by if stands.verdict is DecisionKind.CONFIRM else None
    older = [e for e in page.versions if e.version < event.version]
    return Card(
        event_id=event.id,
        version=event.version,
        category=row.category,
        level=row.level,
        incident=event.incident,
        headline=row.headline,
        place=row.place,
        town=row.town.names if row.town else None,
        location=event.location,
        started_at=event.started_at,
        last_at=event.last_at,
        updated_at=event.updated_at,
        state=event.report_state,
        lead_s=event.lead_s,
        quotes=tuple(quotes[:MAX_POSTS]),
        more_posts=max(0, len(quotes) - MAX_POSTS),
        reports=tuple(link.id for link in event.reports),
        notes=tuple(shown(note.reason or "") for note in stands.notes),
        confirmed=confirmed,
        previous=(older[-1].version, older[-1].updated_at) if older else None,
    )


def card_json(card: Card, lang: str) -> dict[str, Any]:
    """The card for other programs; times in ISO 8601 UTC, probabilities in [0, 1]."""
    return {
        "id": card.event_id,
        "version": card.version,
        "category": card.category.value,
        "severity": card.level.value,
        "probability": round(card.incident, 3),
        "headline": card.headline,
        "place": {
            "name": card.place,
            "town": card.town[lang] if card.town else None,
            "lat": card.location.lat if card.location else None,
            "lon": card.location.lon if card.location else None,
            "radius_m": round(card.location.radius_m) if card.location else None,
        },
        "started_at": card.started_at.isoformat(),
        "last_at": card.last_at.isoformat(),
        "report_state": card.state.value,
        "lead_s": card.lead_s,
        "posts": [
            {
                "source": quote.source,
                "posted_at": quote.at.isoformat(),
                "text": quote.text,
                "url": quote.url,
                "deleted": quote.deleted,
            }
            for quote in card.quotes
        ],
        "more_posts": card.more_posts,
        "reports": list(card.reports),
        "notes": list(card.notes),
        "confirmed_by": card.confirmed.by if card.confirmed else None,
        "confirmed_at": card.confirmed.at.isoformat() if card.confirmed else None,
    }


def expires_at(card: Card, hours: Sequence[tuple[Category, float]] = ()) -> datetime:
    """When the card is not worth acting on any more: a day after the last word of it."""
    known = dict(hours)
    return card.last_at + timedelta(hours=known.get(card.category, 24.0))
