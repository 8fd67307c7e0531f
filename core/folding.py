"""Folding of Russian and Kazakh letters, so that differently typed words meet."""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Sequence
from heapq import nsmallest

STRESS = "\u0301"
OPENINGS = 4
"""Shingles by which near copies are found."""
_WORD = re.compile(r"[^\W_]+")
_FOLD = str.maketrans("әғқңөұүһіё", "агкноуухие")


def fold_words(text: str) -> list[str]:
    """The words of a text in lower case, Kazakh letters as typed on a Russian keyboard.

    "Өрт Сайында" and "орт сайында" are the same list. Letters typed as two signs are joined and
    stress marks dropped, so that they do not split a word.
    """
    plain = unicodedata.normalize("NFC", text).replace(STRESS, "")
    return _WORD.findall(plain.lower().translate(_FOLD))


def shingles(words: Sequence[str], size: int = 3) -> frozenset[int]:
    """Stable 32-bit digests of every run of ``size`` words (of all words when there are fewer)."""
    if len(words) < size:
        return frozenset({zlib.crc32(" ".join(words).encode())}) if words else frozenset()
    return frozenset(
        zlib.crc32(" ".join(words[i : i + size]).encode()) for i in range(len(words) - size + 1)
    )


def openings(words: Sequence[str]) -> tuple[int, ...]:
    """The smallest shingles: texts that have most of theirs in common share one of these."""
    return tuple(nsmallest(OPENINGS, shingles(words)))
