"""Features of how likely two records of one occasion are at all: how small the town, how rare the
kind, whether one voice goes on.

As in ``features``: symmetric, 0 says nothing, each docstring is read by specialists. Nothing here
speaks of a person: an author is only told from others in one chat, within one hour.
"""

from __future__ import annotations

from math import exp

from core.records import Category
from core.towns import radius_of
from correlator.items import Item

LARGE_TOWN_M = 15_000.0
"""Radius of the largest towns: there something of every kind happens at any hour."""
GOES_ON_S = 3_600.0
HOURS_S = 7_200.0
KINDS_BITS: dict[Category, float] = {
    Category.FIRE_EMERGENCY: 2.6,
    Category.ROAD_CRASH: 2.7,
    Category.THEFT_ROBBERY: 3.0,
    Category.THREAT_TO_LIFE: 3.3,
    Category.VIOLENCE: 3.7,
    Category.MISSING_PERSON: 4.2,
    Category.WEAPON: 4.4,
    Category.DRUNK_DRIVING: 4.4,
    Category.SUSPICIOUS_PERSON: 4.5,
    Category.DOMESTIC_VIOLENCE: 4.5,
    Category.POLICE_CORRUPTION: 4.7,
    Category.ANIMAL_CRUELTY: 4.7,
    Category.DRUGS: 4.8,
    Category.HOOLIGANISM: 4.8,
}
"""Rarity in bits among the 737 events with posts of six authors (``correlator/corpus``, train)."""
RAREST_BITS = 6.0
MANY_CONCEPTS = 3.0


def small_town(a: Item, b: Item) -> float:
    """Both tell of an incident in one town, and it is small: two at once are rare there."""
    if a.town is None or a.town != b.town:
        return 0.0
    return smallness(a.town) * min(a.incident, b.incident)


def smallness(town: str) -> float:
    """1 for a town that is in no table, down to 0 for the largest."""
    radius_m = radius_of(town)
    return 1.0 if radius_m is None else max(0.0, 1.0 - radius_m / LARGE_TOWN_M)


def rare_kind(a: Item, b: Item) -> float:
    """Both are the same kind of incident, and it is one that seldom happens."""
    total = 0.0
    for x, p in a.chances:
        for y, q in b.chances:
            if x is y:
                total += p * q * KINDS_BITS[x] / RAREST_BITS
    return min(1.0, 1.6 * total)


def goes_on(a: Item, b: Item) -> float:
    """The same voice goes on in the same chat within the hour, one of the two without a place."""
    if a.named and b.named:
        return 0.0
    return exp(-abs(a.at - b.at) / GOES_ON_S) if same_voice(a, b) else 0.0


def within_hours(a: Item, b: Item) -> float:
    """They came within a few hours of each other."""
    return exp(-abs(a.at - b.at) / HOURS_S)


def many_concepts(a: Item, b: Item) -> float:
    """Several things are spoken of in both, in whatever language."""
    return min(1.0, len(a.concepts & b.concepts) / MANY_CONCEPTS)


def both_named(a: Item, b: Item) -> float:
    """Both say exactly where: what is one event then agrees in that."""
    return min(len(a.named), 2) * min(len(b.named), 2) / 4.0


def same_voice(a: Item, b: Item) -> bool:
    """One author in one chat."""
    return (
        a.author is not None
        and a.author == b.author
        and a.source is not None
        and a.source == b.source
    )
