"""Which entry each mention means, judged together with the others of its text.

Scores are in ``scoring.py``; a namesake as good as the best leaves a mention without a point.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from core.geo import distance_m
from core.records import Place, Point
from nlp.gazetteer.context import Context, context_of
from nlp.gazetteer.entries import SETTLEMENTS, Entry
from nlp.gazetteer.index import Gazetteer
from nlp.gazetteer.mention import Mention
from nlp.gazetteer.mentions import find_mentions
from nlp.gazetteer.scoring import INSIDE_CITY, ONLY_CITY, OUTING_M, WEIGHTS, score
from nlp.words import Words

CROSSING_RADIUS_M = 150.0
ONE_END_M = 700.0
"""Half a usual section, where only one end of it is known."""
SAME_SPOT_M = 40_000.0
"""Namesakes all within this distance of the best are one place with a wider radius."""


@dataclass(frozen=True)
class Resolved:
    """A mention with its entry (``None``: several fit equally, or unknown to the gazetteer)."""

    mention: Mention
    entry: Entry | None
    place: Place
    specific: bool


def resolve_all(
    words: Words, gazetteer: Gazetteer, home: Entry | None
) -> tuple[list[Resolved], Context]:
    """The mentions of a text with what they mean, in order, and the context they gave."""
    mentions = find_mentions(words, gazetteer)
    context = context_of(words, mentions, gazetteer, home)
    found = (_resolve(words, mention, context, gazetteer) for mention in mentions)
    return [item for item in found if item is not None], context


def _resolve(
    words: Words, mention: Mention, context: Context, gazetteer: Gazetteer
) -> Resolved | None:
    if mention.until is not None:
        section = _resolve_section(words, mention, context, gazetteer)
        if section is not None:
            return section
    if mention.partner is not None:
        crossing = _resolve_crossing(words, mention, context, gazetteer)
        if crossing is not None:
            return crossing
    scored = sorted(
        ((score(e, mention, context, gazetteer), e) for e in mention.entries),
        key=lambda pair: (-pair[0][0], pair[1].id),
    )
    if not scored or scored[0][0][0] < WEIGHTS.accept:
        if (
            mention.house is not None
            or mention.generics & {"street", "microdistrict"}
            or (not mention.entries)
        ):
            return _unknown(words, mention, context, gazetteer)
        return None
    (total, reasons), entry = scored[0]
    margin = WEIGHTS.margin
    if entry.kind == "village" and context.home is not None and not _told(reasons):
        margin = WEIGHTS.far_margin  # far from the home, a few inhabitants more say little
    rivals = [e for (s, _), e in scored[1:] if total - s < margin and _differ(e, entry)]
    if rivals and _one_spot(entry, rivals, gazetteer):
        reach = max(distance_m(entry.lat, entry.lon, e.lat, e.lon) + e.radius_m for e in rivals)
        entry = replace(entry, radius_m=max(entry.radius_m, reach))
    elif rivals:
        return _unknown(words, mention, context, gazetteer, reasons=("namesakes",))
    return _place(words, mention, entry, total, reasons, gazetteer)


def _told(reasons: tuple[str, ...]) -> bool:
    """Whether the home or another place of the text speaks for a settlement."""
    return any(r == "home" or r.endswith(("region", "named", "area")) for r in reasons)


def _one_spot(entry: Entry, rivals: list[Entry], gazetteer: Gazetteer) -> bool:
    town = gazetteer.settlement_of(entry.id)
    if town and all(gazetteer.settlement_of(e.id) == town for e in rivals):
        return True
    return entry.kind in SETTLEMENTS and all(
        distance_m(entry.lat, entry.lon, e.lat, e.lon) < SAME_SPOT_M for e in rivals
    )


def _differ(a: Entry, b: Entry) -> bool:
    return distance_m(a.lat, a.lon, b.lat, b.lon) > max(a.radius_m, b.radius_m)


def _resolve_crossing(
    words: Words, mention: Mention, context: Context, gazetteer: Gazetteer
) -> Resolved | None:
    partner = mention.partner
    if partner is None:
        return None
    town = context.town
    known = mention.known_crossings
    inside = [k for k in known if gazetteer.settlement_of(k[0].id) == town]
    towns = {gazetteer.settlement_of(k[0].id) for k in known}
    if inside or (known and len(towns) == 1 and (town is None or _within_reach(known, context))):
        a, b, (lat, lon) = (inside or known)[0]
        reasons = ("crossing", "street_in_city" if inside else ONLY_CITY)
        point = Point(lat=lat, lon=lon, radius_m=CROSSING_RADIUS_M)
        total = 0.97 if inside else 0.8
        return _crossing_place(words, mention, a, b, point, reasons, total, gazetteer)
    pairs = [
        (x, y)
        for x in mention.of_kind("street")
        for y in partner.of_kind("street")
        if gazetteer.settlement_of(x.id) == town == gazetteer.settlement_of(y.id) and x.id != y.id
    ]
    if town is None or not pairs:
        return None
    a, b = min(pairs, key=lambda p: distance_m(p[0].lat, p[0].lon, p[1].lat, p[1].lon))
    shorter = min((a, b), key=lambda e: (e.radius_m, e.id))
    point = Point(lat=shorter.lat, lon=shorter.lon, radius_m=shorter.radius_m)
    return _crossing_place(
        words, mention, a, b, point, ("crossing_unknown", "street_in_city"), 0.6, gazetteer
    )


def _resolve_section(
    words: Words, mention: Mention, context: Context, gazetteer: Gazetteer
) -> Resolved | None:
    """The middle of a section of a street, from where its two cross streets meet it.

    With one known crossing that point, with none the street's own.
    """
    along, until, town = mention.along, mention.until, context.town
    if along is None or until is None or town is None:
        return None
    streets = [
        (e, ends)
        for e in along.of_kind("street")
        if gazetteer.settlement_of(e.id) == town
        for ends in [_meetings(e, (mention, until), gazetteer)]
    ]
    if not streets:
        return None
    street, ends = max(streets, key=lambda found: (len(found[1]), found[0].id))
    start, end = words.starts[mention.first], words.end(mention.last)
    point = Point(lat=street.lat, lon=street.lon, radius_m=street.radius_m)
    if ends:
        lat, lon = (sum(axis) / len(ends) for axis in zip(*ends, strict=True))
        half = distance_m(*ends[0], *ends[-1]) / 2 if len(ends) > 1 else ONE_END_M
        point = Point(lat=lat, lon=lon, radius_m=half + CROSSING_RADIUS_M)
    place = Place(
        text=words.text[start:end],
        start=start,
        end=end,
        name=street.name,
        kind="street",
        lat=point.lat,
        lon=point.lon,
        radius_m=point.radius_m,
        score=0.9 if ends else 0.6,
        path=gazetteer.path(street.id),
        reasons=("section_of_street", "street_in_city"),
    )
    return Resolved(mention, street, place, True)


def _meetings(
    street: Entry, bounds: tuple[Mention, Mention], gazetteer: Gazetteer
) -> list[tuple[float, float]]:
    """Where a street meets the streets that bound a section of it, as far as is known."""
    found = (
        next((p for e in m.of_kind("street") if (p := gazetteer.crossing(street.id, e.id))), None)
        for m in bounds
    )
    return [point for point in found if point is not None]


def _within_reach(known: list[tuple[Entry, Entry, tuple[float, float]]], context: Context) -> bool:
    """A suburb's chat speaks of the crossings of its city."""
    home = context.home
    if context.towns or home is None:
        return False
    lat, lon = known[0][2]
    return distance_m(home.lat, home.lon, lat, lon) < OUTING_M


def _crossing_place(
    words: Words, mention: Mention, a: Entry, b: Entry, point: Point,
    reasons: tuple[str, ...], score: float, gazetteer: Gazetteer,
) -> Resolved:  # fmt: skip
    start, end = words.starts[mention.first], words.end(mention.last)
    place = Place(
        text=words.text[start:end],
        start=start,
        end=end,
        name=f"{a.name} – {b.name}",
        kind="crossing",
        lat=point.lat,
        lon=point.lon,
        radius_m=point.radius_m,
        score=score,
        path=(a.id, *gazetteer.path(b.id)),
        reasons=reasons,
    )
    return Resolved(mention, a, place, True)


def _place(
    words: Words, mention: Mention, entry: Entry, score: float, reasons: tuple[str, ...],
    gazetteer: Gazetteer,
) -> Resolved:  # fmt: skip
    start, end = words.starts[mention.first], words.end(mention.last)
    housed = mention.house is not None and entry.kind in ("street", "microdistrict")
    name = f"{entry.name}, {mention.house}" if housed else entry.name
    place = Place(
        text=words.text[start:end],
        start=start,
        end=end,
        name=name,
        kind="house" if housed else entry.kind,
        lat=entry.lat,
        lon=entry.lon,
        radius_m=entry.radius_m,
        score=round(1 / (1 + math.exp(-(score - WEIGHTS.accept))), 3),
        path=gazetteer.path(entry.id),
        reasons=reasons or ("name",),
    )
    return Resolved(mention, entry, place, entry.kind not in ("country",))


def _unknown(
    words: Words, mention: Mention, context: Context, gazetteer: Gazetteer,
    reasons: tuple[str, ...] = ("not_in_gazetteer",),
) -> Resolved:  # fmt: skip
    """A mention without a point of its own; its settlement is known by context, or not."""
    start, end = words.starts[mention.first], words.end(mention.last)
    core = words.text[words.starts[mention.core[0]] : words.end(mention.core[1])]
    kind = next(
        (k for k in ("street", "microdistrict", "landmark") if k in mention.generics),
        mention.entries[0].kind if mention.entries else "street",
    )
    if mention.house is not None:
        kind, core = "house", f"{core}, {mention.house}"
    town = context.town if kind in (*INSIDE_CITY, "house") else None
    place = Place(
        text=words.text[start:end],
        start=start,
        end=end,
        name=core,
        kind=kind,
        score=0.5,
        path=gazetteer.path(town) if town else (),
        reasons=reasons,
    )
    return Resolved(mention, None, place, kind in (*INSIDE_CITY, "house"))
