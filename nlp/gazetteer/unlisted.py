"""Places that the gazetteer does not list: "школа №27", "улица Неведомская"."""

from __future__ import annotations

from nlp.gazetteer.index import LONGEST_SHORT_FORM
from nlp.gazetteer.mention import QUOTES, Mention, is_abbreviated
from nlp.gazetteer.names import ALSO_WORDS, ORDINALS, generic_kinds
from nlp.words import Form, Words, coarsen, fold_cyrillic, terms

INSTITUTIONS = (
    "мектеп", "мектеб", "школ", "гимназ", "лице", "садик", "балабакша", "болниц", "поликлиник",
    "емхана", "аурухана", "коледж", "детсад",
)  # fmt: skip
RUSSIAN_FRONT = frozenset(
    coarsen(fold_cyrillic(w))
    for w in terms(
        "улица улице улицы проспект проспекте село посёлок город трасса трассе мкр "
        "микрорайон парк рынок школа больница базар стадион мост вокзал"
    )
)


def numbered(words: Words, known: list[Mention]) -> list[Mention]:
    """ "школа №27", "45-мектеп": the gazetteer knows them by chance only."""
    taken = {i for m in known for i in range(m.first, m.last + 1)}
    found: list[Mention] = []
    for index, form in enumerate(words.forms):
        if index in taken or not form.coarse.startswith(INSTITUTIONS):
            continue
        for step in (-1, 1):
            position = index + step
            while 0 <= position < len(words) and (
                words.forms[position].raw in "-№" or words.forms[position].raw.lower() in ORDINALS
            ):
                position += step
            if not 0 <= position < len(words) or position in taken:
                continue
            number = words.forms[position]
            if number.kind == "number" and len(number.raw) <= 3:
                first, last = min(index, position), max(index, position)
                before = words.forms[first - 1].medium if first else ""
                found.append(
                    Mention(
                        first, last, (first, last), (), frozenset({"landmark"}), before, "", True
                    )
                )
                break
    return found


def unlisted(words: Words, known: list[Mention]) -> list[Mention]:
    """Streets and micro-districts with a generic word whose names the gazetteer lacks."""
    taken = {i for m in known for i in range(m.first, m.last + 1)}
    found: list[Mention] = []
    for index, form in enumerate(words.forms):
        kinds = [k for k in generic_kinds(form) if k in ("street", "microdistrict")]
        if not kinds or index in taken:
            continue
        short = len(form.coarse) <= 2 or form.coarse in ALSO_WORDS
        if short and form.coarse not in ("ул",) and not is_abbreviated(words, index):
            continue
        span = _name_after(words, index, taken, kinds[0]) or _name_before(
            words, index, taken, kinds[0]
        )
        if span is None:
            continue
        first, last = min(index, span[0]), max(index, span[1])
        taken |= set(range(first, last + 1))
        found.append(
            Mention(
                first=first,
                last=last,
                core=span,
                entries=(),
                generics=frozenset(kinds),
                before=words.forms[first - 1].medium if first else "",
                ending="",
                capital=True,
            )
        )
    return found


def _is_short(form: Form) -> bool:
    """Whether a full stop behind it ends an abbreviation ("ул."), not a sentence ("на улице.")."""
    return len(form.raw) <= LONGEST_SHORT_FORM


def _is_name(form: Form) -> bool:
    return form.kind in ("cyrillic", "latin") and form.capital and not generic_kinds(form)


def _name_after(words: Words, index: int, taken: set[int], kind: str) -> tuple[int, int] | None:
    position = index + 1
    while position < len(words) and (
        words.forms[position].raw in {"№", *QUOTES}
        or (words.forms[position].raw == "." and _is_short(words.forms[position - 1]))
    ):
        position += 1
    last = position - 1
    while (
        last + 1 < len(words)
        and last - position < 2
        and last + 1 not in taken
        and _is_name(words.forms[last + 1])
    ):
        last += 1
    if last >= position:
        return position, last
    if kind == "microdistrict" and position < len(words) and position not in taken:
        form = words.forms[position]
        if form.kind == "number" and len(form.raw) <= 2:
            return position, position
    return None


def _name_before(words: Words, index: int, taken: set[int], kind: str) -> tuple[int, int] | None:
    form = words.forms[index]
    last = index - 1
    if last >= 0 and words.forms[last].raw.lower() in ORDINALS and last >= 1:
        last -= 1
    while last >= 0 and words.forms[last].raw in {"-", *QUOTES}:
        last -= 1
    if last < 0 or last in taken:
        return None
    if kind == "microdistrict" and words.forms[last].kind == "number":
        return (last, last) if len(words.forms[last].raw) <= 2 else None
    if form.coarse in RUSSIAN_FRONT and kind == "street":
        return None
    first = last + 1
    while (
        first - 1 >= 0
        and last - first < 1
        and first - 1 not in taken
        and _is_name(words.forms[first - 1])
    ):
        first -= 1
    return (first, last) if first <= last else None
