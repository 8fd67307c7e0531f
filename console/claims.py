"""Who works on which event: taken atomically, kept alive by the page, gone when it falls silent."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

from core.clock import Clock
from core.errors import OqigaError
from core.records import AuditEntry, Claim, Event
from store.protocol import Store

PREFIX = "claim:"
LASTS = timedelta(seconds=60)
"""A claim without a heartbeat ends after this; pages send one every 15 seconds."""
ATTEMPTS = 8
KEPT_S = 0.4


class HeldError(OqigaError):
    """Somebody else works on the event: ``claim`` says who, and until when."""

    def __init__(self, claim: Claim) -> None:
        super().__init__(f"{claim.by} works on this event; ask them, or a supervisor")
        self.claim = claim


class Claims:
    """Claims in the store, one an event. ``clock`` is real time, also while a replay runs."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: tuple[float, dict[str, Claim]] | None = None

    def take(self, event: Event, by: str) -> Claim:
        """Claim an event, or prolong one's own claim; raises HeldError."""
        for _ in range(ATTEMPTS):
            text = self._store.note(PREFIX + event.id)
            held = _read(text)
            now = self._clock.now()
            alive = held is not None and held.until > now
            if held is not None and alive and held.by != by:
                raise HeldError(held)
            claim = Claim(
                event=event.id,
                by=by,
                at=held.at if held is not None and alive else now,
                until=now + LASTS,
                audience=event.audience,
            )
            if self._store.swap_note(PREFIX + event.id, text, claim.model_dump_json()):
                self._forget()
                return claim
        raise OqigaError(f"event {event.id} is being claimed by many at once; try again")

    def beat(self, event: Event, by: str) -> Claim | None:
        """Prolong one's own claim; ``None`` when it was broken or somebody else has it now."""
        held = self.of(event.id)
        return self.take(event, by) if held is not None and held.by == by else None

    def release(self, event_id: str, by: str) -> bool:
        """Give up one's own claim; whether there was one."""
        text = self._store.note(PREFIX + event_id)
        held = _read(text)
        if held is None or held.by != by:
            return False
        done = self._store.swap_note(PREFIX + event_id, text, None)
        self._forget()
        return done

    def break_off(self, event: Event, by: str) -> Claim | None:
        """End anybody's claim, as a supervisor may; the claim that was. It is written down."""
        text = self._store.note(PREFIX + event.id)
        held = _read(text)
        if held is None or not self._store.swap_note(PREFIX + event.id, text, None):
            return None
        self._forget()
        self._store.add_audit(
            AuditEntry(
                at=self._clock.now(),
                by=by,
                action="break_claim",
                subject=event.id,
                audience=event.audience,
                detail=held.by,
            )
        )
        return held

    def of(self, event_id: str) -> Claim | None:
        """The living claim of an event."""
        held = _read(self._store.note(PREFIX + event_id))
        return held if held is not None and held.until > self._clock.now() else None

    def check(self, event_id: str, by: str) -> None:
        """Raises HeldError when somebody else works on the event."""
        held = self.of(event_id)
        if held is not None and held.by != by:
            raise HeldError(held)

    def living(self) -> dict[str, Claim]:
        """All living claims by event, at most half a second old; the dead are cleared away."""
        moment_s = time.monotonic()
        with self._lock:
            kept = self._kept
        if kept is not None and moment_s - kept[0] < KEPT_S:
            return kept[1]
        now = self._clock.now()
        found: dict[str, Claim] = {}
        for key, text in self._store.notes(PREFIX).items():
            claim = _read(text)
            if claim is not None and claim.until > now:
                found[claim.event] = claim
            else:
                self._store.swap_note(key, text, None)
        with self._lock:
            self._kept = (moment_s, found)
        return found

    def _forget(self) -> None:
        with self._lock:
            self._kept = None


def _read(text: str | None) -> Claim | None:
    return None if text is None else Claim.model_validate_json(text)
