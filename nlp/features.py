"""Features of a text for the linear models: a sparse row with five blocks.

Characters (2 to 5, within words), words with stems and neighbouring pairs, concepts, signs
(cues, punctuation, time, places), and the text's vector. All come from folded words, so that
Russian, Kazakh, mixed and Latin posts share them. Columns are named by readable strings, so a
weight can be explained.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain, pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from nlp.reading import Reading
from nlp.word_vectors import SIZE, UNKNOWN, WordVectors
from nlp.words import Form

CHARACTERS, WORDS, CONCEPTS, SIGNS, VECTOR = range(5)
SCALES = (1.6, 1.0, 0.7, 1.0, 1.2)
"""Weight of each block; chosen by cross-validation, see docs/evaluation.md."""
NGRAMS = (2, 3, 4, 5)
HAZARDS = frozenset(
    {
        "beat", "blood", "bomb", "bullet", "crash", "dead", "drown", "drugs", "explosion", "fight",
        "fire", "gun", "injured", "kidnap", "knife", "rape", "robbery", "run_over", "shot", "smoke",
        "stab_wound", "strangle", "suicide", "theft", "threat", "unconscious", "vandalism",
        "weapon_threat",
    }
)  # fmt: skip
"""Concepts of what a patrol is sent for; most ordinary posts name none of them."""
MOST_HAZARDS = 4
MAX_WORDS = 400
"""Words read of a text; an article's first paragraphs say what it is about."""

_PHONE = re.compile(r"(?:\+7|8)[\s(-]*\d{3}[\s)-]*\d{3}[\s-]*\d{2}[\s-]*\d{2}")
_LINK = re.compile(r"https?://|www\.|t\.me/|@\w{4,}")
_YEAR = re.compile(r"\b(?:19\d\d|20[0-3]\d)\b")
_LAUGH = re.compile(r"😂|🤣|😅|😆|💀|\){3,}|ха(?:ха)+|(?:[аa]х){3,}|😄|😹", re.IGNORECASE)
_ALARM = re.compile(r"🚨|🔥|❗|‼|🆘|😱|😭|😡|🙏|⚡")
_FESTIVE = re.compile(r"🎉|🎁|❤|🥰|😍|🎂|💐|✅|📞|💰|🥊|⚽|🎬|🎮")


def grams_of(coarse: str) -> list[str]:
    """Character n-grams of a word with its borders."""
    word = f"_{coarse}_"
    size = len(word)
    return [word[i : i + n] for n in NGRAMS for i in range(size - n + 1)]


def _is_word(form: Form) -> bool:
    return form.kind in ("cyrillic", "latin")


def word_names(form: Form) -> list[str]:
    """Names of the features of one word on its own."""
    if form.kind == "number":
        return ["w:#" + str(len(form.raw))]
    if not _is_word(form):
        return ["w:" + form.raw] if form.raw in "!?%№" else []
    return ["w:" + form.medium, "s:" + form.stem]


def pairs_of(forms: Sequence[Form]) -> list[tuple[int, int, str]]:
    """Neighbouring words, by the positions of both and the feature's name."""
    stems = [
        (i, f.stem if _is_word(f) else "#" if f.kind == "number" else f.raw)
        for i, f in enumerate(forms)
        if f.kind != "mark" or f.raw in "?!."
    ]
    return [(first, second, f"b:{a} {b}") for (first, a), (second, b) in pairwise(stems)]


def concept_names(reading: Reading) -> list[str]:
    """Concepts of the text, each once."""
    found = sorted({hit.label for hit in reading.concepts})
    return ["c:" + name for name in found]


def sign_values(reading: Reading) -> dict[str, float]:
    """Cues, punctuation, time and places, each between 0 and about 1."""
    text = reading.subject.text
    words = [f for f in reading.words.forms if _is_word(f)]
    size = max(len(words), 1)
    values: dict[str, float] = {}
    for label, count in Counter(hit.label for hit in reading.cues).items():
        values["q:" + label] = 0.6 + 0.2 * min(count - 1, 2)
    values["f:length"] = min(np.log1p(size) / 5.0, 1.2)
    marks = Counter(f.raw for f in reading.words.forms if f.kind == "mark")
    values["f:question"] = min(marks["?"], 2) / 2
    values["f:exclaim"] = min(marks["!"], 3) / 3
    values["f:quoted"] = min(marks["«"] + marks['"'], 2) / 2
    values["f:capitals"] = sum(f.raw.isupper() and len(f.raw) > 2 for f in words) / size
    for name, pattern in (
        ("phone", _PHONE),
        ("link", _LINK),
        ("year", _YEAR),
        ("laugh", _LAUGH),
        ("alarm", _ALARM),
        ("festive", _FESTIVE),
    ):
        if pattern.search(text):
            values["f:" + name] = 0.7
    hazards = len({hit.label for hit in reading.concepts} & HAZARDS)
    values["f:hazards" if hazards else "f:no_hazard"] = (
        min(hazards or MOST_HAZARDS, MOST_HAZARDS) / MOST_HAZARDS
    )
    time = reading.time
    if time.age_h is not None:
        old = time.age_h > 30
        values["f:time_old" if old else "f:time_recent"] = 0.8
    if time.future:
        values["f:time_future"] = 0.8
    kinds = {place.kind for place in reading.places}
    if kinds & {"street", "house", "crossing", "microdistrict", "landmark", "highway"}:
        values["f:place_exact"] = 0.5
    if kinds & {"city", "village", "district"}:
        values["f:place_settlement"] = 0.3
    if kinds & {"region", "country"}:
        values["f:place_wide"] = 0.5
    if reading.foreign:
        values["f:place_foreign"] = 1.0
    return {name: float(value) for name, value in values.items() if value}


class FeatureSpace:
    """Known features, their columns, blocks and inverse document frequencies.

    The last ``SIZE`` columns are the text's vector.
    """

    def __init__(
        self, names: Sequence[str], idf: NDArray[np.float32], vectors: WordVectors
    ) -> None:
        self.names = tuple(names)
        self.vectors = vectors
        self.idf = idf
        self.columns = {name: column for column, name in enumerate(names)}
        self.blocks = np.array([block_of(name) for name in names], dtype=np.int64)
        self._rarest = float(idf.max(initial=1.0))
        self._words: dict[str, list[int]] = {}

    def __len__(self) -> int:
        return len(self.names)

    @classmethod
    def learn(
        cls, readings: Iterable[Reading], vectors: WordVectors, min_documents: int = 2
    ) -> FeatureSpace:
        """The features that stand in at least ``min_documents`` texts, in order of their names."""
        seen: Counter[str] = Counter()
        total = 0
        for reading in readings:
            seen.update(set(feature_names(reading)) | set(sign_values(reading)))
            total += 1
        names = sorted(name for name, count in seen.items() if count >= min_documents)
        idf = np.array(
            [
                1.0 if block_of(name) == SIGNS else np.log((1 + total) / (1 + seen[name])) + 1
                for name in names
            ]
            + [1.0] * SIZE,
            dtype=np.float32,
        )
        return cls([*names, *(f"v:{axis:02}" for axis in range(SIZE))], idf, vectors)

    def columns_of_word(self, form: Form) -> list[int]:
        """Columns of a word's own features: characters, word, stem."""
        known = self._words.get(form.raw)
        if known is None:
            columns = self.columns
            names = word_names(form)
            if _is_word(form):
                names = grams_of(form.coarse) + names
            known = [columns[name] for name in names if name in columns]
            if len(self._words) > 200_000:
                self._words.clear()
            self._words[form.raw] = known
        return known

    def matrix(self, readings: Sequence[Reading]) -> sparse.csr_matrix:
        """One row a reading, blocks normalised and scaled."""
        columns = self.columns
        counted: list[list[int]] = []
        signs: list[dict[str, float]] = []
        for reading in readings:
            forms = reading.words.forms[:MAX_WORDS]
            row = list(chain.from_iterable(self.columns_of_word(f) for f in forms))
            others = [name for _, _, name in pairs_of(forms)] + concept_names(reading)
            row += [columns[name] for name in others if name in columns]
            counted.append(row)
            signs.append(sign_values(reading))
        tf = _rows(counted, None, len(columns))
        tf.sum_duplicates()
        rows = np.repeat(np.arange(len(readings)), np.diff(tf.indptr))
        blocks = self.blocks[tf.indices]
        data = (1 + np.log(tf.data)) * self.idf[tf.indices]
        keys = rows * len(SCALES) + blocks
        squares = np.bincount(keys, data * data, minlength=len(readings) * len(SCALES))
        data *= np.array(SCALES)[blocks] / np.sqrt(np.maximum(squares, 1e-12))[keys]
        tf.data = data
        sign_columns = [[columns[n] for n in s if n in columns] for s in signs]
        sign_data = [SCALES[SIGNS] * s[n] for s in signs for n in s if n in columns]
        found = (tf + _rows(sign_columns, sign_data, len(columns))).astype(np.float32)
        dense = SCALES[VECTOR] * np.array([self.vector(r.words.forms) for r in readings])
        kept = found[:, : len(columns) - SIZE]
        return sparse.hstack([kept, sparse.csr_matrix(dense, dtype=np.float32)], format="csr")

    def vector(self, forms: Sequence[Form]) -> NDArray[np.float32]:
        """The text's vector (``SIZE``, unit length), zero when no word is known."""
        rows, weights = self.weighted_rows(forms)
        total = weights @ self.vectors.matrix[rows].astype(np.float32)
        norm = float(np.linalg.norm(total))
        return np.asarray(total / norm if norm > 0 else total, dtype=np.float32)

    def weighted_rows(self, forms: Sequence[Form]) -> tuple[list[int], NDArray[np.float32]]:
        """Rows of the word vectors that a text's vector is the sum of, and their weights."""
        return self._weighted(forms, self.vectors.rows(forms[:MAX_WORDS]))

    def vector_shares(
        self, forms: Sequence[Form], direction: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """What each word adds to the product of the text's vector with ``direction``."""
        rows = self.vectors.rows(forms[:MAX_WORDS])
        known, weights = self._weighted(forms, rows)
        vectors = self.vectors.matrix[known].astype(np.float32)
        norm = float(np.linalg.norm(weights @ vectors)) or 1.0
        shares = np.zeros(len(rows))
        shares[np.array(rows) != UNKNOWN] = weights * (vectors @ direction) / norm
        return SCALES[VECTOR] * shares

    def _weighted(
        self, forms: Sequence[Form], rows: Sequence[int]
    ) -> tuple[list[int], NDArray[np.float32]]:
        """Rows of the words that have a vector, and how much each counts: by rarity."""
        known = [
            (row, form) for row, form in zip(rows, forms[:MAX_WORDS], strict=True) if row != UNKNOWN
        ]
        return [row for row, _ in known], np.array(
            [self._rarity(form) for _, form in known], dtype=np.float32
        )

    def _rarity(self, form: Form) -> float:
        column = self.columns.get("s:" + form.stem)
        return (self._rarest if column is None else float(self.idf[column])) - 1.0


def feature_names(reading: Reading) -> list[str]:
    """All counted features of a text."""
    forms = reading.words.forms[:MAX_WORDS]
    names: list[str] = []
    for form in forms:
        if _is_word(form):
            names += grams_of(form.coarse)
        names += word_names(form)
    return names + [name for _, _, name in pairs_of(forms)] + concept_names(reading)


def block_of(name: str) -> int:
    """The block that a feature belongs to, by its name's first letters."""
    head = name[:2]
    if head in ("w:", "s:", "b:"):
        return WORDS
    if head == "c:":
        return CONCEPTS
    if head == "v:":
        return VECTOR
    return SIGNS if head in ("q:", "f:") else CHARACTERS


def _rows(columns: list[list[int]], data: list[float] | None, width: int) -> sparse.csr_matrix:
    indptr = np.zeros(len(columns) + 1, dtype=np.int64)
    np.cumsum([len(row) for row in columns], out=indptr[1:])
    indices = np.fromiter(chain.from_iterable(columns), dtype=np.int64, count=int(indptr[-1]))
    values = np.ones(len(indices)) if data is None else np.array(data, dtype=np.float64)
    return sparse.csr_matrix((values, indices, indptr), shape=(len(columns), width))
