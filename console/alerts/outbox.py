"""The outbox: every delivery is written down before it is tried, and keeps its trace.

A delivery's id is a digest of rule, event and occasion, so that it is made once, however often
the event changes or the program starts again. It holds no text: what is sent is read from the
store when it is sent, so that what turned confidential meanwhile is not sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum

from core.clock import Clock
from core.ids import digest
from core.records import Audience, Record, UtcDatetime
from store.protocol import Store
from store.troubles import Trouble, forget_troubles, troubles

PREFIX = "outbox:"
FIRST_RETRY = timedelta(seconds=5)
LONGEST_RETRY = timedelta(minutes=15)
KEPT = timedelta(days=14)
STALE = timedelta(hours=6)
"""An alert that could not be delivered for so long tells nobody anything new."""


class State(StrEnum):
    """Where a delivery stands. ``held``: quiet hours or the budget; ``dropped``: nothing to send
    any more.
    """

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"
    HELD = "held"
    DROPPED = "dropped"


class Attempt(Record):
    """One try. ``problem``: why it failed, ``None`` when it did not."""

    at: UtcDatetime
    problem: str | None = None


class Delivery(Record):
    """One message to one recipient of one rule about one event."""

    id: str
    rule: str
    channel: str
    event: str
    audience: Audience
    occasion: str
    at: UtcDatetime
    state: State = State.WAITING
    due_at: UtcDatetime
    attempts: tuple[Attempt, ...] = ()


class Outbox:
    """Deliveries in the store. ``clock`` is real time, also while a replay runs."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def add(
        self,
        *,
        rule: str,
        channel: str,
        event: str,
        audience: Audience,
        occasion: str,
        state: State = State.WAITING,
    ) -> bool:
        """Write a delivery down, once; whether it is new."""
        now = self._clock.now()
        made = Delivery(
            id=digest("delivery", rule, event, occasion),
            rule=rule,
            channel=channel,
            event=event,
            audience=audience,
            occasion=occasion,
            at=now,
            due_at=now,
            state=state,
        )
        return self._store.swap_note(PREFIX + made.id, None, made.model_dump_json())

    def deliveries(self, audiences: Iterable[Audience]) -> list[Delivery]:
        """All deliveries about events of these audiences, newest first."""
        wanted = set(audiences)
        found = [d for d in self._all() if d.audience in wanted]
        return sorted(found, key=lambda d: (d.at, d.id), reverse=True)

    def troubles(self) -> list[Trouble]:
        """Scheduled work that failed, the oldest first."""
        return troubles(self._store)

    def due(self) -> list[Delivery]:
        """Deliveries to try now, the oldest first."""
        now = self._clock.now()
        waiting = [d for d in self._all() if d.state is State.WAITING and d.due_at <= now]
        return sorted(waiting, key=lambda d: (d.due_at, d.at, d.id))

    def take(self, delivery: Delivery, lasts: timedelta) -> Delivery | None:
        """Set a delivery apart for one try; ``None`` when another process was faster."""
        taken = delivery.model_copy(update={"due_at": self._clock.now() + lasts})
        return taken if self._swap(delivery, taken) else None

    def done(self, delivery: Delivery, problem: str | None, most: int) -> Delivery:
        """Note a try. A failed one comes again, later each time, at most ``most`` times."""
        now = self._clock.now()
        tries = (*delivery.attempts, Attempt(at=now, problem=problem))
        changes: dict[str, object] = {"attempts": tries}
        if problem is None:
            changes["state"] = State.SENT
        elif len(tries) >= most or now - delivery.at > STALE:
            changes["state"] = State.FAILED
        else:
            wait = min(LONGEST_RETRY, FIRST_RETRY * 2 ** (len(tries) - 1))
            changes["due_at"] = now + wait
        noted = delivery.model_copy(update=changes)
        self._swap(delivery, noted)
        return noted

    def drop(self, delivery: Delivery, problem: str) -> None:
        """Give a delivery up that there is nothing to send for any more."""
        tries = (*delivery.attempts, Attempt(at=self._clock.now(), problem=problem))
        self._swap(
            delivery, delivery.model_copy(update={"state": State.DROPPED, "attempts": tries})
        )

    def again(self, delivery_id: str, audiences: Iterable[Audience]) -> bool:
        """Try a failed or held delivery anew; whether there was one."""
        for delivery in self.deliveries(audiences):
            if delivery.id == delivery_id and delivery.state in (State.FAILED, State.HELD):
                now = self._clock.now()
                fresh = {"state": State.WAITING, "due_at": now, "at": now}
                return self._swap(delivery, delivery.model_copy(update=fresh))
        return False

    def clear(self) -> int:
        """Forget deliveries that are over, and troubles, after two weeks; how many deliveries."""
        now = self._clock.now()
        forget_troubles(self._store, now - KEPT)
        over = [d for d in self._all() if d.state is not State.WAITING and now - d.at > KEPT]
        return sum(self._store.swap_note(PREFIX + d.id, d.model_dump_json(), None) for d in over)

    def _swap(self, old: Delivery, new: Delivery) -> bool:
        return self._store.swap_note(PREFIX + old.id, old.model_dump_json(), new.model_dump_json())

    def _all(self) -> list[Delivery]:
        return [Delivery.model_validate_json(t) for t in self._store.notes(PREFIX).values()]
