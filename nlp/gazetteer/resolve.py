"""Which entry each mention means, judged together, and where the event is.

A candidate's score adds what is known of its kind (population, main street), what its generic
words say, and how well it fits the other places of the text, then the source's home. Weights
stand in ``Weights``; a namesake as good as the best leaves a mention without a point.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.geo import distance_m
from core.records import Place, Point
from nlp.gazetteer.entries import SETTLEMENTS, Entry
from nlp.gazetteer.index import Gazetteer
from nlp.gazetteer.mentions import Mention, find_mentions
from nlp.gazetteer.names import DIRECTION, LOCATIVE, generic_kinds
from nlp.reading import Location, Subject
from nlp.words import Words, terms


@dataclass(frozen=True)
class Weights:
    """What speaks for a candidate; unit: a point is about one clear hint."""

    generic_fits: float = 4.0
    landmark_generic: float = 1.5
    unique: float = 0.8
    generic_contradicts: float = -6.0
    generic_missing: float = -8.0
    ambiguous: float = -1.2
    fuzzy: float = -0.8
    in_named_settlement: float = 3.0
    in_other_settlement: float = -4.5
    in_home: float = 2.5
    away_from_home: float = -3.5
    in_named_region: float = 2.5
    in_other_region: float = -2.0
    in_home_region: float = 1.2
    house: float = 2.0
    placed: float = 1.0
    bare_lower: float = -1.5
    common_word: float = -6.0
    city_by_name: float = -4.0
    foreign_lower: float = -3.0
    home_itself: float = 2.5
    alone: float = 0.6
    on_street: float = 0.5
    unsure_capital: float = -0.8
    bare: float = -0.4
    accept: float = 1.0
    margin: float = 0.25


WEIGHTS = Weights()
SEVERAL = "several_regions"
"""Reason of no location: the text names places of several regions and nothing finer."""
PLATFORM_RADIUS_M = 100.0
"""Radius of a platform's own point when it states none: a phone's usual accuracy outdoors."""
CITY_POPULATION = 60_000
ON_STREET = frozenset({"на", "по", "na", "po", "угол", "улиц"})
WIDEST_HIGHWAY_M = 25_000.0
"""A longer road is no location: 90 km either way helps no patrol."""
INSIDE_CITY = frozenset({"street", "microdistrict", "landmark"})
AREAS = SETTLEMENTS | {"region", "district"}
ONLY_CITY = "only_city_with_it"
"""Reason of a place in a city that nothing in the text names."""
_FROM_OR_TO = frozenset(terms("из с от до к сторону через iz ot do"))
_TOWARDS = frozenset({"карай", "караи", "сторону", "направлению", "направлении", "багит"})


@dataclass(frozen=True)
class Resolved:
    """A mention with its entry (``None``: several fit equally, or unknown to the gazetteer)."""

    mention: Mention
    entry: Entry | None
    place: Place
    specific: bool


@dataclass(frozen=True)
class Findings:
    """All places of a text. ``foreign``: it happens abroad. ``location`` has no home yet."""

    places: tuple[Place, ...]
    location: Location
    foreign: bool
    town: str | None


def read_places(words: Words, subject: Subject, gazetteer: Gazetteer) -> Findings:
    """Find and resolve the places of a text."""
    mentions = find_mentions(words, gazetteer)
    home = gazetteer.home(subject.home)
    anchors = _anchors(mentions, gazetteer, home)
    resolved = [r for m in mentions if (r := _resolve(words, m, anchors, home, gazetteer))]
    return _locate(words, subject, resolved, home, gazetteer)


# -- context ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Anchors:
    """Places that are clear on their own: settlements, and ids of regions and districts."""

    towns: tuple[str, ...]
    areas: tuple[str, ...]


def _anchors(mentions: Sequence[Mention], gazetteer: Gazetteer, home: Entry | None) -> _Anchors:
    towns: dict[str, None] = {}
    areas: dict[str, None] = {}
    for mention in mentions:
        if mention.partner is not None or mention.house is not None:
            for a, _, _ in _one_town(mention, gazetteer):
                towns[gazetteer.settlement_of(a.id) or ""] = None
            continue
        if "street" in mention.generics or "microdistrict" in mention.generics:
            continue
        best = _clear_settlement(mention, gazetteer, home)
        if best is not None:
            towns[best.id] = None
        wide = [
            entry
            for entry in mention.of_kind("region", "district")
            if entry.kind in mention.generics
            or (entry.id not in mention.needs_generic and best is None)
        ]
        if len(wide) == 1:
            areas[wide[0].id] = None
    return _Anchors(tuple(t for t in towns if t), tuple(areas))


def _one_town(
    mention: Mention, gazetteer: Gazetteer
) -> list[tuple[Entry, Entry, tuple[float, float]]]:
    towns = {gazetteer.settlement_of(a.id) for a, _, _ in mention.known_crossings}
    return mention.known_crossings[:1] if len(towns) == 1 and mention.strong else []


def _clear_settlement(mention: Mention, gazetteer: Gazetteer, home: Entry | None) -> Entry | None:
    places = [e for e in mention.of_kind("city", "village") if not gazetteer.is_foreign(e.id)]
    if mention.before in ON_STREET and mention.of_kind("street"):
        return None
    if not places or (mention.generics and not mention.generics & {"city", "village", "landmark"}):
        return None
    if home is not None and any(e.id == home.id for e in places):
        return home
    best = max(places, key=lambda e: (e.population or 0, e.id))
    said = bool(mention.generics & {"city", "village"})
    cased = mention.capital or mention.opens
    if mention.common and not (said or mention.capital or mention.alone):
        return None
    if (best.population or 0) >= CITY_POPULATION and (cased or not mention.ambiguous):
        return best
    if not said and not (cased or mention.placed):
        return None
    if len(places) == 1 and (said or (not mention.ambiguous and len(mention.entries) == 1)):
        return best
    return None


# -- one mention --------------------------------------------------------------------------------


def _resolve(
    words: Words, mention: Mention, anchors: _Anchors, home: Entry | None, gazetteer: Gazetteer
) -> Resolved | None:
    if mention.partner is not None:
        crossing = _resolve_crossing(words, mention, anchors, home, gazetteer)
        if crossing is not None:
            return crossing
    scored = sorted(
        ((_score(e, mention, anchors, home, gazetteer), e) for e in mention.entries),
        key=lambda pair: (-pair[0][0], pair[1].id),
    )
    if not scored or scored[0][0][0] < WEIGHTS.accept:
        if (
            mention.house is not None
            or mention.generics & {"street", "microdistrict"}
            or (not mention.entries)
        ):
            return _unknown(words, mention, anchors, home, gazetteer)
        return None
    (score, reasons), entry = scored[0]
    rivals = [e for (s, _), e in scored[1:] if score - s < WEIGHTS.margin and _differ(e, entry)]
    town = gazetteer.settlement_of(entry.id)
    if rivals and town and all(gazetteer.settlement_of(e.id) == town for e in rivals):
        reach = max(distance_m(entry.lat, entry.lon, e.lat, e.lon) + e.radius_m for e in rivals)
        entry = replace(entry, radius_m=max(entry.radius_m, reach))
    elif rivals:
        return _unknown(words, mention, anchors, home, gazetteer, reasons=("namesakes",))
    return _place(words, mention, entry, score, reasons, gazetteer)


def _differ(a: Entry, b: Entry) -> bool:
    return distance_m(a.lat, a.lon, b.lat, b.lon) > max(a.radius_m, b.radius_m)


def _score(
    entry: Entry, mention: Mention, anchors: _Anchors, home: Entry | None, gazetteer: Gazetteer
) -> tuple[float, tuple[str, ...]]:
    weights, kind = WEIGHTS, entry.kind
    score, reasons = _prior(entry, gazetteer), []
    generics = mention.generics
    if generics:
        alike = kind in generics or (kind in SETTLEMENTS and bool(generics & SETTLEMENTS))
        soft = generics <= {"landmark"} or (kind == "landmark" and not generics & {"street"})
        if alike:
            score += weights.landmark_generic if kind == "landmark" else weights.generic_fits
            reasons.append("generic_word")
        elif not soft or kind in ("district", "region"):
            score += weights.generic_contradicts
    if entry.id in mention.needs_generic and kind not in generics:
        score += weights.generic_missing
    if mention.fuzzy:
        score += weights.fuzzy
        reasons.append("one_letter_off")
    large = kind == "city" and (entry.population or 0) >= CITY_POPULATION
    if mention.common and not (generics or mention.house or mention.capital or mention.alone):
        score += weights.common_word
    elif (mention.ambiguous or (mention.common and not generics)) and not large:
        score += weights.ambiguous
    if gazetteer.is_foreign(entry.id) and kind == "city" and not (mention.capital or mention.opens):
        score += weights.foreign_lower
    if (
        kind in SETTLEMENTS
        and len(mention.entries) == 1
        and (
            mention.capital
            or (mention.opens and not mention.common and mention.core[0] == mention.core[1])
        )
    ):
        score += weights.unique
    rival = kind in INSIDE_CITY and any(
        e.kind == "city" and (e.population or 0) >= CITY_POPULATION for e in mention.entries
    )
    on_it = mention.before in ON_STREET or mention.partner is not None
    if rival and not (generics or mention.house or on_it):
        score += weights.city_by_name
    context, why = _context(entry, anchors, home, gazetteer)
    score += context
    if why:
        reasons.append(why)
    if kind == "street" and mention.house is not None:
        score += weights.house
        reasons.append("house_number")
    score += _surroundings(entry, mention, large)
    return score, tuple(reasons)


def _prior(entry: Entry, gazetteer: Gazetteer) -> float:
    if entry.kind == "city":
        return 1.5 + math.log10(max(entry.population or 3_000, 1_000)) / 3
    if entry.kind == "village":
        return 0.6 + math.log10(max(entry.population or 300, 100)) / 4
    priors = {"street": 1.0, "microdistrict": 1.2, "landmark": 1.0, "district": 0.6, "region": 1.5}
    if entry.kind == "highway":
        return 1.5
    return priors.get(entry.kind, 2.0)


def _context(
    entry: Entry, anchors: _Anchors, home: Entry | None, gazetteer: Gazetteer
) -> tuple[float, str]:
    weights = WEIGHTS
    path = gazetteer.path(entry.id)
    if entry.kind in INSIDE_CITY or (
        entry.kind == "district" and len(path) == 3 and (gazetteer.settlement_of(entry.id))
    ):
        town = gazetteer.settlement_of(entry.id)
        if town in anchors.towns:
            return weights.in_named_settlement, f"{entry.kind}_in_city"
        if anchors.towns:
            return weights.in_other_settlement, ""
        if anchors.areas and not set(anchors.areas) & set(path):
            return weights.in_other_settlement / 2, ""
        if home is not None:
            inside = home.id in path
            return (
                (weights.in_home, f"{entry.kind}_in_home")
                if inside
                else (weights.away_from_home, "")
            )
        return 0.0, ONLY_CITY
    if entry.kind in SETTLEMENTS or entry.kind == "district":
        others = [a for a in anchors.areas if a != entry.id]
        if others:
            if set(others) & set(path):
                return weights.in_named_region, f"{entry.kind}_in_area"
            if entry.kind == "village":
                return weights.in_other_region, ""
        regions = {gazetteer.region_of(t) for t in anchors.towns if t != entry.id} - {None}
        region = gazetteer.region_of(entry.id)
        if region in regions:
            return weights.in_home_region, f"{entry.kind}_near_named"
        if home is not None and home.id == entry.id:
            return weights.home_itself, "home"
        if home is not None:
            near = distance_m(home.lat, home.lon, entry.lat, entry.lon)
            if gazetteer.region_of(home.id) == region or near < 100_000:
                return weights.in_home_region + max(0.0, 1 - near / 100_000), (
                    f"{entry.kind}_in_home_region"
                )
            if entry.kind == "village":
                return -0.8, ""
    return 0.0, ""


def _surroundings(entry: Entry, mention: Mention, large: bool) -> float:
    weights = WEIGHTS
    if mention.generics or mention.house is not None:
        return 0.0
    if large and mention.of_kind("street") and mention.before in ON_STREET:
        return -0.6
    if large or entry.kind in ("country", "region"):
        return 0.0 if mention.capital or mention.opens or mention.placed else -0.6
    if mention.placed:
        street_like = mention.before in ("на", "по", "na", "po", "угол", "вдоль", "выше", "ниже")
        settled = mention.before in ("в", "во", "v", "vo", "из", "под")
        if entry.kind == "street" and settled:
            return -0.5
        if entry.kind in SETTLEMENTS and street_like:
            return -0.6 if mention.of_kind("street") else 0.2
        if entry.kind in SETTLEMENTS and settled and mention.capital:
            return weights.placed + weights.on_street
        if entry.kind == "street" and street_like:
            return weights.placed + weights.on_street
        return weights.placed
    if (
        entry.kind in SETTLEMENTS
        and mention.ending in DIRECTION
        and (mention.capital or mention.opens)
    ):
        return weights.on_street
    if mention.alone and (mention.capital or mention.opens):
        return weights.alone
    if mention.opens:
        return weights.unsure_capital
    return weights.bare if mention.capital else weights.bare_lower


def _resolve_crossing(
    words: Words, mention: Mention, anchors: _Anchors, home: Entry | None, gazetteer: Gazetteer
) -> Resolved | None:
    partner = mention.partner
    if partner is None:
        return None
    town = _town(anchors, home)
    known = mention.known_crossings
    inside = [k for k in known if gazetteer.settlement_of(k[0].id) == town]
    towns = {gazetteer.settlement_of(k[0].id) for k in known}
    if inside or (known and len(towns) == 1 and town is None):
        a, b, (lat, lon) = (inside or known)[0]
        reasons = ("crossing", "street_in_city" if inside else ONLY_CITY)
        score = 0.97 if inside else 0.8
        return _crossing_place(words, mention, a, b, Point(lat=lat, lon=lon, radius_m=150.0),
                               reasons, score, gazetteer)  # fmt: skip
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


def _town(anchors: _Anchors, home: Entry | None) -> str | None:
    if anchors.towns:
        return anchors.towns[0]
    return home.id if home is not None and not anchors.areas else None


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
    words: Words, mention: Mention, anchors: _Anchors, home: Entry | None, gazetteer: Gazetteer,
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
    town = _town(anchors, home) if kind in (*INSIDE_CITY, "house") else None
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


# -- the event's place ---------------------------------------------------------------------------


def _locate(
    words: Words, subject: Subject, resolved: list[Resolved], home: Entry | None,
    gazetteer: Gazetteer,
) -> Findings:  # fmt: skip
    places = tuple(r.place for r in resolved)
    local = [r for r in resolved if r.entry is not None and not gazetteer.is_foreign(r.entry.id)]
    abroad = [r for r in resolved if r.entry is not None and gazetteer.is_foreign(r.entry.id)]
    inside = [
        r
        for r in local
        if r.place.kind != "country"
        and not (r.place.kind == "highway" and (r.place.radius_m or 0) > WIDEST_HIGHWAY_M)
    ]
    elsewhere = any(_is_where(r) for r in abroad)
    if elsewhere and not any(r.place.kind in AREAS for r in inside):
        # Beside a foreign city "ГКБ №7" is that city's, though only one of ours has the name.
        inside = [r for r in inside if ONLY_CITY not in r.place.reasons]
    foreign = elsewhere and not inside
    town = _town_of(inside, resolved, home, gazetteer)
    best = _best(words, [r for r in inside if not _ends_road(words, r)], gazetteer)
    if (
        best is not None
        and best.place.kind in ("region", "district")
        and home is not None
        and (best.entry is not None and best.entry.id in gazetteer.path(home.id)[1:])
    ):
        location = at_home(subject.home, gazetteer)
    elif best is None and any(not _ends_road(words, r) for r in inside):
        location = Location(None, (), (SEVERAL,))
    elif best is not None and best.entry is not None and best.place.kind in ("region", "district"):
        location = _in_area(best.entry, best, gazetteer)
    elif best is not None and best.place.lat is not None and best.place.lon is not None:
        location = Location(
            Point(lat=best.place.lat, lon=best.place.lon, radius_m=best.place.radius_m or 1_000.0),
            best.place.path,
            best.place.reasons,
        )
    else:
        location = _without_entry(resolved, gazetteer)
    if subject.lat is not None and subject.lon is not None:
        location = _with_platform(subject, location, subject.lat, subject.lon, gazetteer)
    return Findings(places, location, foreign, town)


def _in_area(area: Entry, item: Resolved, gazetteer: Gazetteer) -> Location:
    """A district of a city is a place; of a rural one most people live about its largest
    settlement; a whole region is no location."""
    if gazetteer.settlement_of(area.id):
        point = Point(lat=area.lat, lon=area.lon, radius_m=area.radius_m)
        return Location(point, item.place.path, item.place.reasons)
    if area.kind == "region":
        return Location(None, item.place.path, ("region_only",))
    centre = gazetteer.largest_in(area.id) or area
    reach = area.radius_m + distance_m(area.lat, area.lon, centre.lat, centre.lon) / 2
    return Location(
        Point(lat=centre.lat, lon=centre.lon, radius_m=reach), item.place.path, ("district_only",)
    )


def _is_where(resolved: Resolved) -> bool:
    mention = resolved.mention
    return (
        mention.before in ("в", "во", "на", "под", "около", "v", "vo", "na")
        or mention.ending in LOCATIVE
        or mention.first == 0
        or not mention.placed
    )


def _town_of(
    inside: list[Resolved], resolved: list[Resolved], home: Entry | None, gazetteer: Gazetteer
) -> str | None:
    for item in inside:
        if item.entry is not None and (town := gazetteer.settlement_of(item.entry.id)):
            return town
    return home.id if home is not None and resolved else None


def _best(words: Words, inside: list[Resolved], gazetteer: Gazetteer) -> Resolved | None:
    """The most specific place; several regions without anything finer give none."""
    if not inside:
        return None
    fine = [r for r in inside if r.place.kind not in ("region", "district", "city", "highway")]
    if not fine:
        regions = {gazetteer.region_of(r.entry.id) for r in inside if r.entry is not None} - {None}
        where = [r for r in inside if not _is_passing(words, r)]
        wheres = {gazetteer.region_of(r.entry.id) for r in where if r.entry is not None} - {None}
        if len(regions) > 1 and len(wheres) != 1:
            return None
        if len(regions) > 1:
            inside = where
    return min(
        enumerate(inside),
        key=lambda pair: (_extent(words, pair[1]), pair[0]),
    )[1]


def _extent(words: Words, item: Resolved) -> float:
    radius = item.place.radius_m or 1e7
    if item.place.kind == "house":
        radius *= 0.9
    if _is_passing(words, item):
        radius *= 6
    return radius


def _is_passing(words: Words, item: Resolved) -> bool:
    """Whether the text only comes from or goes to the place."""
    mention = item.mention
    if item.place.kind == "crossing":
        return False
    if mention.before in _FROM_OR_TO or mention.ending in DIRECTION:
        return True
    following = mention.last + 1
    return following < len(words) and words.forms[following].medium in _TOWARDS


def _ends_road(words: Words, item: Resolved) -> bool:
    """ "Атырау-Актобе трассасында": one of two names with a dash and a road's word near."""
    mention = item.mention
    if item.place.kind not in SETTLEMENTS:
        return False
    dashed = any(
        0 <= i < len(words) and words.forms[i].raw in "-–—"
        for i in (mention.first - 1, mention.last + 1)
    )
    near = words.forms[max(0, mention.first - 4) : mention.last + 5]
    return dashed and any("highway" in generic_kinds(f) and len(f.coarse) > 1 for f in near)


def _without_entry(resolved: list[Resolved], gazetteer: Gazetteer) -> Location:
    """A street or house that the gazetteer lacks lies in its settlement, where that is known."""
    for item in resolved:
        if item.entry is None and item.specific and item.place.path:
            town = gazetteer.entries[item.place.path[0]]
            return Location(
                Point(lat=town.lat, lon=town.lon, radius_m=town.radius_m),
                gazetteer.path(town.id),
                ("city_of_unknown_street",),
            )
    return Location(None)


def _with_platform(
    subject: Subject, location: Location, lat: float, lon: float, gazetteer: Gazetteer
) -> Location:
    """The platform's own point, unless the text says something finer or somewhere else."""
    radius = subject.radius_m or PLATFORM_RADIUS_M
    own = Point(lat=lat, lon=lon, radius_m=max(radius, 1.0))
    if location.point is None:
        return Location(own, (), ("platform_point",))
    apart = distance_m(lat, lon, location.point.lat, location.point.lon)
    if location.point.radius_m <= radius or apart > 2 * location.point.radius_m + radius + 500:
        return location
    return Location(own, location.path[1:] or location.path, ("platform_point",))


def at_home(home: str | None, gazetteer: Gazetteer) -> Location:
    """The settlement that the source is about."""
    entry = gazetteer.home(home)
    if entry is None:
        return Location(None)
    return Location(
        Point(lat=entry.lat, lon=entry.lon, radius_m=entry.radius_m),
        gazetteer.path(entry.id),
        ("home",),
    )
