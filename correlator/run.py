"""The live correlator: tails the store's changes, writes events, repairs itself at the start.

From a store that finds neighbours it brings what surrounds the records that it handles
(``surroundings``); of any other it reads the whole open window at the start, and of the past what
late records speak of.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from core.clock import Clock
from core.errors import StaleWriteError
from core.ids import digest
from core.records import (
    Assessed,
    Audience,
    Decision,
    Event,
    ReportState,
    SetAside,
)
from core.settings import Settings
from correlator.aging import aging
from correlator.blocking import shortest_s, widest_s
from correlator.correlate import at
from correlator.freshness import Freshness
from correlator.live import LATE_S, Correlator
from correlator.model import PairModel
from correlator.reopening import Span, joined, lacking
from correlator.sharing import Share, handled_by_all
from correlator.surroundings import Surroundings, members_of
from store.protocol import ALL, Change, EventQuery, EventWrite, Neighbouring, Store

log = logging.getLogger(__name__)

CURSOR = "correlator:cursor"
SEEN = "correlator:seen"
"""Up to which event changes of each audience what others wrote was taken over."""
JUDGE = "correlator:judge"
"""Digest of the model and settings by which all in the open window was judged."""
BEGUN = "correlator:begun"
"""Where the shares of a number began, for one of them that comes later than the others."""
BATCH = 1_000
EVENT_BATCH = 500
ATTEMPTS = 8
REJUDGE_S = 5.0
CLOSE_S = 300.0
RESTATED = 500
"""Events at once whose report state a feed's silence or return makes wrong."""
MOST_REOPENED = 200_000
"""Records of the past that one stretch brings back into memory at most: about 1 GB."""
AUDIENCES = (Audience.OPEN, Audience.CONFIDENTIAL)
WHOLE = Share()


class LiveCorrelator:
    """Keeps the store's events up to date with its posts, reports and decisions.

    Its memory is a function of the store: ``start`` rebuilds it and writes what an earlier
    process did not get to. Several at once do no harm: each write is conditional on the version
    that was read, and what another process wrote is taken over. ``share``: of several that divide
    the changes by region; the first of them does what the passing of time makes due.
    """

    def __init__(
        self,
        store: Store,
        settings: Settings,
        model: PairModel,
        clock: Clock,
        share: Share = WHOLE,
    ) -> None:
        self._store = store
        self._share = share
        self._settings = settings
        self._model = model
        self._clock = clock
        self._correlator = self._empty()
        self._position = self._noted_at = 0
        self._seen = dict.fromkeys(AUDIENCES, 0)
        self._started = False
        self._rejudged: datetime | None = None
        self._freshness_judged: Freshness | None = None
        self._closed: datetime | None = None
        self._reopened: list[Span] = []
        self._near: Surroundings | None = None
        self._stated: bool | None = None
        self._noted: dict[Audience, int] = {}
        self.failures = 0

    @property
    def held(self) -> int:
        """Records in memory."""
        return len(self._correlator)

    def start(self) -> None:
        """Rebuild memory from the store, and write what the open window lacks.

        A store that finds neighbours has its window read only when the model or the settings are
        others than those by which it was judged.
        """
        store, now = self._store, self._clock.now()
        self._correlator = self._empty()
        self._reopened, self._near, self._stated = [], None, None
        self._seen = {audience: store.last_event_change(audience) for audience in AUDIENCES}
        self._position = self._noted_at = self._noted_position()
        since = now - timedelta(seconds=widest_s(self._settings.correlator) + LATE_S)
        if not isinstance(store, Neighbouring):
            self._read_window(since, now)
        elif store.note(JUDGE) == (judge := self._judged_by()):
            self._near = self._surroundings(store, now)
            self._read_flagged(self._near, since, now)
        else:
            self._read_window(since, now)
            self._near = self._surroundings(store, since)
            self._near.covers_all(self._correlator.record_ids)
            self._note_seen()
            if self._share.leads:
                store.put_note(JUDGE, judge)
        self._started = True
        log.info("correlator started: %d records in memory", len(self._correlator))

    def _read_window(self, since: datetime, now: datetime) -> None:
        """Judge the whole window anew and write the differences."""
        store = self._store
        events = store.open_events(since, ALL)
        records = {r.subject.id: r for r in store.window(since, ALL)}
        members = members_of(events)
        for record in store.assessed(members - records.keys(), ALL):
            records[record.subject.id] = record
        placed = store.events_of(set(records) - members, ALL)
        for record_id in placed:  # its event closed before the window began
            del records[record_id]
        readable = [r for r in records.values() if self._readable(r)]
        late = {
            r.subject.id
            for r in readable
            if r.subject.id not in members and self._correlator.late(r, now)
        }  # new, but not of now: its change is still to be handled, and has the past read again
        self._correlator.load(
            [r for r in readable if r.subject.id not in late], events, store.decisions(ALL)
        )
        self._correlator.close(now)
        if self._share.leads:
            freshness = self._freshness(now)
            self._write(self._correlator.reconcile(now, freshness), now, freshness)

    def _read_flagged(self, near: Surroundings, since: datetime, now: datetime) -> None:
        """Read what the passing of time changes; what others wrote is taken over from the note."""
        store = self._store
        seen = store.note(self._share.key(SEEN))
        if seen is not None:
            self._seen |= {audience: int(json.loads(seen)[audience]) for audience in AUDIENCES}
        decisions = store.decisions(ALL)
        self._correlator.load([], [], decisions)
        events = aging(store, decisions, since)
        near.bring(events)
        near.complete_events(events)
        self._correlator.close(now)
        near.forgot()

    def step(self) -> int:
        """Handle what came since the last step; the number of changes handled."""
        if not self._started:
            self.start()
        now = self._clock.now()
        freshness = self._freshness(now)
        self._started = False  # whatever fails from here on, the next step starts anew
        self._take_over(now, freshness)
        changes = self._store.changes(self._position, BATCH)
        if changes:
            self._handle(changes, now, freshness)
        else:
            self._write(self._correlator.catch_up(now, freshness), now, freshness)
            if self._near is not None:
                self._note_seen()
        self._as_time_passes(now, freshness)
        self._note_position()
        self._started = True
        return len(changes)

    # -- inside -----------------------------------------------------------------------------

    def _empty(self) -> Correlator:
        return Correlator(
            self._settings.correlator, self._model, incident_at=self._settings.nlp.incident_at
        )

    def _surroundings(self, store: Neighbouring, covered_from: datetime) -> Surroundings:
        return Surroundings(
            self._store,
            store,
            self._correlator,
            self._settings.correlator,
            covered_from=covered_from,
            readable=self._readable,
        )

    def _judged_by(self) -> str:
        settings = self._settings
        return digest(
            "judge",
            self._model.content,
            settings.correlator.model_dump_json(),
            str(settings.nlp.incident_at),
        )

    def _noted_position(self) -> int:
        """Up to where this share's changes were handled; of a new share, by others before it."""
        own = self._store.note(self._share.key(CURSOR))
        if own is not None or self._share.whole:
            return int(json.loads(own or "0"))
        positions = {k: int(json.loads(v)) for k, v in self._store.notes(CURSOR).items()}
        begun = json.dumps(handled_by_all(CURSOR, positions, but=self._share.of))
        return int(json.loads(self._store.put_note_once(f"{BEGUN}:{self._share.of}", begun)))

    def _note_position(self) -> None:
        """Note up to where changes were handled, once all that they made is written."""
        if self._position != self._noted_at and not self._correlator.behind:
            self._store.put_note(self._share.key(CURSOR), json.dumps(self._position))
            self._noted_at = self._position

    def _note_seen(self) -> None:
        """Note what was taken over, so that the next process takes over the rest."""
        if self._seen != self._noted:
            self._store.put_note(self._share.key(SEEN), json.dumps(self._seen))
            self._noted = dict(self._seen)

    def _freshness(self, now: datetime) -> Freshness:
        return Freshness.of(self._store.heartbeats(), self._settings.intake.feeds, now)

    def _handle(self, changes: Sequence[Change], now: datetime, freshness: Freshness) -> None:
        decisions = None
        decided: set[str] = set()
        if any(change.kind == "decision" for change in changes):
            decisions = self._store.decisions(ALL)
            decided = self._spoken_of(decisions, {c.id for c in changes if c.kind == "decision"})
        subjects = {change.id for change in changes if change.kind != "decision"}
        records = [r for r in self._store.assessed(subjects, ALL) if self._readable(r)]
        mine = self._share.of_mine(records)
        others = [record for record in records if not self._share.has(record)]
        handled = subjects - {record.subject.id for record in others}
        if self._near is None:
            spoken_of = self._store.assessed(decided - subjects, ALL)
            again = self._reopen([*records, *spoken_of], now)
            self._correlator.take(others)
            writes = self._correlator.update(mine, now, freshness, decisions, again=again)
        else:
            self._near.bring_events_of(subjects | decided)
            self._correlator.take(others)
            touched = self._correlator.take(mine, decisions) | handled | decided
            self._near.came(records, now)
            self._near.complete(touched)
            writes = self._correlator.settle(touched, now, freshness)
        self._write(writes, now, freshness)
        self._position = changes[-1].position
        self._note_position()
        if self._near is not None:
            self._note_seen()

    def _spoken_of(self, decisions: Sequence[Decision], new: set[str]) -> set[str]:
        """Records that the new decisions, or those that they undo, speak of."""
        undone = {d.undoes for d in decisions if d.id in new and d.undoes}
        chosen = [d for d in decisions if d.id in new or d.id in undone]
        found = {m for d in chosen for m in (d.anchor, *d.members) if m}
        events = (self._store.event(d.event, ALL) for d in chosen)
        return found | members_of(event for event in events if event)

    def _reopen(self, records: Sequence[Assessed], now: datetime) -> set[str]:
        """Read again the past that late records, edits or decisions speak of.

        So a day that is filled in later ends as it would have ended live. Ids of the records that
        were in an event already: they are to be judged anew.
        """
        correlator = self._correlator
        late = [
            r for r in records if not correlator.knows(r.subject.id) and correlator.late(r, now)
        ]
        spans = lacking(joined(correlator.forgotten(r, now) for r in late), self._reopened)
        near = {r.subject.id: r for span in spans for r in self._within(span)}
        placed = self._store.events_of(near.keys() | {r.subject.id for r in late}, ALL)
        found = (self._store.event(i, ALL) for i in sorted(set(placed.values())))
        events = [e for e in found if e and not correlator.version(e.id)]
        members = members_of(events)
        for record in self._store.assessed(members - near.keys(), ALL):
            near[record.subject.id] = record
        missing = [
            r
            for r in near.values()
            if r.subject.id in members and not correlator.knows(r.subject.id)
        ]
        correlator.load([r for r in missing if self._readable(r)], events)
        self._reopened = joined([*self._reopened, *spans])
        if events:
            log.info("%d late records had %d events read again", len(late), len(events))
        return {r.subject.id for r in late if r.subject.id in placed}

    def _within(self, span: Span) -> Iterator[Assessed]:
        since, until = span
        for number, record in enumerate(self._store.window(since, ALL)):
            if at(record) > until:
                return
            if number == MOST_REOPENED:
                log.warning("more than %d records around a late one: the rest is left", number)
                return
            yield record

    def _readable(self, record: Assessed) -> bool:
        """Whether a record can be boiled down; one that cannot is set aside and counted."""
        try:
            self._correlator.late(record, self._clock.now())
        except Exception as error:
            self.failures += 1
            log.exception("record %s cannot be correlated", record.subject.id)
            self._store.set_aside(
                [
                    SetAside(
                        id=digest("correlator", record.subject.id, record.subject.content),
                        kind="assessment",
                        where="correlator",
                        problem=f"{type(error).__name__}: {error}",
                        at=self._clock.now(),
                        size_bytes=0,
                        record=b"",
                    )
                ]
            )
            return False
        return True

    def _write(self, writes: list[EventWrite], now: datetime, freshness: Freshness) -> None:
        """Write; where another process was first, take its versions over and try again."""
        for _ in range(ATTEMPTS):
            if not writes:
                return
            try:
                self._store.write_events(writes)
            except StaleWriteError:
                log.info("%d events were written by another process, read again", len(writes))
                ids = {write.event.id for write in writes}
                subjects = members_of(write.event for write in writes)
                ids |= set(self._store.events_of(subjects, ALL).values())
                newest = [e for e in (self._store.event(i, ALL) for i in sorted(ids)) if e]
                absent = ids - {event.id for event in newest}
                writes = self._adopt(newest, now, freshness, absent)
                continue
            return
        raise StaleWriteError(
            f"{len(writes)} events changed under every one of {ATTEMPTS} attempts to write them; "
            "the correlator starts anew from the store"
        )

    def _adopt(
        self,
        events: Sequence[Event],
        now: datetime,
        freshness: Freshness,
        absent: Iterable[str] = (),
    ) -> list[EventWrite]:
        missing = {m for m in members_of(events) if not self._correlator.knows(m)}
        records = [r for r in self._store.assessed(missing, ALL) if self._readable(r)]
        touched = self._correlator.admit(events, records=records, absent=absent)
        if not self._share.whole:
            touched = self._of_mine(touched)
        if self._near is not None:
            self._near.complete(touched)
        return self._correlator.settle(touched, now, freshness)

    def _of_mine(self, touched: set[str]) -> set[str]:
        """Those of the records whose event or component has some of this share."""
        correlator, mine = self._correlator, set[str]()
        known = {record_id for record_id in touched if correlator.knows(record_id)}
        while known:
            together = correlator.concerned([known.pop()])
            if any(self._share.has(correlator.record(record_id)) for record_id in together):
                mine |= touched & together
            known -= together
        return mine

    def _take_over(self, now: datetime, freshness: Freshness) -> None:
        """Take over what another process wrote since the last step."""
        for audience in AUDIENCES:
            while changes := self._store.event_changes(audience, self._seen[audience], EVENT_BATCH):
                self._seen[audience] = changes[-1].position
                newest = {change.event.id: change.event for change in changes}
                foreign = [event for event in newest.values() if self._correlator.is_foreign(event)]
                if foreign:
                    self._write(self._adopt(foreign, now, freshness), now, freshness)

    def _as_time_passes(self, now: datetime, freshness: Freshness) -> None:
        turned = freshness != self._freshness_judged  # a feed fell silent or came back
        due = turned or self._rejudged is None or _past(self._rejudged, now, REJUDGE_S)
        if due:
            self._rejudged, self._freshness_judged = now, freshness
            self._write(self._correlator.catch_up(now, freshness), now, freshness)
        if due and self._share.leads:
            if self._near is not None and self._stated is not freshness.live:
                self._bring_misstated(self._near, freshness)
            self._write(self._correlator.rejudge(now, freshness), now, freshness)
        if self._closed is None or _past(self._closed, now, CLOSE_S):
            self._closed = now
            self._correlator.close(now)
            self._reopened = []
            if self._near is not None:
                self._near.forgot()

    def _bring_misstated(self, near: Surroundings, freshness: Freshness) -> None:
        """Bring some of the events that memory lacks whose state the feeds have made wrong."""
        within_s = shortest_s(self._settings.correlator) + LATE_S
        since = self._clock.now() - timedelta(seconds=within_s)
        wrong = ReportState.UNKNOWN if freshness.live else ReportState.UNREPORTED
        query = EventQuery(states=(wrong,), since=since, order="time", limit=RESTATED)
        found = self._store.events(query, ALL)
        near.bring(found)
        near.complete_events(found)
        if len(found) < RESTATED:
            self._stated = freshness.live


def _past(since: datetime, now: datetime, seconds: float) -> bool:
    return abs((now - since).total_seconds()) >= seconds
