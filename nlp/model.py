"""The linear models: incident, category, urgency, vector. Loaded from and saved to one folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from core.errors import ModelError
from core.records import INCIDENT_CATEGORIES
from nlp import word_vectors
from nlp.features import FeatureSpace
from nlp.language import LanguageModel
from nlp.word_vectors import WordVectors

Floats = NDArray[np.float32]
DIMENSIONS = word_vectors.SIZE
"""Of the vector in an assessment."""
SENTENCE_MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": "nlp.sentence_module.WordVectorsModule"}
]
"""``modules.json`` of the folder, by which sentence-transformers loads it too."""
FILES = ("features.txt", "letters.txt", "weights.npz", word_vectors.FILE, "about.json")


@dataclass
class Prediction:
    """For each text: log-odds and probability of an incident, categories, urgency."""

    logits: NDArray[np.float64]
    incident: NDArray[np.float64]
    categories: NDArray[np.float64]
    urgency: NDArray[np.float64]


@dataclass
class Model:
    """All that is learned. ``calibration``: slope and offset of the incident's log-odds.

    ``weights`` columns: incident, "speaks of nothing", urgency, then the 14 categories.
    """

    space: FeatureSpace
    weights: Floats
    bias: Floats
    calibration: tuple[float, float]
    temperature: float
    language: LanguageModel
    about: Mapping[str, str]
    digest: str = ""

    def predict(self, matrix: sparse.csr_matrix) -> Prediction:
        """Judgements of a batch of feature rows."""
        scores = np.asarray(matrix @ self.weights, dtype=np.float64) + self.bias
        slope, offset = self.calibration
        logits = slope * scores[:, 0] + offset
        incident = sigmoid(logits)
        nothing = sigmoid(scores[:, 1]) * (1 - incident)
        exps = np.exp((scores[:, 3:] - scores[:, 3:].max(axis=1, keepdims=True)) * self.temperature)
        fourteen = exps / exps.sum(axis=1, keepdims=True)
        categories = np.column_stack([fourteen * (1 - nothing)[:, None], nothing])
        urgency = np.clip(scores[:, 2], 0, 1) * incident
        return Prediction(logits, incident, categories, urgency)

    def vectors(self, matrix: sparse.csr_matrix) -> NDArray[np.float64]:
        """Unit vectors; the zero vector for a text without a known word."""
        raw = np.asarray(matrix[:, -DIMENSIONS:].toarray(), dtype=np.float64)
        norms = np.linalg.norm(raw, axis=1, keepdims=True)
        return raw / np.where(norms > 0, norms, 1.0)

    def save(self, folder: Path) -> str:
        """Write the files; their digest (12 hex characters)."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "features.txt").write_text("\n".join(self.space.names), encoding="utf-8")
        letters = sorted(self.language.grams, key=lambda g: self.language.grams[g])
        (folder / "letters.txt").write_text("\n".join(letters), encoding="utf-8")
        np.savez(
            folder / "weights.npz",
            idf=self.space.idf,
            weights=self.weights,
            bias=self.bias,
            calibration=np.array([*self.calibration, self.temperature], dtype=np.float64),
            word_weights=self.language.word_weights,
            word_bias=self.language.word_bias,
            text_weights=self.language.text_weights,
            text_bias=self.language.text_bias,
        )
        self.space.vectors.save(folder)
        about = json.dumps(dict(self.about), sort_keys=True, indent=1, ensure_ascii=False)
        (folder / "about.json").write_text(about + "\n", encoding="utf-8")
        modules = json.dumps(SENTENCE_MODULES, indent=2)
        (folder / "modules.json").write_text(modules + "\n", encoding="utf-8")
        return files_digest(folder)

    @classmethod
    def load(cls, folder: Path) -> Model:
        """Read the files; raises ModelError."""
        try:
            names = (folder / "features.txt").read_text(encoding="utf-8").split("\n")
            letters = (folder / "letters.txt").read_text(encoding="utf-8").split("\n")
            about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
            with np.load(folder / "weights.npz", allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
            slope, offset, temperature = (float(x) for x in arrays["calibration"])
            return cls(
                space=FeatureSpace(names, arrays["idf"], WordVectors.load(folder)),
                weights=arrays["weights"],
                bias=arrays["bias"],
                calibration=(slope, offset),
                temperature=temperature,
                language=LanguageModel(
                    grams={gram: i for i, gram in enumerate(letters)},
                    word_weights=arrays["word_weights"],
                    word_bias=arrays["word_bias"],
                    text_weights=arrays["text_weights"],
                    text_bias=arrays["text_bias"],
                ),
                about=about,
                digest=files_digest(folder),
            )
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(
                f"{folder}: there is no readable model ({error}); make one with `oqiga train`"
            ) from error


def files_digest(folder: Path) -> str:
    """Digest (12 hex characters) of a model's files."""
    hasher = hashlib.sha256()
    for name in FILES:
        hasher.update((folder / name).read_bytes())
    return hasher.hexdigest()[:12]


def sigmoid(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability of log-odds, without overflow."""
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -40, 40))), dtype=np.float64)


def category_names() -> Sequence[str]:
    """The 14 categories in the order of the columns."""
    return [category.value for category in INCIDENT_CATEGORIES]
