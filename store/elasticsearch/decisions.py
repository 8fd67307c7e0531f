"""What people decided."""

from __future__ import annotations

from core.errors import StaleWriteError, StoreError
from core.records import Audience, AuditEntry, Decision
from store.elasticsearch.base import KEPT, groups, kept
from store.elasticsearch.chains import append_audit
from store.elasticsearch.documents import decision_document
from store.elasticsearch.registry import head_of
from store.elasticsearch.transaction import Transaction
from store.elasticsearch.withholding import Withholding, decided_on
from store.protocol import Audiences


class Decisions(Withholding):
    """Decisions, append-only."""

    def add_decision(self, decision: Decision) -> None:
        """See Protocol. Raises StoreError when there is no such event.

        One that names a confidential record is kept as confidential, whatever its event is.
        """
        self._journal.write(lambda tx: self._add(tx, decision))

    def decisions(self, audiences: Audiences, event_id: str | None = None) -> list[Decision]:
        """See Protocol."""
        mine = kept(audiences)
        self._journal.refresh(*groups("decisions", mine))
        query = {"match_all": {}} if event_id is None else {"term": {"event": event_id}}
        found: list[tuple[int, Decision]] = []
        for audience in mine:
            for hit in self._connection.scan(
                self._names.of(audience, "decisions"),
                query=query,
                sort=[{"position": "asc"}],
                source_includes=["position", "body"],
            ):
                source = hit["_source"]
                decision = Decision.model_validate_json(source["body"])
                decision = decision.model_copy(update={"audience": audience})
                found.append((source["position"], decision))
        return [decision for _, decision in sorted(found, key=lambda item: item[0])]

    # -- inside -----------------------------------------------------------------------------

    def _add(self, tx: Transaction, decision: Decision) -> None:
        keys = [(self._names.of(audience, "decisions"), decision.id) for audience in KEPT]
        row = self._event_key(decision.event)
        tx.fetch([*keys, row])
        if any(tx.get(key) is not None for key in keys):
            return
        head = head_of(tx.get(row))
        if head is None:
            raise StoreError(f"there is no event {decision.event}")
        if head.version != decision.event_version:
            raise StaleWriteError(
                f"event {decision.event} has changed: the decision was taken on version "
                f"{decision.event_version}, the newest is {head.version}; look again"
            )
        audience = head.audience
        if tx.is_confidential(decided_on(decision)):
            audience = Audience.CONFIDENTIAL
        decision = decision.model_copy(update={"audience": audience})
        position = tx.next("changes")
        tx.append(self._names.pipeline("changes"), position, ["decision", decision.id])
        tx.put(
            (self._names.of(audience, "decisions"), decision.id),
            decision_document(decision, position=position),
        )
        append_audit(
            tx,
            AuditEntry(
                at=decision.at,
                by=decision.by,
                action=f"decide:{decision.kind.value}",
                subject=decision.event,
                audience=audience,
                detail=decision.id,
            ),
        )
