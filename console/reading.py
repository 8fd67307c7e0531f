"""Reading the store for one reader: rows, pages and their audit."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from console.decisions import Standing, members, standing
from console.rows import KNOWN_STATES, Row, View, make_row, views_of
from console.towns import Town
from core.clock import Clock
from core.records import Audience, AuditEntry, Category, Event, ReportState
from store.protocol import EventQuery, Stats, Store

MAX_ROWS = 500
MAX_MERGES = 8
_KEPT_ROWS = 5_000
_NAMED_IN_AUDIT = 50
_REMEMBERED = 2_000
STATS_KEPT_S = 2.0

RowKey = tuple[str, int, Audience, str | None, str | None]


class Reading:
    """Reads events with what stands beside them, for the audiences it is given.

    Rows are kept by event and version: versions never change, and the audience is part of the
    key, so that an event that turned confidential is not answered from memory.
    """

    def __init__(
        self, store: Store, clock: Clock, *, towns: Sequence[Town], incident_at: float
    ) -> None:
        self.store = store
        self.towns = towns
        self._clock = clock
        self._incident_at = incident_at
        self._rows: OrderedDict[RowKey, Row] = OrderedDict()
        self._stats: dict[frozenset[Audience], tuple[float, Stats]] = {}
        self._lock = threading.Lock()

    def rows(self, events: Iterable[Event], audiences: frozenset[Audience]) -> list[Row]:
        """Rows in the order of the events."""
        events = list(events)
        standings = {event.id: self.standing(event, audiences) for event in events}
        keys = {event.id: _key(event, standings[event.id]) for event in events}
        with self._lock:
            rows = {i: self._rows[key] for i, key in keys.items() if key in self._rows}
        missing = [event for event in events if event.id not in rows]
        subjects = {member for event in missing for member in members(event)}
        known = {
            item.subject.id: item
            for item in (self.store.assessed(subjects, audiences) if subjects else [])
        }
        for event in missing:
            rows[event.id] = make_row(event, standings[event.id], known, self.towns)
        with self._lock:
            for event in missing:
                # A member that could not be read yet must not be missing for ever.
                if all(member in known for member in members(event)):
                    self._rows[keys[event.id]] = rows[event.id]
            while len(self._rows) > _KEPT_ROWS:
                self._rows.popitem(last=False)
        return [rows[event.id] for event in events]

    def standing(self, event: Event, audiences: frozenset[Audience]) -> Standing:
        """Where the event stands by its decisions."""
        return standing(event, self.store.decisions(audiences, event.id))

    def queue(
        self,
        audiences: frozenset[Audience],
        view: View,
        *,
        categories: Sequence[Category] = (),
        states: Sequence[ReportState] = (),
    ) -> list[Row]:
        """The rows of a view, most pressing first, at most 500."""
        events: dict[str, Event] = {}
        for query in self._queries(view, states):
            query = replace(query, categories=categories or None, limit=MAX_ROWS)
            events.update((event.id, event) for event in self.store.events(query, audiences))
        rows = self.rows(events.values(), audiences)
        return [row for row in rows if view in self.views(row)][:MAX_ROWS]

    def _queries(self, view: View, states: Sequence[ReportState]) -> list[EventQuery]:
        chosen = states or None
        todo = EventQuery(flagged=True, undecided=True, states=chosen, order="priority")
        if view is View.TODO:
            return [todo]
        if view is View.KNOWN:
            known = [state for state in KNOWN_STATES if not states or state in states]
            return [EventQuery(states=known, min_incident=self._incident_at, order="time")]
        if view is View.DECIDED:
            # The second query has those whose decision the correlator has not taken up yet.
            return [EventQuery(undecided=False, states=chosen, order="time"), todo]
        return [EventQuery(min_incident=self._incident_at, states=chosen, order="time")]

    def views(self, row: Row) -> set[View]:
        """The views that show the row."""
        return views_of(row.event, row.standing, self._incident_at)

    def event(
        self, event_id: str, audiences: frozenset[Audience], version: int | None = None
    ) -> Event | None:
        """The event, or the one it was merged into; ``None`` for what may not be seen."""
        for _ in range(MAX_MERGES):
            event = self.store.event(event_id, audiences, version)
            if event is None or event.merged_into is None or version is not None:
                return event
            event_id = event.merged_into
        return None

    def search(self, text: str, audiences: frozenset[Audience]) -> list[Row]:
        """Events with a post that has all the words, newest post first."""
        posts = self.store.search_posts(text, audiences, limit=200)
        events_of = self.store.events_of([post.id for post in posts], audiences)
        ids = dict.fromkeys(events_of[post.id] for post in posts if post.id in events_of)
        events = [self.event(event_id, audiences) for event_id in ids]
        found = {event.id: event for event in events if event is not None}
        return self.rows(found.values(), audiences)

    def stats(self, audiences: frozenset[Audience]) -> Stats:
        """Counts, at most two seconds old: a hundred open pages ask for the same ones."""
        moment_s = time.monotonic()
        with self._lock:
            kept = self._stats.get(audiences)
        if kept and moment_s - kept[0] < STATS_KEPT_S:
            return kept[1]
        stats = self.store.stats(audiences)
        with self._lock:
            self._stats[audiences] = (moment_s, stats)
        return stats

    def shown(self, audience: Audience) -> list[str]:
        """Ids of the events that readers of an audience may have on their screens."""
        queries = (
            EventQuery(flagged=True, order="time", limit=_REMEMBERED),
            EventQuery(min_incident=self._incident_at, order="time", limit=_REMEMBERED),
        )
        return [e.id for query in queries for e in self.store.events(query, {audience})]

    def interesting(self, event: Event) -> bool:
        """Whether any view shows the event, whatever was decided since its version."""
        return bool(views_of(event, standing(event, ()), self._incident_at))

    def audit(
        self, by: str, audiences: frozenset[Audience], action: str, subjects: Sequence[str]
    ) -> None:
        """Note a reading where it was of confidential records; others are not noted."""
        if Audience.CONFIDENTIAL not in audiences:
            return
        named = list(subjects[:_NAMED_IN_AUDIT])
        detail = f"{len(subjects)} records" if len(subjects) != 1 else ""
        if len(named) > 1:
            detail += ": " + " ".join(named)
        self.store.add_audit(
            AuditEntry(
                at=self._clock.now(),
                by=by,
                action=action,
                subject=named[0] if len(named) == 1 else "events",
                audience=Audience.CONFIDENTIAL,
                detail=detail,
            )
        )


def _key(event: Event, stands: Standing) -> RowKey:
    by = stands.by.id if stands.by else None
    return (event.id, event.version, event.audience, stands.verdict, by)
