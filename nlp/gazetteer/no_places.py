"""Names of places that stand for something else: a feast, a football club, a game's server."""

from __future__ import annotations

from nlp.gazetteer.mention import Mention
from nlp.gazetteer.names import folded
from nlp.words import Words

CLUBS = folded(
    "кайрат қайрат астана шахтёр жетысу жетісу тобол тобыл атырау ордабасы актобе ақтөбе барыс "
    "елимай тараз окжетпес кайсар қайсар каспий туран иртыш алатау женис жеңіс торпедо"
)
"""Names that a club has and a place or street too."""
PLAY = (
    "матч", "нич", "вратар", "тренер", "лиг", "чемпион", "кубок", "кубк", "финал", "сигра", "виигр",
    "проигр", "обигр", "вилет", "утти", "утил", "женди", "женип", "футбол", "хокеи", "таим",
    "пеналт", "болелщ", "фанат", "какпаш", "отбив", "тащил", "пенал",
)  # fmt: skip
"""Beginnings of words of play, as they are folded."""
PLAY_REACH = 6
_FEAST_BEFORE = ("ден", "днем", "днеи", "дниом", "дня", "дниа", "дню", "дниу", "праздник")
_FEAST_AFTER = ("куни", "меирам", "мереке")
_SPRING_FEAST = "науриз"
SERVER = ("сервер", "сервак", "серваг")
SERVER_REACH = 2


def is_no_place(words: Words, mention: Mention) -> bool:
    """Whether the words around a name say that it is no place here.

    Where a preposition, an ending or a generic word puts something there, it is one.
    """
    if _is_feast(words, mention):
        return True
    if mention.placed or mention.house or mention.partner or mention.generics - {"landmark"}:
        return False
    return _is_club(words, mention) or _is_server(words, mention)


def _is_feast(words: Words, mention: Mention) -> bool:
    """ "с Наурызом", "ко Дню Победы", "Жеңіс күні"."""
    first, last = mention.core
    if mention.house or mention.partner or mention.generics:
        return False
    before = words.forms[first - 1].coarse if first else ""
    after = words.forms[last + 1].coarse if last + 1 < len(words) else ""
    if words.forms[first].coarse.startswith(_SPRING_FEAST) and before in ("с", "со", "s"):
        return True
    return before.startswith(_FEAST_BEFORE) or after.startswith(_FEAST_AFTER)


def _is_club(words: Words, mention: Mention) -> bool:
    core = words.forms[mention.core[0]]
    if core.coarse not in CLUBS or mention.alone:
        return False
    around = range(max(0, mention.first - PLAY_REACH), min(len(words), mention.last + PLAY_REACH))
    return any(words.forms[i].coarse.startswith(PLAY) or _is_score(words, i) for i in around)


def _is_score(words: Words, index: int) -> bool:
    """ "3:0": two single digits."""
    pieces = words.forms[index : index + 3]
    return (
        len(pieces) == 3
        and pieces[1].raw == ":"
        and all(p.kind == "number" and len(p.raw) == 1 for p in (pieces[0], pieces[2]))
    )


def _is_server(words: Words, mention: Mention) -> bool:
    near = words.forms[max(0, mention.first - SERVER_REACH) : mention.last + 1 + SERVER_REACH]
    return any(form.coarse.startswith(SERVER) for form in near)
