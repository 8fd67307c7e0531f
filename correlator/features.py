"""The features of a pair: one small function each, symmetric, its docstring read by specialists.

A value of 0 means "says nothing"; weights are learned (``model.py``). ``SIGNS`` says which way a
feature may move the probability: a learned weight never has the other sign. What several features
of one pair need is kept until the next pair.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import exp, hypot, log2, sqrt

from correlator.items import Item, alike, distance_m
from correlator.occasion import (
    both_named,
    goes_on,
    many_concepts,
    rare_kind,
    small_town,
    within_hours,
)

Feature = Callable[[Item, Item], float]

TYPICAL_WORDS = 14.0
"""Stems of a typical post."""
COMMON_BITS = 4.5
SURE_BITS = 9.0
"""Bits above which a shared word says something, and what is as much as can be said."""
SECOND_PLACE = 0.7
"""A report's own point says where it is; a street that its text names besides says less: in
cross-validation on the train part log loss .2480 with this, .2521 with 1."""
REPOST_SHARE = 0.6
"""Share of common shingles from which one text is a copy of the other."""


@lru_cache(maxsize=1)
def near(a: Item, b: Item) -> float:
    """The two places agree; the more exactly both are known, the more that means."""
    best = 0.0
    for first, distance, joint in _gaps(a, b):
        ratio = distance / joint
        if ratio < 2.5:
            precise = min(1.0, max(0.0, log2(16_000.0 / joint) / 7.0))
            if not first:
                precise *= SECOND_PLACE
            best = max(best, precise * exp(-0.5 * ratio * ratio))
    return best


def far(a: Item, b: Item) -> float:
    """The two places lie further apart than both uncertainties together allow."""
    if not a.sites or not b.sites:
        return 0.0
    least = min(distance / joint for _, distance, joint in _gaps(a, b))
    return 0.0 if least <= 1.5 else min(1.0, log2(least / 1.5) / 4.0)


def other_town(a: Item, b: Item) -> float:
    """They speak of different towns."""
    if a.sites and b.sites:
        gap = min(distance - 1.5 * joint for _, distance, joint in _gaps(a, b))
        return min(1.0, max(0.0, (gap - 5_000.0) / 25_000.0))
    return 0.5 if a.town and b.town and a.town != b.town else 0.0


def same_town(a: Item, b: Item) -> float:
    """Both speak of the same town, and at least one of them of no place in it."""
    if a.town is None or a.town != b.town or (a.place_known and b.place_known):
        return 0.0
    return 1.0


def unplaced(a: Item, b: Item) -> float:
    """At least one of them names no place at all."""
    return 1.0 if not a.sites or not b.sites else 0.0


def shared_place(a: Item, b: Item) -> float:
    """Both name the same street, crossing, district or landmark; two shared names make one."""
    shared = len(a.named & b.named)
    return 0.0 if not shared else (0.6 if shared == 1 else 1.0)


def other_place(a: Item, b: Item) -> float:
    """Each names a street, crossing, district or landmark of the town, and not the same one."""
    if not a.named or not b.named or a.named & b.named:
        return 0.0
    return 1.0 - near(a, b)


def other_crossing(a: Item, b: Item) -> float:
    """Both name two streets, and only one of them is the same: another crossing of that street."""
    if len(a.named) < 2 or len(b.named) < 2:
        return 0.0
    return 1.0 if len(a.named & b.named) == 1 else 0.0


def fits(a: Item, b: Item) -> float:
    """The same kind of incident at the same place."""
    return near(a, b) * same_category(a, b)


def soon(a: Item, b: Item) -> float:
    """They came within minutes of each other."""
    return exp(-abs(a.at - b.at) / 2_700.0)


def soon_somewhere(a: Item, b: Item) -> float:
    """They came within minutes of each other, but one names no place: in a whole country
    something like it always happens at the same time.
    """
    return 0.0 if a.sites and b.sites else soon(a, b)


def lag(a: Item, b: Item) -> float:
    """Hours lie between them (1 stands for twelve hours or more)."""
    return min(1.0, abs(a.at - b.at) / 43_200.0)


def same_category(a: Item, b: Item) -> float:
    """Both are the same kind of incident."""
    return min(1.0, 1.6 * _likeness(a, b))


def other_category(a: Item, b: Item) -> float:
    """They are different kinds of incident."""
    if not a.chances or not b.chances:
        return 0.0
    sure = min(1.0, sum(p for _, p in a.chances)) * min(1.0, sum(p for _, p in b.chances))
    return max(0.0, sure - 2.0 * _likeness(a, b))


def no_incident(a: Item, b: Item) -> float:
    """At least one of them does not seem to be an incident at all."""
    return 1.0 - min(a.incident, b.incident)


def off_topic(a: Item, b: Item) -> float:
    """At least one of them speaks of nothing that 102 deals with."""
    return max(a.nothing, b.nothing)


def words(a: Item, b: Item) -> float:
    """Share of words in common, rare words counting more."""
    if not a.mass or not b.mass:
        return 0.0
    return _shared_mass(a, b) / sqrt(a.mass * b.mass)


def rare_words(a: Item, b: Item) -> float:
    """Rare words in common: names, streets, details that others do not have."""
    small, large = (a, b) if len(a.stems) <= len(b.stems) else (b, a)
    total, theirs = 0.0, large.weights
    for word, bits in small.weights.items():
        if bits > COMMON_BITS and word in theirs:
            total += bits - COMMON_BITS
    # two long texts share rare words by chance: about as many as the lengths' product allows
    chance = sqrt(len(small.stems) * len(large.stems)) / TYPICAL_WORDS
    return min(1.0, total / (SURE_BITS * max(1.0, chance)))


def concepts(a: Item, b: Item) -> float:
    """They speak of the same things in whatever language (knife, ice, child, roof …)."""
    if not a.concepts or not b.concepts:
        return 0.0
    shared = len(a.concepts & b.concepts)
    return shared / sqrt(len(a.concepts) * len(b.concepts))


def meaning(a: Item, b: Item) -> float:
    """The texts mean something alike (cosine of their vectors)."""
    if a.vector is None or b.vector is None or len(a.vector) != len(b.vector):
        return 0.0  # vectors of two models, one just set, cannot be compared
    return max(0.0, float(a.vector @ b.vector))


def same_number(a: Item, b: Item) -> float:
    """The same number in the same role: house, district, route, school, age, sum of money."""
    total = 0.0
    for role, mine in a.numbers.items():
        theirs = b.numbers.get(role)
        if theirs and mine & theirs:
            total += _ROLE_WEIGHTS.get(role, 1.0)
    return min(1.0, total)


def other_number(a: Item, b: Item) -> float:
    """Another number in the same role: another house, district, route, school, age."""
    total = 0.0
    for role, mine in a.numbers.items():
        theirs = b.numbers.get(role)
        if theirs and not mine & theirs:
            total += _ROLE_WEIGHTS.get(role, 1.0)
    return min(1.0, total)


def same_thing(a: Item, b: Item) -> float:
    """The same make, colour or kind of vehicle, or the same kind of victim."""
    total = 0.0
    for kind, weight in _KINDS:
        mine, theirs = a.things.get(kind), b.things.get(kind)
        if mine and theirs and mine & theirs:
            total += weight
    return min(1.0, total)


def other_thing(a: Item, b: Item) -> float:
    """Another make, colour or kind of vehicle, or another kind of victim."""
    total = 0.0
    for kind, weight in _KINDS:
        mine, theirs = a.things.get(kind), b.things.get(kind)
        if mine and theirs and not mine & theirs:
            total += weight
    return min(1.0, total)


def again(a: Item, b: Item) -> float:
    """The later one says "again", "another one", "not to be confused with"."""
    later = a if (a.at, a.id) > (b.at, b.id) else b
    earlier = b if later is a else a
    return 1.0 if later.again and not earlier.again else 0.0


def copy(a: Item, b: Item) -> float:
    """One is a copy of the other, or a forward of it."""
    if forwards(a, b):
        return 1.0
    share = copied_share(a, b)
    return share if share >= REPOST_SHARE else 0.0


def reply(a: Item, b: Item) -> float:
    """One answers the other, or both answer the same post."""
    if a.reply_to is None and b.reply_to is None:
        return 0.0
    if replies(a, b):
        return 1.0
    return 0.7 if a.reply_to == b.reply_to and a.source == b.source else 0.0


def same_author(a: Item, b: Item) -> float:
    """The same author wrote both."""
    return 1.0 if a.author is not None and a.author == b.author else 0.0


def same_source(a: Item, b: Item) -> float:
    """Both stand in the same channel or chat."""
    return 1.0 if a.source is not None and a.source == b.source else 0.0


def same_media(a: Item, b: Item) -> float:
    """They carry the same photo or video."""
    return 1.0 if a.media & b.media else 0.0


def report(a: Item, b: Item) -> float:
    """One of them is a report to 102."""
    return 1.0 if a.is_report != b.is_report else 0.0


def two_reports(a: Item, b: Item) -> float:
    """Both are reports to 102."""
    return 1.0 if a.is_report and b.is_report else 0.0


def brief(a: Item, b: Item) -> float:
    """One of them is too short to say much."""
    return max(0.0, 1.0 - min(a.n_words, b.n_words) / 6.0)


def forwards(a: Item, b: Item) -> bool:
    """Whether one names the other as what it forwards."""
    return (a.forwarded_from is not None and _refers(a.forwarded_from, b)) or (
        b.forwarded_from is not None and _refers(b.forwarded_from, a)
    )


def replies(a: Item, b: Item) -> bool:
    """Whether one names the other as what it answers."""
    return (a.reply_to is not None and a.source == b.source and a.reply_to in b.names) or (
        b.reply_to is not None and a.source == b.source and b.reply_to in a.names
    )


def copied_share(a: Item, b: Item) -> float:
    """Share of the shorter text's shingles that the other has too, in [0, 1]."""
    if min(a.n_words, b.n_words) < 4 or not a.shingles or not b.shingles:
        return 0.0
    return len(a.shingles & b.shingles) / min(len(a.shingles), len(b.shingles))


def _refers(name: str, item: Item) -> bool:
    # a bare message number is no name: every channel has a post 123
    return name in item.names and not (name.isdigit() and len(name) < 6)


@lru_cache(maxsize=1)
def _gaps(a: Item, b: Item) -> list[tuple[bool, float, float]]:
    """For all pairs of sites: whether both are the first, distance and joint radius in metres."""
    return [
        (i == j == 0, distance_m(x, y), hypot(x.radius_m, y.radius_m))
        for i, x in enumerate(a.sites)
        for j, y in enumerate(b.sites)
    ]


@lru_cache(maxsize=1)
def _likeness(a: Item, b: Item) -> float:
    total = 0.0
    for x, p in a.chances:
        for y, q in b.chances:
            total += p * q * alike(x, y)
    return total


def _shared_mass(a: Item, b: Item) -> float:
    small, large = (a, b) if len(a.stems) <= len(b.stems) else (b, a)
    other = large.weights
    return sum(weight for word, weight in small.weights.items() if word in other)


_KINDS = (("make", 0.8), ("colour", 0.5), ("vehicle", 0.4), ("kin", 0.3))
_ROLE_WEIGHTS = {
    "house": 1.0,
    "route": 1.0,
    "age": 0.8,
    "school": 1.0,
    "district": 1.0,
    "km": 0.5,
    "thousand": 0.6,
    "floor": 0.4,
    "entrance": 0.3,
    "people": 0.2,
}


FEATURES: dict[str, Feature] = {
    function.__name__: function
    for function in (
        near,
        far,
        other_town,
        same_town,
        unplaced,
        shared_place,
        other_place,
        other_crossing,
        fits,
        soon,
        soon_somewhere,
        lag,
        same_category,
        other_category,
        no_incident,
        off_topic,
        words,
        rare_words,
        concepts,
        meaning,
        same_number,
        other_number,
        same_thing,
        other_thing,
        again,
        copy,
        reply,
        same_author,
        same_source,
        same_media,
        report,
        two_reports,
        brief,
        small_town,
        rare_kind,
        goes_on,
        within_hours,
        many_concepts,
        both_named,
    )
}

SIGNS: dict[str, int] = {
    "near": 1,
    "far": -1,
    "other_town": -1,
    "shared_place": 1,
    "other_place": -1,
    "other_crossing": -1,
    "fits": 1,
    "soon": 1,
    "soon_somewhere": -1,
    "lag": -1,
    "same_category": 1,
    "other_category": -1,
    "no_incident": -1,
    "off_topic": -1,
    "words": 1,
    "rare_words": 1,
    "concepts": 1,
    "meaning": 1,
    "same_number": 1,
    "other_number": -1,
    "same_thing": 1,
    "other_thing": -1,
    "again": -1,
    "copy": 1,
    "reply": 1,
    "same_author": 1,
    "same_source": 1,
    "same_media": 1,
    "brief": -1,
    "small_town": 1,
    "rare_kind": 1,
    "goes_on": 1,
    "within_hours": 1,
    "many_concepts": 1,
    "both_named": -1,
}
"""1: may only speak for the same event, -1: only against it; absent: either."""
