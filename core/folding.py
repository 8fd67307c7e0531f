"""Folding of Russian and Kazakh letters, so that differently typed words meet."""

from __future__ import annotations

import re
import unicodedata

STRESS = "\u0301"
_WORD = re.compile(r"[^\W_]+")
_FOLD = str.maketrans("әғқңөұүһіё", "агкноуухие")


def fold_words(text: str) -> list[str]:
    """The words of a text in lower case, Kazakh letters as typed on a Russian keyboard.

    "Өрт Сайында" and "орт сайында" are the same list. Letters typed as two signs are joined and
    stress marks dropped, so that they do not split a word.
    """
    plain = unicodedata.normalize("NFC", text).replace(STRESS, "")
    return _WORD.findall(plain.lower().translate(_FOLD))
