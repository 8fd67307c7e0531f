"""Test sets of other people: places as they mark them in texts, and sentences by language.

Almaty's district messages mark the name of a street (``Street``), a house (``NUM``), the words for
a crossing (``Peresechenie``), a stretch between two cross streets (``OTDO``) and a park (``Park``).
KazNERD marks whole places (``GPE``, ``LOCATION``, ``FACILITY``), here one type ``place``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from core.errors import ModelError
from core.records import Language
from nlp.assessor import Assessor
from nlp.figures import RESAMPLES, Figure, f1, measured
from nlp.gazetteer.crossings import CROSSING_WORDS
from nlp.gazetteer.index import Gazetteer
from nlp.gazetteer.mention import PREPOSITIONS, Mention
from nlp.gazetteer.names import generic_kinds
from nlp.gazetteer.resolve import Resolved, resolve_all
from nlp.reading import Subject
from nlp.words import Words, words_of

MESSAGES, KAZNERD, SENTENCES = "almaty_messages_dev.jsonl", "kaznerd_valid.iob2", "langid"
WRITTEN = datetime(2026, 1, 1, tzinfo=UTC)
"""Time of posting of a sentence that has none."""
HOME = "Алматы"

KAZNERD_PLACES = frozenset({"GPE", "LOCATION", "FACILITY"})
LEARNED, HELD_OUT = "learned from", "held out"

Span = tuple[int, int, str]
"""Start, end and type of a mention."""


@dataclass(frozen=True)
class Marked:
    """A text with the mentions that a person marked and those that we find."""

    id: str
    true: frozenset[Span]
    found: frozenset[Span]


def half_of(message: str) -> str:
    """The half of the messages that one belongs to, by the digest of its id.

    Rules were made from the one half, and the other is measured.
    """
    odd = hashlib.sha256(message.encode()).digest()[0] % 2
    return HELD_OUT if odd else LEARNED


def read_messages(path: Path) -> list[tuple[str, str, frozenset[Span]]]:
    """Id, text and marked mentions of each message; raises ModelError."""
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
            spans = frozenset((int(s), int(e), str(kind)) for s, e, kind in row["mentions"])
            rows.append((str(row["id"]), str(row["text"]), spans))
        except (ValueError, KeyError, TypeError) as error:
            raise ModelError(f"{path}, line {number}: {error!r}") from error
    return rows


def read_kaznerd(path: Path) -> list[tuple[str, str, frozenset[Span]]]:
    """Number, text and places of each sentence: words of a line each with their tag."""
    rows = []
    blocks = path.read_text(encoding="utf-8").split("\n\n")
    for number, block in enumerate(blocks):
        tagged = [line.rsplit(" ", 1) for line in block.splitlines() if " " in line]
        if tagged:
            text, spans = _of_tags(tagged)
            rows.append((str(number), text, spans))
    return rows


def _of_tags(tagged: Sequence[list[str]]) -> tuple[str, frozenset[Span]]:
    text, spans, start = "", set(), -1
    for word, tag in [*tagged, ["", "O"]]:
        inside = tag.startswith("I-") and tag[2:] in KAZNERD_PLACES
        if start >= 0 and not inside:
            spans.add((start, len(text), "place"))
            start = -1
        text += " " if text and word else ""
        if tag.startswith("B-") and tag[2:] in KAZNERD_PLACES:
            start = len(text)
        text += word
    return text, frozenset(spans)


# -- our mentions in the terms of the sets --------------------------------------------------------


def message_spans(words: Words, resolved: Sequence[Resolved]) -> frozenset[Span]:
    """Streets, houses, crossing words, stretches and parks as the messages mark them."""
    return frozenset(span for item in resolved for span in _spans(words, item))


def _spans(words: Words, item: Resolved) -> Iterator[Span]:
    mention = item.mention
    if mention.until is not None:
        yield (words.starts[mention.first], words.end(mention.last), "OTDO")
        return
    if item.place.kind == "landmark" and _is_park(words, mention):
        first = mention.first
        first -= first > 0 and words.forms[first - 1].coarse in ("в", "во")
        yield (words.starts[first], words.end(mention.last), "Park")
        return
    if item.place.kind not in ("street", "house", "crossing"):
        return
    for street in (mention, mention.partner):
        if street is None:
            continue
        corner = _corner_words(words, street)
        if corner is not None:
            yield (words.starts[corner[0]], words.end(corner[1]), "Peresechenie")
        yield (words.starts[street.core[0]], words.end(street.core[1]), "Street")
        if street.house_words is not None:
            first, last = street.house_words
            yield (words.starts[_with_preposition(words, first)], words.end(last), "NUM")


def _is_park(words: Words, mention: Mention) -> bool:
    return any(
        form.coarse.startswith(("парк", "саиабаг", "сквер"))
        for form in words.forms[mention.first : mention.last + 1]
    )


def _corner_words(words: Words, mention: Mention) -> tuple[int, int] | None:
    """ "На углу", "пересечение улиц": the word before a street, with its preposition."""
    last = mention.core[0] - 1
    while last >= 0 and "street" in generic_kinds(words.forms[last]):
        last -= 1
    if last < 0 or not words.forms[last].coarse.startswith(CROSSING_WORDS):
        return None
    return _with_preposition(words, last), last


def _with_preposition(words: Words, first: int) -> int:
    """The first word with the preposition before it; a number alone has none."""
    if words.forms[first].kind == "number" or first == 0:
        return first
    return first - 1 if words.forms[first - 1].medium in PREPOSITIONS else first


# -- figures ---------------------------------------------------------------------------------------


def external_figures(assessor: Assessor, folder: Path, resamples: int = RESAMPLES) -> list[Figure]:
    """All figures on those of the sets that are in the folder."""
    return [
        *mention_figures(assessor.gazetteer, folder, resamples),
        *language_figures(assessor, folder / SENTENCES, resamples),
    ]


def read_sentences(path: Path) -> list[Subject]:
    """The lines of a file that are not empty."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [
        Subject(f"sentence-{number}", 1, line, WRITTEN)
        for number, line in enumerate(lines)
        if line.strip()
    ]


def true_language(path: Path) -> Language:
    """Of a file ``<code>.txt`` of sentences; codes other than kk and ru are none of ours."""
    return Language(path.stem) if path.stem in ("kk", "ru") else Language.OTHER


def language_figures(assessor: Assessor, folder: Path, resamples: int = RESAMPLES) -> list[Figure]:
    """Language accuracy on each file of sentences."""
    results: list[Figure] = []
    for path in sorted(folder.glob("*.txt")):
        true = true_language(path)
        right = [a.language is true for a in assessor.assess(read_sentences(path))]
        name = f"sentences, {path.stem}"
        results.append(measured("language accuracy", name, _share, right, resamples))
    return results


def _share(right: Sequence[bool]) -> float:
    return float(np.mean(right)) if right else 0.0


def mention_figures(gazetteer: Gazetteer, folder: Path, resamples: int = RESAMPLES) -> list[Figure]:
    """F1 of mentions on those of the two sets that are in the folder.

    A mention is found when one of its type overlaps it, each counted once; ``exact``: when both
    ends agree too.
    """
    figures: list[Figure] = []
    if (path := folder / MESSAGES).exists():
        marked = mark_messages(gazetteer, path)
        for half in (HELD_OUT, LEARNED):
            part = [m for m in marked if half_of(m.id) == half]
            figures += _mention_figures(part, f"messages, {half}", resamples)
        part = [m for m in marked if half_of(m.id) == HELD_OUT]
        for kind in sorted({kind for m in part for _, _, kind in m.true}):
            only = _only(part, kind)
            figures.append(measured("mention F1", f"messages, {kind}", overlap_f1, only, resamples))
    if (path := folder / KAZNERD).exists():
        figures += _mention_figures(mark_kaznerd(gazetteer, path), "KazNERD places", resamples)
    return figures


def _only(marked: Sequence[Marked], kind: str) -> list[Marked]:
    """The marked texts with mentions of one type alone."""
    return [
        Marked(
            m.id,
            frozenset(s for s in m.true if s[2] == kind),
            frozenset(s for s in m.found if s[2] == kind),
        )
        for m in marked
    ]


def mark_messages(gazetteer: Gazetteer, path: Path) -> list[Marked]:
    """The messages with our mentions; their home is Almaty, as the set says."""
    home = gazetteer.home(HOME)
    marked = []
    for name, text, true in read_messages(path):
        words = words_of(text)
        resolved, _ = resolve_all(words, gazetteer, home)
        marked.append(Marked(name, true, message_spans(words, resolved)))
    return marked


def mark_kaznerd(gazetteer: Gazetteer, path: Path) -> list[Marked]:
    """The sentences with our places, no home."""
    marked = []
    for name, text, true in read_kaznerd(path):
        resolved, _ = resolve_all(words_of(text), gazetteer, None)
        found = frozenset((r.place.start, r.place.end, "place") for r in resolved)
        marked.append(Marked(name, true, found))
    return marked


def _mention_figures(part: Sequence[Marked], group: str, resamples: int) -> list[Figure]:
    return [
        measured("mention F1", group, overlap_f1, part, resamples),
        measured("mention F1, exact", group, _exact_f1, part, resamples),
    ]


def overlap_f1(items: Sequence[Marked]) -> float:
    """F1 of mentions that overlap one of their type."""
    hits = sum(_overlapping(m) for m in items)
    return f1(hits, sum(len(m.found) for m in items) - hits, sum(len(m.true) for m in items) - hits)


def _exact_f1(items: Sequence[Marked]) -> float:
    hits = sum(len(m.true & m.found) for m in items)
    return f1(hits, sum(len(m.found) for m in items) - hits, sum(len(m.true) for m in items) - hits)


def _overlapping(marked: Marked) -> int:
    """Pairs of a true and a found mention of one type that share a letter, each used once."""
    left = sorted(marked.found)
    hits = 0
    for start, end, kind in sorted(marked.true):
        match = next((f for f in left if f[2] == kind and f[0] < end and start < f[1]), None)
        if match is not None:
            left.remove(match)
            hits += 1
    return hits
