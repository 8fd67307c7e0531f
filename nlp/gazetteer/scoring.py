"""How well each entry of the gazetteer fits a mention: a sum of hints, with their reasons.

All weights stand in ``Weights``; a point is about one clear hint.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from core.geo import distance_m
from nlp.gazetteer.context import CITY_POPULATION, ON_STREET, Context
from nlp.gazetteer.entries import SETTLEMENTS, Entry
from nlp.gazetteer.index import Gazetteer
from nlp.gazetteer.mention import GENITIVE, PREPOSITIONS, Mention
from nlp.gazetteer.names import DIRECTION, LOCATIVE, RUSSIAN


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
    in_other_settlement: float = -8.0
    in_home: float = 2.5
    away_from_home: float = -8.0
    near_home: float = -1.5
    nowhere_said: float = -8.0
    in_named_region: float = 2.5
    in_other_region: float = -4.5
    in_home_region: float = 1.2
    house: float = 2.0
    placed: float = 1.0
    bare_lower: float = -1.5
    lower_russian: float = -2.0
    common_word: float = -6.0
    common_at_home: float = -2.6
    common_inflected: float = -1.6
    business_of_name: float = -4.0
    street_at_home: float = -5.0
    common_capital: float = -2.0
    on_street_of_name: float = -3.5
    city_by_name: float = -4.0
    old_name: float = -4.5
    street_like_far: float = -3.0
    quoted: float = -4.0
    feminine: float = -6.0
    foreign_lower: float = -3.0
    home_itself: float = 2.5
    alone: float = 0.6
    on_street: float = 0.5
    unsure_capital: float = -0.8
    unsure_inflected: float = -1.5
    bare: float = -0.4
    accept: float = 1.0
    margin: float = 0.25
    far_margin: float = 0.8


WEIGHTS = Weights()
KAZAKH_CASES = LOCATIVE | DIRECTION | GENITIVE
STREET_PREPOSITIONS = frozenset({"на", "по", "с", "na", "po", "s"})
INSIDE_CITY = frozenset({"street", "microdistrict", "landmark"})
ONLY_CITY = "only_city_with_it"
"""Reason of a landmark in a city that nothing in the text names."""
NEAR_M = 100_000.0
"""A namesake within this distance of the home or of a named town is likelier, the nearer it is."""
WELL_KNOWN = 100_000
"""Inhabitants from which a city is meant by its name, though the home has a street of it."""
OUTING_M = 60_000.0
"""So far from its home a text may speak of a landmark without naming the city."""


def score(
    entry: Entry, mention: Mention, context: Context, gazetteer: Gazetteer
) -> tuple[float, tuple[str, ...]]:
    """The sum of hints for an entry, and those that are worth telling."""
    total, reasons = _prior(entry), []
    named, why = _name(entry, mention)
    total += named
    if why:
        reasons.append(why)
    if mention.fuzzy:
        total += WEIGHTS.fuzzy
        reasons.append("one_letter_off")
    around, why = _place(entry, mention, context, gazetteer)
    total += around
    if why:
        reasons.append(why)
    total += _word(entry, mention, gazetteer, at_home=around >= WEIGHTS.in_home)
    if entry.kind == "street" and mention.house is not None:
        total += WEIGHTS.house
        reasons.append("house_number")
    return total + _surroundings(entry, mention), tuple(reasons)


def _is_large(entry: Entry) -> bool:
    return entry.kind == "city" and (entry.population or 0) >= CITY_POPULATION


def _prior(entry: Entry) -> float:
    if entry.kind == "city":
        return 1.5 + math.log10(max(entry.population or 3_000, 1_000)) / 3
    if entry.kind == "village":
        return 0.1 + math.log10(max(entry.population or 300, 100)) / 2.5
    priors = {"street": 1.0, "microdistrict": 1.2, "landmark": 1.0, "district": 0.6, "region": 1.5}
    if entry.kind == "highway":
        return 1.5
    return priors.get(entry.kind, 2.0)


def _name(entry: Entry, mention: Mention) -> tuple[float, str]:
    """Whether the generic words and the form of the name fit the entry's kind."""
    weights, kind, generics = WEIGHTS, entry.kind, mention.generics
    total, why = 0.0, ""
    if generics:
        alike = kind in generics or (kind in SETTLEMENTS and bool(generics & SETTLEMENTS))
        soft = generics <= {"landmark"} or (kind == "landmark" and not generics & {"street"})
        if alike:
            total += weights.landmark_generic if kind == "landmark" else weights.generic_fits
            why = "generic_word"
        elif generics == {"highway"} and kind in SETTLEMENTS:
            pass  # "Кентау жолы": the settlement is the road's end
        elif not soft or kind in ("district", "region"):
            total += weights.generic_contradicts
    if entry.id in mention.needs_generic and kind not in generics:
        total += weights.generic_missing
    if mention.adjective and _is_no_adjective(entry):
        total += weights.generic_missing
    if mention.adjective and kind == "street" and generics and "street" not in generics:
        total += weights.generic_contradicts  # "алматинский парк" is not Алматинская
    if entry.id in mention.old and "city" not in generics:
        total += weights.old_name
    if (
        mention.feminine
        and kind in SETTLEMENTS
        and entry.name.endswith(("ое", "ый", "ий", "ой"))
        and mention.ending
    ):
        total += weights.feminine
    return total, why


def _is_no_adjective(entry: Entry) -> bool:
    """A city of which only somebody speaks: "алматинские пожарные" are context, not a place."""
    return entry.kind in SETTLEMENTS and not entry.name.endswith(_ADJECTIVES)


_ADJECTIVES = ("ое", "ее", "ая", "ий", "ый", "ой", "ые")


def _word(entry: Entry, mention: Mention, gazetteer: Gazetteer, *, at_home: bool) -> float:
    """How much the word alone can be believed: common words, quotes, capitals."""
    weights, kind, generics = WEIGHTS, entry.kind, mention.generics
    total, large = 0.0, _is_large(entry)
    plain = not (generics or mention.house or mention.capital or mention.alone)
    if mention.common and plain and not (large and mention.opens):
        cased = mention.opens and mention.ending in KAZAKH_CASES
        said = mention.before in PREPOSITIONS or mention.after or mention.vicinity
        believed = (said or cased) and not mention.adjective
        if at_home and kind in INSIDE_CITY and believed:
            total += weights.common_at_home
        elif (
            kind in SETTLEMENTS
            and mention.opens
            and (mention.ending in KAZAKH_CASES or mention.placed)
        ):
            total += weights.common_inflected
        else:
            total += weights.common_word
    elif mention.common and not generics and not large and kind in SETTLEMENTS:
        believed = mention.placed or mention.alone
        total += weights.ambiguous if believed else weights.common_capital
    elif (mention.ambiguous or (mention.common and not generics)) and not large:
        total += weights.ambiguous
    if kind in SETTLEMENTS and not generics and mention.of_kind("street"):
        on_it = mention.before in STREET_PREPOSITIONS and mention.of_person
        if on_it or mention.house is not None:
            total += weights.on_street_of_name
    if mention.quoted and not generics and kind not in ("landmark", "country"):
        total += weights.quoted
    cased = mention.capital or mention.opens
    if gazetteer.is_foreign(entry.id) and kind == "city" and not cased:
        total += weights.foreign_lower
    if (
        kind in SETTLEMENTS
        and not (large or generics or cased)
        and (mention.ending in RUSSIAN and mention.ending and not mention.placed)
    ):
        total += weights.lower_russian
    if (
        kind in SETTLEMENTS
        and len(mention.entries) == 1
        and (
            mention.capital
            or (mention.opens and not mention.common and mention.core[0] == mention.core[1])
        )
    ):
        total += weights.unique
    rival = kind in INSIDE_CITY and any(
        (_is_large(e) or (kind == "street" and e.kind == "city" and gazetteer.is_foreign(e.id)))
        and e.id not in mention.old
        for e in mention.entries
    )
    on_it = mention.before in ON_STREET or mention.partner is not None
    if at_home and mention.street_like and kind == "street":
        on_it = on_it or not any((e.population or 0) >= WELL_KNOWN for e in mention.entries)
    if rival and not (generics or on_it or (mention.house and mention.of_person)):
        total += weights.city_by_name
    return total


def _place(
    entry: Entry, mention: Mention, context: Context, gazetteer: Gazetteer
) -> tuple[float, str]:
    """How the entry lies to the other places of the text and to the home."""
    path = gazetteer.path(entry.id)
    if entry.kind in INSIDE_CITY or (
        entry.kind == "district" and len(path) == 3 and gazetteer.settlement_of(entry.id)
    ):
        return _inside_city(entry, path, mention, context, gazetteer)
    if entry.kind in SETTLEMENTS or entry.kind == "district":
        return _of_area(entry, path, mention, context, gazetteer)
    return 0.0, ""


def _inside_city(
    entry: Entry, path: tuple[str, ...], mention: Mention, context: Context, gazetteer: Gazetteer
) -> tuple[float, str]:
    weights, home = WEIGHTS, context.home
    town = gazetteer.settlement_of(entry.id)
    if town is None and entry.kind == "landmark":
        return _free_landmark(entry, context, gazetteer)
    if town in context.towns:
        return weights.in_named_settlement, f"{entry.kind}_in_city"
    if context.towns:
        return weights.in_other_settlement, ""
    if context.areas and not set(context.areas) & set(path):
        return weights.in_other_settlement / 2, ""
    if home is not None:
        if home.id in path:
            return weights.in_home, f"{entry.kind}_in_home"
        away = distance_m(home.lat, home.lon, entry.lat, entry.lon)
        known_by_name = entry.kind == "landmark" or (
            entry.kind == "street" and "street" in mention.generics and mention.adjective
        )
        if known_by_name and away < OUTING_M:
            return weights.near_home, f"{entry.kind}_near_home"
        return weights.away_from_home, ""
    if entry.kind == "landmark":
        return 0.0, ONLY_CITY
    return (0.0, ONLY_CITY) if entry.kind == "district" else (weights.nowhere_said, "")


def _free_landmark(entry: Entry, context: Context, gazetteer: Gazetteer) -> tuple[float, str]:
    """A mountain pass or lake lies in no settlement: it is known by itself."""
    home = context.home
    if home is not None and distance_m(home.lat, home.lon, entry.lat, entry.lon) < 2 * NEAR_M:
        return WEIGHTS.in_home_region, "landmark_in_home_region"
    return 0.0, ""


def _of_area(
    entry: Entry, path: tuple[str, ...], mention: Mention, context: Context, gazetteer: Gazetteer
) -> tuple[float, str]:
    weights, home = WEIGHTS, context.home
    others = [a for a in context.areas if a != entry.id]
    if others:
        if set(others) & set(path):
            return weights.in_named_region, f"{entry.kind}_in_area"
        if entry.kind == "village":
            return weights.in_other_region, ""
    region = gazetteer.region_of(entry.id)
    if entry.kind in SETTLEMENTS and _is_street_at_home(entry, mention, context, gazetteer):
        return weights.street_at_home, ""
    elsewhere = home is not None and home.id != entry.id and not _nearness(entry, [home])
    if mention.business and elsewhere and entry.kind in SETTLEMENTS:
        return weights.business_of_name, ""
    named = [gazetteer.entries[t] for t in context.towns if t != entry.id]
    if region in {gazetteer.region_of(t.id) for t in named} - {None}:
        return weights.in_home_region + _nearness(entry, named), f"{entry.kind}_near_named"
    if home is None:
        return 0.0, ""
    if home.id == entry.id:
        return weights.home_itself, "home"
    near = _nearness(entry, [home])
    if gazetteer.region_of(home.id) == region or near:
        far = mention.street_like and not mention.generics and near < 0.4
        return weights.in_home_region + near + (weights.street_like_far if far else 0.0), (
            f"{entry.kind}_in_home_region"
        )
    if mention.street_like and not mention.generics and not _is_large(entry):
        return weights.street_like_far, ""
    return (-0.8, "") if entry.kind == "village" else (0.0, "")


def _is_street_at_home(
    entry: Entry, mention: Mention, context: Context, gazetteer: Gazetteer
) -> bool:
    """ "Сәтпаевтың бойымен" in Almaty: its street, not the far town or a village of the name."""
    home = context.home
    if home is None or not mention.street_like or mention.generics or entry.id == home.id:
        return False
    inside = mention.before in ("в", "во", "v", "vo") and not mention.vicinity
    if inside or (entry.population or 0) >= WELL_KNOWN:
        return False
    if entry.kind == "city" and _nearness(entry, [home]):
        return False
    return any(gazetteer.settlement_of(e.id) == home.id for e in mention.of_kind("street"))


def _nearness(entry: Entry, towns: list[Entry]) -> float:
    """1 at one of the towns, 0 from ``NEAR_M`` on."""
    nearest = min((distance_m(t.lat, t.lon, entry.lat, entry.lon) for t in towns), default=NEAR_M)
    return max(0.0, 1 - nearest / NEAR_M)


def _surroundings(entry: Entry, mention: Mention) -> float:
    """What prepositions, endings and capitals say where no generic word does."""
    weights, kind, large = WEIGHTS, entry.kind, _is_large(entry)
    if mention.generics or mention.house is not None:
        return 0.0
    if large and mention.of_kind("street") and mention.before in ON_STREET:
        return -0.6
    cased = mention.capital or mention.opens
    if large and mention.placed and mention.before not in STREET_PREPOSITIONS:
        return weights.placed
    if large or kind in ("country", "region"):
        return 0.0 if cased or mention.placed else -0.6
    if mention.placed:
        street_like = mention.before in ("на", "по", "na", "po", "угол", "вдоль", "выше", "ниже")
        settled = mention.before in ("в", "во", "v", "vo", "из", "под")
        if kind == "street" and settled:
            return -0.5
        if kind in SETTLEMENTS and street_like:
            return -0.6 if mention.of_kind("street") else 0.2
        if kind in SETTLEMENTS and settled and mention.capital:
            return weights.placed + weights.on_street
        if kind == "street" and street_like:
            return weights.placed + weights.on_street
        return weights.placed
    reached = kind in SETTLEMENTS or (kind == "street" and mention.street_like)
    if reached and mention.ending in DIRECTION and cased:
        return weights.on_street
    if mention.alone and cased:
        return weights.alone
    if mention.opens:
        inflected = kind == "village" and mention.ending
        return weights.unsure_inflected if inflected else weights.unsure_capital
    return weights.bare if mention.capital else weights.bare_lower
