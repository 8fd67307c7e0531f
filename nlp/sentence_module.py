"""Our vectors as a module of sentence-transformers, which alone imports this: it needs torch.

A model's folder is a SentenceTransformer too: ``SentenceTransformer(folder,
trust_remote_code=True)``. The library asks for that word for any module that is not its own, and
so it has to; nothing but this file is run.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from sentence_transformers.base.modules import InputModule
from torch import nn

from nlp.model import DIMENSIONS, Model
from nlp.words import words_of


class WordVectorsModule(InputModule):
    """Texts to unit vectors of ``DIMENSIONS``, those of the pipeline; zero without a known word.

    The word vectors are fixed: what a training changed could not be saved.
    """

    def __init__(self, model: Model) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.model = model
        matrix = torch.from_numpy(model.space.vectors.matrix.astype(np.float32))
        self.embedding = nn.EmbeddingBag.from_pretrained(matrix, mode="sum", freeze=True)

    def preprocess(  # type: ignore[override]  # of all that the library knows, texts alone
        self, inputs: Sequence[str], prompt: str | None = None, **kwargs: Any
    ) -> dict[str, torch.Tensor]:
        """Rows of all words in one line, where each text begins, and what each word counts."""
        ids: list[int] = []
        weights: list[float] = []
        offsets: list[int] = []
        for text in inputs:
            rows, counts = self.model.space.weighted_rows(words_of((prompt or "") + text).forms)
            offsets.append(len(ids))
            ids += rows
            weights += counts.tolist()
        return {
            "input_ids": torch.tensor(ids, dtype=torch.long),
            "offsets": torch.tensor(offsets, dtype=torch.long),
            "weights": torch.tensor(weights, dtype=torch.float32),
        }

    def forward(self, features: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """Adds ``sentence_embedding`` (texts × ``DIMENSIONS``)."""
        total = self.embedding(
            features["input_ids"], features["offsets"], per_sample_weights=features["weights"]
        )
        features["sentence_embedding"] = nn.functional.normalize(total, dim=1)
        return features

    def get_embedding_dimension(self) -> int:
        """Length of the vectors."""
        return DIMENSIONS

    def save(self, output_path: str, *args: Any, **kwargs: Any) -> None:
        """Write the model's files, so that the folder is one of ours again."""
        self.model.save(Path(output_path))

    @classmethod
    def load(  # type: ignore[override]  # what concerns hubs has no meaning here
        cls, model_name_or_path: str, **kwargs: Any
    ) -> Self:
        """The module of a model's folder; raises ModelError."""
        return cls(Model.load(Path(model_name_or_path)))
