"""Training the likeness of texts (``correlator/likeness.json``) and measuring it on others' pairs.

``python -m benchmarks.text_likeness train MODELS EXTERNAL`` learns the weights from the train part
of ``correlator/corpus`` and fixes the two thresholds on the external pairs; ``measure`` prints the
figures of the shipped model beside TF-IDF's on the same folds. Peers are fitted to the very texts
that they are measured on, as ours reads its rarities there.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from benchmarks.correlation import CORPUS
from correlator.likeness import LikenessModel
from correlator.likeness_train import (
    TextPair,
    cross_validated,
    f1_of,
    grouped,
    stream_pairs,
    train_likeness,
    with_thresholds,
)
from correlator.model import PairModel
from learning.streams import read_labelled
from nlp.assessor import Assessor
from oqiga.likeness import EXTERNAL, AssessmentWords, external_figures, labelled_pairs, table

PEERS: dict[str, dict[str, Any]] = {
    "TF-IDF of words": {"sublinear_tf": True},
    "TF-IDF of letter triples": {
        "sublinear_tf": True, "analyzer": "char_wb", "ngram_range": (3, 3)
    },
}  # fmt: skip


def tf_idf_f1(pairs: list[TextPair], options: dict[str, Any]) -> float:
    """F1 of a cosine of TF-IDF vectors, its threshold by the same cross-validation."""
    texts = list(dict.fromkeys(text for pair in pairs for text in (pair.left, pair.right)))
    vectors = TfidfVectorizer(**options).fit(texts)
    left = vectors.transform([pair.left for pair in pairs])
    right = vectors.transform([pair.right for pair in pairs])
    scores = np.asarray(left.multiply(right).sum(axis=1)).ravel()
    same = np.array([pair.same for pair in pairs], dtype=bool)
    return f1_of(cross_validated(scores, same, grouped(pairs)), same)


def main(command: str, models: Path, external: Path) -> None:
    """Run one of the two commands."""
    assessor, pair_model = Assessor.load(models), PairModel.load()
    space = AssessmentWords(assessor.vectors)
    if command == "train":
        stream = read_labelled(
            assessor, CORPUS / "train_posts.jsonl", CORPUS / "train_reports.jsonl"
        )
        pairs = stream_pairs(stream.records, stream.truth)
        train_likeness(pairs, space=space, known=pair_model.idf).save()
        found = external_figures(external, space=space, model=pair_model)
        short, long = (found[name].threshold if name in found else None for name in EXTERNAL)
        with_thresholds(LikenessModel.load(), short_from=short, long_from=long).save()
    sys.stdout.write(table(external_figures(external, space=space, model=pair_model)) + "\n")
    for name, file in EXTERNAL.items():
        for peer, options in PEERS.items():
            value = tf_idf_f1(labelled_pairs(external / file), options)
            sys.stdout.write(f"{name}, {peer}: F1 {value:.3f}\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
