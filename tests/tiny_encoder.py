"""A small SentenceTransformer, as a stranger would bring one."""

from __future__ import annotations

from pathlib import Path

import numpy as np

DIMS = 7


def save_tiny(folder: Path) -> Path:
    """Five words and ``DIMS`` axes, saved to a folder, which is given back."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    words = {"[UNK]": 0, "пожар": 1, "өрт": 2, "query": 3, "горит": 4}
    tokenizer = Tokenizer(WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    weights = np.eye(len(words), DIMS, dtype=np.float32) + 0.1
    module = StaticEmbedding(tokenizer, embedding_weights=weights)
    SentenceTransformer(modules=[module], device="cpu").save(str(folder), create_model_card=False)
    return folder
