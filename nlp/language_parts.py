"""Where a mixed post changes its language: the likeliest languages of its words in a row.

Words give the odds (``LanguageModel.word``), and each change costs (Viterbi 1967). A name says
little of the language around it.
"""

from __future__ import annotations

import math

from core.records import Language, LanguagePart
from nlp.language import WORD_CLASSES, LanguageModel
from nlp.words import Form, Words

SPOKEN = (Language.RU, Language.KK, Language.TRANSLIT, Language.OTHER)
_CLASS_OF = {
    "ru": Language.RU,
    "kk": Language.KK,
    "translit": Language.TRANSLIT,
    "other_cyrillic": Language.OTHER,
    "other_latin": Language.OTHER,
}
CHANGE = 2.0
"""Cost of a change in log-odds. On joined posts of the dev part the more the better (words right at
2: .991, at 4: .994), but real mixing is of single phrases, which a higher cost swallows."""
NAME_WEIGHT = 0.3
"""Of a word with a capital letter that opens no phrase."""
LEAST = 0.02
MARKS = frozenset(".,!?;:…()\n—–")


def parts_of(words: Words, model: LanguageModel) -> tuple[LanguagePart, ...]:
    """The parts of a text by language, in order: from a part's first word to its last."""
    chosen = [
        i for i, f in enumerate(words.forms) if f.kind in ("cyrillic", "latin") and len(f.raw) > 1
    ]
    languages = _likeliest(words, chosen, model)
    parts: list[LanguagePart] = []
    for index, language in zip(chosen, languages, strict=True):
        start, end = words.starts[index], words.end(index)
        if parts and parts[-1].language is language:
            start = parts.pop().start
        parts.append(LanguagePart(start=start, end=end, language=language))
    return tuple(parts)


def _likeliest(words: Words, chosen: list[int], model: LanguageModel) -> list[Language]:
    """The likeliest row of languages, one a chosen word."""
    best = [0.0] * len(SPOKEN)
    came_from: list[list[int]] = []
    for place, index in enumerate(chosen):
        opens = place == 0 or _mark_between(words, chosen[place - 1], index)
        said = _log_odds(words.forms[index], model, opens=opens)
        leader = max(range(len(SPOKEN)), key=best.__getitem__)
        changed = best[leader] - CHANGE
        origins, totals = [], []
        for state, stay in enumerate(best):
            origins.append(state if stay >= changed else leader)
            totals.append(max(stay, changed) + said[state])
        came_from.append(origins)
        best = totals
    state = max(range(len(SPOKEN)), key=best.__getitem__)
    found: list[Language] = []
    for origins in reversed(came_from):
        found.append(SPOKEN[state])
        state = origins[state]
    return found[::-1]


def _log_odds(form: Form, model: LanguageModel, *, opens: bool) -> list[float]:
    chances = dict.fromkeys(SPOKEN, 0.0)
    for name, chance in zip(WORD_CLASSES, model.word(form), strict=True):
        chances[_CLASS_OF[name]] += chance
    weight = NAME_WEIGHT if form.capital and not opens else 1.0
    return [weight * math.log(max(chances[language], LEAST)) for language in SPOKEN]


def _mark_between(words: Words, first: int, last: int) -> bool:
    return any(words.forms[i].raw in MARKS for i in range(first + 1, last))
