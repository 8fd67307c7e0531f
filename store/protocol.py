"""What every store can do. One contract suite holds all backends to it.

Every write is durable when the call returns (it survives kill -9 and, on SQLite, a power cut of
a machine that honours fsync), is all-or-nothing, and is an upsert by id, so that repeating a call
changes nothing. Reading methods take the audiences that the reader may see and behave as if the
records of others did not exist.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from core.records import (
    Assessed,
    Assessment,
    Audience,
    AuditEntry,
    Category,
    ChainLink,
    Decision,
    Event,
    Heartbeat,
    Outcome,
    Point,
    Post,
    RawPost,
    Report,
    ReportState,
    Session,
    SetAside,
    User,
)

ALL = frozenset(Audience)
OPEN = frozenset({Audience.OPEN})
CONFIDENTIAL = frozenset({Audience.CONFIDENTIAL})
Audiences = Collection[Audience]


@dataclass(frozen=True)
class Change:
    """Something the correlator has to look at again. ``kind``: post, report or decision."""

    position: int
    kind: str
    id: str


@dataclass(frozen=True)
class EventWrite:
    """A new version of an event. ``based_on``: the version that was read, 0 for a new event."""

    event: Event
    based_on: int


@dataclass(frozen=True)
class EventChange:
    """An event's version in the order of writing; positions are counted per audience."""

    position: int
    event: Event


@dataclass(frozen=True)
class EventQuery:
    """Which events. All conditions hold together; ``None`` means any.

    ``bbox``: west, south, east, north in degrees. ``text``: words that a post of the event has.
    Events that were merged away are never returned. ``order``: ``priority`` or ``time``, both
    descending.
    """

    flagged: bool | None = None
    categories: Collection[Category] | None = None
    states: Collection[ReportState] | None = None
    since: datetime | None = None
    until: datetime | None = None
    bbox: tuple[float, float, float, float] | None = None
    text: str | None = None
    min_incident: float | None = None
    undecided: bool | None = None
    order: str = "priority"
    limit: int = 200


@dataclass(frozen=True)
class Stages:
    """When a post or report passed each stage after its acceptance; ``None``: not yet.

    ``assessed_at``: first assessed. ``correlated_at``: came into the event that it is in, or into
    an earlier one that it came from. ``shown_at``: first stood in the queue with its event.
    """

    assessed_at: datetime | None = None
    correlated_at: datetime | None = None
    shown_at: datetime | None = None


@dataclass(frozen=True)
class Latency:
    """Quantiles, in seconds, of one stage over the newest 1,000 records; ``None``: no data."""

    p50_s: float | None
    p95_s: float | None


@dataclass(frozen=True)
class Stats:
    """Counts of what the given audiences may see. ``backlog``: accepted, not yet assessed."""

    posts: int
    reports: int
    events: int
    flagged: int
    decisions: int
    set_aside: int
    backlog: int
    latencies: dict[str, Latency]


@dataclass(frozen=True)
class Sought:
    """A record whose neighbours are wanted: others of its audience that may be the same event.

    ``within_s``: seconds that may lie between the two; ``linked_s``: the same for what refers to it
    or is referred to. Copies, replies, forwards and shared photos are always found. Others only
    when they are an incident with at least the probability ``incident_from`` or of one category
    with at least ``category_from`` (``None``: not at all, or not for that): near one of ``points``
    (its radius included), or from probability ``alike_from`` on by words, meaning (``None``: not)
    and, with ``same_source``, as another without exact place of the same source. Posts of the same
    author in the same source are found within ``voice_s``, from probability ``voice_from`` on.
    """

    found: Assessed
    within_s: float
    linked_s: float
    points: tuple[Point, ...] = ()
    incident_from: float | None = None
    category_from: float | None = None
    alike_from: float | None = None
    same_source: bool = False
    voice_s: float = 0.0
    voice_from: float | None = None


@runtime_checkable
class Neighbouring(Protocol):
    """A store that finds by itself what is worth comparing; others have their window read."""

    def neighbours(self, sought: Sequence[Sought]) -> list[set[str]]:
        """Ids of the posts and reports around each record, itself left out; many in one call.

        The nearest and likest of each kind, so that the answer stays small however many there are.
        """
        ...


class Store(Protocol):
    """The store of all records."""

    # -- inputs --

    def accept_posts(self, items: Sequence[tuple[Post, RawPost | None]]) -> list[Outcome]:
        """Keep posts (with their raw payload), one outcome an item, by ``core.versions.judge``.

        A new version gets the next number of its id, whatever number it came with; all of it is
        ``pending`` until assessed. A conflict writes nothing. Each accepted version adds a link to
        the evidence chain in the same transaction.
        """
        ...

    def accept_reports(self, reports: Sequence[Report]) -> list[Outcome]:
        """Keep reports; the same id with other content is a conflict and writes nothing."""
        ...

    def set_aside(self, items: Sequence[SetAside]) -> None:
        """Keep what could not be accepted."""
        ...

    def set_aside_items(self, limit: int = 100) -> list[SetAside]:
        """Newest first. May hold confidential text: for the pipeline and administrators."""
        ...

    # -- assessment --

    def unassessed(self, limit: int) -> list[Post | Report]:
        """Accepted versions without assessment, oldest acceptance first."""
        ...

    def save_assessments(self, items: Sequence[tuple[Assessment, Audience]], at: datetime) -> None:
        """Keep assessments and move their subject, all versions, into the audience's tables.

        The new copy is written and the old deleted in one transaction. Confidential is sticky: a
        later version judged open does not move a subject out of the confidential tables. Each
        saved subject is appended to ``changes``. ``at``: time of assessment, for latencies.
        """
        ...

    # -- reading posts and reports --

    def post_versions(self, post_id: str, audiences: Audiences) -> list[Post]:
        """All versions in the order of their numbers, empty when unknown."""
        ...

    def raw_posts(self, post_id: str, audiences: Audiences) -> list[RawPost]:
        """The untouched payloads of a post's versions, in the order of their numbers.

        A version that came without a payload, or whose payload is kept no longer, has none here.
        """
        ...

    def report(self, report_id: str, audiences: Audiences) -> Report | None:
        """One report."""
        ...

    def assessments(self, subjects: Collection[str], audiences: Audiences) -> dict[str, Assessment]:
        """Assessment of each subject's speaking version (``core.versions.speaking``)."""
        ...

    def assessed(self, subjects: Collection[str], audiences: Audiences) -> list[Assessed]:
        """Subjects with the assessment of their speaking version; unassessed ones are left out.

        A deleted post comes as its speaking version; its ``deleted_at`` is that of the mark.
        """
        ...

    def window(self, since: datetime, audiences: Audiences) -> Iterator[Assessed]:
        """All assessed subjects posted or received since then, oldest first."""
        ...

    def search_posts(self, text: str, audiences: Audiences, limit: int = 50) -> list[Post]:
        """Newest versions whose text has all the words (prefix match), newest first."""
        ...

    def reports_near(
        self, lat: float, lon: float, radius_m: float, since: datetime, audiences: Audiences
    ) -> list[Report]:
        """Reports with coordinates within ``radius_m`` metres, nearest first."""
        ...

    # -- correlation --

    def changes(self, after: int, limit: int = 1000) -> list[Change]:
        """What was assessed or decided after that position, in order."""
        ...

    def last_change(self) -> int:
        """Position of the newest change, 0 when there is none."""
        ...

    def write_events(self, writes: Sequence[EventWrite]) -> None:
        """Keep new versions of events, all or none; raises StaleWriteError.

        Each event's version must be ``based_on`` + 1 and ``based_on`` its newest version. Older
        versions stay readable. An event may change its audience: the new copy is written and all
        versions in the old audience's tables are moved in the same transaction.
        """
        ...

    def event(
        self, event_id: str, audiences: Audiences, version: int | None = None
    ) -> Event | None:
        """An event at a version (default: newest). An alias does not resolve here."""
        ...

    def event_versions(self, event_id: str, audiences: Audiences) -> list[Event]:
        """All versions, oldest first."""
        ...

    def events(self, query: EventQuery, audiences: Audiences) -> list[Event]:
        """Newest versions that fit the query."""
        ...

    def events_of(self, subjects: Collection[str], audiences: Audiences) -> dict[str, str]:
        """Event id of each post or report that is in an event."""
        ...

    def events_with(self, subjects: Collection[str], audiences: Audiences) -> list[Event]:
        """Newest versions of the events that the posts or reports are in, each once, by id."""
        ...

    def open_events(self, since: datetime, audiences: Audiences) -> list[Event]:
        """Newest versions of events with activity since then, merged ones left out."""
        ...

    def event_changes(self, audience: Audience, after: int, limit: int = 500) -> list[EventChange]:
        """Versions of one audience's events written after that position, in order."""
        ...

    def last_event_change(self, audience: Audience) -> int:
        """Position of the newest event change of that audience, 0 when there is none."""
        ...

    def mark_shown(self, subjects: Mapping[str, datetime]) -> None:
        """Note when posts and reports, by id, stood in the queue with their event.

        The first time is kept, and never lies before the one of joining, whatever the clocks of
        two machines say. What is in no event changes nothing.
        """
        ...

    def stages(self, subjects: Collection[str], audiences: Audiences) -> dict[str, Stages]:
        """When each assessed post or report passed the stages; others are left out."""
        ...

    # -- decisions, audit --

    def add_decision(self, decision: Decision) -> None:
        """Append a decision; raises StaleWriteError when its event has a newer version.

        The decision is kept with its event's audience, is appended to ``changes`` and audited. The
        same id again changes nothing.
        """
        ...

    def decisions(self, audiences: Audiences, event_id: str | None = None) -> list[Decision]:
        """Decisions in the order in which they were taken, of one event or of all."""
        ...

    def add_audit(self, entry: AuditEntry) -> None:
        """Append an entry to its audience's audit chain."""
        ...

    def audit(self, audiences: Audiences, limit: int = 200) -> list[AuditEntry]:
        """Newest first."""
        ...

    def chain(self, name: str) -> Iterator[ChainLink]:
        """The links of chain ``evidence``, ``audit_open`` or ``audit_confidential`` in order."""
        ...

    def broken_links(self, name: str) -> list[int]:
        """Positions whose kept record no longer has the digest that the chain vouches for."""
        ...

    # -- feeds, progress, accounts --

    def beat(self, heartbeat: Heartbeat) -> None:
        """Keep a feed's newest sign of life (an older one than kept changes nothing)."""
        ...

    def heartbeats(self) -> list[Heartbeat]:
        """Newest heartbeat of each feed, by name."""
        ...

    def note(self, key: str) -> str | None:
        """A small value kept under a key: cursors, the replay's anchor."""
        ...

    def put_note(self, key: str, value: str) -> None:
        """Keep a small value."""
        ...

    def put_note_once(self, key: str, value: str) -> str:
        """Keep the value unless the key has one; return the one that is kept."""
        ...

    def swap_note(self, key: str, expected: str | None, value: str | None) -> bool:
        """Change a value atomically, if it still is ``expected``; whether it was.

        ``None`` stands for no value: expected to be absent, or to be removed.
        """
        ...

    def notes(self, prefix: str) -> dict[str, str]:
        """All values whose key begins so, by key."""
        ...

    def put_user(self, user: User) -> None:
        """Add or change an account."""
        ...

    def user(self, name: str) -> User | None:
        """An account."""
        ...

    def users(self) -> list[User]:
        """All accounts by name."""
        ...

    def put_session(self, session: Session) -> None:
        """Add or prolong a session."""
        ...

    def session(self, session_id: str) -> Session | None:
        """A session, expired ones too."""
        ...

    def drop_session(self, session_id: str) -> None:
        """Revoke a session."""
        ...

    def sessions(self) -> list[Session]:
        """All sessions, expired ones too, oldest first."""
        ...

    def stats(self, audiences: Audiences) -> Stats:
        """Counts and latencies."""
        ...

    def close(self) -> None:
        """Release files and connections."""
        ...
