"""Other ways to type a text: Latin script, left-out letters, typing errors. For training only."""

from __future__ import annotations

import random
import re

from nlp.language import TO_RUSSIAN_KEYBOARD

_COMMON = {
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ё": "e", "з": "z", "и": "i",
    "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t",
    "у": "u", "ф": "f", "ь": "", "ъ": "", "э": "e", "ә": "a", "ғ": "g", "ң": "n", "ө": "o",
    "ұ": "u", "ү": "u", "һ": "h", "і": "i",
}  # fmt: skip
_CHOICES = {
    "ж": ("zh", "j"), "й": ("y", "i", "j"), "х": ("h", "kh", "x"), "ц": ("c", "ts"),
    "ч": ("ch", "4"), "ш": ("sh", "w"), "щ": ("sch", "sh"), "ы": ("y", "i"), "ю": ("yu", "iu"),
    "я": ("ya", "ia"), "қ": ("q", "k"), "ң": ("n", "ng", "ñ"), "ө": ("o", "ö"), "ү": ("u", "ü"),
    "ә": ("a", "ä"), "ғ": ("g", "gh"), "ұ": ("u", "ū"),
}  # fmt: skip
_EMOJI = re.compile("[\u2190-\u2bff\U0001f000-\U0001faff]+")
_SWAP = "абвгдежзийклмнопрстуфхцчшыэюя"


def latin(text: str, rng: random.Random) -> str:
    """The text in Latin letters, one spelling a letter throughout, as one person types."""
    table = _COMMON | {letter: rng.choice(ways) for letter, ways in _CHOICES.items()}
    out = []
    for letter in text:
        lower = letter.lower()
        if lower not in table:
            out.append(letter)
            continue
        spelled = table[lower]
        out.append(spelled.capitalize() if letter != lower else spelled)
    return "".join(out)


def mistyped(text: str, rng: random.Random, share: float = 0.04) -> str:
    """The text with letters left out, doubled, swapped or wrong, about ``share`` of them."""
    out: list[str] = []
    letters = list(text)
    index = 0
    while index < len(letters):
        letter = letters[index]
        if letter.isalpha() and rng.random() < share:
            kind = rng.randrange(4)
            if kind == 1:
                out += [letter, letter]
            elif kind == 2 and index + 1 < len(letters):
                out += [letters[index + 1], letter]
                index += 1
            elif kind == 3:
                out.append(rng.choice(_SWAP))
        else:
            out.append(letter)
        index += 1
    return "".join(out)


def plain(text: str) -> str:
    """The text in lower case, on a Russian keyboard, without emoji and commas."""
    bare = _EMOJI.sub("", text.translate(TO_RUSSIAN_KEYBOARD)).lower()
    return bare.replace(",", "").replace("ё", "е")
