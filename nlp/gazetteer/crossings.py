"""Two streets that a text joins to a crossing ("угол Абая и Саина", "Сайн-Шаляпина")."""

from __future__ import annotations

from nlp.gazetteer.index import Gazetteer
from nlp.gazetteer.mention import Mention
from nlp.gazetteer.names import folded, generic_kinds
from nlp.words import Words, form_of, terms

CONNECTORS = frozenset(
    form_of(word).coarse
    for word in terms(
        "и с угол уг мен пен бен угла углу "
        "пересечение пересечении перекресток перекрестке "
        "and men pen ben выше ниже не доходя доезжая х"
    )
) | frozenset("-–—/\\,&+.")
LOOSE_CONNECTORS = folded(
    "у возле около напротив районе вниз вверх от до дом дома поворота поворот на между после "
    "перед со стороны к за u vozle ot do na dom : ;"
) | frozenset(":")
"""Between two streets they make a crossing only where the gazetteer knows one of the two."""
STRONG_CONNECTORS = frozenset(
    form_of(w).coarse for w in terms("угол уг мен пен бен and men pen ben угла углу")
) | frozenset("-–—/\\&+")
CROSSING_WORDS = (
    "угол", "угл", "пересеч", "перекрест", "киилис", "килис", "бурш", "буриш", "светофор",
)  # fmt: skip


def join_crossings(words: Words, mentions: list[Mention], gazetteer: Gazetteer) -> list[Mention]:
    """The mentions, with each two that make a crossing as one; ``partner`` is the second."""
    joined: list[Mention] = []
    index = 0
    while index < len(mentions):
        left = mentions[index]
        right = mentions[index + 1] if index + 1 < len(mentions) else None
        if right is not None and _is_pair(words, left, right, gazetteer):
            joined.append(_crossing(words, left, right))
            index += 2
            continue
        joined.append(left)
        index += 1
    return joined


def _is_pair(words: Words, left: Mention, right: Mention, gazetteer: Gazetteer) -> bool:
    if left.until or right.until:
        return False
    if left.house or (right.first - left.last) > 5 or right.first <= left.last:
        return False
    a, b = left.of_kind("street"), right.of_kind("street")
    other = (left.generics | right.generics) - {"street", "landmark", "highway"}
    if not a or not b or (other and not (other == {"district"} and left.vicinity)):
        return False
    between = [words.forms[i] for i in range(left.last + 1, right.first)]
    loose = [f for f in between if f.coarse not in CONNECTORS and "street" not in generic_kinds(f)]
    if any(f.coarse not in LOOSE_CONNECTORS for f in loose):
        return False
    left.known_crossings = [
        (x, y, point)
        for x in a
        for y in b
        if x.id != y.id and (point := gazetteer.crossing(x.id, y.id)) is not None
    ]
    said = left.ending in ("мен", "бен", "пен") or any(
        words.forms[i].coarse.startswith(CROSSING_WORDS)
        for i in range(max(0, left.first - 2), min(len(words), right.last + 3))
    )
    strong = said or any(f.coarse in STRONG_CONNECTORS for f in between)
    if loose and not left.known_crossings:
        return False
    if left.known_crossings:
        left.strong = strong
        return True
    towns = {gazetteer.settlement_of(e.id) for e in a} & {gazetteer.settlement_of(e.id) for e in b}
    plain = not (left.of_kind("city", "country") or right.of_kind("city", "country"))
    left.strong = strong
    return strong and bool(towns) and (plain or said)


def _crossing(words: Words, left: Mention, right: Mention) -> Mention:
    left.partner = right
    left.house = None
    last = right.last if right.house is None else max(right.core[1], right.first)
    for position in range(last + 1, min(len(words), last + 3)):
        if words.forms[position].coarse.startswith(CROSSING_WORDS):
            last = position
    first = left.first
    if first and words.forms[first - 1].coarse.startswith(CROSSING_WORDS):
        first -= 1
    left.first, left.last = first, last
    return left
