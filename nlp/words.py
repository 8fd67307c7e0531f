"""Words of a text and their folded forms, so that one model sees all spellings alike.

``medium`` keeps the word readable: lower case, Kazakh letters as they are typed on a Russian
keyboard, Latin script as Cyrillic, look-alike letters and stretched vowels repaired. ``coarse``
goes further, so that "Сайын", "Саин", "Sain" and "Sayin" are one key.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

WORD = re.compile(
    r"[0-9]*[A-Za-z\u00C0-\u024F](?:['’ʼ`´]?[A-Za-z\u00C0-\u024F]|[46](?=[A-Za-z]))*['’ʼ]?"
    r"|[^\W\d_]+(?:[\u0300-\u036f'’ʼ]?[^\W\d_])*"
    r"|\d+"
    r"|\s+"
    r"|.",
    re.DOTALL,
)
"""Tokens cover the whole text: words, runs of digits, white space, single other characters."""


def terms(text: str) -> list[str]:
    """A list of words that is written in one string."""
    return text.split()


KAZAKH_LETTERS = frozenset("әғқңөұүһі")
"""Letters that Kazakh has and Russian has not, in lower case."""
_KAZAKH = str.maketrans("әғқңөұүһіёїє", "агкноуухиеие")
_HOMOGLYPHS = str.maketrans("aeocpxykmthbi", "аеосрхукмтнви")
_STRETCHED = re.compile(r"(\D)\1{2,}")
_DOUBLED = re.compile(r"(\D)\1+")
_LATIN = re.compile(r"[a-z\u00e0-\u024f]")
_CYRILLIC = re.compile(r"[\u0400-\u04ff]")

_LATIN_SINGLE = {
    "a": "а",
    "b": "б",
    "c": "с",
    "d": "д",
    "e": "е",
    "f": "ф",
    "g": "г",
    "h": "х",
    "i": "и",
    "j": "ж",
    "k": "к",
    "l": "л",
    "m": "м",
    "n": "н",
    "o": "о",
    "p": "п",
    "q": "к",
    "r": "р",
    "s": "с",
    "t": "т",
    "u": "у",
    "v": "в",
    "w": "ш",
    "x": "х",
    "y": "ы",
    "z": "з",
    "ä": "а",
    "á": "а",
    "ə": "а",
    "ö": "о",
    "ó": "о",
    "ü": "у",
    "ú": "у",
    "ū": "у",
    "ý": "у",
    "ğ": "г",
    "ǵ": "г",
    "ş": "ш",
    "ñ": "н",
    "ń": "н",
    "ı": "ы",
    "ç": "ч",
    "é": "е",
    "č": "ч",
    "š": "ш",
    "ž": "ж",
    "í": "и",
    "ŋ": "н",
    "4": "ч",
    "6": "ш",
    "i̇": "и",
}
_LATIN_PAIRS = {
    "shch": "щ",
    "sch": "щ",
    "sh": "ш",
    "ch": "ч",
    "zh": "ж",
    "kh": "х",
    "gh": "г",
    "ts": "ц",
    "ya": "я",
    "yu": "ю",
    "yo": "е",
    "ye": "е",
    "ia": "я",
    "iu": "ю",
    "io": "ио",
    "dzh": "ж",
    "a'": "а",
    "o'": "о",
    "u'": "у",
    "g'": "г",
    "n'": "н",
    "i'": "и",
    "c'": "ч",
    "y'": "у",
}
_LATIN_TOKEN = re.compile(
    "|".join(sorted(map(re.escape, [*_LATIN_PAIRS, *_LATIN_SINGLE]), key=len, reverse=True))
)
_APOSTROPHE = str.maketrans("’ʼ`´", "''''")
_UNITS = frozenset(terms("km m mkr k kv min ch sm tg g ga mm th st nd rd tenge let"))
_VOWELS = frozenset("aeiouyäöüūıáóúéí")
_J_VOWEL = {"ja": "я", "ju": "ю", "jo": "е", "je": "е"}


@dataclass(frozen=True, slots=True)
class Form:
    """A surface form and what it folds to. ``kind``: cyrillic, latin, number, space or mark."""

    raw: str
    kind: str
    medium: str
    coarse: str
    stem: str
    capital: bool


@dataclass(slots=True)
class Words:
    """The tokens of a text that are not white space, with their character offsets."""

    text: str
    forms: list[Form] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)

    def end(self, index: int) -> int:
        """Offset behind token ``index``."""
        return self.starts[index] + len(self.forms[index].raw)

    def __len__(self) -> int:
        return len(self.forms)


def split(text: str) -> list[str]:
    """The tokens of a text, white space included; joined they are the text."""
    return WORD.findall(text)


def words_of(text: str) -> Words:
    """The words of a text with offsets."""
    result = Words(text)
    position = 0
    for raw in split(text):
        form = form_of(raw)
        if form.kind != "space":
            result.forms.append(form)
            result.starts.append(position)
        position += len(raw)
    return result


@lru_cache(maxsize=262_144)
def form_of(raw: str) -> Form:
    """The folded forms of one token."""
    lower = raw.lower().translate(_APOSTROPHE).replace("\u0301", "")
    latin, cyrillic = bool(_LATIN.search(lower)), bool(_CYRILLIC.search(lower))
    if raw.isspace():
        return Form(raw, "space", " ", " ", " ", False)
    if not latin and not cyrillic:
        kind = "number" if raw[0].isdigit() else "mark"
        return Form(raw, kind, lower, lower, lower, False)
    if cyrillic:
        kind, medium = "cyrillic", fold_cyrillic(lower)
    else:
        kind, medium = "latin", fold_latin(lower)
    coarse = coarsen(medium)
    capital = raw[0].isupper()
    return Form(raw, kind, medium, coarse, stem_of(coarse), capital)


def fold_cyrillic(lower: str) -> str:
    """A lower-case Cyrillic word as typed on a Russian keyboard; look-alikes repaired."""
    if "\u0306" in lower or "\u0308" in lower:
        lower = lower.replace("и\u0306", "й").replace("е\u0308", "е")
    if _LATIN.search(lower):
        lower = lower.translate(_HOMOGLYPHS)
    return _STRETCHED.sub(r"\1", lower.translate(_KAZAKH).replace("'", ""))


def fold_latin(lower: str) -> str:
    """A lower-case Latin word as the Cyrillic word it most likely stands for.

    "j" is "ж" at a word's start and before a consonant ("jol"), "й" after a vowel ("moj"), part
    of a soft vowel after a consonant ("menja"); "y" is "й" after a vowel, else "ы".
    """
    word = _STRETCHED.sub(r"\1", lower)
    if word[0].isdigit() and word.lstrip("0123456789") in _UNITS:
        return word.translate(_SINGLE_TABLE)
    if word in _WHOLE:
        return _WHOLE[word]
    out: list[str] = []
    position, size = 0, len(word)
    while position < size:
        before = word[position - 1] if position else ""
        after = word[position + 1] if position + 1 < size else ""
        letter = word[position]
        if letter == "j":
            pair = word[position : position + 2]
            if position and before not in _VOWELS and pair in _J_VOWEL:
                out.append(_J_VOWEL[pair])
                position += 2
                continue
            if before in _VOWELS and pair in _J_VOWEL and position + 2 == size:
                out.append(_J_VOWEL[pair])
                position += 2
                continue
            out.append("й" if before in _VOWELS and after not in _VOWELS else "ж")
            position += 1
            continue
        if letter in "yi" and before in _VOWELS and after not in _VOWELS:
            out.append("й")
            position += 1
            continue
        if letter == "c" and after in {"e", "i", "y"}:
            out.append("ц")
            position += 1
            continue
        if letter == "s" and after == "'" and word[position + 2 : position + 3] in _VOWELS:
            out.append("ш")
            position += 2
            continue
        found = _LATIN_TOKEN.match(word, position)
        if found is None:
            out.append("" if letter == "'" else letter)
            position += 1
            continue
        piece = found[0]
        out.append(_LATIN_PAIRS.get(piece) or _LATIN_SINGLE[piece])
        position = found.end()
    return "".join(out)


_SINGLE_TABLE = str.maketrans({k: v for k, v in _LATIN_SINGLE.items() if len(k) == 1})
_WHOLE = {"ja": "я", "ya": "я", "y": "у", "i": "и", "b": "б", "c": "с"}


@lru_cache(maxsize=65_536)
def coarsen(medium: str) -> str:
    """The key that Russian, Kazakh and Latin spellings of a word share."""
    word = medium.translate(_COARSE).replace("дж", "ж")
    return _DOUBLED.sub(r"\1", word)


_COARSE = str.maketrans(
    {
        "й": "и",
        "ы": "и",
        "э": "е",
        "щ": "ш",
        "ъ": "",
        "ь": "",
        "ю": "иу",
        "я": "иа",
        "ё": "е",
        "-": None,
        "'": None,
    }
)

_SUFFIXES = sorted(
    terms("""
    ами иами ого его ому ему ими ах иах ов ев ом ем ам иам ои еи их ому аиа уиу ие ат ит ет ут иут
    ла ло ли ал ил ел т л а е и о у иа иу ав ив ис са са ша шии шеи ваи ниа ние ниу
    лар лер дар дер тар тер лари лери дари дери тари тери
    нин дин тин га ге ка ке на не ди ти ни да де та те дан ден тан тен нан нен мен бен пен
    даги деги таги теги им ин си миз низ имиз иниз инда инде ина ине инан инен
    ган ген кан кен ип п пти ади еди иди адан еден сан сен
    """),
    key=lambda s: (-len(s), s),
)
_MIN_STEM = 4


@lru_cache(maxsize=262_144)
def stem_of(coarse: str) -> str:
    """The word without Russian and Kazakh endings, at least four letters (light, two passes)."""
    word = coarse
    for _ in range(2):
        for suffix in _SUFFIXES:
            if word.endswith(suffix) and len(word) - len(suffix) >= _MIN_STEM:
                word = word[: -len(suffix)]
                break
        else:
            break
    return word
