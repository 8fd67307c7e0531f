"""House numbers beside a street ("Абая 15", "у дома 15 по Абая"), and none where a count stands."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nlp.gazetteer.mention import GENITIVE, Mention
from nlp.gazetteer.names import folded
from nlp.words import Words, coarsen, fold_cyrillic, terms

HOUSE = frozenset(
    terms("дом дома доме домом домов домам домах домами д уи уии уидин уиге уиде уидег уидеги dom")
)
_SEVERAL = frozenset(terms("домов домам домах домами дома"))
_BESIDE = folded("у возле около вдоль напротив рядом с со в районе перед за u vozle okolo")
"""Between a street and "дома 15": "Абая, в районе дома 15"."""
_OF_STREET = frozenset(terms("на по na po"))
_GLUED = re.compile(r"(\d{1,3})([A-Z]|[a-f])")
_LETTERS = frozenset("абвгдежз")
_WITH_HOUSES = frozenset({"street", "microdistrict"})
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


@dataclass(frozen=True)
class _Number:
    """A house number: the last of its words, and what it is."""

    last: int
    text: str


def attach_house(words: Words, mention: Mention, free_from: int = 0) -> None:
    """The house number behind a street or micro-district, or "дом 15 на" in front of it.

    ``free_from``: the first word that belongs to no mention before this one.
    """
    kinds = {e.kind for e in mention.entries} | mention.generics
    if not kinds & _WITH_HOUSES or (mention.generics and not mention.generics & _WITH_HOUSES):
        return
    start = _start_behind(words, mention)
    number = None if start is None else _number(words, start.position)
    if start is None or number is None:
        _house_in_front(words, mention, free_from)
        return
    after = _coarse(words, number.last + 1)
    said = start.said is not None
    last = number.last
    if not said and (after in HOUSE or after.startswith("уи")):
        last, said = number.last + (after in HOUSE), True
    elif not said and (ordinal := _ordinal_house(words, number.last)) is not None:
        last, said = ordinal, True
    if not said and ("street" not in kinds or _is_count(words, start, number, mention)):
        return
    if start.said is not None:
        last = _further(words, last, plain=words.forms[start.said].coarse in _SEVERAL)
    mention.house = number.text
    mention.house_words = (start.position if start.said is None else start.said, last)
    mention.last = last


@dataclass(frozen=True)
class _Start:
    """Where a number starts behind a street. ``said``: the word "дом" before it."""

    position: int
    said: int | None
    comma: bool


def _start_behind(words: Words, mention: Mention) -> _Start | None:
    """Over commas, "дом" and "в районе дома"; ``None`` where no number follows."""
    position, size = mention.last + 1, len(words)
    comma = beside = False
    said: int | None = None
    while position < size and position - mention.last <= 5:
        form = words.forms[position]
        if form.raw in ",.-№":
            comma = comma or form.raw in ",."
        elif form.coarse in HOUSE:
            said = position
        elif said is None and form.coarse in _BESIDE:
            beside = True
        else:
            break
        position += 1
    if position >= size or (beside and said is None):
        return None
    return _Start(position, said, comma)


def _number(words: Words, position: int) -> _Number | None:
    """The house number that starts at a word: "15", "15/2", "15а", "15N"."""
    form = words.forms[position]
    if glued := _GLUED.fullmatch(form.raw):
        return _Number(position, form.raw) if 0 < int(glued[1]) <= HIGHEST else None
    number = form.raw
    if form.kind != "number" or len(number) > 3 or not 0 < int(number) <= HIGHEST:
        return None
    following = words.forms[position + 1] if position + 1 < len(words) else None
    if following is None:
        return _Number(position, number)
    if following.raw == "/" and position + 2 < len(words):
        return _Number(position + 2, f"{number}/{words.forms[position + 2].raw}")
    touching = words.starts[position + 1] == words.end(position)
    letter = len(following.raw) == 1 and following.kind == "cyrillic"
    if touching and letter and (following.capital or following.raw in _LETTERS):
        return _Number(position + 1, number + following.raw)
    return _Number(position, number)


HIGHEST = 700


def _ordinal_house(words: Words, last: int) -> int | None:
    """The word "дом" of "16-й дом"."""
    ordinal = _coarse(words, last + 1) == "-" and len(_coarse(words, last + 2)) <= 2
    return last + 3 if ordinal and _coarse(words, last + 3) in HOUSE else None


def _is_count(words: Words, start: _Start, number: _Number, mention: Mention) -> bool:
    """Whether a number without the word "дом" counts or tells the time."""
    position = number.last + 1
    if _raw(words, position) == "и":  # "15 и 16 мая"
        position += 1 + (_raw(words, position + 1).isdigit())
    after = _coarse(words, position)
    if mention.ending in GENITIVE:
        return True  # "Жеңістің 75 жылдығы"
    if after in (":", "%") or after in _UNITS:
        return True
    if after == "-" and _coarse(words, position + 1) in (_UNITS | {"и"}):
        return True
    return start.comma and words.forms[start.position - 1].raw == "." and not mention.generics


def _further(words: Words, last: int, *, plain: bool) -> int:
    """The last number of "домов 2, 4 и 6" (``plain``) or "дом 2 и дом 4"."""
    while _coarse(words, last + 1) in ("и", ","):
        said = _coarse(words, last + 2) in HOUSE
        position = last + 2 + said
        number = _number(words, position) if position < len(words) else None
        if number is None or not (said or plain) or _coarse(words, number.last + 1) in _OF_STREET:
            break
        last = number.last
    return last


def _coarse(words: Words, index: int) -> str:
    return words.forms[index].coarse if 0 <= index < len(words) else ""


def _raw(words: Words, index: int) -> str:
    return words.forms[index].raw if 0 <= index < len(words) else ""


def _house_in_front(words: Words, mention: Mention, free_from: int) -> None:
    """ "у дома 15 по улице Абая", "16-й дом на Абая", "возле дома 15, улица Абая"."""
    joint = _coarse(words, mention.first - 1)
    named = joint == "," and mention.core[0] > mention.first
    if joint not in _OF_STREET and not named:
        return
    end = mention.first - 2
    if _coarse(words, end) == ",":
        end -= 1
    for first in range(end - 1, max(free_from, end - 4) - 1, -1):
        said = words.forms[first].coarse in HOUSE
        number = _number(words, first + said)
        if number is None or (not said and named):
            continue
        if (number.last if said else _ordinal_house(words, number.last)) == end:
            mention.house, mention.house_words = number.text, (first, end)
            mention.first = first
            return
