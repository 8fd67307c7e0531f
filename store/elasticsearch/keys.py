"""Keys of a post or report by which blocking finds it, whatever the size of the store. Pure.

A condition on a number or a place is looked at in document after document; a key has a list of the
documents that have it. Written with the document, and made anew when indices are migrated.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from core.folding import openings
from core.grid import CLOSE, WIDE
from core.records import INCIDENT_CATEGORIES
from core.towns import SETTLEMENTS, town_of_channel, town_of_home

Source = dict[str, Any]
Circle = tuple[float, float, float]
"""Latitude, longitude, radius in metres."""
STEPS = range(5, 55, 5)
"""Per cent: a document has a key for each of these that its probability reaches."""
REPORT = "report"
TOLD = frozenset({"incident:25", REPORT})
"""What has one of these may be found by its words and meaning. They are some 4 % of all posts:
words that stand in every second post have short lists, and the graph of vectors, most of the work
of indexing, stays small."""
MIN_COPIED = 4
"""A shorter text is no copy of another."""
PHONE_M = 250.0
"""Radius of a point that comes without one."""
TOWN_M = 4_000.0
GRIDS = {"wide": WIDE, "close": CLOSE}


def with_keys(source: Source) -> Source:
    """The document with its keys in place of those that it had.

    ``seems``: steps of probability that it reaches; ``cells``: where it lies; ``openings``: how its
    text runs; ``told``: its words, when it may be about an incident. When not, it has no vector.
    """
    seems = list(_seems(source))
    words = str(source.get("words", ""))
    told = not TOLD.isdisjoint(seems)
    keys: Source = {
        "seems": seems,
        "cells": sorted(_cells(source)),
        "openings": openings_of(words.split()),
        "told": words if told else "",
    }
    dropped = keys.keys() if told else keys.keys() | {"vector"}
    plain = {name: value for name, value in source.items() if name not in dropped}
    return plain | {name: value for name, value in keys.items() if value}


def openings_of(words: list[str]) -> list[str]:
    """Keys that two copies have in common."""
    return [f"{run:08x}" for run in openings(words)] if len(words) >= MIN_COPIED else []


def reaching(incident_from: float, category_from: float | None) -> list[str] | None:
    """Keys of which one at least is on each document that is an incident with the first probability
    or of one category with the second, or a report; ``None`` when there are no such.
    """
    wanted = [_key("incident", incident_from)]
    if category_from is not None:
        wanted.append(_key("category", category_from))
    found = [key for key in wanted if key is not None]
    return [*found, REPORT] if len(found) == len(wanted) else None


def cells_around(grid: str, points: Iterable[Circle]) -> list[str]:
    """Keys of a grid's cells that circles touch."""
    return sorted({f"{grid}:{x}:{y}" for at in points for x, y in GRIDS[grid].touched(*at)})


def _key(what: str, probability: float) -> str | None:
    """Of the highest step that lies no higher."""
    reached = [step for step in STEPS if step / 100 <= probability]
    return f"{what}:{reached[-1]:02}" if reached else None


def _seems(source: Source) -> Iterator[str]:
    categories: Mapping[str, float] = source.get("categories", {})
    likeliest = max((categories.get(c.value, 0.0) for c in INCIDENT_CATEGORIES), default=0.0)
    for what, probability in (("incident", source.get("incident", 0.0)), ("category", likeliest)):
        yield from (f"{what}:{step:02}" for step in STEPS if step / 100 <= probability)
    if "received_at" in source:
        yield REPORT


def _cells(source: Source) -> set[str]:
    points = [*_points(source), *_towns(source)] or list(_home(source))
    return {key for grid in GRIDS for key in cells_around(grid, points)}


def _points(source: Source) -> Iterator[Circle]:
    for name, radius_m in (
        ("location", source.get("radius_m", PHONE_M)),
        ("platform_point", PHONE_M),
        ("reported_point", source.get("accuracy_m", PHONE_M)),
    ):
        if name in source:
            yield source[name]["lat"], source[name]["lon"], radius_m


def _towns(source: Source) -> Iterator[Circle]:
    """The towns that the text names: a road between two, a trip from one to another."""
    for body in source.get("assessments", ())[-1:]:
        for place in json.loads(body)["places"]:
            if place["kind"] in SETTLEMENTS and place["lat"] is not None:
                yield place["lat"], place["lon"], place["radius_m"] or TOWN_M


def _home(source: Source) -> Iterator[Circle]:
    """The town that a channel is about: half of the posts about an incident name none."""
    named = "home" in source
    town = town_of_home(source["home"]) if named else town_of_channel(source.get("source", ""))
    if town is not None:
        yield town.lat, town.lon, town.radius_m
