"""What people decided."""

from __future__ import annotations

from core.errors import StaleWriteError, StoreError
from core.records import Audience, AuditEntry, Decision
from store.protocol import Audiences
from store.sqlite.chains import append_audit
from store.sqlite.database import KEPT, Database, across, kept, per
from store.sqlite.events import newest_event
from store.sqlite.withholding import decided_on, names_confidential
from store.times import us


class Decisions(Database):
    """Decisions, append-only."""

    def add_decision(self, decision: Decision) -> None:
        """See Protocol. Raises StoreError when there is no such event.

        One that names a confidential record is kept as confidential, whatever its event is.
        """
        with self._writing() as db:
            query = "SELECT 1 FROM decision_@audience WHERE id = ?"
            if any(True for _ in across(db, KEPT, query, (decision.id,))):
                return
            event = newest_event(db, decision.event)
            if event is None:
                raise StoreError(f"there is no event {decision.event}")
            if event.version != decision.event_version:
                raise StaleWriteError(
                    f"event {event.id} has changed: the decision was taken on version "
                    f"{decision.event_version}, the newest is {event.version}; look again"
                )
            audience = event.audience
            if names_confidential(db, decided_on(decision)):
                audience = Audience.CONFIDENTIAL
            decision = decision.model_copy(update={"audience": audience})
            db.execute("INSERT INTO change (kind, id) VALUES ('decision', ?)", (decision.id,))
            db.execute(
                per(
                    audience,
                    "INSERT INTO decision_@audience (id, event, at_us, body, position) "
                    "VALUES (?, ?, ?, ?, last_insert_rowid())",
                ),
                (decision.id, decision.event, us(decision.at), decision.model_dump_json()),
            )
            append_audit(
                db,
                AuditEntry(
                    at=decision.at,
                    by=decision.by,
                    action=f"decide:{decision.kind.value}",
                    subject=decision.event,
                    audience=audience,
                    detail=decision.id,
                ),
            )

    def decisions(self, audiences: Audiences, event_id: str | None = None) -> list[Decision]:
        """See Protocol."""
        query = (
            "SELECT position, at_us, id, body FROM decision_@audience"
            if event_id is None
            else "SELECT position, at_us, id, body FROM decision_@audience WHERE event = :event"
        )
        with self._reading() as db:
            rows = sorted(
                (row, audience)
                for audience, row in across(db, kept(audiences), query, {"event": event_id})
            )
            return [
                Decision.model_validate_json(body).model_copy(update={"audience": audience})
                for (*_, body), audience in rows
            ]
