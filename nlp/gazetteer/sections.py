"""Sections of a street between two cross streets: "Гоголя от Байзакова до Абая"."""

from __future__ import annotations

from collections.abc import Sequence

from nlp.gazetteer.mention import Mention
from nlp.gazetteer.names import folded, generic_kinds
from nlp.words import Form, Words

_FROM, _TO = folded("от с ot s"), folded("до по do po")
_BETWEEN = folded("между mezhdu")
_AND = folded("и мен пен бен men pen ben")
_KAZAKH_BETWEEN = ("араси", "аралиг")
_ABLATIVE, _UNTIL = folded("дан ден тан тен нан нен"), ("деин", "деиин")
_JOINTS = frozenset(",-–—") | folded(
    "на по вдоль участок участке участка отрезок отрезке na po "
    "северная северной южная южной западная западной восточная восточной "
    "верхняя верхней нижняя нижней сторона стороне часть части"
)
NEAR_WORDS = 4
"""So many words may stand between a section and the street that it is of."""


def join_sections(words: Words, mentions: Sequence[Mention]) -> list[Mention]:
    """The mentions, with each two that bound a section of a third as one.

    The first has the second as ``until`` and the street as ``along``, which stays a mention too.
    """
    joined: list[Mention] = []
    index = 0
    while index < len(mentions):
        left = mentions[index]
        right = mentions[index + 1] if index + 1 < len(mentions) else None
        ends = None if right is None else _ends(words, left, right)
        behind = mentions[index + 2] if index + 2 < len(mentions) else None
        along = None if ends is None else _along(words, ends, joined[-2:], behind)
        joined.append(left)
        index += 1
        if ends is not None and along is not None:
            left.until, left.along = right, along
            left.first, left.last = ends
            index += 1
    return joined


def _ends(words: Words, left: Mention, right: Mention) -> tuple[int, int] | None:
    """The first and last word of a section from one street to another."""
    if not (_is_street(left) and _is_street(right)) or left.house or right.house:
        return None
    before = words.forms[left.first - 1].coarse if left.first else ""
    gap = [f.coarse for f in words.forms[left.last + 1 : right.first]]
    if len(gap) == 1 and (
        (before in _FROM and gap[0] in _TO) or (before in _BETWEEN and gap[0] in _AND)
    ):
        return left.first - 1, right.last
    behind = words.forms[right.last + 1].coarse if right.last + 1 < len(words) else ""
    if (gap and gap[0] in _AND and len(gap) == 1 and behind.startswith(_KAZAKH_BETWEEN)) or (
        not gap and left.ending in _ABLATIVE and behind.startswith(_UNTIL)
    ):
        return left.first, right.last + 1
    return None


def _along(
    words: Words, ends: tuple[int, int], ahead: Sequence[Mention], behind: Mention | None
) -> Mention | None:
    """The street named beside a section: "Гоголя, отрезок от …", "от … по улице Гоголя"."""
    for mention in reversed(ahead):
        if words.forms[mention.core[0]].coarse in _JOINTS:
            continue  # "южная сторона" is no street
        if _is_street(mention) and _near(words.forms[mention.last + 1 : ends[0]]):
            return mention
    if behind is not None and _is_street(behind):
        gap = words.forms[ends[1] + 1 : behind.first]
        return behind if gap and _near(gap) else None
    return None


def _near(gap: Sequence[Form]) -> bool:
    return len(gap) <= NEAR_WORDS and all(
        f.coarse in _JOINTS or "street" in generic_kinds(f) for f in gap
    )


def _is_street(mention: Mention) -> bool:
    return mention.until is None and (
        bool(mention.of_kind("street")) or "street" in mention.generics
    )
