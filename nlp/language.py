"""Language of a text: of each word by its letters, then of the text by its words.

A word's letters (1 to 4 in a row, with borders, Kazakh letters kept) give log-odds for Russian,
Kazakh, another Cyrillic language, Latin-script Russian or Kazakh, and another Latin-script
language; a text is judged by the shares of its words, so that real mixing shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.records import Language
from nlp.words import KAZAKH_LETTERS, Form, Words, terms

WORD_CLASSES = ("ru", "kk", "other_cyrillic", "translit", "other_latin")
TEXT_CLASSES = tuple(Language)
GRAMS = (1, 2, 3, 4)
MAX_WORDS = 300
ENOUGH_WORDS = 4
_SURE = 0.8
_LIKELY = 0.5
RUSSIAN_WORDS = frozenset(
    terms(
        "во на что как это эта этот эти по из за со от до для при без под над про бы ли если когда "
        "где кто чтобы потому уже еще ещё только все всё они она мы вы меня мне тебя вас нас его "
        "ее её их был была было были есть нет или так там тут здесь очень надо нужно можно просто "
        "вообще короче типа прямо опять сейчас сегодня вчера завтра тоже потом после перед через "
        "возле около какой какая какие такой такая свой своя наш наша ваш пусть хотя даже"
    )
)
"""Words that build a Russian sentence and that written Kazakh does not have: "не" and "он" are not
here, which are Kazakh words too."""
RUSSIAN_ENDINGS = tuple(
    terms(
        "ть ться ется ится ются ятся ает яет ует ают яют уют ишь ешь ил ила или ало али ела ели "
        "ался лась лись лось ая ое ые ого его ому ему ной ном ных ными ую"
    )
)
"""Of Russian verbs and adjectives. Nouns that Kazakh took over have none of them."""
SHORTEST_ENDED = 4
_FOREIGN_LETTERS = frozenset("ўҳєґїҷҝ")
TO_RUSSIAN_KEYBOARD = str.maketrans("әғқңөұүһіӘҒҚҢӨҰҮҺІ", "агкноуухиАГКНОУУХИ")


def grams_of(word: str) -> list[str]:
    """Letters in a row of a lower-case word with its borders."""
    bordered = f"_{word}_"
    return [bordered[i : i + n] for n in GRAMS for i in range(len(bordered) - n + 1)]


def words_to_judge(words: Words) -> list[Form]:
    """The words of which the language is asked: two letters or more.

    Capitalised ones, which are mostly names, only where hardly any other is there.
    """
    found = [
        f for f in words.forms[:MAX_WORDS] if f.kind in ("cyrillic", "latin") and len(f.raw) > 1
    ]
    lower = [f for f in found if not f.raw[0].isupper()]
    return lower if len(lower) >= ENOUGH_WORDS else found


@dataclass
class LanguageModel:
    """Weights of letters for words, and of shares for texts."""

    grams: dict[str, int]
    word_weights: NDArray[np.float32]
    word_bias: NDArray[np.float32]
    text_weights: NDArray[np.float32]
    text_bias: NDArray[np.float32]

    def __post_init__(self) -> None:
        self._cache: dict[str, tuple[float, ...]] = {}

    def word(self, form: Form) -> tuple[float, ...]:
        """Probabilities of a word's classes, in the order of ``WORD_CLASSES``."""
        known = self._cache.get(form.raw)
        if known is not None:
            return known
        columns = [self.grams[g] for g in grams_of(form.raw.lower()) if g in self.grams]
        logits = self.word_bias + self.word_weights[columns].sum(axis=0) / max(
            np.sqrt(len(columns)), 1.0
        )
        latin = form.kind == "latin"
        kazakh = any(c in KAZAKH_LETTERS for c in form.raw.lower())
        allowed = np.array([not (latin or kazakh), not latin, not latin, latin, latin])
        logits = np.where(allowed, logits, -np.inf)
        exps = np.exp(logits - logits.max())
        result = tuple((exps / exps.sum()).tolist())
        if len(self._cache) > 200_000:
            self._cache.clear()
        self._cache[form.raw] = result
        return result

    def texts(self, texts: Sequence[Words]) -> tuple[list[Language], list[float]]:
        """The language of each text, and the share of its words that is Kazakh."""
        rows = [signs_of(words, [self.word(f) for f in words_to_judge(words)]) for words in texts]
        if not rows:
            return [], []
        scores = np.array(rows) @ self.text_weights + self.text_bias
        languages = [
            TEXT_CLASSES[int(best)] if row[-1] else Language.OTHER
            for row, best in zip(rows, scores.argmax(axis=1), strict=True)
        ]
        return languages, [row[1] for row in rows]


def signs_of(words: Words, judged: Sequence[tuple[float, ...]]) -> list[float]:
    """What a text's language is judged by; the last sign is 0 for a text without words."""
    if not judged:
        return [0.0] * SIGNS
    forms = words_to_judge(words)
    grammar = sum(
        builds_russian(form, chances) for form, chances in zip(forms, judged, strict=True)
    )
    size = len(judged)
    means = [sum(column) / size for column in zip(*judged, strict=True)]
    sure = [sum(p > _SURE for p in column) / size for column in zip(*judged, strict=True)]
    counts = [min(sum(p > _SURE for p in column), 4) / 4 for column in zip(*judged, strict=True)]
    letters = [c for f in forms for c in f.raw.lower()]
    kazakh = sum(c in KAZAKH_LETTERS for c in letters) / max(len(letters), 1)
    foreign = sum(c in _FOREIGN_LETTERS for c in letters) / max(len(letters), 1)
    latin = sum(f.kind == "latin" for f in forms) / size
    return [
        *means,
        *sure,
        *counts,
        min(sure[0], sure[1]) * 3,
        min(counts[0], counts[1]),
        min(grammar / size * 3, 1.0),
        min(grammar, 3) / 3,
        min(min(grammar, 3) / 3, counts[1]),
        min(kazakh * 8, 1.0),
        min(foreign * 30, 1.0),
        latin,
        float(latin > 0.6),
        1.0,
    ]


SIGNS = 3 * len(WORD_CLASSES) + 10


def builds_russian(form: Form, chances: tuple[float, ...]) -> bool:
    """Whether a word shows Russian grammar, not only a Russian stem: "министр" and "система" are
    Kazakh words too."""
    word = form.raw.lower()
    if word in RUSSIAN_WORDS:
        return True
    return len(word) >= SHORTEST_ENDED and chances[0] > _LIKELY and word.endswith(RUSSIAN_ENDINGS)


def word_class(language: Language, form: Form) -> str | None:
    """The class that a word of a labelled text teaches; ``None``: nothing certain."""
    latin = form.kind == "latin"
    if language is Language.OTHER:
        return "other_latin" if latin else "other_cyrillic"
    if language is Language.TRANSLIT:
        return "translit" if latin else None
    if latin or language is Language.MIXED:
        return None
    return language.value


def without_kazakh_letters(texts: Iterable[str]) -> list[str]:
    """Texts as typed on a Russian keyboard."""
    return [text.translate(TO_RUSSIAN_KEYBOARD) for text in texts]
