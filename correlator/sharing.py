"""One correlator's share of the changes, when several divide them by region.

Each change is handled by the one whose share it is; all follow all changes, so that what a record
is compared with does not depend on the shares. An event across a border is written by both sides,
each write conditional on the version read: they end at the events of one correlator alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from core.ids import digest
from core.records import Assessed, Post


@dataclass(frozen=True)
class Share:
    """Share ``number`` (from 0) ``of`` so many. Raises ValueError for a share that is none."""

    number: int = 0
    of: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.number < self.of:
            raise ValueError(
                f"share {self.number} of {self.of} is none; shares of {self.of} are 0 to "
                f"{self.of - 1}"
            )

    @property
    def whole(self) -> bool:
        """Whether there is no other share."""
        return self.of == 1

    @property
    def leads(self) -> bool:
        """Whether this is the share that does what needs to be done once."""
        return self.number == 0

    def key(self, name: str) -> str:
        """The name of this share's own note."""
        return name if self.whole else f"{name}:{self.number}/{self.of}"

    def has(self, record: Assessed) -> bool:
        """Whether a record's changes are handled here."""
        return self.whole or int(digest("share", region_of(record)), 16) % self.of == self.number

    def of_mine(self, records: Iterable[Assessed]) -> list[Assessed]:
        """Those of the records whose changes are handled here."""
        return [record for record in records if self.has(record)]


def handled_by_all(name: str, positions: Mapping[str, int], *, but: int) -> int:
    """Up to where every change was handled, by any number of shares ``but`` the given one.

    ``positions``: those of all shares by their notes' keys. A number of which a share is missing
    has not handled everything; 0 when there is no other.
    """
    whole = 0
    for of in {1, *(int(key.rpartition("/")[2]) for key in positions if "/" in key)} - {but}:
        parts = [positions.get(Share(number, of).key(name), 0) for number in range(of)]
        whole = max(whole, min(parts))
    return whole


def region_of(record: Assessed) -> str:
    """Id of the gazetteer's region that a record lies in; without a place, that of its source.

    A source stands for its region, as nobody knows better; a report without a place for itself.
    """
    path = record.assessment.location_path
    if len(path) > 1:
        return path[-2]
    subject = record.subject
    return subject.source if isinstance(subject, Post) else subject.id
