"""Writing events and telling what changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from core.errors import StaleWriteError, StoreError
from core.records import Audience, Event
from store.elasticsearch.base import KEPT
from store.elasticsearch.connection import Key
from store.elasticsearch.documents import event_document
from store.elasticsearch.registry import Head, head_of, subject_of
from store.elasticsearch.transaction import Transaction
from store.elasticsearch.withholding import Withholding, members, named
from store.protocol import Change, EventChange, EventWrite
from store.times import us


class Events(Withholding):
    """What the correlator reads and writes."""

    def changes(self, after: int, limit: int = 1000) -> list[Change]:
        """See Protocol."""
        rows = self._blocks("changes", after, limit)
        return [Change(position, kind, name) for position, (kind, name) in rows]

    def last_change(self) -> int:
        """See Protocol."""
        return self._journal.sync().sequences.get("changes", 0)

    def write_events(self, writes: Sequence[EventWrite]) -> None:
        """See Protocol. An open event that names a confidential record is stale, too."""
        if not writes:
            return

        def build(tx: Transaction) -> None:
            self._prefetch_events(tx, writes)
            for write in writes:
                self._write_event(tx, write)

        self._journal.write(build)

    def event_changes(self, audience: Audience, after: int, limit: int = 500) -> list[EventChange]:
        """See Protocol."""
        found: list[EventChange] = []
        while len(found) < limit:
            rows = self._blocks(f"feed_{audience.value}", after, limit)
            if not rows:
                break
            after = rows[-1][0]
            found += self._still_there(audience, rows)
        return found[:limit]

    def last_event_change(self, audience: Audience) -> int:
        """See Protocol."""
        return self._journal.sync().sequences.get(f"feed_{audience.value}", 0)

    # -- inside -----------------------------------------------------------------------------

    def _blocks(self, kind: str, after: int, limit: int) -> list[tuple[int, list[str]]]:
        """Items of a sequence after a position, in order, at most ``limit``."""
        if self._journal.sync().sequences.get(kind, 0) <= after:
            return []
        self._journal.refresh(f"pipeline-{kind}")
        found: list[tuple[int, list[str]]] = []
        for hit in self._connection.scan(
            self._names.pipeline(kind),
            query={"range": {"last": {"gt": after}}},
            sort=[{"first": "asc"}],
        ):
            block = hit["_source"]
            for position, item in enumerate(block["items"], block["first"]):
                if position > after:
                    found.append((position, item))
                if len(found) == limit:
                    return found
        return found

    def _still_there(
        self, audience: Audience, rows: Sequence[tuple[int, list[str]]]
    ) -> list[EventChange]:
        """Those versions that still lie in the audience's indices at that position."""
        keys: dict[int, tuple[Key, Key]] = {}
        for position, (event_id, version, period) in rows:
            keys[position] = (
                (self._names.of(audience, "events", period), event_id),
                (self._names.of(audience, "versions", period), f"{event_id}:{version}"),
            )
        kept = self._connection.get_many(
            [key for pair in keys.values() for key in pair], ["position", "body"]
        )
        found: list[EventChange] = []
        for position, pair in keys.items():
            for key in pair:
                source = kept.get(key)
                if source is not None and source["position"] == position:
                    event = Event.model_validate_json(source["body"])
                    found.append(EventChange(position, event))
                    break
        return found

    def _prefetch_events(self, tx: Transaction, writes: Sequence[EventWrite]) -> None:
        """Read what the writes will look at, with three requests."""
        events = [write.event for write in writes]
        heads = [self._event_key(event.id) for event in events]
        subjects = [self._subject(name) for event in events for name in sorted(named(event))]
        tx.fetch([*heads, *subjects])
        newest = {
            self._newest_key(head, event.id): head
            for event, key in zip(events, heads, strict=True)
            for head in [head_of(tx.get(key)) or self._first_head(event)]
        }
        tx.fetch(newest)
        looked_at: set[Key] = set()
        for key, head in newest.items():
            source = tx.get(key)
            if source is not None:
                gone = (*source.get("posts", ()), *source.get("reports", ()))
                looked_at |= {self._subject(name) for name in gone}
                looked_at.add(self._version_key(head, key[1], head.version))
        tx.fetch(sorted(looked_at))

    def _write_event(self, tx: Transaction, write: EventWrite) -> None:
        event = write.event
        if event.audience not in KEPT:
            raise StoreError("an event is open or confidential, not pending")
        head = head_of(tx.get(self._event_key(event.id)))
        source = None if head is None else tx.get(self._newest_key(head, event.id))
        current = None if source is None else Event.model_validate_json(source["body"])
        if current == event:
            return
        held = head.version if head else 0
        if held != write.based_on or event.version != held + 1:
            raise StaleWriteError(
                f"event {event.id}: the newest version is {held}, the write is version "
                f"{event.version} based on {write.based_on}; read the event again"
            )
        if event.audience is Audience.OPEN and tx.is_confidential(named(event)):
            raise StaleWriteError(
                f"event {event.id}: a record that it names is not open any more; "
                "read its records again"
            )
        if any(subject_of(tx.get(key)).removed for key in tx.subjects(sorted(named(event)))):
            raise StaleWriteError(
                f"event {event.id}: a post that it names was removed; read its records again"
            )
        if head is None:
            head = self._first_head(event)
        elif head.audience is not event.audience:
            head = self._move_event(tx, event.id, head, event.audience, with_newest=False)
        elif current is not None and source is not None:
            self._keep_version(tx, current, source["position"], head.period, head.audience)
        head = replace(head, version=event.version)
        tx.put(self._event_key(event.id), head.to_json())
        document = event_document(
            event,
            position=self._feed(tx, event.audience, event, head.period),
            suffix=head.period,
            sources=self._sources(tx, event),
        )
        tx.put(self._newest_key(head, event.id), document)
        self._place_members(tx, event, current)

    def _first_head(self, event: Event) -> Head:
        return Head(event.audience, self._names.suffix(event.updated_at), 0)

    def _place_members(self, tx: Transaction, event: Event, before: Event | None) -> None:
        """Say of each member that it is in this event and in no other."""
        mine = members(event)
        for key in tx.subjects(sorted(mine)):
            state = subject_of(tx.get(key))
            joined = state.correlated_us if state.event == event.id else us(event.updated_at)
            placed = replace(
                state, event=event.id, event_audience=event.audience, correlated_us=joined
            )
            tx.put(key, placed.to_json())
        left = members(before) - mine if before else set()
        for key in tx.subjects(sorted(left)):
            state = subject_of(tx.get(key))
            if state.event == event.id:
                cleared = replace(
                    state, event=None, event_audience=None, correlated_us=0, shown_us=0
                )
                tx.put(key, cleared.to_json())
