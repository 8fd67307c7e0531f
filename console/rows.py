"""One event as a row of the queue: the facts, the same for all languages."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from console.decisions import Standing, members
from console.highlight import shown
from console.towns import Town, nearest
from core.records import Assessed, Category, Event, Place, Post, ReportState

URGENT_FROM, RAISED_FROM = 0.7, 0.4
"""Priority from which a row is red, and amber; a level is a colour, not a sort order."""


KNOWN_STATES = (ReportState.REPORTED_BEFORE, ReportState.REPORTED_AFTER)


class View(StrEnum):
    """What a queue shows. ``todo``: flagged, not decided and not put off."""

    TODO = "todo"
    SNOOZED = "snoozed"
    KNOWN = "known"
    DECIDED = "decided"
    ALL = "all"


class Level(StrEnum):
    """How loud a row is."""

    URGENT = "urgent"
    RAISED = "raised"
    CALM = "calm"


@dataclass(frozen=True)
class Row:
    """An event with what its posts add. ``place`` is a name from a text, never invented."""

    event: Event
    standing: Standing
    place: str | None
    town: Town | None
    headline: str
    sources: tuple[str, ...]
    languages: tuple[str, ...]
    media: int
    deleted: int

    @property
    def level(self) -> Level:
        """How loud the row is."""
        return level_of(self.event)

    @property
    def category(self) -> Category:
        """What a person says it is, else what the event says."""
        return self.standing.category or self.event.category


def index_entry(event: Event, standing: Standing) -> dict[str, object]:
    """What a page needs to know of a row that it has not drawn: its place in list and map."""
    at = event.location
    return {
        "id": event.id,
        "version": event.version,
        "priority": round(event.priority, 4),
        "time": int(event.started_at.timestamp()),
        "level": level_of(event).value,
        "report_state": event.report_state.value,
        "verdict": standing.verdict.value if standing.verdict else None,
        "at": [round(at.lat, 5), round(at.lon, 5), round(at.radius_m)] if at else None,
    }


def level_of(event: Event) -> Level:
    """How loud an event is, by its priority."""
    if event.priority >= URGENT_FROM:
        return Level.URGENT
    return Level.RAISED if event.priority >= RAISED_FROM else Level.CALM


def views_of(event: Event, standing: Standing, incident_at: float, now: datetime) -> set[View]:
    """The views that show an event at a time; none for what is no incident."""
    if event.merged_into is not None:
        return set()
    if standing.verdict is not None:
        return {View.DECIDED, View.ALL}
    if standing.snoozed(now):
        return {View.SNOOZED, View.ALL}
    if event.flagged:
        return {View.TODO, View.ALL}
    if event.incident < incident_at:
        return set()
    if event.report_state in KNOWN_STATES:
        return {View.KNOWN, View.ALL}
    return {View.ALL}


def make_row(
    event: Event, standing: Standing, known: Mapping[str, Assessed], towns: Sequence[Town]
) -> Row:
    """The row of an event; ``known`` holds its posts and reports as far as they may be read."""
    items = [known[link] for link in sorted(members(event)) if link in known]
    posts = [item.subject for item in items if isinstance(item.subject, Post)]
    place = place_name(event, items)
    at = event.location
    return Row(
        event=event,
        standing=standing,
        place=shown(place) if place else None,
        town=nearest(towns, at.lat, at.lon) if at else None,
        headline=" ".join(shown(event.headline).split()),
        sources=tuple(sorted({post.source for post in posts})),
        languages=tuple(sorted({item.assessment.language.value for item in items})),
        media=sum(len(item.subject.media) for item in items),
        deleted=sum(post.deleted_at is not None for post in posts),
    )


def place_name(event: Event, items: Sequence[Assessed]) -> str | None:
    """The name, in a text of the event, of the place where the event is."""
    places = [place for item in items for place in item.assessment.places]
    if event.location_path:
        same = [p for p in places if p.path and p.path[0] == event.location_path[0]]
        if same:
            return max(same, key=_score).name
    if event.location is None:
        return None
    at = event.location
    near = [p for p in places if _apart_m(p, at.lat, at.lon) <= max(at.radius_m, 100.0)]
    return max(near, key=_score).name if near else None


def _score(place: Place) -> tuple[float, str]:
    return (place.score, place.name)


def _apart_m(place: Place, lat: float, lon: float) -> float:
    if place.lat is None or place.lon is None:
        return math.inf
    north = (place.lat - lat) * 111_200
    east = (place.lon - lon) * 111_200 * math.cos(math.radians(lat))
    return math.hypot(north, east)
