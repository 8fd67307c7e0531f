"""House numbers behind a street ("Абая 15", "Абая, дом 15"), and none where a count stands."""

from __future__ import annotations

from nlp.gazetteer.mention import PREPOSITIONS, Mention
from nlp.words import Words, coarsen, fold_cyrillic, terms

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


def attach_house(words: Words, mention: Mention) -> None:
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
