"""Writing events and telling what changed."""

from __future__ import annotations

from collections.abc import Sequence

import apsw

from core.errors import StaleWriteError, StoreError
from core.records import Audience, Event
from store.protocol import Change, EventChange, EventWrite
from store.sqlite.database import KEPT, Database, listed, one, per
from store.sqlite.removal import is_removed
from store.sqlite.withholding import (
    insert_event,
    members,
    move_event,
    named,
    names_confidential,
)
from store.times import us


class Events(Database):
    """What the correlator reads and writes."""

    def changes(self, after: int, limit: int = 1000) -> list[Change]:
        """See Protocol."""
        rows = self._rows(
            "SELECT position, kind, id FROM change WHERE position > ? ORDER BY position LIMIT ?",
            (after, limit),
        )
        return [Change(*row) for row in rows]

    def last_change(self) -> int:
        """See Protocol."""
        return int(self._rows("SELECT coalesce(max(position), 0) FROM change")[0][0])

    def write_events(self, writes: Sequence[EventWrite]) -> None:
        """See Protocol. An open event that names a confidential record is stale, too."""
        if not writes:
            return
        with self._writing() as db:
            for write in writes:
                _write(db, write)

    def event_changes(self, audience: Audience, after: int, limit: int = 500) -> list[EventChange]:
        """See Protocol."""
        rows = self._rows(
            per(
                audience,
                "SELECT position, body FROM event_@audience WHERE position > ? "
                "ORDER BY position LIMIT ?",
            ),
            (after, limit),
        )
        with self._translated():
            return [
                EventChange(position, Event.model_validate_json(body)) for position, body in rows
            ]

    def last_event_change(self, audience: Audience) -> int:
        """See Protocol."""
        rows = self._rows(per(audience, "SELECT coalesce(max(position), 0) FROM event_@audience"))
        return int(rows[0][0])


def newest_event(db: apsw.Connection, event_id: str) -> Event | None:
    """The newest version of an event, whoever may see it; its audience says where it lies."""
    for audience in KEPT:
        row = one(
            db,
            per(audience, "SELECT body FROM event_@audience WHERE id = ? AND newest"),
            (event_id,),
        )
        if row is not None:
            return Event.model_validate_json(row[0])
    return None


def _write(db: apsw.Connection, write: EventWrite) -> None:
    event = write.event
    if event.audience not in KEPT:
        raise StoreError("an event is open or confidential, not pending")
    current = newest_event(db, event.id)
    if current == event:
        return
    held = current.version if current else 0
    if held != write.based_on or event.version != held + 1:
        raise StaleWriteError(
            f"event {event.id}: the newest version is {held}, the write is version "
            f"{event.version} based on {write.based_on}; read the event again"
        )
    if event.audience is Audience.OPEN and names_confidential(db, named(event)):
        raise StaleWriteError(
            f"event {event.id}: a record that it names is not open any more; read its records again"
        )
    if is_removed(db, listed(named(event))):
        raise StaleWriteError(
            f"event {event.id}: a post that it names was removed; read its records again"
        )
    if current is not None and current.audience is not event.audience:
        move_event(db, event.id, current.audience, event.audience)
    _retire(db, event)
    insert_event(db, event, newest=True)
    _place_members(db, event)


def _retire(db: apsw.Connection, event: Event) -> None:
    """The version that was the newest is so no more."""
    for query in (
        "DELETE FROM event_box_@audience WHERE key IN "
        "(SELECT position FROM event_@audience WHERE id = ? AND newest)",
        "UPDATE event_@audience SET newest = 0 WHERE id = ? AND newest",
    ):
        db.execute(per(event.audience, query), (event.id,))


def _place_members(db: apsw.Connection, event: Event) -> None:
    """Say of each member that it is in this event and in no other."""
    audience, ids = event.audience, listed(members(event))
    other = KEPT[1 - KEPT.index(audience)]
    db.execute(
        per(
            audience,
            "DELETE FROM member_@audience WHERE event = ? "
            "AND subject NOT IN (SELECT value FROM json_each(?))",
        ),
        (event.id, ids),
    )
    db.execute(
        per(
            other,
            "DELETE FROM member_@audience WHERE subject IN (SELECT value FROM json_each(?))",
        ),
        (ids,),
    )
    db.execute(
        per(
            audience,
            "INSERT INTO member_@audience (subject, event, correlated_us) "
            "SELECT value, ?, ? FROM json_each(?) WHERE true "
            "ON CONFLICT (subject) DO UPDATE SET event = excluded.event "
            "WHERE event <> excluded.event",
        ),
        (event.id, us(event.updated_at), ids),
    )
