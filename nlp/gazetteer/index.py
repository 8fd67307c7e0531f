"""The gazetteer in memory: names to entries, entries to what contains them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from core.geo import distance_m
from nlp.gazetteer import storage
from nlp.gazetteer.entries import SETTLEMENTS, Crossing, Entry, RoadPoint
from nlp.gazetteer.names import ANY_SUFFIX, IN_HONOUR, MIN_BASE, NOUN_SUFFIX, NameKey, name_key
from nlp.words import Form, Words, coarsen, fold_cyrillic

MIN_FUZZY = 7
"""Shortest name, in letters, that is found with one letter wrong."""
TABLES = Path(__file__).parent
STREET_OF_MANY = 3
"""Settlements with a street of a name from which the name is first of all a street's; or villages
of a name from which it is first of all theirs, and not a city's byname."""
OWN_WINS_M = 3_000.0
"""An imported entry of the name and kind of an own one within this distance is left out."""
AT_TOWN_M = 8_000.0
"""A highway's point this near to a town is the town's."""
MOST_WORDS = 200_000
"""Words whose candidates are remembered at once."""
LARGE = 60_000
"""Inhabitants from which a city's inflected name is not taken for a common word."""
_JOINTS = frozenset("-–—«»\"“”'’№")


@dataclass(frozen=True, slots=True)
class _Hit:
    """A name that may start at a word. ``alone``: it has no other words."""

    key: NameKey
    entry: Entry
    ending: str
    fuzzy: bool
    alone: bool


@dataclass(frozen=True, slots=True)
class NameSummary:
    """What a name alone says of what it may stand for.

    ``ending``: inflection of the last word. ``fuzzy``: a letter is wrong. ``ambiguous``: the name
    is not enough alone. ``needs_generic``: ids that need their generic word. ``common``: a word
    of daily use. ``old``: ids of settlements for which it is a lesser name, while streets of
    several cities or other settlements are called so. ``street_like``: streets of several cities
    have it. ``adjective``: it stands as one ("алматинский").
    """

    entries: tuple[Entry, ...]
    ending: str
    fuzzy: bool
    ambiguous: bool
    needs_generic: frozenset[str]
    common: bool = False
    old: frozenset[str] = frozenset()
    street_like: bool = False
    adjective: bool = False


@dataclass(frozen=True, slots=True)
class NameMatch:
    """Words ``first`` to ``last`` stand for one of ``name.entries``."""

    first: int
    last: int
    name: NameSummary


class Gazetteer:
    """Entries by name. Own entries win: see ``OWN_WINS_M``."""

    def __init__(
        self,
        entries: Iterable[Entry],
        crossings: Iterable[Crossing] = (),
        ambiguous: Iterable[str] = (),
        roads: Iterable[RoadPoint] = (),
    ) -> None:
        common = (TABLES / "common_words.txt").read_text(encoding="utf-8").split()
        own_first = sorted(entries, key=lambda e: (not e.own, e.id))
        self.entries: dict[str, Entry] = {}
        self._by_start: dict[str, list[tuple[NameKey, Entry]]] = {}
        self._fuzzy: dict[str, set[str]] = {}
        self._settlements: dict[str, list[Entry]] = {}
        seen: dict[tuple[str, str], list[Entry]] = {}
        for entry in own_first:
            if not entry.own and self._is_known(entry, seen):
                continue
            seen.setdefault((entry.kind, _coarse(entry.name)), []).append(entry)
            self._add(entry)
        self._crossings = {(c.a, c.b): (c.lat, c.lon) for c in crossings}
        self._ambiguous = {coarsen(fold_cyrillic(n)).replace(" ", "") for n in ambiguous}
        self._common = {coarsen(fold_cyrillic(w)) for w in common if not w.startswith("#")}
        self._cache: dict[str, tuple[_Hit, ...]] = {}
        self._summaries: dict[str, NameSummary] = {}
        self._street_towns = self._count_streets()
        self._largest: dict[str, Entry] | None = None
        self._paths: dict[str, tuple[str, ...]] = {}
        self._roads: dict[str, list[RoadPoint]] = {}
        for point in roads:
            self._roads.setdefault(point.highway, []).append(point)
        self._courses: dict[tuple[str, str], tuple[RoadPoint, ...]] = {}
        self.digest = storage.digest_of(
            self.entries.values(), crossings, (p for road in self._roads.values() for p in road)
        )

    @classmethod
    def load(cls, *files: Path) -> Gazetteer:
        """Read one or more gazetteer files as one; raises ModelError."""
        entries: list[Entry] = []
        crossings: list[Crossing] = []
        ambiguous: set[str] = set()
        roads: list[RoadPoint] = []
        for path in files:
            found = storage.read(path)
            entries += found.entries
            crossings += found.crossings
            ambiguous |= found.ambiguous
            roads += found.roads
        return cls(entries, crossings, ambiguous, roads)

    @staticmethod
    def _is_known(entry: Entry, seen: dict[tuple[str, str], list[Entry]]) -> bool:
        kinds = SETTLEMENTS if entry.kind in SETTLEMENTS else {entry.kind}
        return any(
            distance_m(entry.lat, entry.lon, other.lat, other.lon) < OWN_WINS_M
            for kind in kinds
            for name in entry.names
            for other in seen.get((kind, _coarse(name)), ())
            if other.own
        )

    def _add(self, entry: Entry) -> None:
        self.entries[entry.id] = entry
        keys: dict[NameKey, None] = {}
        for name in entry.names:
            key = name_key(name, entry.kind)
            if key is not None:
                keys[key] = None
            if entry.kind in SETTLEMENTS:
                self._settlements.setdefault(_coarse(name), []).append(entry)
        for key in keys:
            first = key.keys[0]
            for start in {first.full, first.base}:
                self._by_start.setdefault(start, []).append((key, entry))
            if len(key.keys) == 1 and len(first.full) >= MIN_FUZZY and not key.needs_generic:
                for part in _deletions(first.full):
                    self._fuzzy.setdefault(part, set()).add(first.full)

    def _count_streets(self) -> dict[str, int]:
        """In how many settlements a street has a name, by the name without its ending."""
        towns: dict[str, set[str | None]] = {}
        for pairs in self._by_start.values():
            for key, entry in pairs:
                if entry.kind == "street":
                    towns.setdefault(key.base, set()).add(entry.parent)
        return {name: len(found) for name, found in towns.items()}

    def names_streets(self, key: NameKey) -> bool:
        """Whether streets of several settlements have the name."""
        return self._street_towns.get(key.base, 0) >= STREET_OF_MANY

    # -- containment -------------------------------------------------------------------------

    def path(self, entry_id: str) -> tuple[str, ...]:
        """Ids from the entry up to the country."""
        known = self._paths.get(entry_id)
        if known is None:
            ids = [entry_id]
            while (entry := self.entries.get(ids[-1])) and entry.parent:
                if entry.parent in ids:
                    break
                ids.append(entry.parent)
            known = self._paths[entry_id] = tuple(ids)
        return known

    def settlement_of(self, entry_id: str) -> str | None:
        """Id of the city or village that the entry is or lies in."""
        for key in self.path(entry_id):
            entry = self.entries.get(key)
            if entry is not None and entry.kind in SETTLEMENTS:
                return key
        return None

    def region_of(self, entry_id: str) -> str | None:
        """Id of the region (or city of republican significance) of the entry."""
        path = self.path(entry_id)
        if path[-1] != "kz" or len(path) < 2:
            return None
        entry = self.entries.get(path[-2])
        return None if entry is None or entry.kind == "highway" else path[-2]

    def is_foreign(self, entry_id: str) -> bool:
        """Whether the entry lies outside Kazakhstan."""
        return not entry_id.startswith("kz") and self.path(entry_id)[-1] != "kz"

    def largest_in(self, area_id: str) -> Entry | None:
        """The most populous settlement of a rural district."""
        if self._largest is None:
            self._largest = {}
            for entry in self.entries.values():
                if entry.kind in SETTLEMENTS and entry.parent:
                    known = self._largest.get(entry.parent)
                    if known is None or (entry.population or 0) > (known.population or 0):
                        self._largest[entry.parent] = entry
        return self._largest.get(area_id)

    def home(self, name: str | None) -> Entry | None:
        """The settlement that a source is about, by name: of several the most populous."""
        if not name:
            return None
        key = _coarse(name)
        found = self._settlements.get(key) or self._settlements.get(
            _coarse(name.split("(")[0].removeprefix("г. ").removeprefix("с. ").split(",")[0])
        )
        if not found:
            return None
        return max(found, key=lambda e: (not self.is_foreign(e.id), e.population or 0, e.id))

    def crossing(self, a: str, b: str) -> tuple[float, float] | None:
        """Where two streets cross, by their ids."""
        return self._crossings.get((min(a, b), max(a, b)))

    def course(self, a: Entry, b: Entry) -> tuple[RoadPoint, ...]:
        """The points of a highway from ``a`` to ``b``, kilometres counted from ``a``; none when
        no highway is known to pass both."""
        known = self._courses.get((a.id, b.id))
        if known is None:
            known = self._courses[a.id, b.id] = self._find_course(a, b)
        return known

    def _find_course(self, a: Entry, b: Entry) -> tuple[RoadPoint, ...]:
        for _, road in sorted(self._roads.items()):
            first, last = _passes(road, a), _passes(road, b)
            if first is None or last is None or first == last:
                continue
            part = road[first : last + 1] if first < last else road[last : first + 1][::-1]
            return tuple(replace(p, km=abs(p.km - part[0].km)) for p in part)
        return ()

    def crossings(self) -> Iterator[tuple[str, str]]:
        """The pairs of ids of all crossings."""
        return iter(self._crossings)

    # -- names ---------------------------------------------------------------------------------

    def matches(self, words: Words) -> list[NameMatch]:
        """Names in a text, of overlapping ones the longest, in the order of the text."""
        found: list[NameMatch] = []
        index, size = 0, len(words)
        while index < size:
            match = self._match_at(words, index)
            if match is None:
                index += 1
            else:
                found.append(match)
                index = match.last + 1
        return found

    def match_at(self, words: Words, index: int, last: int) -> NameMatch | None:
        """The longest name that starts at a word and ends at ``last`` or before."""
        return self._match_at(words, index, last)

    def _match_at(self, words: Words, index: int, limit: int | None = None) -> NameMatch | None:
        form = words.forms[index]
        candidates = self._candidates(form)
        if not candidates:
            return None
        best: dict[int, list[_Hit]] = {}
        for hit in candidates:
            found = (index, hit.ending) if hit.alone else _rest(words, index, hit)
            if found is None or (limit is not None and found[0] > limit):
                continue
            last, ending = found
            best.setdefault(last, []).append(hit if hit.alone else replace(hit, ending=ending))
        if not best:
            return None
        last = max(best)
        if last > index:
            return NameMatch(index, last, self._summary(best[last], None))
        summary = self._summaries.get(form.raw)
        if summary is None:
            summary = self._summaries[form.raw] = self._summary(best[last], form.coarse)
        return NameMatch(index, last, summary)

    def _summary(self, hits: list[_Hit], word: str | None) -> NameSummary:
        """What the hits that end at one word say together; ``word``: it, when it is the only."""
        exact = [h for h in hits if not h.fuzzy] or hits
        entries = tuple(dict.fromkeys(h.entry for h in exact))
        strict = {h.entry.id for h in exact if not h.key.needs_generic}
        street_like = any(self.names_streets(h.key) for h in exact)
        return NameSummary(
            entries=entries,
            ending="" if any(not h.ending for h in exact) else exact[0].ending,
            fuzzy=exact[0].fuzzy,
            ambiguous=any(h.key.joined in self._ambiguous for h in exact),
            needs_generic=frozenset(e.id for e in entries if e.id not in strict),
            common=word is not None
            and (
                word in self._common
                or any(
                    h.key.keys[0].full in self._common and (h.entry.population or 0) < LARGE
                    for h in exact
                )
            ),
            old=frozenset(
                h.entry.id
                for h in exact
                if h.entry.kind in SETTLEMENTS
                and _coarse(h.entry.name) != h.key.joined
                and (street_like or self._is_main_name(h, exact))
            ),
            street_like=street_like,
            adjective=word is not None and all(h.key.keys[0].adjective for h in exact),
        )

    @staticmethod
    def _is_main_name(hit: _Hit, hits: list[_Hit]) -> bool:
        """Whether several other settlements are chiefly called so."""
        others = sum(
            h.entry.kind in SETTLEMENTS
            and h.entry.id != hit.entry.id
            and _coarse(h.entry.name) == hit.key.joined
            for h in hits
        )
        return others >= STREET_OF_MANY

    def _candidates(self, form: Form) -> tuple[_Hit, ...]:
        known = self._cache.get(form.raw)
        if known is not None:
            return known
        found: list[_Hit] = []
        if form.kind in ("cyrillic", "latin", "number"):
            found = self._starting_with(form)
        result = tuple(dict.fromkeys(found))
        if len(self._cache) > MOST_WORDS:
            self._cache.clear()
            self._summaries.clear()
        self._cache[form.raw] = result
        return result

    def _starting_with(self, form: Form) -> list[_Hit]:
        word = form.coarse
        found: list[_Hit] = []
        for cut in range(len(word), min(MIN_BASE, len(word)) - 1, -1):
            if cut < len(word) and word[cut:] not in ANY_SUFFIX:
                continue
            for key, entry in self._by_start.get(word[:cut], ()):
                ending = key.keys[0].ending(word, form.medium)
                if ending is not None:
                    found.append(_Hit(key, entry, ending, False, len(key.keys) == 1))
        if not found and len(word) >= MIN_FUZZY and (form.capital or form.kind == "latin"):
            found = [_Hit(key, entry, "", True, True) for key, entry in self._nearly(word)]
        return found

    def _nearly(self, word: str) -> list[tuple[NameKey, Entry]]:
        """Single-word names one letter away (inserted, left out or changed) from a word or stem."""
        for cut in range(len(word), MIN_FUZZY - 1, -1):
            if cut < len(word) and word[cut:] not in NOUN_SUFFIX:
                continue
            stem = word[:cut]
            names = {n for part in _deletions(stem) for n in self._fuzzy.get(part, ())}
            names = {n for n in names if n[0] == stem[0] and _one_apart(n, stem)}
            if names:
                return [
                    (key, entry)
                    for name in sorted(names)
                    for key, entry in self._by_start[name]
                    if len(key.keys) == 1 and key.keys[0].full == name
                ]
        return []


LONGEST_SHORT_FORM = 3
"""Letters of "ул", "мкр" or an initial, which a full stop may follow within a name."""


def _rest(words: Words, index: int, hit: _Hit) -> tuple[int, str] | None:
    """Where the name of several words that starts at ``index`` ends, and its last ending."""
    forms, size = words.forms, len(words.forms)
    ending = hit.ending
    position = index
    for part in hit.key.keys[1:]:
        position += 1
        while position < size and (
            forms[position].raw in _JOINTS
            or forms[position].coarse in IN_HONOUR
            or (forms[position].raw == "." and forms[position - 1].coarse in IN_HONOUR)
        ):
            # A full stop after a whole word ends the sentence: no name reaches across it.
            if forms[position].raw == "." and len(forms[position - 1].raw) > LONGEST_SHORT_FORM:
                return None
            position += 1
        if position >= size or position - index > 8:
            return None
        step = part.ending(forms[position].coarse, forms[position].medium)
        if step is None:
            return None
        ending = step
    return position, ending


def _passes(road: list[RoadPoint], town: Entry) -> int | None:
    """Which point of a highway is a town's, if any."""
    return next(
        (i for i, p in enumerate(road) if distance_m(p.lat, p.lon, town.lat, town.lon) < AT_TOWN_M),
        None,
    )


def _coarse(name: str) -> str:
    return "".join(coarsen(fold_cyrillic(w)) for w in name.lower().replace("-", " ").split())


def _deletions(word: str) -> set[str]:
    return {word, *(word[:i] + word[i + 1 :] for i in range(1, len(word)))}


def _one_apart(a: str, b: str) -> bool:
    """Whether one insertion, deletion, change or swap of neighbours makes ``a`` into ``b``."""
    if abs(len(a) - len(b)) > 1:
        return False
    start = 0
    while start < min(len(a), len(b)) and a[start] == b[start]:
        start += 1
    tail_a, tail_b = a[start:], b[start:]
    return (
        tail_a[1:] == tail_b[1:]
        or tail_a[1:] == tail_b
        or tail_a == tail_b[1:]
        or (tail_a[:2] == tail_b[1::-1] and tail_a[2:] == tail_b[2:])
    )
