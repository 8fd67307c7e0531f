"""Removal of one post on lawful demand."""

from __future__ import annotations

from datetime import datetime

import apsw

from core.records import Audience, AuditEntry, Event, MediaRef, Post
from store.removed import Removed, without
from store.sqlite.burying import bury_events, bury_posts
from store.sqlite.chains import append_audit
from store.sqlite.database import Database, every, one, per
from store.times import us


class Removal(Database):
    """Taking one post out of everything."""

    def remove_post(self, post_id: str, *, by: str, demand: str, at: datetime) -> Removed | None:
        """Remove a post with all it left behind; ``None`` when there is none of that id.

        What remains: a tombstone of digests for the evidence chain, the id in ``removed`` so
        that it is not taken in again, and an audit entry that says who did it on which demand.
        Events that spoke of it lose it in all their versions; one that had nothing else goes.
        """
        with self._writing() as db:
            audience = _audience(db, post_id)
            if audience is None:
                return None
            versions = _versions(db, audience, post_id)
            db.execute("INSERT OR REPLACE INTO removed VALUES (?, ?)", (post_id, us(at)))
            events = _strike(db, post_id)
            bury_posts(db, audience, [post_id])
            for version in versions:
                where = (f"{version.source}:{version.native_id}", f"post {post_id}")
                db.execute(
                    "DELETE FROM set_aside WHERE body ->> 'where' IN (?, ?) "
                    "OR body ->> 'where' LIKE ?",
                    (*where, f"%{post_id}%"),
                )
            append_audit(
                db,
                AuditEntry(
                    at=at,
                    by=by,
                    action="remove",
                    subject=post_id,
                    audience=Audience.OPEN if audience is Audience.PENDING else audience,
                    detail=demand,
                ),
            )
            media = tuple(_unused(db, [ref for version in versions for ref in version.media]))
        self._empty_log()
        return Removed(audience, len(versions), events, media)

    def _empty_log(self) -> None:
        with self._translated():
            self._connection().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def is_removed(db: apsw.Connection, subjects: str) -> bool:
    """Whether any of the subjects (a JSON list) was removed on demand."""
    query = "SELECT 1 FROM removed WHERE subject IN (SELECT value FROM json_each(?)) LIMIT 1"
    return one(db, query, (subjects,)) is not None


def _audience(db: apsw.Connection, post_id: str) -> Audience | None:
    for audience in (Audience.CONFIDENTIAL, Audience.OPEN, Audience.PENDING):
        if one(db, per(audience, "SELECT 1 FROM post_@audience WHERE id = ? LIMIT 1"), (post_id,)):
            return audience
    return None


def _versions(db: apsw.Connection, audience: Audience, post_id: str) -> list[Post]:
    """All versions. One that still waits to be assessed is buried here and now."""
    found: list[Post] = []
    for each in {audience, Audience.PENDING}:
        query = per(each, "SELECT body FROM post_@audience WHERE id = ?")
        found += [Post.model_validate_json(body) for (body,) in every(db, query, (post_id,))]
    if audience is not Audience.PENDING:
        bury_posts(db, Audience.PENDING, [post_id])
    return found


def _strike(db: apsw.Connection, post_id: str) -> tuple[str, ...]:
    """Take the post out of every version of every event; ids of those events."""
    events: list[str] = []
    for audience in (Audience.OPEN, Audience.CONFIDENTIAL):
        query = per(audience, "SELECT event FROM naming_@audience WHERE subject = ?")
        for (event_id,) in every(db, query, (post_id,)):
            events.append(event_id)
            _strike_event(db, audience, event_id, post_id)
        db.execute(per(audience, "DELETE FROM naming_@audience WHERE subject = ?"), (post_id,))
    return tuple(dict.fromkeys(events))


def _strike_event(db: apsw.Connection, audience: Audience, event_id: str, post_id: str) -> None:
    query = per(audience, "SELECT position, newest, body FROM event_@audience WHERE id = ?")
    others: set[str] = set()
    for position, newest, body in every(db, query, (event_id,)):
        event = without(Event.model_validate_json(body), post_id)
        db.execute(
            per(audience, "UPDATE event_@audience SET body = ? WHERE position = ?"),
            (event.model_dump_json(), position),
        )
        if newest:
            others = {link.id for link in (*event.posts, *event.reports)}
    if not others:
        bury_events(db, audience, [event_id])
    for kind, table in (("post", "post_@audience"), ("report", "report_@audience")):
        for other in sorted(others):
            if one(db, per(audience, f"SELECT 1 FROM {table} WHERE id = ? LIMIT 1"), (other,)):  # noqa: S608
                # What is left is judged again: place, time, headline may have been the post's.
                db.execute("INSERT INTO change (kind, id) VALUES (?, ?)", (kind, other))


def _unused(db: apsw.Connection, refs: list[MediaRef]) -> list[str]:
    digests = sorted({ref.digest for ref in refs if ref.digest is not None})
    unused = []
    for digest in digests:
        queries = [
            per(audience, f"SELECT 1 FROM {kind}_@audience WHERE body LIKE ? LIMIT 1")  # noqa: S608
            for audience in Audience
            for kind in ("post", "report")
        ]
        if not any(one(db, query, (f"%{digest}%",)) for query in queries):
            unused.append(digest)
    return unused
