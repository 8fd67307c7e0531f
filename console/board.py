"""All open events in memory, as the queue filters and sorts them: a function of the store.

Ten thousand events cannot be read from the store at each look: they are read once, then only what
changed. Every question first takes in what was written since the last one, so that an answer is
never older than the request.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from console.decisions import Standing, members, standing
from console.regions import Region, region_of
from console.rows import View, views_of
from core.clock import Clock
from core.records import Audience, Category, Claim, Decision, Event, Post, ReportState
from store.protocol import EventQuery, Store

AUDIENCES = (Audience.OPEN, Audience.CONFIDENTIAL)
KEPT = 20_000
"""Events in memory an audience, about 5 kB each; the oldest decided ones leave first."""
PAGE = 1_000
CHUNK = 500


@dataclass(frozen=True)
class Facts:
    """What the posts of an event add to it."""

    sources: frozenset[str]
    languages: frozenset[str]


@dataclass
class Entry:
    """An event on the board. ``flagged_at``: when it was first seen flagged (UTC)."""

    event: Event
    standing: Standing
    region: str | None
    flagged_at: datetime
    facts: Facts | None = None


@dataclass(frozen=True)
class Filters:
    """What a queue shows; empty means any. ``hours``: started within; ``owner``: me, free."""

    view: View = View.TODO
    categories: tuple[Category, ...] = ()
    states: tuple[ReportState, ...] = ()
    regions: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    hours: float | None = None
    owner: str | None = None


@dataclass
class _Side:
    """What one audience may see."""

    position: int = 0
    entries: dict[str, Entry] = field(default_factory=dict)


class Board:
    """The open events. ``incident_at``: probability from which an event is an incident."""

    def __init__(
        self, store: Store, clock: Clock, *, regions: Sequence[Region], incident_at: float
    ) -> None:
        self._store = store
        self._clock = clock
        self._regions = regions
        self._incident_at = incident_at
        self._sides: dict[Audience, _Side] = {}
        self._decisions: dict[str, list[Decision]] = {}
        self._known: set[str] = set()
        self._change = 0
        self._lock = threading.RLock()

    def entries(
        self,
        audiences: Iterable[Audience],
        filters: Filters,
        *,
        claims: dict[str, Claim] | None = None,
        me: str = "",
    ) -> list[Entry]:
        """Entries that fit, in the order of the view: most pressing, or newest, first."""
        with self._lock:
            self._sync()
            now = self._clock.now()
            found = [
                entry
                for audience in AUDIENCES
                if audience in audiences
                for entry in self._sides[audience].entries.values()
                if self._fits(entry, filters, now)
            ]
            if filters.sources or filters.languages:
                self._learn(found)
                found = [e for e in found if _spoken(e, filters)]
        if filters.owner is not None:
            found = [e for e in found if _owned(e, filters.owner, claims or {}, me)]
        found.sort(key=_pressing if filters.view is View.TODO else _newest)
        return found

    def all(self, audiences: Iterable[Audience], *, learn: bool = False) -> list[Entry]:
        """All entries, in no order; ``learn``: with the facts that their posts add."""
        with self._lock:
            self._sync()
            found = [
                e for a in AUDIENCES if a in audiences for e in self._sides[a].entries.values()
            ]
            if learn:
                self._learn(found)
            return found

    def decisions(self, audiences: Iterable[Audience]) -> dict[str, list[Decision]]:
        """All decisions on these audiences' entries, by event."""
        with self._lock:
            self._sync()
            return {
                event_id: list(self._decisions.get(event_id, ()))
                for audience in AUDIENCES
                if audience in audiences
                for event_id in self._sides[audience].entries
            }

    def sources(self, audiences: Iterable[Audience]) -> list[str]:
        """Names of the sources of all entries, as far as they were looked at."""
        found: set[str] = set()
        for entry in self.all(audiences):
            if entry.facts is not None:
                found |= entry.facts.sources
        return sorted(found)

    def refresh(self, event: Event, decisions: Sequence[Decision]) -> None:
        """Take over the decisions on an event at once: a specialist never waits."""
        with self._lock:
            self._known |= {d.id for d in decisions}
            self._decisions[event.id] = list(decisions)
            side = self._sides.get(event.audience)
            if side is not None and event.id in side.entries:
                entry = side.entries[event.id]
                side.entries[event.id] = replace(entry, standing=standing(entry.event, decisions))

    def warm(self) -> None:
        """Read everything, before anybody asks."""
        self.all(AUDIENCES, learn=True)

    # -- inside ----------------------------------------------------------------------------

    def _fits(self, entry: Entry, filters: Filters, now: datetime) -> bool:
        event = entry.event
        if filters.view not in views_of(event, entry.standing, self._incident_at, now):
            return False
        if filters.categories and event.category not in filters.categories:
            return False
        if filters.states and event.report_state not in filters.states:
            return False
        if filters.regions and entry.region not in filters.regions:
            return False
        if filters.hours is None:
            return True
        return (now - event.started_at).total_seconds() <= filters.hours * 3600

    def _sync(self) -> None:
        if not self._sides:
            self._load()
            return
        self._heed_decisions()
        for audience, side in self._sides.items():
            newest = self._store.last_event_change(audience)
            while side.position < newest:
                changes = self._store.event_changes(audience, side.position, PAGE)
                if not changes:
                    break
                for change in changes:
                    side.position = change.position
                    self._put(change.event)
            if len(side.entries) > KEPT:
                self._shrink(side)

    def _load(self) -> None:
        self._change = self._store.last_change()
        sides = {a: _Side(position=self._store.last_event_change(a)) for a in AUDIENCES}
        for decision in self._store.decisions(AUDIENCES):
            self._known.add(decision.id)
            self._decisions.setdefault(decision.event, []).append(decision)
        queries = (
            EventQuery(flagged=True, order="priority", limit=KEPT),
            EventQuery(min_incident=self._incident_at, order="time", limit=KEPT),
        )
        found = [
            event
            for audience in AUDIENCES
            for query in queries
            for event in self._store.events(query, {audience})
        ]
        self._sides = sides  # now nothing can fail any more
        for event in found:
            self._put(event)

    def _heed_decisions(self) -> None:
        """Decisions that another console wrote: all are read again."""
        newest, strange = self._store.last_change(), False
        while self._change < newest:
            changes = self._store.changes(self._change, PAGE)
            if not changes:
                break
            self._change = changes[-1].position
            strange = strange or any(
                c.kind == "decision" and c.id not in self._known for c in changes
            )
        if not strange:
            return
        self._decisions = {}
        for decision in self._store.decisions(AUDIENCES):
            self._known.add(decision.id)
            self._decisions.setdefault(decision.event, []).append(decision)
        for side in self._sides.values():
            for entry in side.entries.values():
                entry.standing = standing(entry.event, self._decisions.get(entry.event.id, ()))

    def _put(self, event: Event) -> None:
        for audience, other in self._sides.items():
            if audience is not event.audience:
                other.entries.pop(event.id, None)
        side = self._sides[event.audience]
        old = side.entries.get(event.id)
        if old is not None and old.event.version > event.version:
            return
        stands = standing(event, self._decisions.get(event.id, ()))
        gone = event.merged_into is not None
        if gone or not (event.flagged or event.incident >= self._incident_at or stands.verdict):
            side.entries.pop(event.id, None)
            return
        same = old is not None and members(old.event) == members(event)
        side.entries[event.id] = Entry(
            event=event,
            standing=stands,
            region=self._region(event, old),
            flagged_at=old.flagged_at if old and old.event.flagged else event.updated_at,
            facts=old.facts if old is not None and same else None,
        )

    def _region(self, event: Event, old: Entry | None) -> str | None:
        if event.location is None:
            return None
        if old is not None and old.event.location == event.location:
            return old.region
        found = region_of(self._regions, event.location.lat, event.location.lon)
        return found.key if found else None

    def _shrink(self, side: _Side) -> None:
        over = sorted(
            side.entries.values(), key=lambda e: (e.event.flagged, e.event.last_at, e.event.id)
        )
        for entry in over[: len(side.entries) - KEPT]:
            del side.entries[entry.event.id]

    def _learn(self, entries: Sequence[Entry]) -> None:
        unknown = [entry for entry in entries if entry.facts is None]
        for start in range(0, len(unknown), CHUNK):
            chunk = unknown[start : start + CHUNK]
            ids = {member for entry in chunk for member in members(entry.event)}
            audiences = {entry.event.audience for entry in chunk}
            known = {item.subject.id: item for item in self._store.assessed(ids, audiences)}
            for entry in chunk:
                items = [known[i] for i in sorted(members(entry.event)) if i in known]
                posts = [i.subject for i in items if isinstance(i.subject, Post)]
                entry.facts = Facts(
                    sources=frozenset(post.source for post in posts),
                    languages=frozenset(i.assessment.language.value for i in items),
                )


def _spoken(entry: Entry, filters: Filters) -> bool:
    facts = entry.facts or Facts(frozenset(), frozenset())
    if filters.sources and not facts.sources & set(filters.sources):
        return False
    return not filters.languages or bool(facts.languages & set(filters.languages))


def _owned(entry: Entry, owner: str, claims: dict[str, Claim], me: str) -> bool:
    claim = claims.get(entry.event.id)
    if owner == "me":
        return claim is not None and claim.by == me
    return claim is None


def _pressing(entry: Entry) -> tuple[float, str]:
    return (-entry.event.priority, entry.event.id)


def _newest(entry: Entry) -> tuple[float, str]:
    return (-entry.event.started_at.timestamp(), entry.event.id)
