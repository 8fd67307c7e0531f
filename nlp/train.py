"""Training: from the labelled corpus to the files of a model. The same bytes in, the same out."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from core.errors import ModelError
from core.records import INCIDENT_CATEGORIES, Category, Language
from nlp.augment import latin, mistyped, plain
from nlp.features import FeatureSpace
from nlp.gazetteer.build import TABLES, build
from nlp.gazetteer.index import Gazetteer
from nlp.labelled import (
    REPORT,
    STREAM,
    LabelledPost,
    author_folds,
    read_corpus,
    read_stream,
    texts_digest,
)
from nlp.language import (
    SIGNS,
    TEXT_CLASSES,
    WORD_CLASSES,
    LanguageModel,
    grams_of,
    signs_of,
    without_kazakh_letters,
    word_class,
    words_to_judge,
)
from nlp.model import Model
from nlp.pipeline import LEXICONS, FindCues, FindPlaces, ReadTimes
from nlp.reading import Reading, Subject
from nlp.word_vectors import WordVectors
from nlp.word_vectors import build as build_vectors
from nlp.words import words_of

GAZETTEER_FILE = "gazetteer.sqlite"
SEED = 20261124
CALIBRATION_FOLDS = 3
LATIN_WEIGHT, NOISY_WEIGHT = 0.5, 0.3
NOISY_SHARE = 0.4
"""Weight of an altered copy beside its original; see docs/evaluation.md."""
INCIDENT_C, CATEGORY_C, RIDGE = 3.0, 8.0, 3.0
INCIDENT_SHARE = 0.4
"""Of the posts that probabilities are calibrated on: more of the corpus are incidents than of any
channel's posts, so ordinary ones count more. At a lower share recall falls more than precision
gains; see docs/evaluation.md."""
RARE = 3.0
"""Weight of a category's own texts against those of the other 13."""
TOLERANCE = 1e-3
LANGUAGE_TOLERANCE = 1e-4
"""Words' letters: at 1e-3 a text in eighty less is in the right language."""
NEGATIVE_TOPIC_WEIGHT = 0.4
"""A verdict for a robbery also teaches what robbery is, but a patrol is sent to incidents."""

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class TrainReport:
    """What was learned from what. ``posts`` by language; ``digest`` of the model's files."""

    posts: int
    by_language: dict[str, int]
    features: int
    gazetteer_entries: int
    digest: str


@dataclass(frozen=True)
class Grounds:
    """What a model is fitted with besides the corpus.

    ``streams``: posts and reports of event streams (``labelled.read_stream``). ``language``: a
    language model to take over, ``None`` to fit one (most of the time that a small fit takes).
    """

    gazetteer: Gazetteer
    vectors: WordVectors
    streams: Sequence[LabelledPost] = ()
    language: LanguageModel | None = None


@dataclass(frozen=True)
class Example:
    """A text to learn from, with its reading and the weight of its label."""

    post: LabelledPost
    reading: Reading
    weight: float


def silent(step: str, share: float) -> None:
    """No progress wanted."""


def train(
    corpus_dir: Path,
    model_dir: Path,
    progress: Progress = silent,
    *,
    stream_file: Path | None = None,
) -> TrainReport:
    """Learn everything and write it to ``model_dir``; raises ModelError, InputError."""
    progress("gazetteer", 0.0)
    entries = build(TABLES, model_dir / GAZETTEER_FILE)
    gazetteer = Gazetteer.load(model_dir / GAZETTEER_FILE)
    posts = read_corpus(corpus_dir)
    streams = [] if stream_file is None else read_stream(stream_file)
    progress("word vectors", 0.03)
    model = fit(posts, Grounds(gazetteer, build_vectors(), streams), progress)
    digest = model.save(model_dir)
    progress("done", 1.0)
    counts = {language.value: sum(p.language is language for p in posts) for language in Language}
    return TrainReport(len(posts), counts, len(model.space), entries, digest)


def fit(posts: Sequence[LabelledPost], grounds: Grounds, progress: Progress = silent) -> Model:
    """A model of these posts; raises ModelError when a kind of post is missing."""
    from threadpoolctl import threadpool_limits

    _check_kinds(posts)
    with threadpool_limits(limits=1):  # sums in one order: the same bytes on every run
        progress("reading texts", 0.1)
        reader = Reader(grounds.gazetteer)
        originals = [Example(p, reader.read(p.text, p), 1.0) for p in [*posts, *grounds.streams]]
        examples = originals + altered(posts, reader)
        progress("language", 0.2)
        language = grounds.language or fit_language(posts)
        progress("features", 0.3)
        space = FeatureSpace.learn((e.reading for e in originals), grounds.vectors)
        matrix = space.matrix([e.reading for e in examples])
        progress("incident, category, urgency", 0.4)
        weights, bias = fit_weights(examples, matrix)
        progress("calibration", 0.7)
        slope, offset, temperature = calibrate(examples, grounds.vectors)
    return Model(
        space=space,
        weights=weights,
        bias=bias,
        calibration=(slope, offset),
        temperature=temperature,
        language=language,
        about={
            "corpus": texts_digest([*posts, *grounds.streams]),
            "gazetteer": grounds.gazetteer.digest,
            "posts": str(len(posts) + len(grounds.streams)),
        },
    )


def _check_kinds(posts: Sequence[LabelledPost]) -> None:
    """Nothing can be told apart of which there is no example."""
    there = {(p.incident, p.category) for p in posts}
    missing = [c.value for c in INCIDENT_CATEGORIES if (True, c) not in there]
    if not any(p.category is Category.NONE for p in posts):
        missing.append(Category.NONE.value)
    if not any(not p.incident and p.category is not Category.NONE for p in posts):
        missing.append("negatives that speak of a category")
    if missing:
        raise ModelError(f"the corpus has no posts of: {', '.join(missing)}; add some")


class Reader:
    """Reads a text as the pipeline does, without the learned steps."""

    def __init__(self, gazetteer: Gazetteer) -> None:
        self._steps = (
            FindCues(),
            ReadTimes(),
            FindPlaces(gazetteer),
        )

    def read(self, text: str, post: LabelledPost) -> Reading:
        """Cues, concepts, times and places of a text that stands for a post."""
        subject = Subject(post.id, 1, text, post.at, post.home)
        reading = Reading(subject, words_of(text))
        for step in self._steps:
            step([reading])
        return reading


def altered(posts: Sequence[LabelledPost], reader: Reader) -> list[Example]:
    """Copies in Latin script and with typing errors, the same for a post on every run."""
    examples: list[Example] = []
    for post in posts:
        rng = random.Random(f"{SEED} {post.id}")  # noqa: S311
        if post.language is not Language.TRANSLIT:
            text = latin(post.text, rng)
            examples.append(Example(post, reader.read(text, post), LATIN_WEIGHT))
        if rng.random() < NOISY_SHARE:
            text = plain(mistyped(post.text, rng))
            examples.append(Example(post, reader.read(text, post), NOISY_WEIGHT))
    return examples


def fit_weights(
    examples: Sequence[Example], matrix: sparse.csr_matrix
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Columns: incident, "speaks of nothing", urgency, the 14 categories."""
    from sklearn.linear_model import Ridge

    weights = np.array([e.weight for e in examples])
    incident = np.array([e.post.incident for e in examples])
    nothing = np.array([e.post.category is Category.NONE for e in examples])
    urgency = np.array([e.post.urgency or 0.0 for e in examples])
    rated = np.array([e.post.urgency is not None for e in examples])
    said, silent_ones = np.flatnonzero(incident & rated), np.flatnonzero(~incident)
    posted = np.array([e.post.style != REPORT for e in examples])
    fitted = [
        _logistic(INCIDENT_C, matrix[posted], incident[posted], weights[posted]),
        _logistic(INCIDENT_C, matrix[silent_ones], nothing[silent_ones], weights[silent_ones]),
        Ridge(alpha=RIDGE, solver="lsqr").fit(matrix[said], urgency[said], weights[said]),
        *fit_categories(examples, matrix),
    ]
    return (
        np.column_stack([np.atleast_2d(f.coef_)[0] for f in fitted]).astype(np.float32),
        np.array([float(np.atleast_1d(f.intercept_)[0]) for f in fitted], dtype=np.float32),
    )


def fit_categories(examples: Sequence[Example], matrix: sparse.csr_matrix) -> list[Any]:
    """One model a category against the other 13, from texts that speak of any."""
    rows = np.array([i for i, e in enumerate(examples) if e.post.category is not Category.NONE])
    chosen = [examples[i] for i in rows]
    weights = np.array(
        [e.weight * (1.0 if e.post.incident else NEGATIVE_TOPIC_WEIGHT) for e in chosen]
    )
    names = np.array([e.post.category.value for e in chosen])
    part = matrix[rows]
    return [
        _logistic(
            CATEGORY_C, part, names == c.value, weights * np.where(names == c.value, RARE, 1.0)
        )
        for c in INCIDENT_CATEGORIES
    ]


def _logistic(
    c: float, matrix: sparse.csr_matrix, truth: NDArray[np.bool_], weights: NDArray[np.float64]
) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=c, max_iter=300, tol=TOLERANCE).fit(matrix, truth, weights)


def calibrate(examples: Sequence[Example], vectors: WordVectors) -> tuple[float, float, float]:
    """Platt's slope and offset, and the categories' temperature, from authors left out in turn.

    The temperature is one number: the first fold is enough for it. Streams hold far more incidents
    than a channel does, so nothing is calibrated on them.
    """
    examples = [e for e in examples if e.post.style != REPORT]
    of_author = author_folds([e.post for e in examples if e.weight == 1.0], CALIBRATION_FOLDS)
    folds = np.array([of_author[e.post.author] for e in examples])
    order = [c.value for c in INCIDENT_CATEGORIES]
    scores: list[float] = []
    truth: list[bool] = []
    temperature: float | None = None
    for fold in range(CALIBRATION_FOLDS):
        learn = [e for e, f in zip(examples, folds, strict=True) if f != fold]
        check = [
            e
            for e, f in zip(examples, folds, strict=True)
            if f == fold and e.weight == 1.0 and e.post.style != STREAM
        ]
        if not check or not learn:
            continue
        space = FeatureSpace.learn((e.reading for e in learn if e.weight == 1.0), vectors)
        learned, left_out = (space.matrix([e.reading for e in part]) for part in (learn, check))
        weights = np.array([e.weight for e in learn])
        incident = np.array([e.post.incident for e in learn])
        model = _logistic(INCIDENT_C, learned, incident, weights)
        scores += model.decision_function(left_out).tolist()
        truth += [e.post.incident for e in check]
        if temperature is None:
            rows = [i for i, e in enumerate(check) if e.post.incident]
            plain_ones = [i for i, e in enumerate(learn) if e.weight == 1.0]
            models = fit_categories([learn[i] for i in plain_ones], learned[plain_ones])
            found = np.column_stack([m.decision_function(left_out[rows]) for m in models])
            answers = [order.index(check[i].post.category.value) for i in rows]
            temperature = _temperature(found, np.array(answers))
    platt = _logistic(1e6, np.array(scores)[:, None], np.array(truth), _shares(np.array(truth)))
    return float(platt.coef_[0, 0]), float(platt.intercept_[0]), temperature or 1.0


def _shares(truth: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Weights with which ``INCIDENT_SHARE`` of the posts are incidents."""
    share = float(truth.mean())
    if share in (0.0, 1.0):
        return np.ones(len(truth))
    return np.where(truth, INCIDENT_SHARE / share, (1 - INCIDENT_SHARE) / (1 - share))


def _temperature(scores: NDArray[np.float64], answers: NDArray[np.int64]) -> float:
    """The sharpness of the softmax with the best likelihood."""
    best = (np.inf, 1.0)
    for sharpness in np.arange(0.4, 3.01, 0.1):
        scaled = scores * sharpness
        top = scaled.max(axis=1, keepdims=True)
        log_sum = top[:, 0] + np.log(np.exp(scaled - top).sum(axis=1))
        loss = float((log_sum - scaled[np.arange(len(answers)), answers]).mean())
        best = min(best, (loss, float(round(sharpness, 1))))
    return best[1]


def fit_language(posts: Sequence[LabelledPost]) -> LanguageModel:
    """Letters for words first; then texts by words judged without having been learned from."""
    texts = _language_texts(posts)
    halves = [i % 2 for i in range(len(texts))]
    rows: list[list[float]] = []
    labels: list[int] = []
    for half in (0, 1):
        words = _fit_words([t for t, h in zip(texts, halves, strict=True) if h != half])
        for (text, language), h in zip(texts, halves, strict=True):
            if h == half:
                read = words_of(text)
                rows.append(signs_of(read, [words.word(f) for f in words_to_judge(read)]))
                labels.append(TEXT_CLASSES.index(language))
    from sklearn.linear_model import LogisticRegression

    model = _fit_words(texts)
    final = LogisticRegression(C=30.0, max_iter=2000).fit(np.array(rows), np.array(labels))
    model.text_weights = np.zeros((SIGNS, len(TEXT_CLASSES)), dtype=np.float32)
    model.text_bias = np.full(len(TEXT_CLASSES), -1e3, dtype=np.float32)
    model.text_weights[:, final.classes_] = final.coef_.T
    model.text_bias[final.classes_] = final.intercept_
    return model


def _language_texts(posts: Sequence[LabelledPost]) -> list[tuple[str, Language]]:
    texts: list[tuple[str, Language]] = []
    for post in posts:
        if post.language is None:
            continue
        texts.append((post.text, post.language))
        if post.language in (Language.KK, Language.MIXED):
            texts.append((without_kazakh_letters([post.text])[0], post.language))
        if post.language in (Language.KK, Language.RU):
            parts = [s for s in re.split(r"[.!?,\n]+", post.text) if len(s) > 15]
            texts += [(part.strip(), post.language) for part in parts[:1]]
            rng = random.Random(f"{SEED} {post.id} language")  # noqa: S311
            if rng.random() < 0.35:
                texts.append((latin(post.text, rng), Language.TRANSLIT))
    for name, language in (
        ("other_languages.txt", Language.OTHER),
        ("written_kazakh.txt", Language.KK),
    ):
        lines = (LEXICONS / name).read_text(encoding="utf-8").splitlines()
        texts += [(line, language) for line in lines if line and not line.startswith("#")]
    return texts


def _fit_words(texts: Sequence[tuple[str, Language]]) -> LanguageModel:
    from sklearn.linear_model import LogisticRegression

    counts: dict[tuple[str, str], int] = {}
    for text, language in texts:
        for form in words_to_judge(words_of(text)):
            label = word_class(language, form)
            if label is not None:
                key = (form.raw.lower(), label)
                counts[key] = counts.get(key, 0) + 1
    seen: dict[str, int] = {}
    for word, _ in counts:
        for gram in set(grams_of(word)):
            seen[gram] = seen.get(gram, 0) + 1
    grams = {gram: i for i, gram in enumerate(sorted(g for g, n in seen.items() if n > 1))}
    keys = sorted(counts)
    columns = [[grams[g] for g in grams_of(word) if g in grams] for word, _ in keys]
    indptr = np.cumsum([0, *(len(c) for c in columns)])
    data = np.concatenate([np.full(len(c), 1 / max(np.sqrt(len(c)), 1.0)) for c in columns])
    matrix = sparse.csr_matrix(
        (data, np.concatenate([np.array(c, dtype=np.int64) for c in columns]), indptr),
        shape=(len(keys), len(grams)),
    )
    labels = np.array([WORD_CLASSES.index(label) for _, label in keys])
    weights = np.array([np.sqrt(counts[key]) for key in keys])
    other = np.isin(labels, [2, 4])
    weights[other] *= 2.0
    fitted = LogisticRegression(C=3.0, max_iter=300, tol=LANGUAGE_TOLERANCE).fit(
        matrix, labels, weights
    )
    word_weights = np.zeros((len(grams), len(WORD_CLASSES)), dtype=np.float32)
    word_bias = np.full(len(WORD_CLASSES), -20.0, dtype=np.float32)
    word_weights[:, fitted.classes_] = fitted.coef_.T
    word_bias[fitted.classes_] = fitted.intercept_
    return LanguageModel(
        grams,
        word_weights,
        word_bias,
        np.zeros((SIGNS, len(TEXT_CLASSES)), dtype=np.float32),
        np.zeros(len(TEXT_CLASSES), dtype=np.float32),
    )
