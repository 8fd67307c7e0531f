"""From tellings to assessed records, as the correlator gets them, with their labels.

The shipped assessor reads each text; only the place is the simulator's, because no sentence names
one. A place is told as the geoparser tells it: a point, a radius that covers it nine times in ten,
and the street of a grid of 400 m that the point lies in.
"""

from __future__ import annotations

from datetime import datetime
from math import floor, log, sqrt

from benchmarks.simulator.city import CENTRE, DEGREE_M, START, Spot
from benchmarks.simulator.telling import Simulation, Telling
from core.ids import digest
from core.records import (
    Assessed,
    Assessment,
    Audience,
    Category,
    Channel,
    Point,
    Post,
    Report,
)
from learning.streams import Stream
from nlp.assessor import Assessor, Subject

STREET_M = 400.0
TOWN = "kz/almaty"
HOME = "Алматы"
COVERS = sqrt(-2.0 * log(0.1))
"""Radius over standard deviation within which nine of ten points of a round error lie."""
LEAST_RADIUS_M = 60.0


class Reader:
    """Assesses each different text once."""

    def __init__(self, assessor: Assessor) -> None:
        self._assessor = assessor
        self._known: dict[str, Assessment] = {}

    def read(self, texts: list[str]) -> dict[str, Assessment]:
        """The assessment of each text, its place left open."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        subjects = [Subject(digest(text), 1, text, START) for text in new]
        for text, found in zip(new, self._assessor.assess(subjects), strict=True):
            self._known[text] = found
        return self._known


def stream_of(simulation: Simulation, reader: Reader) -> Stream:
    """All that is told, assessed, labelled with the true events.

    Equal chatter counts as copies of one post. Every record is open: none is confidential here.
    """
    read = reader.read([telling.text for telling in simulation.tellings])
    records = [_record(simulation, telling, read[telling.text]) for telling in simulation.tellings]
    events = {event.key: event for event in simulation.events}
    return Stream(
        records=records,
        truth={t.id: t.event or f"chatter {digest(t.text)}" for t in simulation.tellings},
        incidents={
            t.id
            for t in simulation.tellings
            if t.event is not None
            and not t.is_report
            and events[t.event].story.category is not Category.NONE
        },
    )


def _record(simulation: Simulation, telling: Telling, found: Assessment) -> Assessed:
    city = simulation.city
    noise_m = city.jitter_m if telling.is_report else city.place_noise_m
    radius_m = max(LEAST_RADIUS_M, COVERS * noise_m)
    point: Point | None = None
    path: tuple[str, ...] = ()
    if telling.spot is not None:
        point = Point(lat=telling.spot.lat, lon=telling.spot.lon, radius_m=radius_m)
        path = (_street(telling.spot), TOWN, "kz")
    return Assessed(
        subject=_report(telling, radius_m) if telling.is_report else _post(telling),
        assessment=found.model_copy(
            update={
                "subject": telling.id,
                "location": point,
                "location_path": path,
                "places": (),
                "event_at": _event_at(found, telling.at),
            }
        ),
        audience=Audience.OPEN,
    )


def _post(telling: Telling) -> Post:
    return Post(
        id=telling.id,
        source=telling.chat,
        native_id=telling.id,
        text=telling.text,
        version=1,
        posted_at=telling.at,
        accepted_at=telling.at,
        home=HOME,
        forwarded_from=telling.copy_of if telling.forwarded else None,
        content=telling.text,
    )


def _report(telling: Telling, radius_m: float) -> Report:
    spot = telling.spot
    return Report(
        id=telling.id,
        channel=Channel.CALL_CARD,
        text=telling.text,
        received_at=telling.at,
        accepted_at=telling.at,
        lat=None if spot is None else spot.lat,
        lon=None if spot is None else spot.lon,
        accuracy_m=None if spot is None else radius_m,
        content=telling.text,
    )


def _street(spot: Spot) -> str:
    return f"{TOWN}/street/row-{floor((spot.lat - CENTRE[0]) * DEGREE_M / STREET_M)}"


def _event_at(found: Assessment, at: datetime) -> datetime | None:
    """The time that the text gives, moved with the record; most give none but "now"."""
    return None if found.event_at is None else at + (found.event_at - START)
