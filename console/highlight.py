"""Text to show: masked, harmless, and cut into stretches that carry marks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from core.inputs import clean_text
from core.masking import mask
from core.records import Assessment

SHOWN_CHARS = 3_000
"""Longer texts are folded behind a click: a page stays readable, whatever was posted."""


@dataclass(frozen=True)
class Mark:
    """Why a stretch is marked. ``kind``: place, for or against; ``title`` is a sentence."""

    start: int
    end: int
    kind: str
    title: str


@dataclass(frozen=True)
class Stretch:
    """A run of characters under the same marks, none of them for plain text."""

    text: str
    kinds: tuple[str, ...] = ()
    title: str = ""


def harmless(text: str) -> str:
    """The text in the same length without signs that control the screen or turn the reading
    direction: they cannot come in by the inputs, but an older record may hold one.
    """
    if clean_text(text) == text:
        return text
    return "".join(sign if clean_text(sign) else "\N{REPLACEMENT CHARACTER}" for sign in text)


def shown(text: str) -> str:
    """The text as people may see it, in the same length: harmless, and masked."""
    return mask(harmless(text))


def marks(assessment: Assessment) -> list[Mark]:
    """The words that led to the assessment and the places in it."""
    found = [
        Mark(cue.start, cue.end, "for" if cue.weight >= 0 else "against", cue.judgement)
        for cue in assessment.cues
    ]
    found += [Mark(place.start, place.end, "place", place.name) for place in assessment.places]
    return found


def stretches(text: str, found: Iterable[Mark]) -> list[Stretch]:
    """The text cut where marks begin and end; joined again the stretches are the text."""
    kept = [m for m in found if 0 <= m.start < m.end <= len(text)]
    edges = sorted({0, len(text), *(m.start for m in kept), *(m.end for m in kept)})
    cut: list[Stretch] = []
    for start, end in pairwise(edges):
        over = [m for m in kept if m.start <= start and end <= m.end]
        cut.append(
            Stretch(
                text=text[start:end],
                kinds=tuple(sorted({m.kind for m in over})),
                title=", ".join(dict.fromkeys(m.title for m in over)),
            )
        )
    return cut


def fold(cut: Sequence[Stretch], limit: int = SHOWN_CHARS) -> tuple[list[Stretch], list[Stretch]]:
    """The first ``limit`` characters and the rest."""
    first: list[Stretch] = []
    for number, stretch in enumerate(cut):
        if len(stretch.text) > limit:
            head = Stretch(stretch.text[:limit], stretch.kinds, stretch.title)
            tail = Stretch(stretch.text[limit:], stretch.kinds, stretch.title)
            return [*first, head], [tail, *cut[number + 1 :]]
        first.append(stretch)
        limit -= len(stretch.text)
    return first, []
