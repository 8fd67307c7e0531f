"""Event rows, and their way between audiences.

One rule holds whatever happens: a version of an event that names a confidential post or report,
as member or as candidate, does not lie in the open tables.
"""

from __future__ import annotations

from collections.abc import Collection

import apsw

from core.records import Audience, Decision, Event
from store.sqlite.chains import withhold_audit
from store.sqlite.database import every, listed, one, per
from store.times import us

OPEN, CONFIDENTIAL = Audience.OPEN, Audience.CONFIDENTIAL


def members(event: Event) -> set[str]:
    """Ids of the posts and reports in an event."""
    return {link.id for link in (*event.posts, *event.reports)}


def named(event: Event) -> set[str]:
    """Ids of all posts and reports that a version of an event speaks of."""
    return members(event) | {link.id for link in event.candidates}


def names_confidential(db: apsw.Connection, subjects: Collection[str]) -> bool:
    """Whether any of the posts or reports is confidential."""
    query = (
        "SELECT 1 FROM json_each(:ids) AS named "
        "WHERE EXISTS (SELECT 1 FROM post_confidential WHERE id = named.value) "
        "OR EXISTS (SELECT 1 FROM report_confidential WHERE id = named.value) LIMIT 1"
    )
    return bool(subjects) and one(db, query, {"ids": listed(subjects)}) is not None


def insert_event(db: apsw.Connection, event: Event, *, newest: bool) -> None:
    """Put a version of an event into its audience's tables."""
    audience = event.audience
    db.execute(
        per(
            audience,
            "INSERT INTO event_@audience (id, version, newest, merged, flagged, decided, "
            "category, state, priority, incident, started_us, last_us, body) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        ),
        (
            event.id,
            event.version,
            newest,
            event.merged_into is not None,
            event.flagged,
            event.decided is not None,
            event.category.value,
            event.report_state.value,
            event.priority,
            event.incident,
            us(event.started_at),
            us(event.last_at),
            event.model_dump_json(),
        ),
    )
    if newest and event.location is not None:
        place = event.location
        db.execute(
            per(
                audience, "INSERT INTO event_box_@audience VALUES (last_insert_rowid(), ?, ?, ?, ?)"
            ),
            (place.lon, place.lon, place.lat, place.lat),
        )
    db.execute(
        per(
            audience,
            "INSERT OR IGNORE INTO naming_@audience SELECT value, ? FROM json_each(?)",
        ),
        (event.id, listed(named(event))),
    )


def move_event(db: apsw.Connection, event_id: str, origin: Audience, audience: Audience) -> None:
    """Move an event: all versions, members, decisions; what must not be open stays behind."""
    left = _move_versions(db, event_id, origin, audience)
    db.execute(
        per(
            audience,
            "INSERT OR IGNORE INTO member_@audience SELECT * FROM member_@origin WHERE event = ?",
        ).replace("@origin", origin.value),
        (event_id,),
    )
    db.execute(per(origin, "DELETE FROM member_@audience WHERE event = ?"), (event_id,))
    if not left:
        db.execute(per(origin, "DELETE FROM naming_@audience WHERE event = ?"), (event_id,))
    _move_decisions(db, event_id, origin, audience, left)
    if audience is CONFIDENTIAL:
        withhold_audit(db, event_id)


def withhold_events(db: apsw.Connection, subject: str) -> None:
    """Take a subject that turned confidential out of the events that others see.

    An event that it is in goes with it at once, until the correlator has judged anew. Of events
    that it was in earlier, the versions that name it go; as a candidate it is struck out.
    """
    for (event_id,) in every(db, "SELECT event FROM naming_open WHERE subject = ?", (subject,)):
        row = one(db, "SELECT body FROM event_open WHERE id = ? AND newest", (event_id,))
        if row is not None and subject in members(Event.model_validate_json(row[0])):
            move_event(db, event_id, OPEN, CONFIDENTIAL)
            continue
        _strike_candidate(db, event_id, subject)
        _move_versions(db, event_id, OPEN, CONFIDENTIAL, naming=subject)
        left = {
            row[0] for row in every(db, "SELECT version FROM event_open WHERE id = ?", (event_id,))
        }
        _move_decisions(db, event_id, OPEN, CONFIDENTIAL, left)
        db.execute("DELETE FROM naming_open WHERE subject = ? AND event = ?", (subject, event_id))
    db.execute("DELETE FROM member_open WHERE subject = ?", (subject,))
    for decision_id, body in every(
        db, "SELECT id, body FROM decision_open WHERE instr(body, ?)", (subject,)
    ):
        if subject in decided_on(Decision.model_validate_json(body)):
            _move_decision(db, decision_id, OPEN, CONFIDENTIAL)


def _move_versions(
    db: apsw.Connection,
    event_id: str,
    origin: Audience,
    audience: Audience,
    naming: str | None = None,
) -> set[int]:
    """Move versions (``naming``: those that name it); numbers of those that stay."""
    left: set[int] = set()
    query = per(
        origin,
        "SELECT position, newest, body FROM event_@audience WHERE id = ? ORDER BY version",
    )
    for position, newest, body in every(db, query, (event_id,)):
        event = Event.model_validate_json(body)
        speaks_of = named(event)
        if naming is not None and naming not in speaks_of:
            left.add(event.version)
            continue
        db.execute(per(origin, "DELETE FROM event_box_@audience WHERE key = ?"), (position,))
        if audience is OPEN and names_confidential(db, speaks_of):
            left.add(event.version)
            db.execute(
                per(origin, "UPDATE event_@audience SET newest = 0 WHERE position = ?"),
                (position,),
            )
            continue
        moved = event.model_copy(update={"audience": audience})
        insert_event(db, moved, newest=bool(newest))
        db.execute(per(origin, "DELETE FROM event_@audience WHERE position = ?"), (position,))
    return left


def _strike_candidate(db: apsw.Connection, event_id: str, subject: str) -> None:
    """Strike a candidate out of the newest version, so that the event itself stays in sight."""
    row = one(db, "SELECT position, body FROM event_open WHERE id = ? AND newest", (event_id,))
    if row is None:
        return
    event = Event.model_validate_json(row[1])
    candidates = tuple(link for link in event.candidates if link.id != subject)
    db.execute(
        "UPDATE event_open SET body = ? WHERE position = ?",
        (event.model_copy(update={"candidates": candidates}).model_dump_json(), row[0]),
    )


def decided_on(decision: Decision) -> set[str]:
    """Ids of the posts and reports that a decision names."""
    return {*decision.members, *([decision.anchor] if decision.anchor else [])}


def _move_decisions(
    db: apsw.Connection, event_id: str, origin: Audience, audience: Audience, left: set[int]
) -> None:
    """Move an event's decisions; one stays with the version it was taken on (``left``).

    One that names a confidential record does not become open.
    """
    query = per(origin, "SELECT id, body FROM decision_@audience WHERE event = ?")
    for decision_id, body in every(db, query, (event_id,)):
        decision = Decision.model_validate_json(body)
        if decision.event_version in left:
            continue
        if audience is OPEN and names_confidential(db, decided_on(decision)):
            continue
        _move_decision(db, decision_id, origin, audience)


def _move_decision(
    db: apsw.Connection, decision_id: str, origin: Audience, audience: Audience
) -> None:
    db.execute(
        per(
            audience,
            "INSERT INTO decision_@audience SELECT * FROM decision_@origin WHERE id = ?",
        ).replace("@origin", origin.value),
        (decision_id,),
    )
    db.execute(per(origin, "DELETE FROM decision_@audience WHERE id = ?"), (decision_id,))
