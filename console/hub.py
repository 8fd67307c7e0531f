"""Live events: one task reads the store's changes, any number of open pages follow.

Every page keeps positions of its own, so a slow one costs no memory and a page that was away
goes on where it stopped. Positions are those of ``store.event_changes``, counted per audience.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from core.errors import OqigaError
from core.records import Audience, Claim, Event
from store.protocol import Store

log = logging.getLogger(__name__)

AUDIENCES = (Audience.OPEN, Audience.CONFIDENTIAL)
POLL_S = 0.2
PULSE_S = 5.0
PAGE = 500
RING = 4_000
"""Versions that are kept for pages that lag: a minute at 60 events a second."""
MAX_CATCH_UP = 2_000
"""A page that missed more than this loads its queue anew."""
_REMEMBERED_IDS = 50_000

Positions = Mapping[Audience, int]


class Kind(StrEnum):
    """What happened: a new version, an event that is no longer there, somebody takes or leaves
    one, too much missed, a pulse.
    """

    EVENT = "event"
    GONE = "gone"
    CLAIM = "claim"
    RESET = "reset"
    PULSE = "pulse"


@dataclass(frozen=True)
class Item:
    """Something for the followers of an audience. ``positions`` is where they stand after it.

    ``claim``: who works on the event from now on, ``None`` when nobody does.
    """

    kind: Kind
    positions: dict[Audience, int]
    audience: Audience | None = None
    event: Event | None = None
    id: str | None = None
    claim: Claim | None = None


def encode(positions: Positions) -> str:
    """Positions as an SSE event id: ``open:12`` or ``open:12,confidential:3``."""
    return ",".join(f"{audience.value}:{positions[audience]}" for audience in sorted(positions))


def decode(text: str | None, audiences: frozenset[Audience]) -> dict[Audience, int]:
    """The positions of those audiences in an event id; what is unreadable is left out."""
    positions: dict[Audience, int] = {}
    for part in (text or "")[:200].split(","):
        name, _, number = part.partition(":")
        if name in {a.value for a in audiences} and number.isascii() and number.isdecimal():
            positions[Audience(name)] = int(number)
    return positions


class Hub:
    """The store's changes of events, for everybody who follows."""

    def __init__(
        self,
        store: Store,
        *,
        interesting: Callable[[Event], bool],
        shown: Callable[[Audience], Iterable[str]],
        claims: Callable[[], Mapping[str, Claim]] = dict,
        poll_s: float = POLL_S,
        pulse_s: float = PULSE_S,
    ) -> None:
        self._store = store
        self._interesting = interesting
        self._shown_now = shown
        self._claims_now = claims
        self._claims: Mapping[str, Claim] = {}
        self._poll_s = poll_s
        self._pulse_s = pulse_s
        self._ring: deque[Item] = deque(maxlen=RING)
        self._sequence = 0  # of the newest item in the ring
        self._positions: dict[Audience, int] = dict.fromkeys(AUDIENCES, 0)
        self._wake = asyncio.Event()
        self._closed = False
        self._shown: dict[Audience, OrderedDict[str, None]] = {a: OrderedDict() for a in AUDIENCES}
        self._loop: asyncio.AbstractEventLoop | None = None

    async def run(self) -> None:
        """Read changes until ``close``; a store that fails for a while is tried again."""
        self._loop = asyncio.get_running_loop()
        begun = False
        while not self._closed:
            try:
                if not begun:
                    await self._begin()
                    begun = True
                full = await self._poll()
            except OqigaError as error:
                log.error("live events: the store cannot be read: %s", error)
                full = False
            if not full:
                await asyncio.sleep(self._poll_s)

    def close(self) -> None:
        """End all streams, so that they do not hold up the end of the program."""
        self._closed = True
        self._publish([])

    def newest(self) -> dict[Audience, int]:
        """Positions of the newest changes in the store."""
        return {audience: self._store.last_event_change(audience) for audience in AUDIENCES}

    def republish(self, event: Event) -> None:
        """Show an event's standing anew; may be called from any thread."""
        self._say(Item(Kind.EVENT, {}, audience=event.audience, event=event, id=event.id))

    def withdraw(self, event: Event) -> None:
        """Take an event off the screens of its former audience; from any thread."""
        self._say(Item(Kind.GONE, {}, audience=event.audience, id=event.id))

    def claimed(self, event: Event, claim: Claim | None) -> None:
        """Show at once who works on an event; from any thread."""
        self._say(Item(Kind.CLAIM, {}, audience=event.audience, id=event.id, claim=claim))

    def _say(self, item: Item) -> None:
        if self._loop is not None and not self._closed:
            self._loop.call_soon_threadsafe(self._publish, [item])

    async def follow(
        self, audiences: frozenset[Audience], after: Positions
    ) -> AsyncIterator[list[Item]]:
        """What happens to these audiences, from ``after`` on; a pulse every few seconds.

        Without a position of an audience it begins now. Ends with ``close``.
        """
        sequence = self._sequence
        positions = {a: self._positions[a] for a in audiences}
        missed = {a: positions[a] - after.get(a, positions[a]) for a in audiences}
        yield [Item(Kind.PULSE, positions)]
        if any(n > MAX_CATCH_UP or n < 0 for n in missed.values()):
            yield [Item(Kind.RESET, positions)]
        else:
            reached = {a: positions[a] - missed[a] for a in audiences}
            for audience in sorted(a for a in audiences if missed[a] > 0):
                async for items in self._catch_up(audience, reached, positions[audience]):
                    yield items
        while not self._closed:
            wake = self._wake
            if sequence < self._sequence - len(self._ring):
                yield [Item(Kind.RESET, {a: self._positions[a] for a in audiences})]
                sequence = self._sequence
            new = self._sequence - sequence
            items = [self._ring[-n] for n in range(new, 0, -1)]
            sequence = self._sequence
            mine = [item for item in items if item.audience in audiences]
            if mine:
                yield [_for(audiences, item) for item in mine]
                continue
            try:
                await asyncio.wait_for(wake.wait(), self._pulse_s)
            except TimeoutError:
                yield [Item(Kind.PULSE, {a: self._positions[a] for a in audiences})]

    async def _catch_up(
        self, audience: Audience, reached: dict[Audience, int], until: int
    ) -> AsyncIterator[list[Item]]:
        while reached[audience] < until:
            changes = await asyncio.to_thread(
                self._store.event_changes, audience, reached[audience], limit=PAGE
            )
            if not changes:
                return
            items: list[Item] = []
            for change in {change.event.id: change for change in changes}.values():
                reached[audience] = min(change.position, until)
                items.append(
                    Item(
                        Kind.EVENT,
                        dict(reached),
                        audience=audience,
                        event=change.event,
                        id=change.event.id,
                    )
                )
            reached[audience] = changes[-1].position
            yield items

    async def _begin(self) -> None:
        self._positions = await asyncio.to_thread(self.newest)
        for audience in AUDIENCES:
            ids = await asyncio.to_thread(self._shown_now, audience)
            self._shown[audience].update(dict.fromkeys(ids))

    async def _poll(self) -> bool:
        full = False
        for audience in AUDIENCES:
            changes = await asyncio.to_thread(
                self._store.event_changes, audience, self._positions[audience], limit=PAGE
            )
            full = full or len(changes) == PAGE
            items: list[Item] = []
            for change in changes:
                self._positions[audience] = change.position
                items += self._items(audience, change.event)
            if items:  # with no await since the positions moved: no page falls between
                self._publish(items)
        await self._poll_claims()
        return full

    async def _poll_claims(self) -> None:
        """Tell of claims that were made, broken or ran out since the last look."""
        before, self._claims = self._claims, await asyncio.to_thread(self._claims_now)
        changed = {
            i for i in before.keys() | self._claims.keys() if _by(before, i) != _by(self._claims, i)
        }
        self._publish(
            [
                Item(
                    Kind.CLAIM,
                    {},
                    audience=(self._claims.get(i) or before[i]).audience,
                    id=i,
                    claim=self._claims.get(i),
                )
                for i in sorted(changed)
            ]
        )

    def _items(self, audience: Audience, event: Event) -> list[Item]:
        items: list[Item] = []
        for other in AUDIENCES:
            # Only those who could see it before may learn that it is gone, by being told now.
            if other is not audience and event.id in self._shown[other]:
                del self._shown[other][event.id]
                items.append(Item(Kind.GONE, dict(self._positions), audience=other, id=event.id))
        shown = self._shown[audience]
        if self._interesting(event) or event.id in shown:
            shown[event.id] = None
            shown.move_to_end(event.id)
            while len(shown) > _REMEMBERED_IDS:
                shown.popitem(last=False)
            items.append(
                Item(
                    Kind.EVENT,
                    dict(self._positions),
                    audience=audience,
                    event=event,
                    id=event.id,
                )
            )
        return items

    def _publish(self, items: list[Item]) -> None:
        self._ring.extend(items)
        self._sequence += len(items)
        if items or self._closed:
            wake, self._wake = self._wake, asyncio.Event()
            wake.set()


def _for(audiences: frozenset[Audience], item: Item) -> Item:
    """The item with the positions of its reader's audiences alone."""
    seen = {a: position for a, position in item.positions.items() if a in audiences}
    return replace(item, positions=seen)


def _by(claims: Mapping[str, Claim], event_id: str) -> str | None:
    claim = claims.get(event_id)
    return claim.by if claim else None
