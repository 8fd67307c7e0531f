"""The open window in memory: incremental, and a function of the records it has seen.

The partition is that of ``correlate`` on the same records; ids of events are those of the stored
events with which they share most members.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from core.records import Assessed, Audience, Decision, Event, ReportState
from core.settings import CorrelatorSettings
from correlator.blocking import reach_s, shortest_s
from correlator.constraints import constraints
from correlator.correlate import at, first_id
from correlator.freshness import Freshness
from correlator.graph import Graph
from correlator.growth import merely_grown
from correlator.items import Item, make_item
from correlator.judging import PRIORITY_STEP, Judge, Known, Rulings, material
from correlator.model import PairModel
from correlator.packing import EventPacker, RecordPacker, pack_item, unpack_item
from correlator.priority import priority
from correlator.reopening import Span, around
from correlator.shelf import Shelf
from store.protocol import EventWrite

LATE_S = 3_600.0
"""A record may be this late and find all that it is to be compared with in memory."""
CLOSING_S = 600.0
"""Events that are over within the same stretch of so many seconds are looked at together."""


class Correlator:
    """Events of the open window. ``incident_at``: probability from which one is an incident."""

    def __init__(
        self, settings: CorrelatorSettings, model: PairModel, *, incident_at: float = 0.5
    ) -> None:
        self._settings = settings
        self._model = model
        self._judge = Judge(model, incident_at)
        record_packer, event_packer = RecordPacker(Assessed), EventPacker()
        self._records = Shelf(record_packer.pack, record_packer.unpack)
        self._items = Shelf(pack_item, self._unpack_item)
        self._graph = Graph(settings, model, self._items)
        self._events = Shelf(event_packer.pack, event_packer.unpack)
        self._event_of: dict[str, str] = {}
        self._stated: dict[ReportState, set[str]] = {state: set() for state in ReportState}
        self._closing: dict[int, list[str]] = {}
        self._behind: dict[str, list[str]] = {}
        self._taken: dict[str, str] = {}
        self._flagged: set[str] = set()
        self._snoozed: set[str] = set()
        self._rulings = Rulings()
        self._decisions: dict[str, Decision] = {}
        self._live: bool | None = None
        self._grown = 0
        self._prepared: dict[str, tuple[Assessed, Item]] = {}

    # -- what is known ----------------------------------------------------------------------

    @property
    def events(self) -> list[Event]:
        """The open events, by their start."""
        return sorted(self._events.values(), key=lambda e: (e.started_at, e.id))

    def __len__(self) -> int:
        """Records in memory."""
        return len(self._records)

    @property
    def record_ids(self) -> set[str]:
        """Ids of the records in memory."""
        return set(self._records)

    def knows(self, record_id: str) -> bool:
        """Whether a record is in memory."""
        return record_id in self._records

    def version(self, event_id: str) -> int:
        """Version of an open event as known here, 0 when it is not."""
        event = self._events.get(event_id)
        return 0 if event is None else event.version

    def item(self, record_id: str) -> Item:
        """A record in memory as it is compared."""
        return self._graph.items[record_id]

    def record(self, record_id: str) -> Assessed:
        """A record in memory."""
        return self._records[record_id]

    def event_with(self, record_id: str) -> Event | None:
        """The open event that a record is in as known here, ``None`` when there is none yet."""
        event_id = self._event_of.get(record_id)
        return None if event_id is None else self._events[event_id]

    @property
    def behind(self) -> bool:
        """Whether a mass event has posts of which no version was given yet (see ``catch_up``)."""
        return bool(self._behind)

    def concerned(self, record_ids: Iterable[str]) -> set[str]:
        """The records and all in memory that are judged with them: components and events."""
        found: set[str] = set()
        reach = set(record_ids) & self._records.keys()
        while reach:
            members = self._graph.joined(reach)
            found |= members
            events = {self._event_of[m] for m in members if m in self._event_of}
            reach = {m for e in events for m in self._members(self._events[e])} - found
        return found

    def late(self, record: Assessed, now: datetime) -> bool:
        """Whether what a record may be compared with may have left memory already."""
        return now.timestamp() - self._prepare(record).at > LATE_S

    def forgotten(self, record: Assessed, now: datetime) -> Span:
        """The time within which others bear on this record's event, as far as memory lacks it."""
        since, until = around(at(record), reach_s(self._prepare(record), self._settings))
        kept = now - timedelta(seconds=shortest_s(self._settings) + LATE_S)
        return since, min(until, kept)

    def is_foreign(self, event: Event) -> bool:
        """Whether a stored version is newer than what is known here of an event."""
        known = self._events.get(event.id)
        if known is None:
            return event.merged_into is None
        return event.version > known.version

    # -- changing ---------------------------------------------------------------------------

    def load(
        self,
        records: Iterable[Assessed],
        events: Iterable[Event],
        decisions: Sequence[Decision] | None = None,
    ) -> None:
        """Take in what the store holds; nothing is judged yet (see ``reconcile``).

        ``decisions``: all of them; ``None`` when they are known already.
        """
        if decisions is not None:
            self._decide(decisions)
        events = list(events)
        for record in sorted(records, key=lambda r: (at(r), r.subject.id)):
            self._take_in(record, self._item(record))
        for event in events:
            self._know(event)
        self._live = None  # what was judged before may be misstated

    def update(
        self,
        changed: Sequence[Assessed],
        now: datetime,
        freshness: Freshness,
        decisions: Sequence[Decision] | None = None,
        *,
        again: Iterable[str] = (),
    ) -> list[EventWrite]:
        """Take in new or changed records (and all decisions, when they changed).

        ``again``: records in memory that are to be judged anew though they are known as they are.
        Returns the new versions of events to write, each based on the version known here. A
        record that cannot be boiled down raises before anything is changed.
        """
        touched = self.take(changed, decisions)
        return self.settle(touched | set(again), now, freshness)

    def take(
        self, changed: Sequence[Assessed], decisions: Sequence[Decision] | None = None
    ) -> set[str]:
        """The first half of ``update``: ids of the records that are to be judged anew."""
        items = [(record, self._item(record)) for record in changed]
        touched: set[str] = set() if decisions is None else self._decide(decisions)
        for record, item in sorted(items, key=lambda pair: (pair[1].at, pair[1].id)):
            touched |= self._take_in(record, item)
        return touched

    def settle(
        self, touched: Iterable[str], now: datetime, freshness: Freshness
    ) -> list[EventWrite]:
        """The second half: judge those in memory and say what has to be written."""
        return self._settle(self._records.keys() & set(touched), now, freshness)

    def reconcile(self, now: datetime, freshness: Freshness) -> list[EventWrite]:
        """Judge everything in memory anew: the differences from what the store holds."""
        return self._settle(set(self._records), now, freshness)

    def admit(
        self,
        events: Iterable[Event],
        *,
        records: Sequence[Assessed] = (),
        absent: Iterable[str] = (),
    ) -> set[str]:
        """Take over newest versions that another process wrote; ids of what is to be judged anew.

        ``records``: their members that are not in memory yet; ``absent``: ids of events that are
        known here and were never written.
        """
        touched: set[str] = set()
        for event_id in absent:
            touched |= self._forget_event(event_id)
            self._taken.pop(event_id, None)
        for record in records:
            touched |= self._take_in(record, self._item(record))
        for event in events:
            touched |= self._forget_event(event.id)
            self._know(event)
            touched |= {link.id for link in (*event.posts, *event.reports)}
        return touched

    def rejudge(self, now: datetime, freshness: Freshness, limit: int = 500) -> list[EventWrite]:
        """New versions that the passing of time or a feed's silence makes due, at most ``limit``,
        and those of crowds that are no longer growing.

        Flagged events come first; call again while it returns some.
        """
        size = self._graph.waiting
        writes = self._settle(self._graph.grown(), now, freshness) if size == self._grown else []
        self._grown = self._graph.waiting
        due = [e for e in sorted(self._flagged | self._snoozed) if self._aged(e, now)]
        if self._live is not freshness.live:
            misstated = ReportState.UNKNOWN if freshness.live else ReportState.UNREPORTED
            wrong = sorted(self._stated[misstated], key=lambda e: (e not in self._flagged, e))
            due += wrong
            if len(wrong) <= limit:
                self._live = freshness.live
        for event_id in list(dict.fromkeys(due))[:limit]:
            event = self._events[event_id]
            write = self._write(event, self._members(event), event.aliases, now, freshness)
            if write is not None:
                writes.append(write)
        return writes

    def catch_up(self, now: datetime, freshness: Freshness) -> list[EventWrite]:
        """The versions of mass events that merely grew, to be written now and then."""
        writes = []
        for event_id in sorted(self._behind):
            event = self._events[event_id]
            members = self._members(event)
            write = self._write(event, members, event.aliases, now, freshness, whole=True)
            if write is not None:
                writes.append(write)
        return writes

    def close(self, now: datetime) -> int:
        """Drop the events that can no longer change from memory; how many."""
        closed = 0
        ended = int(now.timestamp() // CLOSING_S)
        for when in [when for when in self._closing if when <= ended]:
            for event_id in set(self._closing.pop(when)):
                event = self._events.get(event_id)
                if event is None:
                    continue
                members = self._members(event)
                if now.timestamp() <= self._over_at(event, members):
                    self._close_later(event, members)
                    continue
                closed += 1
                self._graph.forget(members)
                for member in members:
                    self._records.pop(member, None)
                self._forget_event(event_id)
                for name in event.aliases:
                    self._taken.pop(name, None)
        self._records.rest()
        self._items.rest()
        self._events.rest()
        return closed

    # -- inside -----------------------------------------------------------------------------

    def _prepare(self, record: Assessed) -> Item:
        """The boiled-down record, kept for ``_item``: it is made once."""
        prepared = self._prepared.get(record.subject.id)
        if prepared is None or prepared[0] is not record:
            prepared = self._prepared[record.subject.id] = (
                record,
                make_item(record, self._model.idf),
            )
        return prepared[1]

    def _item(self, record: Assessed) -> Item:
        item = self._prepare(record)
        del self._prepared[item.id]
        return item

    def _take_in(self, record: Assessed, item: Item) -> set[str]:
        """A record into memory; ids of the records whose cluster may have changed.

        The graph comes first: it may still make the item of the version before from its record.
        """
        touched = self._graph.put(item)
        self._records[item.id] = record
        return touched

    def _unpack_item(self, item_id: str, packed: bytes) -> Item:
        if packed:
            return unpack_item(packed, self._model.idf)
        return make_item(self._records[item_id], self._model.idf)

    def _close_later(self, event: Event, members: Iterable[str]) -> None:
        when = int(self._over_at(event, members) // CLOSING_S)
        self._closing.setdefault(when, []).append(event.id)

    def _over_at(self, event: Event, members: Iterable[str]) -> float:
        """When an event can no longer change, in seconds since 1970."""
        return max(event.last_at.timestamp(), self._graph.until(members)) + LATE_S

    def _decide(self, decisions: Sequence[Decision]) -> set[str]:
        """Take over all decisions; ids of the records whose event they touch."""
        known = {decision.id: decision for decision in decisions}
        news = [d for d in known.values() if d.id not in self._decisions]
        undone = {d.undoes for d in news if d.undoes}
        news += [d for d in known.values() if d.id in undone]
        self._decisions = known
        self._rulings = Rulings(known.values())
        touched = self._graph.constrain(constraints(known.values()))
        for decision in news:
            event_id = self._taken.get(decision.event, decision.event)
            if event_id in self._events:
                touched |= set(self._members(self._events[event_id]))
            if decision.anchor is not None and decision.anchor in self._records:
                touched.add(decision.anchor)
        return touched

    def _know(self, event: Event) -> None:
        """Take an event as the store has it."""
        for name in event.aliases:
            self._taken[name] = event.merged_into or event.id
        if event.merged_into is not None:
            self._taken[event.id] = event.merged_into
            return
        self._events[event.id] = event
        for link in (*event.posts, *event.reports):
            if link.id in self._records:
                self._event_of[link.id] = event.id
        self._close_later(event, self._members(event))
        self._note(event)

    def _note(self, event: Event) -> None:
        for state, ids in self._stated.items():
            (ids.add if state is event.report_state else ids.discard)(event.id)
        (self._flagged.add if event.flagged else self._flagged.discard)(event.id)
        marks = self._rulings.marks((event.id, *event.aliases), self._members(event))
        snoozed = marks.snoozed_until is not None
        (self._snoozed.add if snoozed else self._snoozed.discard)(event.id)

    def _forget_event(self, event_id: str) -> set[str]:
        event = self._events.pop(event_id, None)
        more = self._behind.pop(event_id, ())
        for ids in self._stated.values():
            ids.discard(event_id)
        self._flagged.discard(event_id)
        self._snoozed.discard(event_id)
        if event is None:
            return set()
        members = {link.id for link in (*event.posts, *event.reports)}.union(more)
        for member in members:
            if self._event_of.get(member) == event_id:
                del self._event_of[member]
        return members

    def _members(self, event: Event) -> list[str]:
        return self._behind.get(event.id) or [
            link.id
            for link in (*event.posts, *event.reports)
            if self._event_of.get(link.id) == event.id
        ]

    def _settle(self, touched: set[str], now: datetime, freshness: Freshness) -> list[EventWrite]:
        """Cluster anew around the touched records and say what has to be written."""
        clusters, involved = self._affected(touched)
        near = self._graph.near(touched)
        ids = self._identify(clusters, involved)
        heirs = _heirs(clusters, ids, involved, self._event_of)
        writes: list[EventWrite] = []
        for old, heir in sorted(heirs.items()):
            self._taken[old] = heir
        for members, event_id in zip(clusters, ids, strict=True):
            old_event = self._events.get(event_id)
            aliases = set() if old_event is None else set(old_event.aliases)
            for gone, heir in heirs.items():
                if heir == event_id:
                    aliases |= {gone, *self._events[gone].aliases}
            if (
                old_event is not None
                and aliases == set(old_event.aliases)
                and len(members) == len(old_event.posts) + len(old_event.reports)
                and all(self._event_of.get(m) == event_id for m in members)
                and near.isdisjoint(self._graph.first(m) for m in members)
            ):
                continue  # nothing about it has changed
            for member in members:
                self._event_of[member] = event_id
            known = old_event or event_id
            write = self._write(known, members, tuple(sorted(aliases)), now, freshness)
            if write is not None:
                writes.append(write)
        for gone, heir in sorted(heirs.items()):
            writes.append(self._bury(self._events[gone], self._events[heir], now))
        return writes

    def _affected(self, touched: set[str]) -> tuple[list[list[str]], set[str]]:
        """All clusters that may have changed, and the events that their records were in."""
        clusters: list[list[str]] = []
        covered: set[str] = set()
        involved: set[str] = set()
        reach = set(touched)
        while reach:
            found = self._graph.clusters_around(reach)
            members = {member for cluster in found for member in cluster}
            clusters += found
            covered |= members
            events = {self._event_of[m] for m in members if m in self._event_of} - involved
            involved |= events
            reach = {m for e in events for m in self._members(self._events[e])} - covered
        return sorted(clusters), involved

    def _identify(self, clusters: list[list[str]], involved: set[str]) -> list[str]:
        """An id for each cluster: that of the event with most of its records, else a new one.

        Of equals the oldest event. When some of an open event's records turned confidential, the
        event goes with them, because its earlier versions speak of them.
        """
        claims = []
        for position, members in enumerate(clusters):
            counts: dict[str, int] = {}
            for member in members:
                event_id = self._event_of.get(member)
                if event_id is not None:
                    counts[event_id] = counts.get(event_id, 0) + 1
            audience = self._graph.items[members[0]].audience
            for event_id, count in counts.items():
                event = self._events[event_id]
                withdrawn = (
                    audience is Audience.CONFIDENTIAL
                    and event.audience is not Audience.CONFIDENTIAL
                )
                claims.append(
                    (not withdrawn, -count, event.started_at, event_id, members[0], position)
                )
        ids: dict[int, str] = {}
        given: set[str] = set()
        for *_, event_id, _first, position in sorted(claims):
            if position not in ids and event_id not in given:
                ids[position] = event_id
                given.add(event_id)
        for position, members in enumerate(clusters):
            if position not in ids:
                ids[position] = self._new_id(members, given)
                given.add(ids[position])
        return [ids[position] for position in range(len(clusters))]

    def _new_id(self, members: list[str], given: set[str]) -> str:
        event_id = first_id(members, self._graph)
        number = 0
        while event_id in self._taken or event_id in self._events or event_id in given:
            number += 1
            event_id = first_id(members, self._graph, str(number))
        return event_id

    def _write(
        self,
        known: Event | str,
        members: Sequence[str],
        aliases: tuple[str, ...],
        now: datetime,
        freshness: Freshness,
        *,
        whole: bool = False,
    ) -> EventWrite | None:
        """The next version of an event if it says something new; it is then the known one.

        A mass event that merely grew has none, unless ``whole``.
        """
        old = known if isinstance(known, Event) else None
        event_id = known.id if isinstance(known, Event) else known
        version = old.version if old else 0
        event = self._judge.event(
            members,
            graph=self._graph,
            records=self._records,
            known=Known(event_id, version, aliases),
            marks=self._rulings.marks((event_id, *aliases), members),
            freshness=freshness,
            now=now,
        )
        self._behind.pop(event_id, None)
        if old is not None and not material(old, event):
            return None
        if old is not None and not whole and merely_grown(old, event):
            self._behind[event_id] = list(members)
            return None
        self._know(event)
        return EventWrite(event=event, based_on=version)

    def _bury(self, gone: Event, heir: Event, now: datetime) -> EventWrite:
        """The last version of an event that has no members left."""
        last = gone.model_copy(
            update={
                "version": gone.version + 1,
                "audience": heir.audience,
                "posts": (),
                "reports": (),
                "candidates": (),
                "flagged": False,
                "priority": 0.0,
                "priority_factors": (),
                "headline": "",
                "aliases": (),
                "merged_into": heir.id,
                "updated_at": now,
            }
        )
        self._forget_event(gone.id)
        self._know(last)
        return EventWrite(event=last, based_on=gone.version)

    def _aged(self, event_id: str, now: datetime) -> bool:
        """Whether time alone changed an event's priority or ended its snooze."""
        if event_id in self._snoozed:
            return True
        event = self._events[event_id]
        factors = {factor.name: factor.value for factor in event.priority_factors}
        value, _ = priority(
            category=event.category,
            urgency=event.urgency,
            incident=event.incident,
            unknown_to_102=factors.get("unknown_to_102", 1.0),
            last_at=event.last_at,
            now=now,
        )
        return abs(value - event.priority) > PRIORITY_STEP


def _heirs(
    clusters: list[list[str]], ids: list[str], involved: set[str], event_of: dict[str, str]
) -> dict[str, str]:
    """For each event that kept no cluster: the event that has most of its former records."""
    gone = involved - set(ids)
    shares: dict[str, dict[str, int]] = {event_id: {} for event_id in gone}
    for members, event_id in zip(clusters, ids, strict=True):
        for member in members:
            former = event_of.get(member)
            if former in gone:
                counts = shares[former]
                counts[event_id] = counts.get(event_id, 0) + 1
    return {
        event_id: min(counts, key=lambda heir: (-counts[heir], heir))
        for event_id, counts in shares.items()
        if counts
    }
