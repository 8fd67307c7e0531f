"""Mentions of places in a text: names with what stands around them, before they are resolved."""

from __future__ import annotations

from nlp.gazetteer.crossings import join_crossings
from nlp.gazetteer.houses import HOUSE, attach_house
from nlp.gazetteer.index import LONGEST_SHORT_FORM, Gazetteer, NameMatch
from nlp.gazetteer.mention import GENITIVE, QUOTES, Mention, is_abbreviated
from nlp.gazetteer.names import ALSO_WORDS, IN_HONOUR, ORDINALS, folded, generic_kinds
from nlp.gazetteer.no_places import is_no_place
from nlp.gazetteer.sections import join_sections
from nlp.gazetteer.unlisted import RUSSIAN_FRONT, numbered, unlisted
from nlp.words import Form, Words, coarsen, fold_cyrillic, terms

POSTPOSITIONS = frozenset(
    coarsen(fold_cyrillic(word))
    for word in terms(
        "жаны жанында жағы жағында жақ жақта жактан қасында қасы "
        "маңы маңында маңындағы тұсы "
        "тұсында алды алдында арты артында бойы бойында шеті шетінде арасы арасында ортасында"
    )
)
INSTITUTIONS_NEAR = (
    "бекет", "станса", "станци", "разезд", "постин", "бөлім", "болими", "ровд", "увд", "овд",
    "полиц", "аурухана", "болниц", "црб", "емхана", "мектеп", "мектеб", "базар", "риног", "вокзал",
    "орман", "жол", "тас", "трас", "тубин", "иргес", "шетин", "шигис", "батис", "оңт", "томенг",
    "жогар", "жагас", "жак", "аимаг", "оңір", "онир", "икшам", "аулин", "дала", "маң", "манин",
    "жани", "касин", "тусин", "ишин", "орталиг", "боинша", "откел", "асу", "айнал", "аинал",
    "кошес", "тургин", "темиржол", "шига",
)  # fmt: skip
"""Beginnings of words that, behind the name of a settlement, say that something of it is meant."""
RIVERS = folded(
    "урал жайык жайық ишим есіл есиль иртыш ертіс тобол тобыл сырдарья сырдария или іле чу шу "
    "талас нура эмба жем сарысу тургай торғай ульба үлбі бухтарма бұқтырма каратал қаратал лепсы "
    "аксу ақсу коксу көксу чарын шарын чилик шелек арысь арыс бадам келес иргиз ырғыз уил ойыл "
    "орь илек елек сагиз сағыз есентай весновка ульбы сырдарьи урала ишима иртыша тобола"
)
_BANK_BEFORE = ("берег", "набережн", "вдол", "русл", "пойм", "поим", "течени")
_BANK_AFTER = ("бои", "жагас", "жагал", "суи", "тасиди", "арнас")
_BUSINESS = (
    "базар", "ринок", "ринк", "тоихан", "кафе", "ресторан", "дукен", "меирамхан", "мектеп",
    "мектеб", "балабакш", "азик",
)  # fmt: skip
_VICINITY = folded("районе")
"""Before a name that is no adjective it means "near", not a district."""
_ONE_LETTER = frozenset(terms("с г п м к р х"))


def find_mentions(words: Words, gazetteer: Gazetteer) -> list[Mention]:
    """All mentions in the order of the text; crossings and houses are one mention."""
    mentions: list[Mention] = []
    for match in gazetteer.matches(words):
        mentions += (m for m in _mentions(words, match, gazetteer) if not _is_bare_number(words, m))
    mentions += numbered(words, mentions)
    mentions += unlisted(words, mentions)
    mentions.sort(key=lambda m: m.first)
    free_from = 0
    for mention in mentions:
        attach_house(words, mention, free_from)
        free_from = mention.last + 1
    joined = join_crossings(words, join_sections(words, mentions), gazetteer)
    return [mention for mention in joined if not is_no_place(words, mention)]


def _is_bare_number(words: Words, mention: Mention) -> bool:
    """Whether it is "15" alone or "дом 3Б", which nobody takes for a micro-district."""
    first, last = mention.core
    if words.forms[first].kind != "number" or mention.generics:
        return False
    housed = first > 0 and words.forms[first - 1].coarse in HOUSE
    return housed or (
        first == last and all(entry.id in mention.needs_generic for entry in mention.entries)
    )


def _mentions(words: Words, match: NameMatch, gazetteer: Gazetteer) -> list[Mention]:
    """The mention of a match; a highway without its generic word is the places it joins."""
    mention = _mention(words, match)
    if (
        match.first == match.last
        or mention.generics
        or any(e.id not in match.name.needs_generic for e in match.name.entries)
    ):
        return [mention]
    parts: list[Mention] = []
    position = match.first
    while position <= match.last:
        part = gazetteer.match_at(words, position, match.last - (position == match.first))
        if part is not None:
            parts.append(_mention(words, part))
            position = part.last
        position += 1
    return parts


def _neighbour(words: Words, index: int, step: int) -> tuple[int, Form] | None:
    """The next token in a direction, over quotes and the point of an abbreviation."""
    position = index + step
    while 0 <= position < len(words) and (
        words.forms[position].raw in QUOTES
        or (words.forms[position].raw in "-№" and step < 0)
        or (words.forms[position].raw == "." and step < 0 and _is_short(words, position - 1))
        or (words.forms[position].coarse in IN_HONOUR and step < 0)
        or (words.forms[position].raw == "-" and step > 0)
    ):
        position += step
    return (position, words.forms[position]) if 0 <= position < len(words) else None


def _is_short(words: Words, position: int) -> bool:
    """Whether a full stop there ends an abbreviation ("ул.", "мкр.") and not a sentence."""
    return position >= 0 and len(words.forms[position].raw) <= LONGEST_SHORT_FORM


def _mention(words: Words, match: NameMatch) -> Mention:
    first, last = match.first, match.last
    generics: set[str] = set()
    vicinity = False
    left = _neighbour(words, first, -1)
    if left is not None:
        position, form = left
        kinds = () if form.coarse in _BEHIND_ONLY else generic_kinds(form)
        if words.forms[first].kind == "number" and (
            position and words.forms[position - 1].kind == "number"
        ):
            kinds = ()  # "3 мкр, 14 дом": the word belongs to the number before it
        if (
            "microdistrict" in kinds
            and position
            and (
                words.forms[position - 1].kind == "number"
                or words.forms[position - 1].raw.lower() in ORDINALS
            )
        ):
            kinds = ()
        short = form.coarse in _ONE_LETTER or len(form.coarse) <= 2 or form.coarse in ALSO_WORDS
        if form.coarse in ("н", "n") and position >= 2 and words.forms[position - 1].raw == "-":
            if words.forms[position - 2].coarse == "р":
                generics.add("district")
                first = position - 2
        elif kinds and (
            not short or is_abbreviated(words, position) or form.coarse in ("ул", "пр")
        ):
            first = position
            if form.coarse in _VICINITY and not match.name.adjective:
                generics |= set(kinds) & {e.kind for e in match.name.entries}
                vicinity = True
            else:
                generics |= set(kinds)
        elif form.coarse == "т" and position >= 2 and words.forms[position - 1].raw == "-":
            generics.add("street")  # "пр-т"
            first = position - 2
    right = _after(words, last)
    if right is not None:
        position, behind = right
        extra = bool(generics and "landmark" in behind)
        if not extra and (behind & _after_kinds(match) or not generics):
            generics |= behind
            last = position
    if not generics and _is_river(words, match):
        generics.add("water")
    before = words.forms[first - 1].medium if first else ""
    core = words.forms[match.first]
    return Mention(
        first=first,
        last=last,
        core=(match.first, match.last),
        entries=match.name.entries,
        generics=frozenset(generics),
        before=before,
        ending=match.name.ending,
        capital=core.kind == "number" or (core.capital and not _opens_sentence(words, match.first)),
        opens=core.capital and _opens_sentence(words, match.first),
        alone=_stands_alone(words, first, last),
        after=_something_of_it(words, last, match.name.ending),
        common=(match.name.common and not _is_acronym(core, match))
        or (match.name.adjective and not core.capital),
        fuzzy=match.name.fuzzy,
        ambiguous=match.name.ambiguous,
        quoted=_in_quotes(words, match),
        of_person=core.medium.endswith(("ова", "ева", "ина", "ая", "ейфуллина")),
        vicinity=vicinity,
        business=bool(generics & {"landmark"})
        or any(f.coarse.startswith(_BUSINESS) for f in words.forms[last + 1 : last + 2]),
        feminine=core.raw.lower().endswith(("ая", "ой", "ую")),
        needs_generic=match.name.needs_generic,
        old=match.name.old,
        street_like=match.name.street_like,
        adjective=match.name.adjective,
    )


def _is_acronym(form: Form, match: NameMatch) -> bool:
    """ "АҚШ" in capitals is the country, not the word."""
    return (
        form.raw.isupper()
        and 1 < len(form.raw) <= LONGEST_ACRONYM
        and all(entry.kind == "country" for entry in match.name.entries)
    )


LONGEST_ACRONYM = 4


def _something_of_it(words: Words, last: int, ending: str) -> bool:
    """Whether the words behind a name place something there: "Мерке бекеті", "Аралдың түбінде"."""
    following = words.forms[last + 1 : last + 4]
    if not following:
        return False
    if following[0].coarse in POSTPOSITIONS:
        return True
    if following[0].raw == "№" or following[0].kind == "number":
        following = following[1:]
    reach = 3 if ending in GENITIVE else 1
    for form in following[:reach]:
        if form.raw in _BREAKS:
            return False
        if form.coarse.startswith(INSTITUTIONS_NEAR):
            return True
    return False


def _in_quotes(words: Words, match: NameMatch) -> bool:
    before = words.forms[match.first - 1].raw if match.first else ""
    after = words.forms[match.last + 1].raw if match.last + 1 < len(words) else ""
    return before in QUOTES and after in QUOTES


def _is_river(words: Words, match: NameMatch) -> bool:
    """A river's name with its bank or water beside it, without the word "река"."""
    if match.first != match.last or words.forms[match.first].coarse[:-1] not in _RIVER_STEMS:
        return False
    before = words.forms[match.first - 1].coarse if match.first else ""
    after = words.forms[match.last + 1].coarse if match.last + 1 < len(words) else ""
    return before.startswith(_BANK_BEFORE) or after.startswith(_BANK_AFTER)


_RIVER_STEMS = frozenset({name for name in RIVERS} | {name[:-1] for name in RIVERS})


def _opens_sentence(words: Words, index: int) -> bool:
    """Whether a capital letter says nothing, as the word opens a sentence or all are capitals."""
    form = words.forms[index]
    if form.raw.isupper() and len(form.raw) > 3:
        return sum(f.raw.isupper() for f in words.forms[:40]) > len(words.forms[:40]) / 2
    position = index - 1
    while position >= 0 and words.forms[position].raw in QUOTES:
        position -= 1
    return position < 0 or words.forms[position].raw in ".!?…\n"


_BREAKS = frozenset(".,!?…:;()\n")


def _stands_alone(words: Words, first: int, last: int) -> bool:
    """Whether the name is a remark of its own: "…, Шелек." or "Алматы, Самал-2, 15"."""
    before = first == 0 or words.forms[first - 1].raw in _BREAKS
    after = last + 1 >= len(words) or words.forms[last + 1].raw in _BREAKS
    return before and after and len(words) > last - first + 1


def _after_kinds(match: NameMatch) -> set[str]:
    return {entry.kind for entry in match.name.entries}


def _after(words: Words, last: int) -> tuple[int, set[str]] | None:
    """A generic word behind a name ("Абай көшесі", "8-ші ықшам аудан", "Карасайский район")."""
    right = _neighbour(words, last, 1)
    if right is None:
        return None
    position, form = right
    if form.raw.lower() in ORDINALS and words.forms[last].kind == "number":
        right = _neighbour(words, position, 1)
        if right is None:
            return None
        position, form = right
    second = "".join(f.coarse for f in words.forms[position + 1 : position + 2])
    if form.coarse in ("икшам", "шагин") and second.startswith("ауд"):
        return position + 1, {"microdistrict"}
    if form.coarse == "р" and [f.coarse for f in words.forms[position + 1 : position + 3]] == [
        "-", "н"
    ]:  # fmt: skip
        return position + 2, {"district"}
    kinds = set(generic_kinds(form))
    if not kinds:
        return None
    if len(form.coarse) <= 2 and form.raw.lower() not in ("қ", "рн"):
        return None
    if form.coarse in ALSO_WORDS and not is_abbreviated(words, position):
        return None
    if form.kind == "cyrillic" and form.coarse in RUSSIAN_FRONT:
        following = words.forms[position + 1] if position + 1 < len(words) else None
        if following is not None and following.capital:
            return None  # "Абая улица Саина": the word belongs to the next name
    return position, kinds


_BEHIND_ONLY = frozenset(
    coarsen(fold_cyrillic(w))
    for w in terms(
        "қаласы қаласында қаласындағы ауылы ауылында ауылындағы көшесі "
        "көшесінде даңғылы ауданы "
        "ауданында облысы облысында кенті трассасы "
        "трассасында базары базарында саябағы көпірі жолы "
        "жолында аялдамасы ықшамауданы"
    )
)
