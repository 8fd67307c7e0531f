"""Keeping assessments, and moving what was assessed to the audience it is for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from core.errors import StoreError
from core.records import Assessment, Audience, Post, Report
from store.elasticsearch.base import KEPT
from store.elasticsearch.connection import Key, Source
from store.elasticsearch.documents import post_document, report_document
from store.elasticsearch.inputs import pending_key, record_of
from store.elasticsearch.registry import Subject, subject_of
from store.elasticsearch.transaction import Transaction
from store.elasticsearch.withholding import Withholding


class Assessing(Withholding):
    """What the assessor says."""

    def save_assessments(self, items: Sequence[tuple[Assessment, Audience]], at: datetime) -> None:
        """See Protocol. The very same assessment again changes nothing."""
        if not items:
            return

        def build(tx: Transaction) -> None:
            self._prefetch(tx, items)
            for assessment, wanted in items:
                self._save(tx, assessment, wanted, at)

        self._journal.write(build)

    # -- inside -----------------------------------------------------------------------------

    def _prefetch(self, tx: Transaction, items: Sequence[tuple[Assessment, Audience]]) -> None:
        """Read what saving will look at, with two requests whatever their number."""
        keys = tx.subjects([assessment.subject for assessment, _ in items])
        looked_at: list[Key] = []
        for key, (assessment, wanted) in zip(keys, items, strict=True):
            state, subject = subject_of(tx.get(key)), assessment.subject
            version = state.version(assessment.version)
            looked_at += self._document_keys(subject, state)
            if state.kind is not None and wanted in KEPT:
                looked_at.append(self._document_key(subject, state, wanted))
            if version is not None and version.pending:
                looked_at.append(pending_key(self, subject, assessment.version))
                if state.kind == "post":
                    looked_at.append(self._raw_key(subject, assessment.version, state, wanted))
        tx.fetch(looked_at)

    def _document_keys(self, subject: str, state: Subject) -> list[Key]:
        if state.audience is None or state.kind is None:
            return []
        return [self._document_key(subject, state, state.audience)]

    def _document_key(self, subject: str, state: Subject, audience: Audience) -> Key:
        return self._names.of(audience, f"{state.kind}s", state.period), subject

    def _raw_key(self, subject: str, number: int, state: Subject, audience: Audience) -> Key:
        return self._names.of(audience, "raw", state.period), f"{subject}:{number}"

    def _save(
        self, tx: Transaction, assessment: Assessment, wanted: Audience, at: datetime
    ) -> None:
        if wanted not in KEPT:
            raise StoreError("an assessed record is open or confidential, not pending")
        subject, number = assessment.subject, assessment.version
        row = self._subject(subject)
        state = subject_of(tx.get(row))
        version = state.version(number)
        if state.removed:
            return  # while it was being assessed
        if state.kind is None or version is None:
            raise StoreError(f"{subject} version {number} was assessed but never accepted")
        sticky = state.audience is Audience.CONFIDENTIAL
        audience = Audience.CONFIDENTIAL if sticky else wanted
        held = next((tx.get(key) for key in self._document_keys(subject, state)), None)
        if (
            state.audience is audience
            and held is not None
            and not version.pending
            and assessment.model_dump_json() in held["assessments"]
        ):
            return
        if audience is Audience.CONFIDENTIAL and state.audience is Audience.OPEN:
            self._withhold(tx, subject, state)
            state = subject_of(tx.get(row))
        if version.pending:
            self._take_from_pending(tx, subject, number, state, audience)
        document = self._document(tx, held, state, assessment, at)
        tx.put(row, state.assessed(number, audience).to_json())
        tx.put(self._document_key(subject, state, audience), document)
        position = tx.next("changes")
        tx.append(self._names.pipeline("changes"), position, [state.kind, subject])

    def _document(
        self,
        tx: Transaction,
        held: Source | None,
        state: Subject,
        assessment: Assessment,
        at: datetime,
    ) -> Source:
        """The document of a subject with one more, or another, assessment."""
        records: dict[int, Post | Report] = {}
        judged: dict[int, Assessment] = {}
        for body in held["assessments"] if held else ():
            kept = Assessment.model_validate_json(body)
            judged[kept.version] = kept
        judged[assessment.version] = assessment
        pending = tx.known(pending_key(self, assessment.subject, assessment.version))
        if pending is not None:
            records[assessment.version] = record_of(pending)
        kind = Post if state.kind == "post" else Report
        for body in held["versions"] if held else ():
            record = kind.model_validate_json(body)
            records[record.version if isinstance(record, Post) else 1] = record
        accepted_at = min(record.accepted_at for record in records.values())
        since = held.get("assessed_at") if held else None
        assessed_at = at if since is None else datetime.fromisoformat(since)
        posts = [record for record in records.values() if isinstance(record, Post)]
        if posts:
            return post_document(
                posts,
                judged,
                accepted_at=accepted_at,
                assessed_at=assessed_at,
                vector_dims=self._settings.vector_dims,
            )
        (report,) = [r for r in records.values() if isinstance(r, Report)]
        return report_document(
            report, assessment, assessed_at=assessed_at, vector_dims=self._settings.vector_dims
        )

    def _take_from_pending(
        self, tx: Transaction, subject: str, number: int, state: Subject, audience: Audience
    ) -> None:
        key = pending_key(self, subject, number)
        pending = tx.get(key)
        if pending is None:
            raise StoreError(f"{subject} version {number} is not where the registry says; verify")
        if "raw" in pending:
            tx.put(
                self._raw_key(subject, number, state, audience),
                {
                    "id": subject,
                    "version": number,
                    "accepted_at": pending["accepted_at"],
                    "body": pending["raw"],
                },
            )
        tx.delete(key)
