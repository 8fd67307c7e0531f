"""Words in any script: Kazakh with or without its letters, or typed in Latin, is one word."""

from __future__ import annotations

import re
from functools import lru_cache

_TOKEN = re.compile(r"[^\W_]+")
_KAZAKH = str.maketrans("әғқңөұүһіёыйэъь", "агкноуухиеиие\0\0")
_LATIN = re.compile(r"[a-z]")
_LATIN_PAIRS = (
    ("shch", "ш"), ("sch", "ш"), ("sh", "ш"), ("ch", "ч"), ("zh", "ж"), ("kh", "х"), ("gh", "г"),
    ("ts", "ц"), ("ya", "иа"), ("yu", "иу"), ("yo", "е"), ("ye", "е"), ("ia", "иа"), ("iu", "иу"),
)  # fmt: skip
_LATIN_SINGLE = str.maketrans("abcdefghijklmnopqrstuvwxyz", "абцдефгхижклмнопкрстувшхиз")
_COARSE = (("щ", "ш"), ("ю", "иу"), ("я", "иа"), ("дж", "ж"))
_DOUBLED = re.compile(r"(\D)\1+")


@lru_cache(maxsize=262_144)
def fold(token: str) -> str:
    """A token's key in any script and spelling: "Сайын", "Саин" and "Sain" are one."""
    word = token.lower()
    if _LATIN.search(word):
        for latin, letters in _LATIN_PAIRS:
            word = word.replace(latin, letters)
        word = word.translate(_LATIN_SINGLE)
    word = word.translate(_KAZAKH).replace("\0", "")
    for written, coarse in _COARSE:
        word = word.replace(written, coarse)
    return _DOUBLED.sub(r"\1", word)


def tokens(text: str) -> list[str]:
    """The words and numbers of a text, as written."""
    return _TOKEN.findall(text)
