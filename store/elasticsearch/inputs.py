"""Accepting posts and reports, and keeping what could not be accepted."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from core.records import Outcome, Post, RawPost, Report, SetAside
from core.versions import judge
from store.bodies import body_digest, readable_body
from store.elasticsearch.base import Base, aside_document
from store.elasticsearch.chains import vouch
from store.elasticsearch.connection import Key, Source
from store.elasticsearch.documents import known
from store.elasticsearch.registry import Subject, Version, subject_of
from store.elasticsearch.transaction import Transaction

ORDER_STEP = 1_000_000
"""More records than one call brings: the order of waiting is position, then place in the call."""


class Inputs(Base):
    """What comes in."""

    def accept_posts(self, items: Sequence[tuple[Post, RawPost | None]]) -> list[Outcome]:
        """See Protocol. Raises InputError for a record that could not be read back."""
        if not items:
            return []

        def build(tx: Transaction) -> list[Outcome]:
            tx.subjects([post.id for post, _ in items])
            return [
                self._accept_post(tx, number, post, raw) for number, (post, raw) in enumerate(items)
            ]

        return self._journal.write(build)

    def accept_reports(self, reports: Sequence[Report]) -> list[Outcome]:
        """See Protocol. Raises InputError for a record that could not be read back."""
        if not reports:
            return []

        def build(tx: Transaction) -> list[Outcome]:
            tx.subjects([report.id for report in reports])
            return [self._accept_report(tx, n, report) for n, report in enumerate(reports)]

        return self._journal.write(build)

    def set_aside(self, items: Sequence[SetAside]) -> None:
        """See Protocol."""
        if not items:
            return
        index = self._names.pipeline("aside")

        def build(tx: Transaction) -> None:
            tx.fetch((index, item.id) for item in items)
            for item in items:
                if tx.get((index, item.id)) is None:
                    tx.put((index, item.id), aside_document(item))

        self._journal.write(build)

    def set_aside_items(self, limit: int = 100) -> list[SetAside]:
        """See Protocol."""
        self._journal.refresh("pipeline-aside")
        hits = self._connection.search(
            self._names.pipeline("aside"),
            size=limit,
            sort=[{"at": "desc"}, {"id": "asc"}],
        )
        return [_set_aside(hit["_source"]) for hit in hits]

    def unassessed(self, limit: int) -> list[Post | Report]:
        """See Protocol."""
        self._journal.refresh("pipeline-pending")
        waiting: list[Post | Report] = []
        sort = [{"accepted_at": "asc"}, {"order": "asc"}]
        fields = {"source_includes": ["kind", "body"]}
        index = self._names.pipeline("pending")
        if limit <= 10_000:
            hits = iter(self._connection.search(index, size=limit, sort=sort, **fields))
        else:
            hits = self._connection.scan(index, sort=sort, **fields)
        for hit in hits:
            waiting.append(record_of(hit["_source"]))
            if len(waiting) == limit:
                break
        return waiting

    # -- inside -----------------------------------------------------------------------------

    def _accept_post(
        self, tx: Transaction, number: int, post: Post, raw: RawPost | None
    ) -> Outcome:
        key = self._subject(post.id)
        state = subject_of(tx.get(key))
        if state.kind == "report":
            return Outcome.CONFLICT
        outcome = judge(state.versions, post)
        if outcome is not Outcome.ACCEPTED:
            return outcome
        version = max((v.number for v in state.versions), default=0) + 1
        post = post.model_copy(update={"version": version})
        new = Version(version, post.content, post.edited_at, post.deleted_at)
        changed = replace(
            state,
            kind="post",
            period=state.period or self._names.suffix(post.accepted_at),
            source=post.source,
            versions=(*state.versions, new),
        )
        self._keep(tx, key, changed, post, number, raw)
        return outcome

    def _accept_report(self, tx: Transaction, number: int, report: Report) -> Outcome:
        key = self._subject(report.id)
        state = subject_of(tx.get(key))
        if state.kind == "post":
            return Outcome.CONFLICT
        if state.versions:
            same = state.versions[0].content == report.content
            return Outcome.REPEATED if same else Outcome.CONFLICT
        changed = replace(
            state,
            kind="report",
            period=self._names.suffix(report.accepted_at),
            versions=(Version(1, report.content),),
        )
        self._keep(tx, key, changed, report, number, None)
        return Outcome.ACCEPTED

    def _keep(
        self,
        tx: Transaction,
        key: Key,
        state: Subject,
        record: Post | Report,
        number: int,
        raw: RawPost | None,
    ) -> None:
        body = readable_body(record)
        version = state.versions[-1].number
        tx.put(key, state.to_json())
        tx.put(
            pending_key(self, record.id, version),
            known(
                {
                    "id": record.id,
                    "kind": state.kind,
                    "version": version,
                    "accepted_at": record.accepted_at.isoformat(),
                    "order": tx.position * ORDER_STEP + number,
                    "body": body,
                    "raw": None if raw is None else deflated(raw.model_dump_json()),
                }
            ),
        )
        vouch(tx, "evidence", record.id, body_digest(body))


def pending_key(base: Base, subject: str, version: int) -> Key:
    """Where a version lies until it is assessed."""
    return base._names.pipeline("pending"), f"{subject}:{version}"


def record_of(source: Source) -> Post | Report:
    """A pending record."""
    kind: type[Post] | type[Report] = Post if source["kind"] == "post" else Report
    return kind.model_validate_json(source["body"])


def deflated(text: str) -> str:
    """Text as it is kept where nobody searches it."""
    return base64.b64encode(zlib.compress(text.encode())).decode()


def _set_aside(source: Source) -> SetAside:
    fields: dict[str, Any] = json.loads(source["body"])
    return SetAside(**fields, record=base64.b64decode(source["record"]))
