"""Which words moved a judgement: a linear model's contributions, back in the text."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from core.records import INCIDENT_CATEGORIES, Cue
from nlp.features import MAX_WORDS, pairs_of
from nlp.model import DIMENSIONS, Model
from nlp.reading import Reading

FROM = 0.3
"""Below this probability of an incident nobody asks why, and explaining costs time."""
AT_LEAST = 0.15
MOST = 5
_CATEGORY_COLUMN = 3


def explain(model: Model, matrix: sparse.csr_matrix, row: int, reading: Reading) -> None:
    """Fill ``moved`` with the strongest words for the incident and the best category."""
    reading.moved = []
    if reading.incident < FROM:
        return
    tokens, columns = _carried(model, reading)
    if not columns:
        return
    used, place, times = np.unique(
        np.array(columns, dtype=np.int64), return_inverse=True, return_counts=True
    )
    start, end = matrix.indptr[row], matrix.indptr[row + 1]
    known, data = matrix.indices[start:end], matrix.data[start:end]
    order = np.argsort(known)
    known, data = known[order], data[order]
    found = np.minimum(np.searchsorted(known, used), len(known) - 1)
    values = np.where(known[found] == used, data[found], 0.0) / times
    best = int(np.argmax(reading.categories[:-1]))
    for column, slope, judgement in (
        (0, model.calibration[0], "incident"),
        (_CATEGORY_COLUMN + best, model.temperature, INCIDENT_CATEGORIES[best].value),
    ):
        shares = (values * model.weights[used, column] * slope)[place]
        totals = model.space.vector_shares(
            reading.words.forms, model.weights[-DIMENSIONS:, column] * slope
        )
        totals += np.bincount(np.array(tokens), shares, minlength=len(totals))
        strongest = sorted(range(len(totals)), key=lambda t: (-abs(totals[t]), t))[:MOST]
        reading.moved += [
            Cue(
                text=reading.words.forms[token].raw,
                start=reading.words.starts[token],
                end=reading.words.end(token),
                judgement=judgement,
                weight=round(totals[token], 3),
            )
            for token in sorted(strongest)
            if abs(totals[token]) >= AT_LEAST
        ]


def _carried(model: Model, reading: Reading) -> tuple[list[int], list[int]]:
    """Tokens and, beside each, the column of a feature that it carries."""
    space, forms = model.space, reading.words.forms[:MAX_WORDS]
    tokens: list[int] = []
    columns: list[int] = []
    for token, form in enumerate(forms):
        own = space.columns_of_word(form)
        tokens += [token] * len(own)
        columns += own
    for first, second, name in pairs_of(forms):
        column = space.columns.get(name)
        if column is not None:
            tokens += [first, second]
            columns += [column, column]
    for prefix, hits in (("c:", reading.concepts), ("q:", reading.cues)):
        for hit in hits:
            column = space.columns.get(prefix + hit.label)
            if column is not None and hit.last < len(forms):
                span = range(hit.first, hit.last + 1)
                tokens += span
                columns += [column] * len(span)
    return tokens, columns
