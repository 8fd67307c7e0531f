"""What the words around a place say of it: the event is there, or somebody comes from it."""

from __future__ import annotations

from enum import StrEnum

from nlp.gazetteer.mention import Mention
from nlp.gazetteer.names import folded
from nlp.words import Form, Words


class Role(StrEnum):
    """What a place is to the event, from the words beside it.

    ``here``: at or near it, said so. ``plain``: just named. ``source``: somebody or something
    comes from it. ``target``: somebody goes there, or it tells the direction. ``origin``: only
    somebody's home. ``hometown``: where somebody says to be from, which tells nothing of the event.
    """

    HERE = "here"
    PLAIN = "plain"
    SOURCE = "source"
    TARGET = "target"
    ORIGIN = "origin"
    HOMETOWN = "hometown"


PASSING = frozenset({Role.SOURCE, Role.TARGET, Role.ORIGIN, Role.HOMETOWN})
"""Roles of places where the event hardly is."""

ROAD_WORDS = ("трас", "жол", "тасжол", "шосе", "автодорог", "дорог", "участк", "автобан", "jol")
TRANSPORT = ("автобус", "маршрутк", "поезд", "поиз", "реис", "електричк", "вагон", "такси", "фур")
_KM = ("км", "km", "километр", "шакирим")
_ABLATIVE = folded("дан ден тан тен нан нен")
_DATIVE = folded("ға ге қа ке")
_FROM = folded("из с со от iz ot s")
_TO = folded("к ко до сторону направлении направлению k do сторона")
_NEAR = folded(
    "за под у около возле близ вблизи перед недалеко рядом напротив над вокруг внутри мимо "
    "между pod za u vozle okolo"
)
_LEAVING = (
    "виезд", "везд", "подезд", "недалек", "неподал", "км", "километр", "метрах", "севернее",
    "южнее", "западнее", "восточнее", "иугу", "северу", "западу", "востоку", "отезд", "пиш",
    "сообша", "переда", "видео", "фото",
)  # fmt: skip
"""Before "из", "от": it happens beside the place, or is told from there."""
_LAST_SEEN = ("вишел", "вишла", "вишли", "ушел", "ушла", "ушли", "пропал", "сбежал", "исчез")
_TURNING = ("поворот", "отворот", "сезд", "развилк")
_MOVING = ("идет", "идут", "едет", "едут", "ехал", "поехал", "уехал", "виехал", "направл",
           "собира", "едем", "еду", "пошел", "пошла", "поедет")  # fmt: skip
_SHORT_OF = ("доезж", "доезд", "доход", "доехав", "доид", "подезд", "везд", "подступ", "ближе",
             "близост", "дотян")  # fmt: skip
_RESIDENT = ("жителни", "уроженк", "уроженец", "уроженц", "прописан", "зарегистр")
_HOMETOWN = frozenset({"сам", "сама", "сами", "родом"})
_ONE_RESIDENT = frozenset({"жител", "жителиа", "жителиу", "жителем"})
_RESIDENT_AFTER = ("тургини", "туилган")
_TOWARDS = ("караи", "багит", "сторон", "направлен", "жака", "жагина", "жакка", "бетте", "тарап",
            "баратин", "барам", "барат", "кети")  # fmt: skip
_ARRIVING = ("жакин", "жетпе", "жетер", "жете", "кирер", "кире", "таиау", "кирге", "карасти")
_OPEN_COUNTRY = ("жер", "жол", "кеин")


def role_of(words: Words, mention: Mention, *, settled: bool = True) -> Role:
    """The role of a place, by the two words before and after it.

    ``settled``: it is a settlement or area; "на" before a street is no direction.
    """
    before = words.forms[mention.first - 1].coarse if mention.first else ""
    earlier = _before(words, mention.first - 1)
    after = _at(words, mention.last + 1)
    later = _at(words, mention.last + 2)
    if before in _FROM and earlier in _HOMETOWN:
        return Role.HOMETOWN
    if _is_resident(before) or (_is_resident(earlier) and before not in _BREAKS):
        return Role.ORIGIN
    if after.startswith(_RESIDENT_AFTER):
        return Role.ORIGIN
    if mention.generics == {"highway"}:
        return Role.TARGET  # "Кентау жолы": the road that leads there
    if before in _FROM or mention.ending in _ABLATIVE:
        seen = any(
            form.coarse.startswith(_LAST_SEEN)
            for form in words.forms[max(0, mention.first - 5) : mention.first]
        )
        return Role.HERE if seen or _leaves(earlier, after, later) else Role.SOURCE
    if before in _TO or (settled and before in ("на", "na")):
        if any(earlier_.startswith(_SHORT_OF) for earlier_ in (earlier, before)):
            return Role.HERE
        if before in ("на", "na") and mention.ending in ("е", "и", *_KAZAKH_LOCATIVE):
            return Role.HERE
        return Role.HERE if earlier.startswith(_TURNING) else Role.TARGET
    if before in ("в", "во", "v", "vo") and (
        mention.ending in ("у", "иу") or earlier.startswith(_MOVING)
    ):
        return Role.TARGET
    if mention.ending in _DATIVE:
        return Role.HERE if after.startswith(_ARRIVING) else Role.TARGET
    if after.startswith(_TOWARDS):
        return Role.TARGET
    if after.startswith(_ARRIVING) or before in _NEAR or mention.placed:
        return Role.HERE
    return Role.PLAIN


_BREAKS = frozenset(".!?,\n")


def _is_resident(word: str) -> bool:
    """ "житель" and the like; "жители" speak of where they are."""
    return word in _ONE_RESIDENT or word.startswith(_RESIDENT)


_KAZAKH_LOCATIVE = folded("да де та те")


def _leaves(earlier: str, after: str, later: str) -> bool:
    """ "на выезде из Х", "Х-тан шыға берісте", "Х-дан өткен жер": it happens beside the place."""
    if earlier.startswith(_LEAVING):
        return True
    if after.startswith("шигабер") or (after.startswith("шига") and later.startswith("бер")):
        return True
    if after.startswith(("шигар", "шикан", "шиккан", "откен", "отке", "асканд", "аса")):
        return later.startswith(_OPEN_COUNTRY)
    if after in ("оти", "отип", "оте", "откен"):
        return True
    return after.startswith(("шигис", "алис", "сол", "кеин")) and not later.startswith("кун")


def _at(words: Words, index: int) -> str:
    return words.forms[index].coarse if 0 <= index < len(words) else ""


def _before(words: Words, index: int) -> str:
    """The word before ``index``, over a second preposition ("не доезжая до", "км от")."""
    return words.forms[index - 1].coarse if index >= 1 else ""


def is_road_word(form: Form) -> bool:
    """Whether a word speaks of a road: "трассада", "жолында", "участке"."""
    return form.coarse.startswith(ROAD_WORDS) and len(form.coarse) > 2


def said_near(words: Words, first: int, last: int, prefixes: tuple[str, ...], reach: int) -> bool:
    """Whether a word with one of the beginnings stands near words ``first`` to ``last``."""
    return any(
        form.coarse.startswith(prefixes)
        for form in words.forms[max(0, first - reach) : last + 1 + reach]
    )


def kilometre_near(
    words: Words, first: int, last: int, reach: int = 6, *, besides: int | None = None
) -> float | None:
    """The kilometre of a road: "35-й км трассы", "40-шақырымында"; ``None``: none is said.

    ``besides``: a word that is a number, but not this one.
    """
    for index in range(max(0, first - reach), min(len(words), last + 1 + reach)):
        if not words.forms[index].coarse.startswith(_KM):
            continue
        if _at(words, index + 1) in ("/", "ч", "в") and _at(words, index + 2) in ("ч", "час"):
            continue  # a speed
        for step in (1, 2, 3):
            form = words.forms[index - step] if index >= step else None
            if form is None or index - step == besides:
                break
            if form.kind == "number":
                return float(form.raw) if 0 < int(form.raw) <= LONGEST_ROAD_KM else None
            if form.raw != "-" and len(form.raw) > 3:
                break
    return None


LONGEST_ROAD_KM = 3_000
