"""Accepting posts and reports, and keeping what could not be accepted."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence

import apsw

from core.records import Audience, Outcome, Post, RawPost, Report, SetAside
from core.versions import judge
from store.bodies import body_digest, readable_body
from store.sqlite.chains import vouch
from store.sqlite.database import Database, across, listed, per
from store.sqlite.removal import is_removed
from store.times import us


class Inputs(Database):
    """What comes in."""

    def accept_posts(self, items: Sequence[tuple[Post, RawPost | None]]) -> list[Outcome]:
        """See Protocol. Raises InputError for a record that could not be read back."""
        if not items:
            return []
        with self._writing() as db:
            return [_accept_post(db, post, raw) for post, raw in items]

    def accept_reports(self, reports: Sequence[Report]) -> list[Outcome]:
        """See Protocol. Raises InputError for a record that could not be read back."""
        if not reports:
            return []
        with self._writing() as db:
            return [_accept_report(db, report) for report in reports]

    def set_aside(self, items: Sequence[SetAside]) -> None:
        """See Protocol."""
        if not items:
            return
        with self._writing() as db:
            db.executemany(
                "INSERT INTO set_aside VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                [
                    (item.id, us(item.at), item.model_dump_json(exclude={"record"}), item.record)
                    for item in items
                ],
            )

    def set_aside_items(self, limit: int = 100) -> list[SetAside]:
        """See Protocol."""
        rows = self._rows(
            "SELECT body, record FROM set_aside ORDER BY at_us DESC, id LIMIT ?", (limit,)
        )
        return [SetAside(**json.loads(body), record=record) for body, record in rows]

    def unassessed(self, limit: int) -> list[Post | Report]:
        """See Protocol."""
        query = (
            "SELECT accepted_us, rowid, body FROM @kind_pending ORDER BY accepted_us, rowid LIMIT ?"
        )
        waiting: list[tuple[int, int, Post | Report]] = []
        with self._reading() as db:
            for at, row, body in db.execute(query.replace("@kind", "post"), (limit,)):
                waiting.append((at, row, Post.model_validate_json(body)))
            for at, row, body in db.execute(query.replace("@kind", "report"), (limit,)):
                waiting.append((at, row, Report.model_validate_json(body)))
        waiting.sort(key=lambda item: item[:2])
        return [record for *_, record in waiting[:limit]]


def insert_report(db: apsw.Connection, audience: Audience, report: Report, body: str) -> None:
    """Put a report and its place into an audience's tables."""
    db.execute(
        per(
            audience,
            "INSERT INTO report_@audience (id, received_us, accepted_us, body) VALUES (?, ?, ?, ?)",
        ),
        (report.id, us(report.received_at), us(report.accepted_at), body),
    )
    if report.lat is not None and report.lon is not None:
        db.execute(
            per(
                audience,
                "INSERT INTO report_box_@audience VALUES (last_insert_rowid(), ?, ?, ?, ?)",
            ),
            (report.lon, report.lon, report.lat, report.lat),
        )


def _accept_post(db: apsw.Connection, post: Post, raw: RawPost | None) -> Outcome:
    if is_removed(db, listed([post.id])):
        return Outcome.REPEATED  # removed on lawful demand: it is not taken in again
    known = [
        Post.model_validate_json(body)
        for _, (body,) in across(
            db, Audience, "SELECT body FROM post_@audience WHERE id = ?", (post.id,)
        )
    ]
    outcome = judge(known, post)
    if outcome is not Outcome.ACCEPTED:
        return outcome
    if not known and _taken(db, "SELECT 1 FROM report_@audience WHERE id = ?", post.id):
        return Outcome.CONFLICT
    number = max((version.version for version in known), default=0) + 1
    post = post.model_copy(update={"version": number})
    body = readable_body(post)
    db.execute(
        "INSERT INTO post_pending VALUES (?, ?, ?, ?, ?)",
        (post.id, number, us(post.posted_at), us(post.accepted_at), body),
    )
    if raw is not None:
        db.execute(
            "INSERT INTO raw_pending VALUES (?, ?, ?)",
            (post.id, number, zlib.compress(raw.model_dump_json().encode())),
        )
    vouch(db, "evidence", post.id, body_digest(body))
    return outcome


def _accept_report(db: apsw.Connection, report: Report) -> Outcome:
    query = "SELECT body ->> 'content' FROM report_@audience WHERE id = ?"
    for _, (content,) in across(db, Audience, query, (report.id,)):
        return Outcome.REPEATED if content == report.content else Outcome.CONFLICT
    if _taken(db, "SELECT 1 FROM post_@audience WHERE id = ?", report.id):
        return Outcome.CONFLICT
    body = readable_body(report)
    insert_report(db, Audience.PENDING, report, body)
    vouch(db, "evidence", report.id, body_digest(body))
    return Outcome.ACCEPTED


def _taken(db: apsw.Connection, query: str, record_id: str) -> bool:
    """Whether the id is in use: a post and a report with one id could not be told apart."""
    return any(True for _ in across(db, Audience, query, (record_id,)))
