"""Sealing what was kept before sealing was there, while everything goes on."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from datetime import datetime

import apsw

from core.records import Audience, AuditEntry, Post, RawPost, Report, SetAside
from core.sealing import seal_aside
from store.bodies import body_digest, readable_body
from store.ingest import INPUT
from store.resealing import (
    ACTION,
    Channels,
    Sealed,
    sealed_payload,
    sealed_post,
    sealed_report,
)
from store.sqlite.chains import append_audit, vouch
from store.sqlite.database import Database, Row, every, per

BATCH = 200
_POSTS = (
    "SELECT post.rowid, post.version, post.body, raw.body FROM post_@audience AS post "
    "LEFT JOIN raw_@audience AS raw ON raw.post = post.id AND raw.version = post.version "
    "WHERE post.rowid > ? ORDER BY post.rowid LIMIT ?"
)
_REPORTS = "SELECT key, body FROM report_@audience WHERE key > ? ORDER BY key LIMIT ?"
_ASIDE = "SELECT rowid, body, record FROM set_aside WHERE rowid > ? ORDER BY rowid LIMIT ?"

Step = Callable[[apsw.Connection, Row], Sealed]


class Sealing(Database):
    """What an earlier program kept in the open."""

    def seal_old(self, key: bytes, channels: Channels, *, by: str, at: datetime) -> Sealed:
        """Seal what is not; how much that was. Repeating changes nothing, a kill leaves the rest.

        The evidence chain gets a tombstone for what a record was and a new link for what it is.
        Raises InputError, with the rest left as it is, when something was sealed with another key.
        """
        done = Sealed()
        # In the order in which records move between audiences, so that none slips past.
        for audience in (Audience.PENDING, Audience.OPEN, Audience.CONFIDENTIAL):
            done.add(self._each(per(audience, _POSTS), _post_step(audience, key, channels)))
            done.add(self._each(per(audience, _REPORTS), _report_step(audience, key)))
        done.add(self._each(_ASIDE, lambda db, row: _aside(db, row, key)))
        if done:
            entry = AuditEntry(at=at, by=by, action=ACTION, subject="store", detail=str(done))
            with self._writing() as db:
                append_audit(db, entry)
        return done

    def _each(self, query: str, step: Step) -> Sealed:
        done, after = Sealed(), 0
        while True:
            with self._writing() as db:
                rows = every(db, query, (after, BATCH))
                for row in rows:
                    done.add(step(db, row))
            if len(rows) < BATCH:
                return done
            after = rows[-1][0]


def _post_step(audience: Audience, key: bytes, channels: Channels) -> Step:
    def step(db: apsw.Connection, row: Row) -> Sealed:
        rowid, number, body, packed = row
        raw = None if packed is None else RawPost.model_validate_json(zlib.decompress(packed))
        post = Post.model_validate_json(body)
        crawled = raw is not None and raw.parser != INPUT
        made, done = sealed_post(post, key, channels, crawled=crawled), Sealed()
        if made != post:
            query = "UPDATE post_@audience SET body = ? WHERE rowid = ?"
            _replace(db, per(audience, query), rowid, made, body)
            done.posts = 1
        payload = None if raw is None else sealed_payload(raw, key)
        if payload is not None and payload != raw:
            db.execute(
                per(audience, "UPDATE raw_@audience SET body = ? WHERE post = ? AND version = ?"),
                (zlib.compress(payload.model_dump_json().encode()), post.id, number),
            )
            done.payloads = 1
        return done

    return step


def _report_step(audience: Audience, key: bytes) -> Step:
    def step(db: apsw.Connection, row: Row) -> Sealed:
        rowid, body = row
        report = Report.model_validate_json(body)
        made = sealed_report(report, key)
        if made == report:
            return Sealed()
        _replace(db, per(audience, "UPDATE report_@audience SET body = ? WHERE key = ?"), rowid,
                 made, body)  # fmt: skip
        return Sealed(reports=1)

    return step


def _replace(db: apsw.Connection, query: str, rowid: int, made: Post | Report, before: str) -> None:
    body = readable_body(made)
    db.execute("INSERT OR IGNORE INTO tombstone VALUES (?, ?)", (made.id, body_digest(before)))
    db.execute(query, (body, rowid))
    vouch(db, "evidence", made.id, body_digest(body))


def _aside(db: apsw.Connection, row: Row, key: bytes) -> Sealed:
    rowid, body, record = row
    item = SetAside(**json.loads(body), record=record)
    made = seal_aside(item, key)
    if made == item:
        return Sealed()
    db.execute(
        "UPDATE set_aside SET body = ?, record = ? WHERE rowid = ?",
        (made.model_dump_json(exclude={"record"}), made.record, rowid),
    )
    return Sealed(set_aside=1)
