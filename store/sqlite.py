"""The embedded store: one SQLite file in WAL mode, shared by several processes and threads.

Tables come once for each audience, so that no query can forget to leave confidential records
out. Records are kept as JSON beside the columns that queries need. Times are microseconds UTC.
"""

from __future__ import annotations

import contextlib
import threading
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import apsw

from core.chain import next_link
from core.errors import StaleWriteError, StoreError
from core.folding import fold_words
from core.geo import bounding_box, distance_m
from core.ids import content_digest, digest
from core.records import (
    Assessed,
    Assessment,
    Audience,
    AuditEntry,
    ChainLink,
    Decision,
    Event,
    Heartbeat,
    Outcome,
    Post,
    RawPost,
    Report,
    Session,
    SetAside,
    User,
)
from core.versions import judge, newest, speaking
from store.migrations import migrate
from store.protocol import Audiences, Change, EventChange, EventQuery, EventWrite, Latency, Stats

BUSY_MS = 10_000
CHUNK = 400
LATENCY_SAMPLE = 1000
KEPT = (Audience.OPEN, Audience.CONFIDENTIAL)
"""Audiences of assessed records; what is pending has neither assessment nor event."""


class SqliteStore:
    """Store on one SQLite file; see ``store.protocol.Store`` for what the methods promise."""

    def __init__(self, path: Path) -> None:
        """Open or make the file and bring it to the newest schema; raises StoreError."""
        self._path = path
        self._local = threading.local()
        self._opened: list[apsw.Connection] = []
        self._lock = threading.Lock()
        with self._translated():
            path.parent.mkdir(parents=True, exist_ok=True)
            migrate(self._db)

    # -- inputs --

    def accept_posts(self, items: Sequence[tuple[Post, RawPost | None]]) -> list[Outcome]:
        """See Protocol."""
        outcomes = []
        with self._writing() as db:
            for post, raw in items:
                known = self._versions(db, post.id, Audience)
                outcome = judge(known, post)
                outcomes.append(outcome)
                if outcome is Outcome.ACCEPTED:
                    number = max((v.version for v in known), default=0) + 1
                    self._insert_post(db, post.model_copy(update={"version": number}), raw)
        return outcomes

    def _insert_post(self, db: apsw.Connection, post: Post, raw: RawPost | None) -> None:
        db.execute(
            "INSERT INTO post_pending VALUES (?, ?, ?, ?, ?)",
            (
                post.id,
                post.version,
                _us(post.posted_at),
                _us(post.accepted_at),
                post.model_dump_json(),
            ),
        )
        if raw is not None:
            db.execute(
                "INSERT INTO raw_pending VALUES (?, ?, ?)",
                (post.id, post.version, zlib.compress(raw.model_dump_json().encode())),
            )
        self._vouch(db, "evidence", post.id, post.content)

    def accept_reports(self, reports: Sequence[Report]) -> list[Outcome]:
        """See Protocol."""
        outcomes = []
        with self._writing() as db:
            for report in reports:
                known = self._report(db, report.id, Audience)
                if known is not None:
                    same = known.content == report.content
                    outcomes.append(Outcome.REPEATED if same else Outcome.CONFLICT)
                    continue
                outcomes.append(Outcome.ACCEPTED)
                self._insert_report(db, Audience.PENDING, report)
                self._vouch(db, "evidence", report.id, report.content)
        return outcomes

    def _insert_report(self, db: apsw.Connection, audience: Audience, report: Report) -> None:
        db.execute(
            f"INSERT INTO report_{audience} (id, received_us, accepted_us, body) "
            "VALUES (?, ?, ?, ?)",
            (
                report.id,
                _us(report.received_at),
                _us(report.accepted_at),
                report.model_dump_json(),
            ),
        )
        if report.lat is not None and report.lon is not None:
            db.execute(
                f"INSERT INTO report_box_{audience} VALUES (last_insert_rowid(), ?, ?, ?, ?)",
                (report.lon, report.lon, report.lat, report.lat),
            )

    def set_aside(self, items: Sequence[SetAside]) -> None:
        """See Protocol."""
        if not items:
            return
        with self._writing() as db:
            for item in items:
                db.execute(
                    "INSERT INTO set_aside VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                    (
                        item.id,
                        _us(item.at),
                        item.model_dump_json(exclude={"record"}),
                        item.record,
                    ),
                )

    def set_aside_items(self, limit: int = 100) -> list[SetAside]:
        """See Protocol."""
        rows = self._rows(
            "SELECT body, record FROM set_aside ORDER BY at_us DESC, id LIMIT ?", (limit,)
        )
        return [
            SetAside.model_validate_json(body[:-1] + ',"record":""}').model_copy(
                update={"record": record}
            )
            for body, record in rows
        ]

    # -- assessment --

    def unassessed(self, limit: int) -> list[Post | Report]:
        """See Protocol."""
        found = self._rows(
            "SELECT accepted_us, 'post', body FROM post_pending "
            "UNION ALL SELECT accepted_us, 'report', body FROM report_pending "
            "ORDER BY 1 LIMIT ?",
            (limit,),
        )
        return [
            Post.model_validate_json(body) if kind == "post" else Report.model_validate_json(body)
            for _, kind, body in found
        ]

    def save_assessments(self, items: Sequence[tuple[Assessment, Audience]], at: datetime) -> None:
        """See Protocol."""
        with self._writing() as db:
            for assessment, wanted in items:
                if wanted is Audience.PENDING:
                    raise StoreError("an assessed record is open or confidential, not pending")
                audience = self._settled_audience(db, assessment.subject, wanted)
                kind, accepted_us = self._move_subject(db, assessment, audience)
                db.execute(
                    f"INSERT INTO assessment_{audience} VALUES (?, ?, ?, ?, ?) "
                    "ON CONFLICT (subject, version) DO UPDATE SET body = excluded.body",
                    (
                        assessment.subject,
                        assessment.version,
                        accepted_us,
                        _us(at),
                        assessment.model_dump_json(),
                    ),
                )
                if kind == "post":
                    self._index_words(db, assessment.subject, audience)
                db.execute(
                    "INSERT INTO change (kind, id) VALUES (?, ?)", (kind, assessment.subject)
                )

    def _settled_audience(self, db: apsw.Connection, subject: str, wanted: Audience) -> Audience:
        """Confidential is sticky: what was confidential once stays so."""
        before = _one(
            db, "SELECT 1 FROM assessment_confidential WHERE subject = ? LIMIT 1", (subject,)
        )
        return Audience.CONFIDENTIAL if before else wanted

    def _move_subject(
        self, db: apsw.Connection, assessment: Assessment, audience: Audience
    ) -> tuple[str, int]:
        """Move the assessed version, and open versions of what turned confidential."""
        subject, version = assessment.subject, assessment.version
        origins = [Audience.PENDING]
        if audience is Audience.CONFIDENTIAL:
            origins.append(Audience.OPEN)
        for origin in origins:
            only = "AND version = ?" if origin is Audience.PENDING else "AND ? IS NOT NULL"
            self._move_posts(db, origin, audience, subject, only, version)
            self._move_report(db, origin, audience, subject)
        if audience is Audience.CONFIDENTIAL:
            self._move_rows(db, "assessment", "subject", subject, Audience.OPEN, audience)
            self._forget_words(db, subject, Audience.OPEN)
            db.execute("DELETE FROM member_open WHERE subject = ?", (subject,))
        accepted = _one(
            db,
            f"SELECT accepted_us FROM post_{audience} WHERE id = ? AND version = ?",
            (subject, version),
        )
        if accepted is not None:
            return "post", int(accepted[0])
        accepted = _one(db, f"SELECT accepted_us FROM report_{audience} WHERE id = ?", (subject,))
        if accepted is None:
            raise StoreError(f"{subject} version {version} was assessed but never accepted")
        return "report", int(accepted[0])

    def _move_posts(
        self,
        db: apsw.Connection,
        origin: Audience,
        audience: Audience,
        subject: str,
        only: str,
        version: int,
    ) -> None:
        values = (subject, version)
        db.execute(
            f"INSERT INTO post_{audience} SELECT * FROM post_{origin} WHERE id = ? {only}", values
        )
        db.execute(
            f"INSERT INTO raw_{audience} SELECT * FROM raw_{origin} WHERE post = ? {only}", values
        )
        db.execute(f"DELETE FROM post_{origin} WHERE id = ? {only}", values)

    def _move_report(
        self, db: apsw.Connection, origin: Audience, audience: Audience, subject: str
    ) -> None:
        row = _one(db, f"SELECT key, body FROM report_{origin} WHERE id = ?", (subject,))
        if row is None:
            return
        self._insert_report(db, audience, Report.model_validate_json(row[1]))
        db.execute(f"DELETE FROM report_{origin} WHERE key = ?", (row[0],))
        db.execute(f"DELETE FROM report_box_{origin} WHERE key = ?", (row[0],))

    def _move_rows(
        self,
        db: apsw.Connection,
        table: str,
        column: str,
        value: str,
        origin: Audience,
        audience: Audience,
    ) -> None:
        db.execute(
            f"INSERT INTO {table}_{audience} SELECT * FROM {table}_{origin} WHERE {column} = ?",
            (value,),
        )
        db.execute(f"DELETE FROM {table}_{origin} WHERE {column} = ?", (value,))

    def _index_words(self, db: apsw.Connection, post_id: str, audience: Audience) -> None:
        self._forget_words(db, post_id, audience)
        post = newest(self._versions(db, post_id, (audience,)))
        db.execute(
            f"INSERT INTO words_key_{audience} (post, posted_us) VALUES (?, ?)",
            (post_id, _us(post.posted_at)),
        )
        db.execute(
            f"INSERT INTO words_{audience} (rowid, text) VALUES (last_insert_rowid(), ?)",
            (" ".join(fold_words(post.text)),),
        )

    def _forget_words(self, db: apsw.Connection, post_id: str, audience: Audience) -> None:
        row = _one(db, f"SELECT key FROM words_key_{audience} WHERE post = ?", (post_id,))
        if row is not None:
            db.execute(f"DELETE FROM words_{audience} WHERE rowid = ?", row)
            db.execute(f"DELETE FROM words_key_{audience} WHERE key = ?", row)

    # -- reading posts and reports --

    def post_versions(self, post_id: str, audiences: Audiences) -> list[Post]:
        """See Protocol."""
        with self._reading() as db:
            return self._versions(db, post_id, audiences)

    def _versions(
        self, db: apsw.Connection, post_id: str, audiences: Iterable[Audience]
    ) -> list[Post]:
        found = [
            Post.model_validate_json(body)
            for audience in audiences
            for (body,) in db.execute(f"SELECT body FROM post_{audience} WHERE id = ?", (post_id,))
        ]
        return sorted(found, key=lambda post: post.version)

    def report(self, report_id: str, audiences: Audiences) -> Report | None:
        """See Protocol."""
        with self._reading() as db:
            return self._report(db, report_id, audiences)

    def _report(
        self, db: apsw.Connection, report_id: str, audiences: Iterable[Audience]
    ) -> Report | None:
        for audience in audiences:
            row = _one(db, f"SELECT body FROM report_{audience} WHERE id = ?", (report_id,))
            if row is not None:
                return Report.model_validate_json(row[0])
        return None

    def assessments(self, subjects: Collection[str], audiences: Audiences) -> dict[str, Assessment]:
        """See Protocol."""
        return {a.assessment.subject: a.assessment for a in self.assessed(subjects, audiences)}

    def assessed(self, subjects: Collection[str], audiences: Audiences) -> list[Assessed]:
        """See Protocol."""
        found: list[Assessed] = []
        with self._reading() as db:
            for chunk in _chunks(sorted(set(subjects))):
                found += self._assessed(db, chunk, audiences)
        return found

    def _assessed(
        self, db: apsw.Connection, subjects: Sequence[str], audiences: Audiences
    ) -> list[Assessed]:
        marks = ",".join("?" * len(subjects))
        found = []
        for audience in (a for a in KEPT if a in audiences):
            judged: dict[str, dict[int, Assessment]] = {}
            for (body,) in db.execute(
                f"SELECT body FROM assessment_{audience} WHERE subject IN ({marks})", subjects
            ):
                assessment = Assessment.model_validate_json(body)
                judged.setdefault(assessment.subject, {})[assessment.version] = assessment
            versions: dict[str, list[Post]] = {}
            for (body,) in db.execute(
                f"SELECT body FROM post_{audience} WHERE id IN ({marks}) ORDER BY version", subjects
            ):
                post = Post.model_validate_json(body)
                if post.version in judged.get(post.id, ()):
                    versions.setdefault(post.id, []).append(post)
            for post_id, known in versions.items():
                said = speaking(known)
                marked = said.model_copy(update={"deleted_at": newest(known).deleted_at})
                found.append(
                    Assessed(
                        subject=marked,
                        assessment=judged[post_id][said.version],
                        audience=audience,
                    )
                )
            for (body,) in db.execute(
                f"SELECT body FROM report_{audience} WHERE id IN ({marks})", subjects
            ):
                report = Report.model_validate_json(body)
                for assessment in judged.get(report.id, {}).values():
                    found.append(Assessed(subject=report, assessment=assessment, audience=audience))
        return found

    def window(self, since: datetime, audiences: Audiences) -> Iterator[Assessed]:
        """See Protocol."""
        kept = [a for a in KEPT if a in audiences]
        if not kept:
            return
        query = " UNION ".join(
            f"SELECT posted_us AS at, id FROM post_{a} WHERE posted_us >= :since "
            f"UNION SELECT received_us, id FROM report_{a} WHERE received_us >= :since"
            for a in kept
        )
        ids = [row[1] for row in self._rows(f"{query} ORDER BY 1, 2", {"since": _us(since)})]
        for chunk in _chunks(list(dict.fromkeys(ids))):
            with self._reading() as db:
                by_id = {a.assessment.subject: a for a in self._assessed(db, chunk, audiences)}
            yield from (by_id[subject] for subject in chunk if subject in by_id)

    def search_posts(self, text: str, audiences: Audiences, limit: int = 50) -> list[Post]:
        """See Protocol."""
        words = _match(text)
        if words is None:
            return []
        found: list[Post] = []
        with self._reading() as db:
            for audience in (a for a in KEPT if a in audiences):
                rows = db.execute(
                    f"SELECT post FROM words_key_{audience} WHERE key IN "
                    f"(SELECT rowid FROM words_{audience} WHERE words_{audience} MATCH ?) "
                    "ORDER BY posted_us DESC, post LIMIT ?",
                    (words, limit),
                ).fetchall()
                found += [newest(self._versions(db, str(row[0]), (audience,))) for row in rows]
        found.sort(key=lambda post: (post.posted_at, post.id), reverse=True)
        return found[:limit]

    def reports_near(
        self, lat: float, lon: float, radius_m: float, since: datetime, audiences: Audiences
    ) -> list[Report]:
        """See Protocol."""
        west, south, east, north = bounding_box(lat, lon, radius_m)
        near: list[tuple[float, str, Report]] = []
        for audience in (a for a in KEPT if a in audiences):
            for (body,) in self._rows(
                f"SELECT body FROM report_box_{audience} JOIN report_{audience} USING (key) "
                "WHERE east >= ? AND west <= ? AND north >= ? AND south <= ? "
                "AND received_us >= ?",
                (west, east, south, north, _us(since)),
            ):
                report = Report.model_validate_json(body)
                if report.lat is not None and report.lon is not None:
                    away_m = distance_m(lat, lon, report.lat, report.lon)
                    if away_m <= radius_m:
                        near.append((away_m, report.id, report))
        return [report for _, _, report in sorted(near, key=lambda item: item[:2])]

    # -- correlation --

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
        """See Protocol."""
        if not writes:
            return
        with self._writing() as db:
            for write in writes:
                self._write_event(db, write)

    def _write_event(self, db: apsw.Connection, write: EventWrite) -> None:
        event = write.event
        if event.audience not in KEPT:
            raise StoreError("an event is open or confidential, not pending")
        at, current = self._newest_event(db, event.id)
        if current == event:
            return
        held = current.version if current else 0
        if held != write.based_on or event.version != held + 1:
            raise StaleWriteError(
                f"event {event.id}: the newest version is {held}, the write is version "
                f"{event.version} based on {write.based_on}; read the event again"
            )
        if at is not None and at is not event.audience:
            self._move_event(db, event.id, at, event.audience)
        audience = event.audience
        db.execute(
            f"DELETE FROM event_box_{audience} WHERE key IN "
            f"(SELECT position FROM event_{audience} WHERE id = ? AND newest)",
            (event.id,),
        )
        db.execute(f"UPDATE event_{audience} SET newest = 0 WHERE id = ? AND newest", (event.id,))
        self._insert_event(db, event, newest_=True)
        members = (*event.posts, *event.reports)
        gone = {link.id for link in (*current.posts, *current.reports)} if current else set()
        for subject in gone - {link.id for link in members}:
            db.execute(
                f"DELETE FROM member_{audience} WHERE subject = ? AND event = ?",
                (subject, event.id),
            )
        for link in members:
            db.execute(
                f"INSERT INTO member_{audience} VALUES (?, ?, ?) "
                "ON CONFLICT (subject) DO UPDATE SET event = excluded.event",
                (link.id, event.id, _us(event.updated_at)),
            )

    def _insert_event(self, db: apsw.Connection, event: Event, *, newest_: bool) -> None:
        audience = event.audience
        db.execute(
            f"INSERT INTO event_{audience} (id, version, newest, merged, flagged, decided, "
            "category, state, priority, incident, started_us, last_us, body) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                event.id,
                event.version,
                newest_,
                event.merged_into is not None,
                event.flagged,
                event.decided is not None,
                event.category.value,
                event.report_state.value,
                event.priority,
                event.incident,
                _us(event.started_at),
                _us(event.last_at),
                event.model_dump_json(),
            ),
        )
        if newest_ and event.location is not None:
            place = event.location
            db.execute(
                f"INSERT INTO event_box_{audience} VALUES (last_insert_rowid(), ?, ?, ?, ?)",
                (place.lon, place.lon, place.lat, place.lat),
            )

    def _move_event(
        self, db: apsw.Connection, event_id: str, origin: Audience, audience: Audience
    ) -> None:
        bodies = db.execute(
            f"SELECT body FROM event_{origin} WHERE id = ? ORDER BY version", (event_id,)
        ).fetchall()
        for (body,) in bodies:
            old = Event.model_validate_json(str(body)).model_copy(update={"audience": audience})
            self._insert_event(db, old, newest_=False)
        db.execute(
            f"DELETE FROM event_box_{origin} WHERE key IN "
            f"(SELECT position FROM event_{origin} WHERE id = ?)",
            (event_id,),
        )
        db.execute(f"DELETE FROM event_{origin} WHERE id = ?", (event_id,))
        db.execute(f"DELETE FROM member_{origin} WHERE event = ?", (event_id,))
        self._move_rows(db, "decision", "event", event_id, origin, audience)

    def _newest_event(
        self, db: apsw.Connection, event_id: str
    ) -> tuple[Audience | None, Event | None]:
        for audience in KEPT:
            row = _one(
                db, f"SELECT body FROM event_{audience} WHERE id = ? AND newest", (event_id,)
            )
            if row is not None:
                return audience, Event.model_validate_json(row[0])
        return None, None

    def event(
        self, event_id: str, audiences: Audiences, version: int | None = None
    ) -> Event | None:
        """See Protocol."""
        condition, values = (
            ("newest", (event_id,))
            if version is None
            else (
                "version = ?",
                (event_id, version),
            )
        )
        for audience in (a for a in KEPT if a in audiences):
            rows = self._rows(
                f"SELECT body FROM event_{audience} WHERE id = ? AND {condition}", values
            )
            if rows:
                return Event.model_validate_json(rows[0][0])
        return None

    def event_versions(self, event_id: str, audiences: Audiences) -> list[Event]:
        """See Protocol."""
        found = [
            Event.model_validate_json(body)
            for audience in KEPT
            if audience in audiences
            for (body,) in self._rows(
                f"SELECT body FROM event_{audience} WHERE id = ? ORDER BY version", (event_id,)
            )
        ]
        return sorted(found, key=lambda event: event.version)

    def events(self, query: EventQuery, audiences: Audiences) -> list[Event]:
        """See Protocol."""
        found: list[Event] = []
        for audience in (a for a in KEPT if a in audiences):
            conditions, values = _conditions(query, audience)
            if conditions is None:
                continue
            order = "started_us DESC, id" if query.order == "time" else "priority DESC, id"
            rows = self._rows(
                f"SELECT body FROM event_{audience} WHERE {' AND '.join(conditions)} "
                f"ORDER BY {order} LIMIT :limit",
                {**values, "limit": query.limit},
            )
            found += [Event.model_validate_json(body) for (body,) in rows]
        if query.order == "time":
            found.sort(key=lambda event: (-event.started_at.timestamp(), event.id))
        else:
            found.sort(key=lambda event: (-event.priority, event.id))
        return found[: query.limit]

    def events_of(self, subjects: Collection[str], audiences: Audiences) -> dict[str, str]:
        """See Protocol."""
        found: dict[str, str] = {}
        for chunk in _chunks(sorted(set(subjects))):
            marks = ",".join("?" * len(chunk))
            for audience in (a for a in KEPT if a in audiences):
                found.update(
                    self._rows(
                        f"SELECT subject, event FROM member_{audience} WHERE subject IN ({marks})",
                        chunk,
                    )
                )
        return found

    def open_events(self, since: datetime, audiences: Audiences) -> list[Event]:
        """See Protocol."""
        return [
            Event.model_validate_json(body)
            for audience in KEPT
            if audience in audiences
            for (body,) in self._rows(
                f"SELECT body FROM event_{audience} "
                "WHERE newest AND NOT merged AND last_us >= ? ORDER BY last_us, id",
                (_us(since),),
            )
        ]

    def event_changes(self, audience: Audience, after: int, limit: int = 500) -> list[EventChange]:
        """See Protocol."""
        rows = self._rows(
            f"SELECT position, body FROM event_{audience} WHERE position > ? "
            "ORDER BY position LIMIT ?",
            (after, limit),
        )
        return [EventChange(position, Event.model_validate_json(body)) for position, body in rows]

    def last_event_change(self, audience: Audience) -> int:
        """See Protocol."""
        rows = self._rows(f"SELECT coalesce(max(position), 0) FROM event_{audience}")
        return int(rows[0][0])

    # -- decisions, audit --

    def add_decision(self, decision: Decision) -> None:
        """See Protocol."""
        with self._writing() as db:
            audience, event = self._newest_event(db, decision.event)
            if audience is None or event is None:
                raise StoreError(f"there is no event {decision.event}")
            known = _one(db, f"SELECT 1 FROM decision_{audience} WHERE id = ?", (decision.id,))
            if known:
                return
            if event.version != decision.event_version:
                raise StaleWriteError(
                    f"event {event.id} has changed: the decision was taken on version "
                    f"{decision.event_version}, the newest is {event.version}; look again"
                )
            kept = decision.model_copy(update={"audience": audience})
            db.execute(
                f"INSERT INTO decision_{audience} VALUES (?, ?, ?, ?)",
                (kept.id, kept.event, _us(kept.at), kept.model_dump_json()),
            )
            db.execute("INSERT INTO change (kind, id) VALUES ('decision', ?)", (kept.id,))
            self._audit(
                db,
                AuditEntry(
                    at=kept.at,
                    by=kept.by,
                    action=f"decide:{kept.kind.value}",
                    subject=kept.event,
                    audience=audience,
                    detail=kept.id,
                ),
            )

    def decisions(self, audiences: Audiences, event_id: str | None = None) -> list[Decision]:
        """See Protocol."""
        found = [
            Decision.model_validate_json(body)
            for audience in KEPT
            if audience in audiences
            for (body,) in self._rows(
                f"SELECT body FROM decision_{audience} "
                "WHERE :event IS NULL OR event = :event ORDER BY at_us, id",
                {"event": event_id},
            )
        ]
        return sorted(found, key=lambda decision: (decision.at, decision.id))

    def add_audit(self, entry: AuditEntry) -> None:
        """See Protocol."""
        with self._writing() as db:
            self._audit(db, entry)

    def _audit(self, db: apsw.Connection, entry: AuditEntry) -> None:
        body = entry.model_dump_json()
        self._vouch(
            db, f"audit_{entry.audience}", digest(entry.subject), content_digest(body), body
        )

    def audit(self, audiences: Audiences, limit: int = 200) -> list[AuditEntry]:
        """See Protocol."""
        found = [
            (AuditEntry.model_validate_json(body), position)
            for audience in KEPT
            if audience in audiences
            for position, body in self._rows(
                f"SELECT position, body FROM audit_{audience} ORDER BY position DESC LIMIT ?",
                (limit,),
            )
        ]
        found.sort(key=lambda item: (item[0].at, item[1]), reverse=True)
        return [entry for entry, _ in found[:limit]]

    def _vouch(self, db: apsw.Connection, chain: str, subject: str, mark: str, *body: str) -> None:
        row = _one(
            db,
            f"SELECT position, subject, digest, hash FROM {chain} ORDER BY position DESC LIMIT 1",
        )
        link = next_link(None if row is None else _chain_link(row), subject, mark)
        values = (link.position, link.subject, link.digest, link.hash, *body)
        db.execute(f"INSERT INTO {chain} VALUES ({','.join('?' * len(values))})", values)

    def chain(self, name: str) -> Iterator[ChainLink]:
        """See Protocol."""
        for row in self._rows(
            f"SELECT position, subject, digest, hash FROM {_chain_name(name)} ORDER BY position"
        ):
            yield _chain_link(row)

    def broken_links(self, name: str) -> list[int]:
        """See Protocol."""
        if _chain_name(name) != "evidence":
            rows = self._rows(f"SELECT position, digest, body FROM {name} ORDER BY position")
            return [position for position, mark, body in rows if content_digest(body) != mark]
        kept = " UNION ".join(
            f"SELECT id, body ->> 'content' AS content FROM {kind}_{audience}"
            for kind in ("post", "report")
            for audience in Audience
        )
        rows = self._rows(
            f"WITH kept AS ({kept} UNION SELECT subject, digest FROM tombstone) "
            "SELECT position FROM evidence WHERE (subject, digest) NOT IN "
            "(SELECT id, content FROM kept) ORDER BY position"
        )
        return [int(position) for (position,) in rows]

    # -- feeds, progress, accounts --

    def beat(self, heartbeat: Heartbeat) -> None:
        """See Protocol."""
        with self._writing() as db:
            db.execute(
                "INSERT INTO heartbeat VALUES (?, ?, ?) ON CONFLICT (feed) DO UPDATE "
                "SET at_us = excluded.at_us, body = excluded.body "
                "WHERE excluded.at_us >= heartbeat.at_us",
                (heartbeat.feed, _us(heartbeat.at), heartbeat.model_dump_json()),
            )

    def heartbeats(self) -> list[Heartbeat]:
        """See Protocol."""
        rows = self._rows("SELECT body FROM heartbeat ORDER BY feed")
        return [Heartbeat.model_validate_json(body) for (body,) in rows]

    def note(self, key: str) -> str | None:
        """See Protocol."""
        rows = self._rows("SELECT value FROM note WHERE key = ?", (key,))
        return rows[0][0] if rows else None

    def put_note(self, key: str, value: str) -> None:
        """See Protocol."""
        with self._writing() as db:
            db.execute("INSERT OR REPLACE INTO note VALUES (?, ?)", (key, value))

    def put_note_once(self, key: str, value: str) -> str:
        """See Protocol."""
        with self._writing() as db:
            db.execute("INSERT INTO note VALUES (?, ?) ON CONFLICT DO NOTHING", (key, value))
            row = _one(db, "SELECT value FROM note WHERE key = ?", (key,))
        return value if row is None else str(row[0])

    def put_user(self, user: User) -> None:
        """See Protocol."""
        with self._writing() as db:
            db.execute(
                "INSERT INTO user VALUES (?, ?) ON CONFLICT (name) "
                "DO UPDATE SET body = excluded.body",
                (user.name, user.model_dump_json()),
            )

    def user(self, name: str) -> User | None:
        """See Protocol."""
        rows = self._rows("SELECT body FROM user WHERE name = ?", (name,))
        return User.model_validate_json(rows[0][0]) if rows else None

    def users(self) -> list[User]:
        """See Protocol."""
        rows = self._rows("SELECT body FROM user ORDER BY name")
        return [User.model_validate_json(body) for (body,) in rows]

    def put_session(self, session: Session) -> None:
        """See Protocol."""
        with self._writing() as db:
            db.execute(
                "INSERT INTO session VALUES (?, ?, ?) ON CONFLICT (id) "
                "DO UPDATE SET body = excluded.body",
                (session.id, session.user, session.model_dump_json()),
            )

    def session(self, session_id: str) -> Session | None:
        """See Protocol."""
        rows = self._rows("SELECT body FROM session WHERE id = ?", (session_id,))
        return Session.model_validate_json(rows[0][0]) if rows else None

    def drop_session(self, session_id: str) -> None:
        """See Protocol."""
        with self._writing() as db:
            db.execute("DELETE FROM session WHERE id = ?", (session_id,))

    def stats(self, audiences: Audiences) -> Stats:
        """See Protocol."""
        kept = [a for a in KEPT if a in audiences]
        with self._reading() as db:
            return Stats(
                posts=_sum(db, "SELECT count(DISTINCT id) FROM post_{}", kept),
                reports=_sum(db, "SELECT count(*) FROM report_{}", kept),
                events=_sum(db, "SELECT count(*) FROM event_{} WHERE newest AND NOT merged", kept),
                flagged=_sum(db, "SELECT count(*) FROM event_{} WHERE newest AND flagged", kept),
                decisions=_sum(db, "SELECT count(*) FROM decision_{}", kept),
                set_aside=_sum(db, "SELECT count(*) FROM set_aside", kept[:1]),
                backlog=_sum(db, "SELECT count(*) FROM post_pending", kept[:1])
                + _sum(db, "SELECT count(*) FROM report_pending", kept[:1]),
                latencies={
                    "accept_to_assess": _latency(
                        db, "SELECT assessed_us, accepted_us FROM assessment_{} {}", kept
                    ),
                    "assess_to_event": _latency(
                        db,
                        "SELECT correlated_us, assessed_us FROM assessment_{} "
                        "JOIN member_{} USING (subject) {}",
                        kept,
                    ),
                },
            )

    def close(self) -> None:
        """See Protocol."""
        with self._lock:
            for connection in self._opened:
                connection.close()
            self._opened.clear()
        self._local = threading.local()

    # -- connections --

    @property
    def _db(self) -> apsw.Connection:
        """This thread's connection."""
        connection: apsw.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = apsw.Connection(str(self._path))
            connection.set_busy_timeout(BUSY_MS)
            for pragma in (
                "journal_mode = WAL",
                "synchronous = FULL",
                "foreign_keys = ON",
                "secure_delete = ON",
                "temp_store = MEMORY",
            ):
                connection.execute(f"PRAGMA {pragma}").fetchall()
            self._local.connection = connection
            with self._lock:
                self._opened.append(connection)
        return connection

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except apsw.Error as error:
            raise StoreError(f"{self._path}: {error}") from error

    @contextlib.contextmanager
    def _writing(self) -> Iterator[apsw.Connection]:
        """A write transaction: durable when it ends, undone when it raises."""
        with self._translated():
            db = self._db
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _reading(self) -> Iterator[apsw.Connection]:
        """One consistent view for several queries, so that no reader sees a move half done."""
        with self._translated():
            db = self._db
            if db.in_transaction:
                yield db
                return
            db.execute("BEGIN")
            try:
                yield db
            finally:
                db.execute("ROLLBACK")

    def _rows(
        self, query: str, values: Sequence[Any] | Mapping[str, Any] = ()
    ) -> list[tuple[Any, ...]]:
        with self._translated():
            return self._db.execute(query, values).fetchall()


def _us(time: datetime) -> int:
    return round(time.timestamp() * 1_000_000)


def _one(db: apsw.Connection, query: str, values: Sequence[Any] = ()) -> tuple[Any, ...] | None:
    row: tuple[Any, ...] | None = db.execute(query, values).fetchone()
    return row


def _chunks(items: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), CHUNK):
        yield items[start : start + CHUNK]


def _match(text: str) -> str | None:
    """An FTS5 query for all words as prefixes; ``None`` when the text has no word."""
    words = fold_words(text)
    return " AND ".join(f'"{word}"*' for word in words) if words else None


def _conditions(query: EventQuery, audience: Audience) -> tuple[list[str] | None, dict[str, Any]]:
    """SQL conditions of an event query; ``None`` when nothing can fit."""
    conditions, values = ["newest", "NOT merged"], dict[str, Any]()
    if query.flagged is not None:
        conditions.append("flagged" if query.flagged else "NOT flagged")
    if query.undecided is not None:
        conditions.append("NOT decided" if query.undecided else "decided")
    for column, wanted in (("category", query.categories), ("state", query.states)):
        if wanted is not None:
            names = {f"{column}{i}": item.value for i, item in enumerate(wanted)}
            conditions.append(f"{column} IN ({','.join(f':{name}' for name in names)})")
            values.update(names)
    if query.since is not None:
        conditions.append("started_us >= :since")
        values["since"] = _us(query.since)
    if query.until is not None:
        conditions.append("started_us < :until")
        values["until"] = _us(query.until)
    if query.min_incident is not None:
        conditions.append("incident >= :incident")
        values["incident"] = query.min_incident
    if query.bbox is not None:
        conditions.append(
            f"position IN (SELECT key FROM event_box_{audience} WHERE east >= :west "
            "AND west <= :east AND north >= :south AND south <= :north)"
        )
        values.update(zip(("west", "south", "east", "north"), query.bbox, strict=True))
    if query.text is not None:
        words = _match(query.text)
        if words is None:
            return None, values
        conditions.append(
            f"id IN (SELECT event FROM member_{audience} JOIN words_key_{audience} "
            f"ON post = subject WHERE key IN (SELECT rowid FROM words_{audience} "
            f"WHERE words_{audience} MATCH :words))"
        )
        values["words"] = words
    return conditions, values


CHAINS = frozenset({"evidence", "audit_open", "audit_confidential"})


def _chain_name(name: str) -> str:
    if name not in CHAINS:
        raise StoreError(f"there is no chain {name!r}; there are {', '.join(sorted(CHAINS))}")
    return name


def _chain_link(row: tuple[Any, ...]) -> ChainLink:
    position, subject, mark, hash_ = row
    return ChainLink(position=position, subject=subject, digest=mark, hash=hash_)


def _sum(db: apsw.Connection, query: str, audiences: Sequence[Audience]) -> int:
    return sum(int((_one(db, query.format(a)) or (0,))[0]) for a in audiences)


def _latency(db: apsw.Connection, query: str, audiences: Sequence[Audience]) -> Latency:
    sample: list[float] = []
    for audience in audiences:
        order = f"ORDER BY assessed_us DESC LIMIT {LATENCY_SAMPLE}"
        names = [audience] * (query.count("{}") - 1)
        rows = db.execute(query.format(*names, order))
        sample += [(later - earlier) / 1e6 for later, earlier in rows]
    if not sample:
        return Latency(None, None)
    sample.sort()
    return Latency(*(sample[min(len(sample) - 1, int(len(sample) * q))] for q in (0.5, 0.95)))
