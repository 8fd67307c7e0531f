"""What surrounds a record, brought into memory from a store that finds neighbours by itself.

So a correlator need not read its whole open window when it starts. Memory covers what was assessed
since the start, as the change feed is followed; of a record that reaches further back, or that came
late, the store is asked for the neighbours. With each neighbour comes its event with all members
and the reports shown beside it, and what is joined with the record by that is asked for in turn,
until the component is the one that a full window would have made.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from datetime import datetime

from core.grid import WIDE
from core.records import Assessed, Event, Point
from core.settings import CorrelatorSettings
from correlator.blocking import (
    CHANCE_FLOOR,
    INCIDENT_FLOOR,
    LEADER_FLOOR,
    NOWHERE_FLOOR,
    reach_s,
    speaks,
    widest_s,
)
from correlator.graph import CROWD
from correlator.items import Item
from correlator.live import LATE_S, Correlator
from correlator.occasion import GOES_ON_S
from store.protocol import ALL, Neighbouring, Sought, Store

AT_ONCE = 200
"""Records of which the neighbours are asked for with one call."""


class Surroundings:
    """Keeps a correlator's memory complete around the records that it judges.

    ``covered_from``: memory holds all that was posted from this moment on and assessed by now.
    """

    def __init__(
        self,
        store: Store,
        finder: Neighbouring,
        correlator: Correlator,
        settings: CorrelatorSettings,
        *,
        covered_from: datetime,
        readable: Callable[[Assessed], bool],
    ) -> None:
        self._store = store
        self._finder = finder
        self._correlator = correlator
        self._settings = settings
        self._covered_from = covered_from.timestamp()
        self._readable = readable
        self._surrounded: set[str] = set()
        self._completed: set[str] = set()
        self.asked = 0
        """Records of which the store was asked for the neighbours."""

    def bring_events_of(self, record_ids: Iterable[str]) -> None:
        """Bring the stored events of records that are not in memory; the unplaced stay away.

        Those are left to their own change, so that the order of changes does not matter.
        """
        unknown = {i for i in record_ids if not self._correlator.knows(i)}
        if unknown:
            self.bring(self._store.events_with(unknown, ALL))

    def bring(self, events: Iterable[Event]) -> None:
        """Bring events of the store with all their members, as far as memory lacks them."""
        correlator = self._correlator
        lacking = [event for event in events if not correlator.version(event.id)]
        wanted = {m for m in members_of(lacking) if not correlator.knows(m)}
        records = [r for r in self._store.assessed(wanted, ALL) if self._readable(r)]
        here = {record.subject.id for record in records}
        here |= {m for m in members_of(lacking) if correlator.knows(m)}
        correlator.load(records, [e for e in lacking if not here.isdisjoint(members_of([e]))])

    def came(self, records: Iterable[Assessed], now: datetime) -> None:
        """Note new and changed records, that are in memory now: which reach beyond it?"""
        for record in records:
            item = self._correlator.item(record.subject.id)
            late = now.timestamp() - item.at > LATE_S
            if not late and item.at - self._needed_s(item) >= self._covered_from:
                self._surrounded.add(item.id)
            else:
                self._surrounded.discard(item.id)

    def complete(self, touched: Collection[str]) -> None:
        """Bring all that bears on the records' components and events."""
        while True:
            concerned = self._correlator.concerned(touched)
            asking = sorted(i for i in concerned - self._surrounded if not self._in_a_crowd(i))
            found = self._shown_beside(concerned)
            for start in range(0, len(asking), AT_ONCE):
                part = [self._sought(i) for i in asking[start : start + AT_ONCE]]
                found = found.union(*self._finder.neighbours(part))
            self._surrounded.update(asking)
            self.asked += len(asking)
            if not found and not asking:
                return
            self.bring_events_of(found)

    def complete_events(self, events: Iterable[Event]) -> None:
        """Bring the reports that are shown beside events in memory, with their own events."""
        self.bring_events_of(self._shown_beside(members_of(events)))

    def forgot(self) -> None:
        """Memory has dropped what can no longer change."""
        self._surrounded = {i for i in self._surrounded if self._correlator.knows(i)}
        self._completed = {i for i in self._completed if self._correlator.version(i)}

    def covers_all(self, record_ids: Iterable[str]) -> None:
        """Take records for surrounded: their whole window was read."""
        self._surrounded.update(record_ids)

    # -- inside -----------------------------------------------------------------------------

    def _needed_s(self, item: Item) -> float:
        refers = item.reply_to is not None or item.forwarded_from is not None
        return widest_s(self._settings) if refers else reach_s(item, self._settings)

    def _in_a_crowd(self, record_id: str) -> bool:
        """Whether its event is so large that it is compared with some of it only, anyway."""
        event = self._correlator.event_with(record_id)
        return event is not None and len(event.posts) + len(event.reports) > CROWD

    def _shown_beside(self, record_ids: Iterable[str]) -> set[str]:
        """Candidate reports of the records' events, that were not brought yet."""
        found = (self._correlator.event_with(i) for i in record_ids)
        fresh = {e.id: e for e in found if e is not None and e.id not in self._completed}
        self._completed |= fresh.keys()
        return {link.id for event in fresh.values() for link in event.candidates}

    def _sought(self, record_id: str) -> Sought:
        correlator = self._correlator
        return sought(correlator.record(record_id), correlator.item(record_id), self._settings)


def sought(record: Assessed, item: Item, settings: CorrelatorSettings) -> Sought:
    """What is worth comparing with a record, by the rules of ``blocking``, as a store finds it."""
    least = Sought(
        found=record,
        within_s=reach_s(item, settings),
        linked_s=widest_s(settings),
        voice_s=GOES_ON_S,
        voice_from=_voice_from(item),
    )
    if not speaks(item):
        return least
    leads = item.incident >= LEADER_FLOOR
    tells = item.incident >= NOWHERE_FLOOR
    return replace(
        least,
        points=tuple(
            Point(lat=site.lat, lon=site.lon, radius_m=site.radius_m)
            for site in item.sites
            if site.radius_m <= WIDE.widest_m
        ),
        incident_from=INCIDENT_FLOOR if leads else LEADER_FLOOR,
        category_from=CHANCE_FLOOR if leads else None,
        alike_from=(NOWHERE_FLOOR if leads else LEADER_FLOOR) if tells else None,
        same_source=item.source is not None and not item.place_known,
    )


def _voice_from(item: Item) -> float | None:
    if item.author is None or item.incident < INCIDENT_FLOOR:
        return None
    return INCIDENT_FLOOR if item.incident >= LEADER_FLOOR else LEADER_FLOOR


def members_of(events: Iterable[Event]) -> set[str]:
    """Ids of all posts and reports of events."""
    return {link.id for event in events for link in (*event.posts, *event.reports)}
