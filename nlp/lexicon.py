"""Word lists with labels: read from a file, found in a text by folded words.

A line is ``label: pattern, pattern, …`` and may go on, indented, on the next. A pattern is one
word or several in a row; ``*`` ends a stem (or stands inside a word for any letters); ``=`` in
front asks for the exact letters. All else compares coarse forms (see ``nlp/words.py``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.errors import ModelError
from nlp.words import Form, coarsen, fold_cyrillic, fold_latin

MIN_STEM = 2


@dataclass(frozen=True, slots=True)
class Hit:
    """A label found at tokens ``first`` to ``last`` (inclusive)."""

    label: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class _Word:
    """One word of a pattern."""

    text: str
    stem: bool
    exact: bool
    rest: re.Pattern[str] | None = None

    def fits(self, form: Form) -> bool:
        if self.rest is not None:
            return self.rest.fullmatch(form.coarse) is not None
        word = form.medium if self.exact else form.coarse
        return word.startswith(self.text) if self.stem else word == self.text


class Lexicon:
    """Patterns with labels, found by the first word of each."""

    def __init__(self, patterns: list[tuple[str, tuple[_Word, ...]]]) -> None:
        self.labels = tuple(sorted({label for label, _ in patterns}))
        self._whole: dict[str, list[tuple[str, tuple[_Word, ...]]]] = {}
        self._stems: dict[str, list[tuple[str, tuple[_Word, ...]]]] = {}
        for label, words in patterns:
            first = words[0]
            table = self._stems if first.stem or first.rest else self._whole
            key = first.text
            table.setdefault(key, []).append((label, words))
        self._longest = max((len(k) for k in self._stems), default=0)
        self._cache: dict[str, tuple[tuple[str, tuple[_Word, ...]], ...]] = {}

    @classmethod
    def load(cls, path: Path) -> Lexicon:
        """Read a list; raises ModelError that names the line."""
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise ModelError(f"{path}: cannot be read ({error.strerror})") from error
        patterns: list[tuple[str, tuple[_Word, ...]]] = []
        label = ""
        for number, line in enumerate(lines, 1):
            if not line.strip() or line.startswith("#"):
                continue
            if not line[0].isspace():
                label, colon, line = line.partition(":")
                if not colon:
                    raise ModelError(f"{path}, line {number}: no label before a colon")
            for pattern in line.split(","):
                words = tuple(_word(w) for w in pattern.split())
                if words:
                    patterns.append((label.strip(), words))
        return cls(patterns)

    def find(self, forms: list[Form]) -> Iterator[Hit]:
        """All hits, overlapping ones too, in the order of the text."""
        size = len(forms)
        for index, form in enumerate(forms):
            candidates = self._cache.get(form.raw)
            if candidates is None:
                candidates = self._candidates(form)
                if len(self._cache) > 200_000:
                    self._cache.clear()
                self._cache[form.raw] = candidates
            for label, words in candidates:
                last = index + len(words) - 1
                if last == index or (
                    last < size and all(w.fits(forms[index + k]) for k, w in enumerate(words) if k)
                ):
                    yield Hit(label, index, last)

    def _candidates(self, form: Form) -> tuple[tuple[str, tuple[_Word, ...]], ...]:
        if form.kind == "mark":
            return ()
        found: list[tuple[str, tuple[_Word, ...]]] = []
        for word in dict.fromkeys((form.coarse, form.medium)):
            found += [p for p in self._whole.get(word, ()) if p[1][0].fits(form)]
            for size in range(MIN_STEM, min(len(word), self._longest) + 1):
                found += [p for p in self._stems.get(word[:size], ()) if p[1][0].fits(form)]
        return tuple(dict.fromkeys(found))


def _word(text: str) -> _Word:
    exact = text.startswith("=")
    text = text.removeprefix("=")
    head, star, tail = text.partition("*")
    medium = (
        fold_latin(head.lower())
        if head.isascii() and head.isalpha()
        else fold_cyrillic(head.lower())
    )
    folded = medium if exact else coarsen(medium)
    if tail:
        rest = re.escape(folded) + ".*" + re.escape(coarsen(fold_cyrillic(tail.lower())))
        return _Word(folded, True, False, re.compile(rest))
    return _Word(folded, bool(star), exact)
