"""A place mention: which words, what it may stand for, and what stands around it."""

from __future__ import annotations

from dataclasses import dataclass, field

from nlp.gazetteer.entries import Entry
from nlp.gazetteer.names import LOCATIVE, folded
from nlp.words import Words, terms

PREPOSITIONS = frozenset(
    terms(
        "в во на по из с со у к ко от до за под над возле около "
        "вдоль перед напротив рядом между через "
        "угол угла углу район района районе выше "
        "ниже после вблизи недалеко близ напротив мимо сторону "
        "пересечении перекрестке перекрестка v vo na po iz s u ot do za pod vozle okolo ugol"
    )
)
INSTITUTIONS_BEFORE = folded(
    "пост поста посту станция станции станцию разъезд разъезда разъезде порт порта порту дамба "
    "дамбе дамбы плотина плотине плотины дачи дачам дачах дач окраина окраине окраину въезд "
    "въезде выезд выезде аэропорт аэропорта базар рынок вокзал вокзала село селе посёлок"
)
GENITIVE = folded("ның нің дың дің тың тің")
QUOTES = frozenset("«»\"“”'’„")


@dataclass
class Mention:
    """Words ``first`` to ``last`` name a place; the name itself is ``core``.

    ``generics``: kinds that its generic words say. ``before``: the word in front, folded.
    ``house``: the number after a street, ``house_words`` the words that say it. ``partner``:
    the other street of a crossing. ``until``: of a stretch of the street ``along``, the cross
    street at its end. ``quoted``: the name alone is in quotation marks. ``feminine``: an
    adjective that agrees with "улица". ``of_person``: ends as a surname in the genitive does.
    ``vicinity``: "в районе" stands before it. ``business``: a market, café or shop may have its
    name from the place ("Алматы базары"). ``old``: ids of cities that had this name once, which
    streets now have; ``street_like``: any such name. ``adjective``: the name stands as one.
    """

    first: int
    last: int
    core: tuple[int, int]
    entries: tuple[Entry, ...]
    generics: frozenset[str]
    before: str
    ending: str
    capital: bool
    opens: bool = False
    alone: bool = False
    after: bool = False
    common: bool = False
    fuzzy: bool = False
    ambiguous: bool = False
    quoted: bool = False
    feminine: bool = False
    of_person: bool = False
    vicinity: bool = False
    business: bool = False
    needs_generic: frozenset[str] = frozenset()
    old: frozenset[str] = frozenset()
    street_like: bool = False
    adjective: bool = False
    house: str | None = None
    house_words: tuple[int, int] | None = None
    partner: Mention | None = None
    until: Mention | None = None
    along: Mention | None = None
    strong: bool = False
    known_crossings: list[tuple[Entry, Entry, tuple[float, float]]] = field(default_factory=list)

    def of_kind(self, *kinds: str) -> list[Entry]:
        """Candidates of these kinds."""
        return [e for e in self.entries if e.kind in kinds]

    @property
    def placed(self) -> bool:
        """Whether a preposition, postposition or case ending says that something is there."""
        return (
            self.before in PREPOSITIONS
            or self.before in INSTITUTIONS_BEFORE
            or self.ending in LOCATIVE
            or self.after
            or self.vicinity
        )


def is_abbreviated(words: Words, position: int) -> bool:
    """Whether a full stop follows the word."""
    return position + 1 < len(words) and words.forms[position + 1].raw == "."
