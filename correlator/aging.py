"""Which stored events the passing of time alone changes: those flagged, and those snoozed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from core.records import Decision, DecisionKind, Event
from correlator.constraints import standing
from store.protocol import ALL, EventQuery, Store

MOST = 10_000


def aging(store: Store, decisions: Sequence[Decision], since: datetime) -> list[Event]:
    """Newest versions of those with activity since then; at most ``MOST`` flagged, the newest."""
    flagged = store.events(EventQuery(flagged=True, order="time", limit=MOST), ALL)
    found = {event.id: event for event in (*flagged, *_snoozed(store, decisions, since))}
    return [event for event in found.values() if event.last_at >= since]


def _snoozed(store: Store, decisions: Sequence[Decision], since: datetime) -> list[Event]:
    """Events that were snoozed until some time after ``since``."""
    snoozes = [
        d
        for d in standing(decisions)
        if d.kind is DecisionKind.SNOOZE and d.until is not None and d.until >= since
    ]
    found = store.events_with({d.anchor for d in snoozes if d.anchor}, ALL)
    for name in sorted({d.event for d in snoozes}):
        event = store.event(name, ALL)
        while event is not None and event.merged_into is not None:
            event = store.event(event.merged_into, ALL)
        found += [event] if event is not None else []
    return found
