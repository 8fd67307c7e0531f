"""The likeness of texts over files: labelled pairs of others, and pairs on standard input."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.errors import InputError
from core.inputs import parse_object
from core.lines import Line, read_lines
from correlator.likeness import LikenessModel, likeness, rarity_in, wording
from correlator.likeness_train import ExternalFigure, TextPair, external_figure
from correlator.model import PairModel
from nlp.word_vectors import UNKNOWN, WordVectors
from nlp.words import form_of
from oqiga.offline import Reading

EXTERNAL = {
    "headlines": "pairs_paraphraser_train.jsonl",
    "news, full text": "pairs_tgcontest_dev.jsonl",
}
"""What is measured, and the file of the folder with external test sets that holds it."""


class AssessmentWords:
    """The assessment's word vectors as the correlator asks for them."""

    def __init__(self, vectors: WordVectors) -> None:
        self._vectors = vectors

    def vectors(self, words: Sequence[str]) -> npt.NDArray[np.float64]:
        """Unit vectors (words × axes), zero for a word that is in no list."""
        rows = np.array(self._vectors.rows([form_of(word) for word in words]), dtype=np.int64)
        found = self._vectors.matrix[rows].astype(np.float64)
        norms = np.linalg.norm(found, axis=1, keepdims=True)
        unit = found / np.where(norms > 0.0, norms, 1.0)
        return np.where((rows == UNKNOWN)[:, None], 0.0, unit)


def likeness_rows(
    lines: Iterable[Line], *, space: AssessmentWords, model: PairModel, reading: Reading
) -> Iterator[str]:
    """``same`` and ``why`` of each readable pair by its two texts alone, in the input's order.

    Rarity of words is that of the whole input, smoothed by the shipped one, so all is read first.
    """
    alike = LikenessModel.load()
    pairs = []
    for line in lines:
        try:
            pairs.append(_texts(parse_object(line.data)))
        except InputError as error:
            reading.problems.append((line.number, str(error)))
        else:
            reading.numbers.append(line.number)
    texts = dict.fromkeys(text for pair in pairs for text in pair)
    bits = rarity_in(texts, model.idf)
    for left, right in pairs:
        found = likeness(wording(left, space, bits), wording(right, space, bits), alike)
        why = {name: round(value, 4) for name, value in found.why.items()}
        yield json.dumps({"same": round(found.alike, 4), "why": why}, ensure_ascii=False)


def external_figures(
    folder: Path, *, space: AssessmentWords, model: PairModel
) -> dict[str, ExternalFigure]:
    """Figures of the external pairs that the folder holds, by name."""
    alike = LikenessModel.load()
    return {
        name: external_figure(labelled_pairs(folder / file), alike, space=space, known=model.idf)
        for name, file in EXTERNAL.items()
        if (folder / file).exists()
    }


def table(figures: dict[str, ExternalFigure]) -> str:
    """The figures as a table in Markdown."""
    rows = [
        "| text likeness | F1 | interval | area under the curve | pairs |",
        "|---|---|---|---|---|",
    ]
    rows += [
        f"| {name} | {f.f1:.3f} | {f.low:.3f} to {f.high:.3f} | {f.auc:.3f} | {f.count} |"
        for name, f in figures.items()
    ]
    return "\n".join(rows)


def labelled_pairs(path: Path) -> list[TextPair]:
    """Pairs with ``same``, or with ``class`` (0 and 1 are the same); raises InputError."""
    pairs = []
    with path.open("rb") as file:
        for line in read_lines(file):
            value = parse_object(line.data)
            if "same" not in value and "class" not in value:
                raise InputError(f"{path}, line {line.number}: neither same nor class is given")
            same = bool(value["same"]) if "same" in value else int(value["class"]) >= 0
            pairs.append(TextPair(*_texts(value), same))
    return pairs


def _texts(value: dict[str, Any]) -> tuple[str, str]:
    texts = []
    for side in ("left", "right"):
        given = value.get(side)
        text = given.get("text") if isinstance(given, dict) else None
        if not isinstance(text, str):
            raise InputError(f"{side}.text is missing or no string; each line has left and right")
        texts.append(text)
    return texts[0], texts[1]
