"""Records by what they share, each with its time: the nearest in time of those that share a key."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from math import inf

Moment = tuple[float, str]
"""Time (seconds since 1970) and id of a record."""


class _Run:
    """Records that share a key, by their times and ids."""

    __slots__ = ("ids", "times")

    def __init__(self) -> None:
        self.times = array("d")
        self.ids: list[str] = []

    def add(self, moment: Moment) -> None:
        at, record = moment
        position = len(self.times)
        if position and moment < (self.times[-1], self.ids[-1]):
            position = bisect_left(self.times, at)
            while position < len(self.ids) and (self.times[position], self.ids[position]) < moment:
                position += 1
        self.times.insert(position, at)
        self.ids.insert(position, record)

    def remove(self, moment: Moment) -> None:
        position = bisect_left(self.times, moment[0])
        while position < len(self.ids) and self.times[position] == moment[0]:
            if self.ids[position] == moment[1]:
                del self.times[position], self.ids[position]
                return
            position += 1


class Runs:
    """Records by key. A key is a number that stands for what is shared, so that millions are small:
    the builtin hash of it, of which two of ten million are the same once in a hundred thousand
    times. Most keys have one record, which costs no run.
    """

    def __init__(self) -> None:
        self._found: dict[int, Moment | _Run] = {}

    def add(self, key: int, moment: Moment) -> None:
        """Make a record findable by a key."""
        held = self._found.setdefault(key, moment)
        if held is moment:
            return
        if isinstance(held, tuple):
            run = self._found[key] = _Run()
            run.add(held)
            held = run
        held.add(moment)

    def remove(self, key: int, moment: Moment) -> None:
        """Forget a record of a key; one that is not there changes nothing."""
        held = self._found.get(key)
        if isinstance(held, _Run):
            held.remove(moment)
            if held.ids:
                return
        elif held != moment:
            return
        del self._found[key]

    def all_of(self, key: int) -> list[Moment]:
        """All records of a key, by time and id."""
        held = self._found.get(key)
        if held is None:
            return []
        return [held] if isinstance(held, tuple) else list(zip(held.times, held.ids, strict=True))

    def of(
        self, key: int, at: float, within_s: float, most: float = inf
    ) -> tuple[Sequence[str], Sequence[float], bool]:
        """Ids and times within so many seconds, at most so many on either side, the nearest;
        whether there were more.
        """
        held = self._found.get(key)
        if held is None:
            return (), (), False
        if isinstance(held, tuple):
            near = abs(held[0] - at) <= within_s
            return ((held[1],), (held[0],), False) if near else ((), (), False)
        start, end = bisect_left(held.times, at - within_s), bisect_right(held.times, at + within_s)
        more = end - start > most
        if more:
            middle = bisect_left(held.times, at)
            start, end = max(start, middle - int(most)), min(end, middle + int(most))
        return held.ids[start:end], held.times[start:end], more
