"""Removing posts and reports, with tombstones that tell the evidence chain it was lawful."""

from __future__ import annotations

from collections.abc import Collection

import apsw

from core.records import Audience
from store.bodies import body_digest
from store.sqlite.database import every, listed, per

BATCH = 500


def bury_posts(db: apsw.Connection, audience: Audience, ids: Collection[str]) -> int:
    """Remove posts of an audience with all that was derived of them, events aside; how many."""
    names = (listed(ids),)
    _tombstones(db, audience, "post", names)
    for query in (
        "DELETE FROM words_@audience WHERE rowid IN (SELECT key FROM words_key_@audience "
        "WHERE post IN (SELECT value FROM json_each(?)))",
        "DELETE FROM words_key_@audience WHERE post IN (SELECT value FROM json_each(?))",
        "DELETE FROM raw_@audience WHERE post IN (SELECT value FROM json_each(?))",
        "DELETE FROM post_@audience WHERE id IN (SELECT value FROM json_each(?))",
    ):
        db.execute(per(audience, query), names)
    _forget(db, audience, names)
    return len(ids)


def bury_reports(db: apsw.Connection, audience: Audience, ids: Collection[str]) -> int:
    """Remove reports of an audience with all that was derived of them, events aside; how many."""
    names = (listed(ids),)
    _tombstones(db, audience, "report", names)
    for query in (
        "DELETE FROM report_box_@audience WHERE key IN (SELECT key FROM report_@audience "
        "WHERE id IN (SELECT value FROM json_each(?)))",
        "DELETE FROM report_@audience WHERE id IN (SELECT value FROM json_each(?))",
    ):
        db.execute(per(audience, query), names)
    _forget(db, audience, names)
    return len(ids)


def bury_events(db: apsw.Connection, audience: Audience, ids: Collection[str]) -> int:
    """Remove events of an audience, all versions, with the decisions about them; how many.

    Who decided what stays in the audit chain.
    """
    names = (listed(ids),)
    for query in (
        "DELETE FROM event_box_@audience WHERE key IN (SELECT position FROM event_@audience "
        "WHERE id IN (SELECT value FROM json_each(?)))",
        "DELETE FROM event_@audience WHERE id IN (SELECT value FROM json_each(?))",
        "DELETE FROM member_@audience WHERE event IN (SELECT value FROM json_each(?))",
        "DELETE FROM naming_@audience WHERE event IN (SELECT value FROM json_each(?))",
        "DELETE FROM decision_@audience WHERE event IN (SELECT value FROM json_each(?))",
    ):
        db.execute(per(audience, query), names)
    return len(ids)


def _tombstones(db: apsw.Connection, audience: Audience, kind: str, names: tuple[str]) -> None:
    query = "SELECT id, body FROM @kind_@audience WHERE id IN (SELECT value FROM json_each(?))"
    rows = every(db, per(audience, query.replace("@kind", kind)), names)
    db.executemany(
        "INSERT OR IGNORE INTO tombstone VALUES (?, ?)",
        [(name, body_digest(body)) for name, body in rows],
    )


def _forget(db: apsw.Connection, audience: Audience, names: tuple[str]) -> None:
    for query in (
        "DELETE FROM assessment_@audience WHERE subject IN (SELECT value FROM json_each(?))",
        "DELETE FROM member_@audience WHERE subject IN (SELECT value FROM json_each(?))",
    ):
        db.execute(per(audience, query), names)
