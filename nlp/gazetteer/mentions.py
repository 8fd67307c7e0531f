"""Mentions of places in a text: names with what stands around them, before they are resolved."""

from __future__ import annotations

from dataclasses import dataclass, field

from nlp.gazetteer.entries import Entry
from nlp.gazetteer.index import LONGEST_SHORT_FORM, Gazetteer, NameMatch
from nlp.gazetteer.names import LOCATIVE, ORDINALS, folded, generic_kinds
from nlp.words import Form, Words, coarsen, fold_cyrillic, form_of, terms

PREPOSITIONS = frozenset(
    terms(
        "в во на по из с со у к ко от до за под над возле около "
        "вдоль перед напротив рядом между через "
        "угол угла углу район района районе выше "
        "ниже после вблизи недалеко близ напротив мимо сторону "
        "пересечении перекрестке перекрестка v vo na po iz s u ot do za pod vozle okolo ugol"
    )
)
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
INSTITUTIONS_BEFORE = folded(
    "пост поста посту станция станции станцию разъезд разъезда разъезде порт порта порту дамба "
    "дамбе дамбы плотина плотине плотины дачи дачам дачах дач окраина окраине окраину въезд "
    "въезде выезд выезде аэропорт аэропорта базар рынок вокзал вокзала село селе посёлок"
)
GENITIVE = folded("ның нің дың дің тың тің")
RIVERS = folded(
    "урал жайык жайық ишим есіл есиль иртыш ертіс тобол тобыл сырдарья сырдария или іле чу шу "
    "талас нура эмба жем сарысу тургай торғай ульба үлбі бухтарма бұқтырма каратал қаратал лепсы "
    "аксу ақсу коксу көксу чарын шарын чилик шелек арысь арыс бадам келес иргиз ырғыз уил ойыл "
    "орь илек елек сагиз сағыз есентай весновка ульбы сырдарьи урала ишима иртыша тобола"
)
_BANK_BEFORE = ("берег", "набережн", "вдол", "русл", "пойм", "поим", "течени")
_BANK_AFTER = ("бои", "жагас", "жагал", "суи", "тасиди", "арнас")
_QUOTES = frozenset("«»\"“”'’„")
_BUSINESS = (
    "базар", "ринок", "ринк", "тоихан", "кафе", "ресторан", "дукен", "меирамхан", "мектеп",
    "мектеб", "балабакш", "азик",
)  # fmt: skip
_VICINITY = folded("районе")
"""Before a name that is no adjective it means "near", not a district."""
_ONE_LETTER = frozenset(terms("с г п м к р х"))
_HOUSE = frozenset(terms("дом дома доме домом домов д уи уии уидин уиге уиде уидег уидеги dom"))
_UNITS = frozenset(
    coarsen(fold_cyrillic(word))
    for word in terms(
        "человек человека адам жигит жигита кісі бала баланы мин "
        "минут минуты минута час "
        "часов часа сағат лет год года жыл жас жастағы км метр метров м раз рет "
        "тг тенге теңге тыс тысяч "
        "мың млн процентов машин машины машина көлік дней дня күн күні недель "
        "месяцев ай апта этаж этаже "
        "этажа қабат подъезд школа школы школе мектеп садик мкр "
        "микрорайон микрорайона ықшамаудан автобус "
        "маршрут номер й ый ой ші шы ши января февраля марта апреля мая июня июля августа сентября "
        "октября ноября декабря қаңтар ақпан наурыз сәуір мамыр маусым шілде "
        "тамыз қыркүйек қазан қараша "
        "желтоқсан парня парней мужчин мужика девушек "
        "женщин детей больница больницы аурухана бас ряд "
        "шақырым шакырым чакырым полос полосы фуры фур балла градус градусов секунд сек"
    )
)
CONNECTORS = frozenset(
    form_of(word).coarse
    for word in terms(
        "и с угол уг мен пен бен угла углу "
        "пересечение пересечении перекресток перекрестке "
        "and men pen ben выше ниже не доходя доезжая х"
    )
) | frozenset("-–—/\\,&+.")
LOOSE_CONNECTORS = folded(
    "у возле около напротив районе вниз вверх от до дом дома поворота поворот на между после "
    "перед со стороны к за u vozle ot do na dom : ;"
) | frozenset(":")
"""Between two streets they make a crossing only where the gazetteer knows one of the two."""
STRONG_CONNECTORS = frozenset(
    form_of(w).coarse for w in terms("угол уг мен пен бен and men pen ben угла углу")
) | frozenset("-–—/\\&+")
CROSSING_WORDS = (
    "угол", "угл", "пересеч", "перекрест", "киилис", "килис", "бурш", "буриш", "светофор",
)  # fmt: skip


@dataclass
class Mention:
    """Words ``first`` to ``last`` name a place; the name itself is ``core``.

    ``generics``: kinds that its generic words say. ``before``: the word in front, folded.
    ``house``: the number after a street. ``partner``: the other street of a crossing. ``quoted``:
    the name alone is in quotation marks. ``feminine``: an adjective that agrees with "улица".
    ``of_person``: ends as a surname in the genitive does. ``vicinity``: "в районе" stands before
    it. ``business``: a market, café or shop may have its name from the place ("Алматы базары").
    ``old``: ids of cities that had this name once, which streets now have; ``street_like``: any
    such name. ``adjective``: the name stands as one.
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
    partner: Mention | None = None
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


def find_mentions(words: Words, gazetteer: Gazetteer) -> list[Mention]:
    """All mentions in the order of the text; crossings and houses are one mention."""
    mentions: list[Mention] = []
    for match in gazetteer.matches(words):
        mentions += _mentions(words, match, gazetteer)
    mentions += _numbered(words, mentions)
    mentions += _unlisted(words, mentions)
    mentions.sort(key=lambda m: m.first)
    for mention in mentions:
        _attach_house(words, mention)
    return _join_crossings(words, mentions, gazetteer)


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


INSTITUTIONS = (
    "мектеп", "мектеб", "школ", "гимназ", "лице", "садик", "балабакша", "болниц", "поликлиник",
    "емхана", "аурухана", "коледж", "детсад",
)  # fmt: skip


def _numbered(words: Words, known: list[Mention]) -> list[Mention]:
    """ "школа №27", "45-мектеп": the gazetteer knows them by chance only."""
    taken = {i for m in known for i in range(m.first, m.last + 1)}
    found: list[Mention] = []
    for index, form in enumerate(words.forms):
        if index in taken or not form.coarse.startswith(INSTITUTIONS):
            continue
        for step in (-1, 1):
            position = index + step
            while 0 <= position < len(words) and (
                words.forms[position].raw in "-№" or words.forms[position].raw.lower() in ORDINALS
            ):
                position += step
            if not 0 <= position < len(words) or position in taken:
                continue
            number = words.forms[position]
            if number.kind == "number" and len(number.raw) <= 3:
                first, last = min(index, position), max(index, position)
                before = words.forms[first - 1].medium if first else ""
                found.append(
                    Mention(
                        first, last, (first, last), (), frozenset({"landmark"}), before, "", True
                    )
                )
                break
    return found


def _neighbour(words: Words, index: int, step: int) -> tuple[int, Form] | None:
    """The next token in a direction, over quotes and the point of an abbreviation."""
    position = index + step
    while 0 <= position < len(words) and (
        words.forms[position].raw in _QUOTES
        or (words.forms[position].raw in "-№" and step < 0)
        or (words.forms[position].raw == "." and step < 0 and _is_short(words, position - 1))
        or (words.forms[position].raw == "-" and step > 0)
    ):
        position += step
    return (position, words.forms[position]) if 0 <= position < len(words) else None


def _is_short(words: Words, position: int) -> bool:
    """Whether a full stop there ends an abbreviation ("ул.", "мкр.") and not a sentence."""
    return position >= 0 and len(words.forms[position].raw) <= LONGEST_SHORT_FORM


def _is_abbreviated(words: Words, position: int) -> bool:
    return position + 1 < len(words) and words.forms[position + 1].raw == "."


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
        short = form.coarse in _ONE_LETTER or len(form.coarse) <= 2
        if form.coarse in ("н", "n") and position >= 2 and words.forms[position - 1].raw == "-":
            if words.forms[position - 2].coarse == "р":
                generics.add("district")
                first = position - 2
        elif kinds and (
            not short or _is_abbreviated(words, position) or form.coarse in ("ул", "пр")
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
        common=match.name.common or (match.name.adjective and not core.capital),
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
    return before in _QUOTES and after in _QUOTES


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
    while position >= 0 and words.forms[position].raw in _QUOTES:
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
    if form.kind == "cyrillic" and form.coarse in _RUSSIAN_FRONT:
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
_RUSSIAN_FRONT = frozenset(
    coarsen(fold_cyrillic(w))
    for w in terms(
        "улица улице улицы проспект проспекте село посёлок город трасса трассе мкр "
        "микрорайон парк рынок школа больница базар стадион мост вокзал"
    )
)


def _unlisted(words: Words, known: list[Mention]) -> list[Mention]:
    """Streets and micro-districts with a generic word whose names the gazetteer lacks."""
    taken = {i for m in known for i in range(m.first, m.last + 1)}
    found: list[Mention] = []
    for index, form in enumerate(words.forms):
        kinds = [k for k in generic_kinds(form) if k in ("street", "microdistrict")]
        if not kinds or index in taken:
            continue
        if (
            len(form.coarse) <= 2
            and form.coarse not in ("ул",)
            and not _is_abbreviated(words, index)
        ):
            continue
        span = _name_after(words, index, taken, kinds[0]) or _name_before(
            words, index, taken, kinds[0]
        )
        if span is None:
            continue
        first, last = min(index, span[0]), max(index, span[1])
        taken |= set(range(first, last + 1))
        found.append(
            Mention(
                first=first,
                last=last,
                core=span,
                entries=(),
                generics=frozenset(kinds),
                before=words.forms[first - 1].medium if first else "",
                ending="",
                capital=True,
            )
        )
    return found


def _is_name(form: Form) -> bool:
    return form.kind in ("cyrillic", "latin") and form.capital and not generic_kinds(form)


def _name_after(words: Words, index: int, taken: set[int], kind: str) -> tuple[int, int] | None:
    position = index + 1
    while position < len(words) and words.forms[position].raw in {".", "№", *_QUOTES}:
        position += 1
    last = position - 1
    while (
        last + 1 < len(words)
        and last - position < 2
        and last + 1 not in taken
        and _is_name(words.forms[last + 1])
    ):
        last += 1
    if last >= position:
        return position, last
    if kind == "microdistrict" and position < len(words) and position not in taken:
        form = words.forms[position]
        if form.kind == "number" and len(form.raw) <= 2:
            return position, position
    return None


def _name_before(words: Words, index: int, taken: set[int], kind: str) -> tuple[int, int] | None:
    form = words.forms[index]
    last = index - 1
    if last >= 0 and words.forms[last].raw.lower() in ORDINALS and last >= 1:
        last -= 1
    while last >= 0 and words.forms[last].raw in {"-", *_QUOTES}:
        last -= 1
    if last < 0 or last in taken:
        return None
    if kind == "microdistrict" and words.forms[last].kind == "number":
        return (last, last) if len(words.forms[last].raw) <= 2 else None
    if form.coarse in _RUSSIAN_FRONT and kind == "street":
        return None
    first = last + 1
    while (
        first - 1 >= 0
        and last - first < 1
        and first - 1 not in taken
        and _is_name(words.forms[first - 1])
    ):
        first -= 1
    return (first, last) if first <= last else None


def _attach_house(words: Words, mention: Mention) -> None:
    """The house number behind a street or micro-district, or "дом 15 на" in front of it."""
    kinds = {e.kind for e in mention.entries} | mention.generics
    if not kinds & {"street", "microdistrict"}:
        return
    position, size = mention.last + 1, len(words)
    comma = said = False
    while position < size and position - mention.last <= 4:
        form = words.forms[position]
        if form.raw in ",.-№":
            comma = comma or form.raw in ",."
        elif form.coarse in _HOUSE:
            said = True
        else:
            break
        position += 1
    if position >= size or words.forms[position].kind != "number":
        _house_in_front(words, mention)
        return
    number = words.forms[position].raw
    following = words.forms[position + 1] if position + 1 < size else None
    after = following.coarse if following is not None else ""
    says_house = said or after in _HOUSE or after.startswith("уи")
    if len(number) > 3 or int(number) == 0 or int(number) > 700:
        return
    if not says_house:
        glued = (following is not None and following.raw == ":") or after == "%"
        if glued or after in _UNITS:
            return
        if (
            after == "-"
            and position + 2 < size
            and words.forms[position + 2].coarse in (_UNITS | {"и"})
        ):
            return
        if comma and words.forms[position - 1].raw == "." and not mention.generics:
            return
        if "street" not in kinds:
            return
    last = position
    if following is not None and following.raw in "/" and position + 2 < size:
        last, number = position + 2, number + "/" + words.forms[position + 2].raw
    elif (
        following is not None
        and len(following.raw) == 1
        and (following.raw.lower() in "абвгд" and words.starts[position + 1] == words.end(position))
    ):
        last, number = position + 1, number + following.raw
    elif after in _HOUSE:
        last = position + 1
    mention.house = number
    mention.last = last


def _house_in_front(words: Words, mention: Mention) -> None:
    if mention.first < 3:
        return
    a, b, c = (words.forms[mention.first - k] for k in (3, 2, 1))
    if a.coarse in _HOUSE and b.kind == "number" and c.medium in PREPOSITIONS and len(b.raw) <= 3:
        mention.house = b.raw
        mention.first -= 3


def _join_crossings(words: Words, mentions: list[Mention], gazetteer: Gazetteer) -> list[Mention]:
    joined: list[Mention] = []
    index = 0
    while index < len(mentions):
        left = mentions[index]
        right = mentions[index + 1] if index + 1 < len(mentions) else None
        if right is not None and _is_pair(words, left, right, gazetteer):
            joined.append(_crossing(words, left, right))
            index += 2
            continue
        joined.append(left)
        index += 1
    return joined


def _is_pair(words: Words, left: Mention, right: Mention, gazetteer: Gazetteer) -> bool:
    if left.house or (right.first - left.last) > 5 or right.first <= left.last:
        return False
    a, b = left.of_kind("street"), right.of_kind("street")
    other = (left.generics | right.generics) - {"street", "landmark", "highway"}
    if not a or not b or (other and not (other == {"district"} and left.vicinity)):
        return False
    between = [words.forms[i] for i in range(left.last + 1, right.first)]
    loose = [f for f in between if f.coarse not in CONNECTORS and "street" not in generic_kinds(f)]
    if any(f.coarse not in LOOSE_CONNECTORS for f in loose):
        return False
    left.known_crossings = [
        (x, y, point)
        for x in a
        for y in b
        if x.id != y.id and (point := gazetteer.crossing(x.id, y.id)) is not None
    ]
    said = left.ending in ("мен", "бен", "пен") or any(
        words.forms[i].coarse.startswith(CROSSING_WORDS)
        for i in range(max(0, left.first - 2), min(len(words), right.last + 3))
    )
    strong = said or any(f.coarse in STRONG_CONNECTORS for f in between)
    if loose and not left.known_crossings:
        return False
    if left.known_crossings:
        left.strong = strong
        return True
    towns = {gazetteer.settlement_of(e.id) for e in a} & {gazetteer.settlement_of(e.id) for e in b}
    plain = not (left.of_kind("city", "country") or right.of_kind("city", "country"))
    left.strong = strong
    return strong and bool(towns) and (plain or said)


def _crossing(words: Words, left: Mention, right: Mention) -> Mention:
    left.partner = right
    left.house = None
    last = right.last if right.house is None else max(right.core[1], right.first)
    for position in range(last + 1, min(len(words), last + 3)):
        if words.forms[position].coarse.startswith(CROSSING_WORDS):
            last = position
    first = left.first
    if first and words.forms[first - 1].coarse.startswith(CROSSING_WORDS):
        first -= 1
    left.first, left.last = first, last
    return left
