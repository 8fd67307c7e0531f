"""Folding of Russian and Kazakh letters, so that differently typed words meet."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W_]+")
_FOLD = str.maketrans("әғқңөұүһіё", "агкноуухие")


def fold_words(text: str) -> list[str]:
    """The words of a text in lower case, Kazakh letters as typed on a Russian keyboard.

    "Өрт Сайында" and "орт сайында" are the same list.
    """
    return _WORD.findall(text.lower().translate(_FOLD))
