"""The alert budget: at most so many alerts a specialist and hour; a supervisor may change it."""

from __future__ import annotations

from core.clock import Clock
from core.errors import InputError
from core.records import AuditEntry
from store.protocol import Store

NOTE = "alerts-per-h"
MOST = 1_000


class AlertBudget:
    """The limit in force: the settings' own until a supervisor chose another."""

    def __init__(self, store: Store, clock: Clock, setting: int) -> None:
        self._store = store
        self._clock = clock
        self._setting = setting

    @property
    def per_hour(self) -> int:
        """Alerts a specialist and hour at most."""
        return int(self._store.note(NOTE) or self._setting)

    def change(self, per_hour: int, by: str) -> None:
        """Choose another limit, written down first; raises InputError."""
        if not 1 <= per_hour <= MOST:
            raise InputError(f"an alert budget is 1 to {MOST} alerts a specialist and hour")
        self._store.add_audit(
            AuditEntry(
                at=self._clock.now(),
                by=by,
                action="alert_budget",
                subject="console",
                detail=f"{self.per_hour} to {per_hour}",
            )
        )
        self._store.put_note(NOTE, str(per_hour))
