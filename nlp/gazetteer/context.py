"""What the text and its source say of where it plays: clear towns and areas, and the home."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nlp.gazetteer.entries import Entry
from nlp.gazetteer.index import Gazetteer
from nlp.gazetteer.mention import Mention
from nlp.gazetteer.names import RUSSIAN
from nlp.gazetteer.relations import PASSING, role_of
from nlp.words import Words

CITY_POPULATION = 60_000
ON_STREET = frozenset({"на", "по", "na", "po", "угол", "улиц"})


@dataclass(frozen=True)
class Context:
    """Ids of settlements and areas that are clear on their own, and the source's settlement.

    Where the text only comes from or goes to a settlement, and there is a home or another
    settlement, it is not among ``towns``.
    """

    towns: tuple[str, ...]
    areas: tuple[str, ...]
    home: Entry | None

    @property
    def town(self) -> str | None:
        """The settlement in which streets of the text lie, as far as it is known."""
        if self.towns:
            return self.towns[0]
        return self.home.id if self.home is not None and not self.areas else None


def context_of(
    words: Words, mentions: Sequence[Mention], gazetteer: Gazetteer, home: Entry | None
) -> Context:
    """The context that the mentions of a text give each other."""
    towns: dict[str, None] = {}
    passed: dict[str, None] = {}
    spoken: dict[str, None] = {}
    areas: dict[str, None] = {}
    for mention in mentions:
        if mention.partner is not None or mention.house is not None:
            for street in _one_town(mention, gazetteer):
                towns[gazetteer.settlement_of(street.id) or ""] = None
            continue
        if "street" in mention.generics or "microdistrict" in mention.generics:
            continue
        best = _clear_settlement(mention, gazetteer, home)
        if best is not None:
            (passed if role_of(words, mention) in PASSING else towns)[best.id] = None
        elif (city := _adjective_of(mention)) is not None:
            spoken[city.id] = None
        wide = [
            entry
            for entry in mention.of_kind("region", "district")
            if entry.kind in mention.generics
            or (entry.id not in mention.needs_generic and best is None)
        ]
        if len(wide) == 1:
            areas[wide[0].id] = None
    if not towns and home is None:
        towns = passed or spoken
    return Context(tuple(t for t in towns if t), tuple(areas), home)


def _one_town(mention: Mention, gazetteer: Gazetteer) -> list[Entry]:
    towns = {gazetteer.settlement_of(a.id) for a, _, _ in mention.known_crossings}
    first = [a for a, _, _ in mention.known_crossings[:1]]
    return first if len(towns) == 1 and mention.strong else []


def _adjective_of(mention: Mention) -> Entry | None:
    """ "алматинский парк", "карагандинцы": the large city that an adjective speaks of."""
    if not mention.adjective or mention.generics & {"region", "district"}:
        return None
    large = [e for e in mention.of_kind("city") if (e.population or 0) >= CITY_POPULATION]
    return large[0] if len(large) == 1 else None


def _clear_settlement(mention: Mention, gazetteer: Gazetteer, home: Entry | None) -> Entry | None:
    places = [e for e in mention.of_kind("city", "village") if not gazetteer.is_foreign(e.id)]
    if mention.before in ON_STREET and mention.of_kind("street"):
        return None
    if not places or (mention.generics and not mention.generics & {"city", "village", "landmark"}):
        return None
    said = bool(mention.generics & {"city", "village"})
    if mention.quoted and not said:
        return None
    if home is not None and any(e.id == home.id for e in places) and not mention.common:
        return home
    best = max(places, key=lambda e: (e.population or 0, e.id))
    if best.id in mention.old and not said and (home is not None or mention.of_kind("street")):
        return None
    cased = mention.capital or mention.opens
    if mention.street_like and not said and _has_street(mention, home, gazetteer):
        return None
    if mention.common and not (said or mention.capital or mention.alone):
        return None
    if (best.population or 0) >= CITY_POPULATION and (cased or not mention.ambiguous):
        return best if not mention.fuzzy or cased else None
    if mention.fuzzy or (not said and not (cased or mention.placed)):
        return None
    unsaid = mention.opens and not (said or mention.placed or mention.alone)
    if unsaid and mention.ending in RUSSIAN:
        return None
    if mention.street_like and home is not None and not said:
        return None
    if len(places) == 1 and (said or (not mention.ambiguous and len(mention.entries) == 1)):
        return best
    return None


def _has_street(mention: Mention, home: Entry | None, gazetteer: Gazetteer) -> bool:
    return home is not None and any(
        gazetteer.settlement_of(e.id) == home.id for e in mention.of_kind("street")
    )
