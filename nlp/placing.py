"""How well locations agree with labels: the places of a text alone, or whole assessments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from core.geo import distance_m
from core.records import Point
from nlp.figures import RESAMPLES, Figure, measured
from nlp.gazetteer.index import Gazetteer
from nlp.gazetteer.locating import SEVERAL, at_home, read_places
from nlp.labelled import LabelledPost
from nlp.reading import Subject
from nlp.words import words_of

STREET_LEVEL_M = 1_000.0


@dataclass(frozen=True)
class Placed:
    """A labelled post and where it was put."""

    post: LabelledPost
    location: Point | None


def subject_of(post: LabelledPost) -> Subject:
    """A labelled post as the assessor gets it."""
    return Subject(post.id, 1, post.text, post.posted_at, post.home)


def placed_alone(posts: Sequence[LabelledPost], gazetteer: Gazetteer) -> list[Placed]:
    """Each post's location by its places alone.

    Where the text gives none, an incident by its label is put at its home, so that no error of the
    incident model is in it.
    """
    found = []
    for post in posts:
        reading = read_places(words_of(post.text), subject_of(post), gazetteer)
        location = reading.location
        anywhere = reading.foreign or SEVERAL in location.reasons
        if location.point is None and post.incident and not anywhere:
            location = at_home(post.home, gazetteer)
        found.append(Placed(post, location.point))
    return found


def within(limit_m: float, *, street_level: bool) -> Callable[[Sequence[Placed]], float]:
    """Share of incidents with a known place whose location lies within ``limit_m`` of it.

    ``street_level``: only those whose true place is known to within ``STREET_LEVEL_M``.
    """

    def measure(items: Sequence[Placed]) -> float:
        near = []
        for item in items:
            true, found = item.post.location, item.location
            if true is None or not item.post.incident:
                continue
            if street_level and true.radius_m > STREET_LEVEL_M:
                continue
            near.append(
                found is not None
                and distance_m(true.lat, true.lon, found.lat, found.lon) <= limit_m
            )
        return float(np.mean(near)) if near else 0.0

    return measure


def radius_covers(items: Sequence[Placed]) -> float:
    """Share of answered locations whose radius covers the true point."""
    covered = [
        distance_m(p.lat, p.lon, a.lat, a.lon) <= a.radius_m
        for p, a in ((item.post.location, item.location) for item in items)
        if p is not None and a is not None
    ]
    return float(np.mean(covered)) if covered else 0.0


def no_false_location(items: Sequence[Placed]) -> float:
    """Share of posts without a place that were given none."""
    none = [item.location is None for item in items if item.post.location is None]
    return float(np.mean(none)) if none else 1.0


PLACE_MEASURES: dict[str, Callable[[Sequence[Placed]], float]] = {
    "street-level within 1 km": within(1_000, street_level=True),
    "location within 10 km": within(10_000, street_level=False),
    "radius covers": radius_covers,
    "no false location": no_false_location,
}


def place_figures(items: Sequence[Placed], group: str, resamples: int = RESAMPLES) -> list[Figure]:
    """All figures of locations."""
    return [
        measured(name, group, measure, items, resamples) for name, measure in PLACE_MEASURES.items()
    ]
