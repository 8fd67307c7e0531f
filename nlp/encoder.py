"""Another model's vectors in place of ours: any of sentence-transformers, by folder or name.

The library and torch are imported when such a model is set, and not before. A model's own code is
never run (``trust_remote_code`` stays off).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from core.errors import ModelError, SettingsError
from core.settings import Settings
from nlp.reading import Reading

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

CACHE = Path("vector_dims.json")
"""File under home with the length of each model's vectors, so that only one process loads it."""


class Encoder(Protocol):
    """What makes vectors of texts. ``id``: names it and its weights; ``dims``: their length."""

    id: str
    dims: int

    def encode(self, texts: Sequence[str]) -> list[list[float]]:
        """Unit vectors (texts × ``dims``), 5 decimals."""
        ...


class SentenceEncoder:
    """A SentenceTransformer on the CPU. ``prompt`` stands before every text ("query: ")."""

    def __init__(self, name: str, prompt: str = "") -> None:
        self._model = _loaded(name)
        self._prompt = prompt
        dims = self._model.get_embedding_dimension()
        if not dims:
            raise ModelError(f"nlp.vector_model {name!r} does not say how long its vectors are")
        self.dims = int(dims)
        shown = Path(name).name if Path(name).is_dir() else name
        self.id = f"{shown}@{_digest(self._model, prompt)}"

    def encode(self, texts: Sequence[str]) -> list[list[float]]:
        """Unit vectors (texts × ``dims``), 5 decimals."""
        found = self._model.encode(
            list(texts),
            prompt=self._prompt or None,
            normalize_embeddings=True,
            show_progress_bar=False,
        )
        return np.asarray(found, dtype=np.float64).round(5).tolist()  # type: ignore[no-any-return]


class EmbedWith:
    """The pipeline's step ``vector`` with another encoder."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder

    def __call__(self, readings: Sequence[Reading]) -> None:
        """Fill ``vector``; none for a text without a word."""
        spoken = [reading for reading in readings if len(reading.words)]
        if not spoken:
            return
        vectors = self.encoder.encode([reading.subject.text for reading in spoken])
        for reading, vector in zip(spoken, vectors, strict=True):
            reading.vector = tuple(vector)


def encoder_of(settings: Settings) -> Encoder | None:
    """The encoder that ``nlp.vector_model`` names, ``None``: ours.

    Raises ModelError, and SettingsError where the store expects vectors of another length.
    """
    if not settings.nlp.vector_model:
        return None
    encoder = SentenceEncoder(settings.nlp.vector_model, settings.nlp.vector_prompt)
    expected = settings.elasticsearch.vector_dims
    if _is_set(settings) and settings.store.kind == "elasticsearch" and expected != encoder.dims:
        raise SettingsError(
            f"nlp.vector_model {settings.nlp.vector_model!r} makes vectors of {encoder.dims}, "
            f"elasticsearch.vector_dims is {expected}; set it to {encoder.dims}, or leave it out"
        )
    return encoder


def with_dims(settings: Settings) -> Settings:
    """The settings with the length of the vectors that ``nlp.vector_model`` makes.

    What ``elasticsearch.vector_dims`` says stays. The model is loaded once, then its length is
    read from ``CACHE``. Raises ModelError.
    """
    name = settings.nlp.vector_model
    if settings.store.kind != "elasticsearch" or not name or _is_set(settings):
        return settings
    cache = settings.under_home(CACHE)
    known: dict[str, int] = json.loads(cache.read_text("utf-8")) if cache.exists() else {}
    key = _key(name)
    if key not in known:
        known[key] = SentenceEncoder(name).dims
        cache.parent.mkdir(parents=True, exist_ok=True)
        draft = cache.with_suffix(".part")
        draft.write_text(json.dumps(known, indent=1), encoding="utf-8")
        draft.replace(cache)
    elastic = settings.elasticsearch.model_copy(update={"vector_dims": known[key]})
    return settings.model_copy(update={"elasticsearch": elastic})


def _is_set(settings: Settings) -> bool:
    return "vector_dims" in settings.elasticsearch.model_fields_set


def _key(name: str) -> str:
    """The name, and for a folder when it was made: another model may lie there later."""
    modules = Path(name) / "modules.json"
    return f"{name} {modules.stat().st_mtime_ns}" if modules.exists() else name


def _loaded(name: str) -> SentenceTransformer:
    try:
        from sentence_transformers import SentenceTransformer

        return SentenceTransformer(name, device="cpu")
    except Exception as error:  # each kind of module has errors of its own
        raise ModelError(
            f"nlp.vector_model {name!r} cannot be loaded ({type(error).__name__}: {error}); name "
            "a folder of sentence-transformers, or a model that this machine has or can fetch"
        ) from error


def _digest(model: Any, prompt: str) -> str:
    """Digest (12 hex characters) of modules, weights and prompt."""
    hasher = hashlib.sha256(f"{model}\n{prompt}".encode())
    for name, tensor in sorted(model.state_dict().items()):
        hasher.update(name.encode())
        hasher.update(tensor.detach().cpu().contiguous().float().numpy().tobytes())
    return hasher.hexdigest()[:12]
