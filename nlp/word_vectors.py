"""Vectors of words, Russian and Kazakh in one space.

Russian forms have the vectors of navec (Kukushkin 2020, GloVe on news, 250,000 forms; it comes
inside the natasha package), centred, projected to ``SIZE`` principal axes. Kazakh and chat forms
have those of their Russian words (``nlp/dictionary``). A form that is in no list takes the mean of
the forms that share its stem. A text is the mean of its words, rare words counting more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import ModelError
from nlp.words import KAZAKH_LETTERS, Form, coarsen, fold_cyrillic, stem_of

Floats = NDArray[np.float32]
SIZE = 96
"""Of 64, 100 and 300 axes none is better by more than the noise; see docs/evaluation.md."""
RUSSIAN_FORMS = 120_000
"""The most frequent forms of navec that are kept."""
DICTIONARY = Path(__file__).parent / "dictionary"
FILE = "words.npz"
UNKNOWN = -1
_TABLES = ("russian", "kazakh", "russian_stems", "kazakh_stems")


@dataclass
class WordVectors:
    """Rows of ``matrix`` (words × ``SIZE``, unit length, half precision) by word, in 4 tables."""

    matrix: NDArray[np.float16]
    russian: Mapping[str, int]
    kazakh: Mapping[str, int]
    russian_stems: Mapping[str, int]
    kazakh_stems: Mapping[str, int]
    _rows: dict[str, tuple[int, int]] = field(default_factory=dict, init=False, repr=False)

    def rows(self, forms: Sequence[Form]) -> list[int]:
        """The row of each word, ``UNKNOWN`` for what has none.

        A spelling that both languages have is read as the text's other words are.
        """
        found = [self._row(form) for form in forms]
        kazakh = russian = 0
        for form, (as_russian, as_kazakh) in zip(forms, found, strict=True):
            if as_kazakh != UNKNOWN and as_russian == UNKNOWN:
                kazakh += 1
            elif as_russian != UNKNOWN and as_kazakh == UNKNOWN:
                russian += 1
            elif any(letter in KAZAKH_LETTERS for letter in form.raw.lower()):
                kazakh += 1
        if kazakh >= russian:
            return [k if k != UNKNOWN else r for r, k in found]
        return [r if r != UNKNOWN else k for r, k in found]

    def _row(self, form: Form) -> tuple[int, int]:
        """Rows as a Russian and as a Kazakh word."""
        known = self._rows.get(form.raw)
        if known is None:
            known = self._look_up(form)
            if len(self._rows) > 200_000:
                self._rows.clear()
            self._rows[form.raw] = known
        return known

    def _look_up(self, form: Form) -> tuple[int, int]:
        if form.kind not in ("cyrillic", "latin"):
            return UNKNOWN, UNKNOWN
        pair = (self.russian.get(form.medium, UNKNOWN), self.kazakh.get(form.medium, UNKNOWN))
        if pair != (UNKNOWN, UNKNOWN):
            return pair
        return (
            self.russian_stems.get(form.stem, UNKNOWN),
            self.kazakh_stems.get(form.stem, UNKNOWN),
        )

    def save(self, folder: Path) -> None:
        """Write ``words.npz``."""
        words: dict[str, Any] = {
            name: np.frombuffer("\n".join(_in_order(getattr(self, name))).encode(), dtype=np.uint8)
            for name in _TABLES
        }
        starts = np.array([min(getattr(self, name).values(), default=0) for name in _TABLES])
        np.savez(folder / FILE, matrix=self.matrix, starts=starts, **words)

    @classmethod
    def load(cls, folder: Path) -> WordVectors:
        """Read what ``save`` wrote; raises ModelError."""
        try:
            with np.load(folder / FILE, allow_pickle=False) as stored:
                tables = {
                    name: _numbered(stored[name].tobytes().decode(), int(start))
                    for name, start in zip(_TABLES, stored["starts"], strict=True)
                }
                return cls(stored["matrix"], **tables)
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(
                f"{folder / FILE}: no readable word vectors ({error}); make them with `oqiga train`"
            ) from error


def build(dictionary: Path = DICTIONARY) -> WordVectors:
    """The vectors of navec and of the word lists; raises ModelError.

    Two runs give the same bytes.
    """
    words, vectors = _navec()
    russian = {word: row for row, word in enumerate(words)}
    stems = _means((stem_of(coarsen(word)), vectors[row]) for word, row in russian.items())
    chat = _translated(dictionary / "ru_chat.tsv", russian, vectors)
    kazakh = _translated(dictionary / "kk_ru.tsv", russian, vectors)
    kazakh_stems = _means((stem_of(coarsen(word)), vector) for word, vector in kazakh.items())
    russian_all = {word: vectors[row] for word, row in russian.items()}
    russian_all |= {word: vector for word, vector in chat.items() if word not in russian}
    blocks = (russian_all, kazakh, stems, kazakh_stems)
    rows: list[Floats] = []
    tables: list[dict[str, int]] = []
    for block in blocks:
        tables.append({word: len(rows) + i for i, word in enumerate(block)})
        rows += block.values()
    return WordVectors(_unit(np.array(rows)).astype(np.float16), *tables)


def _navec() -> tuple[list[str], Floats]:
    """Folded frequent Russian forms and their projected vectors."""
    from importlib.util import find_spec

    from navec import Navec

    spec = find_spec("natasha")
    if spec is None or spec.origin is None:
        raise ModelError("natasha is not installed, which brings Russian word vectors; make setup")
    path = next((Path(spec.origin).parent / "data" / "emb").glob("navec_*.tar"))
    loaded = Navec.load(path)
    counts = np.array(loaded.vocab.counts)
    chosen: dict[str, int] = {}
    for row in np.argsort(-counts, kind="stable"):
        word = loaded.vocab.words[row]
        if word.isalpha():
            chosen.setdefault(fold_cyrillic(word), int(row))
        if len(chosen) == RUSSIAN_FORMS:
            break
    full = loaded.pq.unpack()[list(chosen.values())].astype(np.float64)
    full -= full.mean(axis=0)
    _, axes = np.linalg.eigh(full.T @ full)
    axes = axes[:, ::-1][:, :SIZE]
    axes *= np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(SIZE)])
    return list(chosen), _unit((full @ axes).astype(np.float32))


def _translated(path: Path, russian: Mapping[str, int], vectors: Floats) -> dict[str, Floats]:
    """Folded words of a list with the mean vector of their Russian words."""
    found: dict[str, Floats] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror})") from error
    for number, line in enumerate(lines, 1):
        word, tab, meaning = line.partition("\t")
        if not tab:
            raise ModelError(f"{path}, line {number}: a word, a tab and Russian words are expected")
        rows = [russian[w] for w in map(fold_cyrillic, meaning.split()) if w in russian]
        if rows:
            found.setdefault(fold_cyrillic(word.lower()), vectors[rows].mean(axis=0))
    return found


def _means(pairs: Iterable[tuple[str, Floats]]) -> dict[str, Floats]:
    sums: dict[str, tuple[Floats, int]] = {}
    for name, vector in pairs:
        total, count = sums.get(name, (np.zeros(SIZE, dtype=np.float32), 0))
        sums[name] = (total + vector, count + 1)
    return {name: np.divide(total, np.float32(count)) for name, (total, count) in sums.items()}


def _unit(vectors: Floats) -> Floats:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(norms > 0, norms, 1.0), dtype=np.float32)


def _in_order(table: Mapping[str, int]) -> list[str]:
    return sorted(table, key=lambda word: table[word])


def _numbered(text: str, start: int) -> dict[str, int]:
    return {word: start + i for i, word in enumerate(text.split("\n"))} if text else {}
