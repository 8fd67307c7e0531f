"""Things by id, the last used as objects and all others packed: a window of a million is small."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, MutableMapping
from typing import TypeVar, cast

T = TypeVar("T")

AT_HAND = 4_096
"""Things that are objects at most, at rest: some minutes of a country's posts. What speaks of a
post, its copies and answers, mostly comes within these."""
MOST_AT_HAND = 65_536
"""So many when they are asked for again and again, as the members of mass events are."""


class Shelf(MutableMapping[str, T]):
    """A dictionary whose values may be packed at any time: they are equal, not the same objects.

    ``pack`` and ``unpack`` take the id too, so that a thing can be packed as what it is made of.
    """

    def __init__(
        self,
        pack: Callable[[str, T], bytes],
        unpack: Callable[[str, bytes], T],
        at_hand: int = AT_HAND,
    ) -> None:
        self._pack, self._unpack = pack, unpack
        self._things: dict[str, T | bytes] = {}
        self._packed: dict[str, bytes] = {}
        self._order: deque[str] = deque()
        self._at_hand = self._most = at_hand

    def __getitem__(self, thing_id: str) -> T:
        """A thing, unpacked if it was packed; raises KeyError."""
        thing = self._things[thing_id]
        if type(thing) is not bytes:
            return cast(T, thing)
        unpacked = self[thing_id] = self._unpack(thing_id, thing)
        self._packed[thing_id] = thing
        return unpacked

    def get(self, thing_id: str, default: T | None = None) -> T | None:  # type: ignore[override]
        """A thing, or the default."""
        return self[thing_id] if thing_id in self._things else default

    def __setitem__(self, thing_id: str, thing: T) -> None:
        """Put a thing there, and pack those that were put there longest ago."""
        if type(self._things.get(thing_id)) is bytes:
            self._most = min(self._most + 1, max(MOST_AT_HAND, self._at_hand))
        self._packed.pop(thing_id, None)
        self._things[thing_id] = thing
        self._order.append(thing_id)
        while len(self._order) > self._most:
            self._put_away(self._order.popleft())

    def __delitem__(self, thing_id: str) -> None:
        """Forget a thing; raises KeyError."""
        del self._things[thing_id]
        self._packed.pop(thing_id, None)

    def __contains__(self, thing_id: object) -> bool:
        """Whether it is there, packed or not."""
        return thing_id in self._things

    def __iter__(self) -> Iterator[str]:
        """All ids."""
        return iter(self._things)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._things)

    def rest(self) -> None:
        """Keep no more objects than at rest, from the next one that is put there."""
        self._most = self._at_hand

    def _put_away(self, thing_id: str) -> None:
        thing = self._things.get(thing_id)
        if thing is not None and type(thing) is not bytes:
            packed = self._packed.pop(thing_id, None)
            self._things[thing_id] = packed or self._pack(thing_id, cast(T, thing))
