"""Keeping assessments, and moving what was assessed to the audience it is for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import apsw

from core.errors import StoreError
from core.folding import fold_words
from core.records import Assessment, Audience, Post, Report
from core.versions import newest, speaking
from store.sqlite.chains import withhold_audit
from store.sqlite.database import KEPT, Database, one, per
from store.sqlite.inputs import insert_report
from store.sqlite.withholding import withhold_events
from store.times import us


class Assessing(Database):
    """What the assessor says."""

    def save_assessments(self, items: Sequence[tuple[Assessment, Audience]], at: datetime) -> None:
        """See Protocol. The very same assessment again changes nothing."""
        if not items:
            return
        with self._writing() as db:
            for assessment, wanted in items:
                _save(db, assessment, wanted, us(at))


def _save(db: apsw.Connection, assessment: Assessment, wanted: Audience, at_us: int) -> None:
    if wanted not in KEPT:
        raise StoreError("an assessed record is open or confidential, not pending")
    subject, version = assessment.subject, assessment.version
    kind, accepted_us, lies_in = _find(db, subject, version)
    audience = wanted
    if wanted is Audience.OPEN and _is_confidential(db, subject):
        audience = Audience.CONFIDENTIAL  # sticky
    body = assessment.model_dump_json()
    if lies_in is audience and _kept_body(db, audience, subject, version) == body:
        return
    if audience is Audience.CONFIDENTIAL:
        _withhold(db, kind, subject)
    if lies_in is Audience.PENDING:
        _move(db, kind, subject, lies_in, audience, version)
    db.execute(
        per(
            audience,
            "INSERT INTO assessment_@audience VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (subject, version) DO UPDATE SET body = excluded.body",
        ),
        (subject, version, accepted_us, at_us, body),
    )
    if kind == "post":
        _index_words(db, subject, audience)
    db.execute("INSERT INTO change (kind, id) VALUES (?, ?)", (kind, subject))


def _find(db: apsw.Connection, subject: str, version: int) -> tuple[str, int, Audience]:
    """Kind, time of acceptance and audience of the version that was assessed."""
    for audience in Audience:
        row = one(
            db,
            per(audience, "SELECT accepted_us FROM post_@audience WHERE id = ? AND version = ?"),
            (subject, version),
        )
        if row is not None:
            return "post", row[0], audience
    for audience in Audience:
        row = one(
            db, per(audience, "SELECT accepted_us FROM report_@audience WHERE id = ?"), (subject,)
        )
        if row is not None and version == 1:
            return "report", row[0], audience
    raise StoreError(f"{subject} version {version} was assessed but never accepted")


def _is_confidential(db: apsw.Connection, subject: str) -> bool:
    query = "SELECT 1 FROM assessment_confidential WHERE subject = ? LIMIT 1"
    return one(db, query, (subject,)) is not None


def _kept_body(db: apsw.Connection, audience: Audience, subject: str, version: int) -> str | None:
    row = one(
        db,
        per(audience, "SELECT body FROM assessment_@audience WHERE subject = ? AND version = ?"),
        (subject, version),
    )
    return None if row is None else str(row[0])


def _withhold(db: apsw.Connection, kind: str, subject: str) -> None:
    """Move all that readers of the open tables know of a subject out of their sight."""
    if one(db, "SELECT 1 FROM assessment_open WHERE subject = ? LIMIT 1", (subject,)) is None:
        return
    _move(db, kind, subject, Audience.OPEN, Audience.CONFIDENTIAL)
    db.execute(
        "INSERT INTO assessment_confidential SELECT * FROM assessment_open WHERE subject = ?",
        (subject,),
    )
    db.execute("DELETE FROM assessment_open WHERE subject = ?", (subject,))
    _forget_words(db, subject, Audience.OPEN)
    withhold_events(db, subject)
    withhold_audit(db, subject)


def _move(
    db: apsw.Connection,
    kind: str,
    subject: str,
    origin: Audience,
    audience: Audience,
    version: int | None = None,
) -> None:
    """Move a report, or a version of a post with its payload (``None``: all versions)."""
    if kind == "report":
        _move_report(db, subject, origin, audience)
        return
    values = {"id": subject, "version": version}
    for table, column in (("post", "id"), ("raw", "post")):
        condition = f"{column} = :id AND (:version IS NULL OR version = :version)"
        db.execute(
            _moving(
                "INSERT INTO @table_@audience SELECT * FROM @table_@origin WHERE @condition",
                table,
                origin,
                audience,
                condition,
            ),
            values,
        )
    for table, column in (("raw", "post"), ("post", "id")):
        condition = f"{column} = :id AND (:version IS NULL OR version = :version)"
        db.execute(
            _moving(
                "DELETE FROM @table_@origin WHERE @condition", table, origin, audience, condition
            ),
            values,
        )


def _moving(query: str, table: str, origin: Audience, audience: Audience, condition: str) -> str:
    return per(
        audience,
        query.replace("@table", table)
        .replace("@origin", origin.value)
        .replace("@condition", condition),
    )


def _move_report(db: apsw.Connection, report_id: str, origin: Audience, audience: Audience) -> None:
    row = one(db, per(origin, "SELECT key, body FROM report_@audience WHERE id = ?"), (report_id,))
    if row is None:
        return
    key, body = row
    insert_report(db, audience, Report.model_validate_json(body), body)
    db.execute(per(origin, "DELETE FROM report_@audience WHERE key = ?"), (key,))
    db.execute(per(origin, "DELETE FROM report_box_@audience WHERE key = ?"), (key,))


def _index_words(db: apsw.Connection, post_id: str, audience: Audience) -> None:
    """Index what the post says; a deletion does not unsay it."""
    _forget_words(db, post_id, audience)
    versions = [
        Post.model_validate_json(body)
        for (body,) in db.execute(
            per(audience, "SELECT body FROM post_@audience WHERE id = ?"), (post_id,)
        )
    ]
    db.execute(
        per(audience, "INSERT INTO words_key_@audience (post, posted_us) VALUES (?, ?)"),
        (post_id, us(newest(versions).posted_at)),
    )
    db.execute(
        per(audience, "INSERT INTO words_@audience (rowid, text) VALUES (last_insert_rowid(), ?)"),
        (" ".join(fold_words(speaking(versions).text)),),
    )


def _forget_words(db: apsw.Connection, post_id: str, audience: Audience) -> None:
    row = one(db, per(audience, "SELECT key FROM words_key_@audience WHERE post = ?"), (post_id,))
    if row is not None:
        db.execute(per(audience, "DELETE FROM words_@audience WHERE rowid = ?"), row)
        db.execute(per(audience, "DELETE FROM words_key_@audience WHERE key = ?"), row)
