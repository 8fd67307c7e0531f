"""How alike two texts are by themselves: no time, no place, no source, no hub model.

Each word of one text looks for its best match in the other: the same stem, a word that is spelt
alike, or one that means something alike (word vectors of ``nlp``, handed in as a ``WordSpace``);
rare words count more. One small function a feature, as in ``features.py``; the weights are learned
on our own labelled streams (``likeness_train.py``), kept in ``likeness.json``.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from math import log2, sqrt
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from core.errors import ModelError
from core.spelling import fold, tokens
from correlator.items import MAX_IDF
from correlator.odds import logistic
from correlator.words import key_of, stem, stems

MODEL = Path(__file__).with_name("likeness.json")
MAX_WORDS = 150
"""Different words read of a text: an article's first paragraphs say what it is about."""
KNOWN_TEXTS = 200.0
"""How many texts of a batch the shipped rarities are worth: they speak alone for a single pair."""
LEAST_BITS = 0.2
SPELT_FROM = 0.5
SHORT_OPENING = 4
"""An opening of fewer words is a label ("Срочно!"): the next sentence belongs to it."""
LONG_WORDS = 40
"""Different words from which a text counts as long: two retellings of one event share less."""
ONCE = 0.2
"""What a word counts that a long text says only once: its subject is what it comes back to. On the
107 news pairs F1 .856 with this, .758 with all words alike."""
_SENTENCE_END = re.compile(r"[.!?…\n]\W*$")
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


class WordSpace(Protocol):
    """Vectors of words: those of the assessment, behind the folders' border."""

    def vectors(self, words: Sequence[str]) -> Floats:
        """Unit vectors (words × axes), zero for a word that is not known."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Wording:
    """A text boiled down, word by word, each different one once.

    ``weights``: rarity in bits; ``opening``: stands in the first sentence; ``names``: written with
    a capital within a sentence; ``letters``: bits of each triple of letters.
    """

    folded: tuple[str, ...]
    stems: tuple[str, ...]
    weights: Floats
    vectors: Floats
    numbers: Flags
    names: Flags
    opening: Flags
    letters: dict[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """Two wordings, and how well each word of either is found in the other, in [0, 1]."""

    left: Wording
    right: Wording
    of_left: Floats
    of_right: Floats


def rarity_in(texts: Iterable[str], known: Mapping[str, float]) -> Callable[[str], float]:
    """Rarity in bits of a stem among these texts, smoothed by what is ``known`` of all posts."""
    counts: Counter[str] = Counter()
    total = 0
    for text in texts:
        total += 1
        counts.update(stems(text))

    def bits(word: str) -> float:
        before = KNOWN_TEXTS * 2.0 ** -known.get(word, MAX_IDF)
        return max(LEAST_BITS, log2((total + KNOWN_TEXTS + 1.0) / (counts[word] + before + 0.5)))

    return bits


def wording(text: str, space: WordSpace, bits: Callable[[str], float]) -> Wording:
    """Boil a text down. ``bits``: rarity of a stem."""
    found: dict[str, tuple[str, bool, bool]] = {}
    for word, name, opening in _words(text):
        folded = fold(word)
        if folded in found:
            first = found[folded]
            found[folded] = (first[0], first[1] and name, first[2])
        elif len(found) < MAX_WORDS and (word.isdigit() or key_of(word) is not None):
            found[folded] = (word, name, opening)
    seen = list(found.values())
    word_stems = tuple(map(stem, found))
    weights = np.array([bits(word) for word in word_stems], dtype=np.float64)
    folded_words = [fold(word) for word in tokens(text)]
    if len(found) > LONG_WORDS:
        said = Counter(folded_words)
        weights *= np.array([1.0 if said[word] > 1 else ONCE for word in found])
    return Wording(
        folded=tuple(found),
        stems=word_stems,
        weights=weights,
        vectors=space.vectors([word for word, _, _ in seen]),
        numbers=np.array([word.isdigit() for word, _, _ in seen], dtype=bool),
        names=np.array([name for _, name, _ in seen], dtype=bool),
        opening=np.array([opening for _, _, opening in seen], dtype=bool),
        letters=_letters(tuple(found), weights),
    )


def match(left: Wording, right: Wording) -> Match:
    """Each word's best match in the other text."""
    if not left.folded or not right.folded:
        return Match(left, right, np.zeros(len(left.folded)), np.zeros(len(right.folded)))
    alike = np.clip(left.vectors @ right.vectors.T, 0.0, 1.0) ** 2
    alike[left.numbers] = 0.0
    alike[:, right.numbers] = 0.0
    for i, (a, a_stem) in enumerate(zip(left.folded, left.stems, strict=True)):
        for j, (b, b_stem) in enumerate(zip(right.folded, right.stems, strict=True)):
            if a_stem == b_stem:
                alike[i, j] = 1.0
            elif not (left.numbers[i] or right.numbers[j]):
                alike[i, j] = max(alike[i, j], spelt_alike(a, b))
    return Match(left, right, alike.max(axis=1), alike.max(axis=0))


@lru_cache(maxsize=262_144)
def spelt_alike(a: str, b: str) -> float:
    """Share of triples of letters that two folded words have in common; 0 below a half."""
    mine, theirs = _grams(a), _grams(b)
    shared = 2.0 * len(mine & theirs) / (len(mine) + len(theirs))
    return shared if shared >= SPELT_FROM else 0.0


# -- features -------------------------------------------------------------------------------------


def covered(m: Match) -> float:
    """How much of each text is found in the other, rare words counting more."""
    return sqrt(_share(m.left.weights, m.of_left, None) * _share(m.right.weights, m.of_right, None))


def opening(m: Match) -> float:
    """How much of either first sentence is found in the other text, the lesser of the two."""
    return min(
        _share(m.left.weights, m.of_left, m.left.opening),
        _share(m.right.weights, m.of_right, m.right.opening),
    )


def letters(m: Match) -> float:
    """Triples of letters in common: endings, compounds and misspelt words do not matter."""
    a, b = m.left.letters, m.right.letters
    if not a or not b:
        return 0.0
    norm = sqrt(sum(v * v for v in a.values()) * sum(v * v for v in b.values()))
    return sum(value * b.get(gram, 0.0) for gram, value in a.items()) / norm


def names(m: Match) -> float:
    """Names that both have, where both have names."""
    left, right = m.left.names & ~m.left.numbers, m.right.names & ~m.right.numbers
    if not left.any() or not right.any():
        return 0.0
    return max(_share(m.left.weights, m.of_left, left), _share(m.right.weights, m.of_right, right))


def other_names(m: Match) -> float:
    """Both have names, and not the same ones."""
    left, right = m.left.names & ~m.left.numbers, m.right.names & ~m.right.numbers
    return 1.0 - names(m) if left.any() and right.any() else 0.0


def other_numbers(m: Match) -> float:
    """Both first sentences have numbers, and not one is the same."""
    left, right = m.left.numbers & m.left.opening, m.right.numbers & m.right.opening
    if not left.any() or not right.any():
        return 0.0
    return 1.0 - max(float(m.of_left[left].max()), float(m.of_right[right].max()))


FEATURES: dict[str, Callable[[Match], float]] = {
    feature.__name__: feature
    for feature in (covered, opening, letters, names, other_names, other_numbers)
}
SIGNS = {name: -1 if name.startswith("other_") else 1 for name in FEATURES}
"""As in ``features.SIGNS``."""


# -- the model ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LikenessModel:
    """Weights in log-odds a unit of each feature; from which sum on two texts are alike.

    ``short_from``, ``long_from``: for texts of fewer and of more than ``LONG_WORDS`` different
    words (the shorter text decides). ``digest``: of the pairs it was trained on.
    """

    weights: dict[str, float]
    short_from: float
    long_from: float
    digest: str = "untrained"

    @classmethod
    def load(cls, path: Path = MODEL) -> LikenessModel:
        """Read the model that the project ships; raises ModelError with the remedy."""
        try:
            model = cls(**json.loads(path.read_text(encoding="utf-8")))
        except OSError as error:
            raise ModelError(
                f"{path}: cannot be read ({error.strerror}); restore it or train anew"
            ) from error
        except (ValueError, TypeError) as error:
            raise ModelError(f"{path}: is no likeness model ({error!r}); train anew") from error
        if set(model.weights) != set(FEATURES):
            raise ModelError(f"{path}: features differ from the code's; train anew")
        return model

    def save(self, path: Path = MODEL) -> None:
        """Write the file."""
        path.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class Likeness:
    """``alike``: in [0, 1], from 0.5 on the texts tell the same; ``why``: log-odds a feature."""

    alike: float
    why: dict[str, float]


def likeness(left: Wording, right: Wording, model: LikenessModel) -> Likeness:
    """How alike two texts are; symmetric."""
    found = match(left, right)
    why = {name: model.weights[name] * feature(found) for name, feature in FEATURES.items()}
    is_long = min(len(left.folded), len(right.folded)) > LONG_WORDS
    start = model.long_from if is_long else model.short_from
    return Likeness(logistic(sum(why.values()) - start), {k: v for k, v in why.items() if v})


def values_of(found: Match) -> list[float]:
    """All features of a match, in the order of ``FEATURES``."""
    return [feature(found) for feature in FEATURES.values()]


# -- inside ---------------------------------------------------------------------------------------


def _share(weights: Floats, found: Floats, among: Flags | None) -> float:
    if among is not None:
        weights, found = weights[among], found[among]
    total = float(weights.sum())
    return float(weights @ found) / total if total else 0.0


def _words(text: str) -> Iterable[tuple[str, bool, bool]]:
    """The words of a text; whether each is written as a name; whether it is in the opening."""
    end, count, open_ = 0, 0, True
    for token in re.finditer(r"[^\W_]+", text):
        begins = count == 0 or _SENTENCE_END.search(text[end : token.start()]) is not None
        if begins and count >= SHORT_OPENING:
            open_ = False
        word = token[0]
        yield word, word[0].isupper() and not begins, open_
        end, count = token.end(), count + 1


@lru_cache(maxsize=262_144)
def _grams(word: str) -> frozenset[str]:
    padded = f"_{word}_"
    return frozenset(padded[i : i + 3] for i in range(max(1, len(padded) - 2)))


def _letters(words: Sequence[str], weights: Floats) -> dict[str, float]:
    found: dict[str, float] = {}
    for word, weight in zip(words, weights, strict=True):
        for gram in _grams(word):
            found[gram] = found.get(gram, 0.0) + float(weight)
    return found
