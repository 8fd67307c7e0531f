"""Reading the store for one reader: rows, pages and their audit."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from console.board import Board, Entry
from console.decisions import Standing, members, standing
from console.rows import Row, View, make_row, views_of
from console.towns import Town
from core.clock import Clock
from core.geo import bounding_box, distance_m
from core.records import Audience, AuditEntry, Event, Point
from store.protocol import OPEN, EventQuery, Stats, Store

MAX_FOUND = 300
MAX_MERGES = 8
_KEPT_ROWS = 12_000
_NAMED_IN_AUDIT = 50
_REMEMBERED = 2_000
STATS_KEPT_S = 2.0

RowKey = tuple[str, int, Audience, tuple[str | None, ...]]


@dataclass(frozen=True)
class Wanted:
    """What is searched for; ``None`` means any. ``near``: a point and a radius around it."""

    text: str = ""
    near: Point | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing was asked for."""
        return not (self.text or self.near or self.since or self.until)


class Reading:
    """Reads events with what stands beside them, for the audiences it is given.

    Rows are kept by event and version: versions never change, and the audience is part of the
    key, so that an event that turned confidential is not answered from memory.
    """

    def __init__(
        self, store: Store, clock: Clock, *, towns: Sequence[Town], incident_at: float, board: Board
    ) -> None:
        self.store = store
        self.towns = towns
        self.board = board
        self._clock = clock
        self._incident_at = incident_at
        self._rows: OrderedDict[RowKey, Row] = OrderedDict()
        self._stats: dict[frozenset[Audience], tuple[float, Stats]] = {}
        self._lock = threading.Lock()

    def rows(self, events: Iterable[Event], audiences: frozenset[Audience]) -> list[Row]:
        """Rows in the order of the events, with the decisions that the store holds now."""
        pairs = [(event, self.standing(event, audiences)) for event in events]
        return self._rows_of(pairs, audiences)

    def rows_of(self, entries: Iterable[Entry], audiences: frozenset[Audience]) -> list[Row]:
        """Rows in the order of the board's entries."""
        return self._rows_of([(e.event, e.standing) for e in entries], audiences)

    def _rows_of(
        self, pairs: Sequence[tuple[Event, Standing]], audiences: frozenset[Audience]
    ) -> list[Row]:
        keys = {event.id: _key(event, stands) for event, stands in pairs}
        with self._lock:
            rows = {i: self._rows[key] for i, key in keys.items() if key in self._rows}
        missing = [pair for pair in pairs if pair[0].id not in rows]
        subjects = {member for event, _ in missing for member in members(event)}
        known = {
            item.subject.id: item
            for item in (self.store.assessed(subjects, audiences) if subjects else [])
        }
        for event, stands in missing:
            rows[event.id] = make_row(event, stands, known, self.towns)
        with self._lock:
            for event, _ in missing:
                # A member that could not be read yet must not be missing for ever.
                if all(member in known for member in members(event)):
                    self._rows[keys[event.id]] = rows[event.id]
            while len(self._rows) > _KEPT_ROWS:
                self._rows.popitem(last=False)
        return [rows[event.id] for event, _ in pairs]

    def standing(self, event: Event, audiences: frozenset[Audience]) -> Standing:
        """Where the event stands by its decisions."""
        return standing(event, self.store.decisions(audiences, event.id))

    def views(self, row: Row) -> set[View]:
        """The views that show the row."""
        return views_of(row.event, row.standing, self._incident_at, self._clock.now())

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

    def search(self, wanted: Wanted, audiences: frozenset[Audience]) -> list[Row]:
        """Events with a post that has all the words, at the place and in the time, newest first.

        What is no incident is found too: a search is how a person looks for what was missed.
        """
        if wanted.empty:
            return []
        near = wanted.near
        query = EventQuery(
            text=wanted.text or None,
            bbox=None if near is None else bounding_box(near.lat, near.lon, near.radius_m),
            since=wanted.since,
            until=wanted.until,
            order="time",
            limit=MAX_FOUND,
        )
        events = self.store.events(query, audiences)
        if near is not None:
            events = [e for e in events if e.location and _inside(e.location, near)]
        return self.rows(events, audiences)

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

    def assessor(self) -> str | None:
        """The id of the model that assessed the newest event's posts, ``None`` without any."""
        for event in self.store.events(EventQuery(order="time", limit=1), OPEN):
            for assessment in self.store.assessments(members(event), OPEN).values():
                return assessment.assessor
        return None

    def shown(self, audience: Audience) -> list[str]:
        """Ids of the events that readers of an audience may have on their screens."""
        queries = (
            EventQuery(flagged=True, order="time", limit=_REMEMBERED),
            EventQuery(min_incident=self._incident_at, order="time", limit=_REMEMBERED),
        )
        return [e.id for query in queries for e in self.store.events(query, {audience})]

    def interesting(self, event: Event) -> bool:
        """Whether any view shows the event, whatever was decided since its version."""
        return bool(views_of(event, standing(event, ()), self._incident_at, self._clock.now()))

    def audience_of(self, audiences: frozenset[Audience]) -> Audience:
        """In whose trail a reading of these audiences belongs."""
        return Audience.CONFIDENTIAL if Audience.CONFIDENTIAL in audiences else Audience.OPEN

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
    return (event.id, event.version, event.audience, stands.key)


def _inside(at: Point, near: Point) -> bool:
    return distance_m(at.lat, at.lon, near.lat, near.lon) <= near.radius_m + at.radius_m
