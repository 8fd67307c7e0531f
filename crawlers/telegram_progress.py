"""How far a Telegram channel has been read, and what a page tells about what was missed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

RECENT = 200
"""Newest posts that are looked at again for edits and deletions; a page holds 100 messages."""
NO_IDS: tuple[int, ...] = ()


@dataclass
class Progress:
    """Where reading stands. ``last``: every id up to it was read or is known to be gone.

    ``recent``: id of a post to the message ids it is made of, albums have several. ``threads``:
    post id to the last comment read. ``linked``: id and access hash of the discussion group, id 0
    when the channel has none, ``None`` while unknown.
    """

    last: int | None = None
    recent: dict[int, tuple[int, ...]] = field(default_factory=dict)
    threads: dict[int, int] = field(default_factory=dict)
    linked: tuple[int, int] | None = None

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Progress:
        """The inverse of ``to_json``; an empty mapping is a source never read."""
        linked = kept.get("linked")
        return cls(
            last=kept.get("last"),
            recent={int(k): tuple(v) for k, v in kept.get("recent", {}).items()},
            threads={int(k): int(v) for k, v in kept.get("threads", {}).items()},
            linked=None if linked is None else (linked[0], linked[1]),
        )

    def to_json(self) -> dict[str, object]:
        """For the ledger."""
        return {
            "last": self.last,
            "recent": {str(k): list(v) for k, v in self.recent.items()},
            "threads": {str(k): v for k, v in self.threads.items()},
            "linked": None if self.linked is None else list(self.linked),
        }

    def head_of(self, ids: Sequence[int]) -> int | None:
        """Id under which a post with any of these messages is known."""
        wanted = set(ids)
        return next((head for head, known in self.recent.items() if wanted & set(known)), None)

    def saw(self, head: int, ids: Iterable[int]) -> None:
        """A post was kept; only the newest ``RECENT`` stay in mind."""
        known = self.recent.get(head, NO_IDS)
        self.recent[head] = tuple(sorted({*known, *ids}))
        for old in sorted(self.recent)[: max(0, len(self.recent) - RECENT)]:
            del self.recent[old]

    def forget(self, heads: Iterable[int]) -> None:
        """Posts were deleted."""
        for head in heads:
            self.recent.pop(head, None)

    def missing_before(self, number: int) -> tuple[int, int] | None:
        """Ids that a live message shows to have been left out, both ends included."""
        if self.last is None or number <= self.last + 1:
            return None
        return self.last + 1, number - 1

    def advance(self, number: int) -> None:
        """A live message arrived: reading stands at it when it follows directly."""
        if self.last is None or number == self.last + 1:
            self.last = number

    def gone(self, ids: Iterable[int], lowest: int) -> list[int]:
        """Posts at or above ``lowest`` none of whose messages is among ``ids`` any more."""
        there = set(ids)
        return [
            head
            for head, known in self.recent.items()
            if min(known) >= lowest and not there & set(known)
        ]

    def deleted(self, ids: Iterable[int]) -> tuple[list[int], bool]:
        """Posts that a live deletion takes away whole, and whether one loses a part only.

        Messages that are not in mind count as posts of their own.
        """
        gone = set(ids)
        whole: list[int] = []
        partly = False
        for number in sorted(gone):
            head = self.head_of([number])
            if head is None:
                whole.append(number)
            elif set(self.recent[head]) <= gone:
                whole.append(head)
            else:
                partly = True
        return sorted(set(whole)), partly
