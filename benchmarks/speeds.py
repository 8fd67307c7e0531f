"""Speed of assessing and of scoring pairs, each beside a peer in the same run, one process."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from statistics import median

from benchmarks.corpus import corpus_posts
from core.records import Assessed, Audience, Post
from correlator.items import make_item
from correlator.model import PairModel
from correlator.pairs import pair_log_odds
from nlp.assessor import Assessor, subject_of_post
from oqiga.context import PROJECT_MODELS

RUNS = 5
PAIR_POSTS = 300


@dataclass(frozen=True)
class Speed:
    """Items a second and process: median of ``RUNS`` runs, and the peer's in the same run."""

    what: str
    ours: float
    peer: str
    peers: float

    @property
    def ratio(self) -> float:
        """Ours over the peer's."""
        return self.ours / self.peers


def measure() -> list[Speed]:
    """All speeds; runs of ours and of the peers take turns."""
    posts = corpus_posts()
    return [*_assessing(posts), *_pairs(posts[:PAIR_POSTS])]


def _assessing(posts: Sequence[Post]) -> list[Speed]:
    assessor = Assessor.load(PROJECT_MODELS)
    subjects = [subject_of_post(post) for post in posts]
    texts = [post.text for post in posts]
    peers = {"natasha NER alone": _natasha(), "TF-IDF classifier alone": _classifier(posts)}
    ours, theirs = _in_turn(
        lambda: assessor.assess(subjects),
        {name: partial(run, texts) for name, run in peers.items()},
    )
    return [
        Speed("posts assessed", len(posts) / ours, name, len(posts) / seconds)
        for name, seconds in theirs.items()
    ]


def _pairs(posts: Sequence[Post]) -> list[Speed]:
    from sklearn.feature_extraction.text import TfidfVectorizer

    assessor = Assessor.load(PROJECT_MODELS)
    model = PairModel.load()
    found = assessor.assess([subject_of_post(post) for post in posts])
    items = [
        make_item(Assessed(subject=p, assessment=a, audience=Audience.OPEN), model.idf)
        for p, a in zip(posts, found, strict=True)
    ]
    pairs = list(combinations(range(len(items)), 2))
    rows = TfidfVectorizer().fit_transform([post.text for post in posts])

    def cosine() -> None:
        for left, right in pairs[::20]:
            rows[left].multiply(rows[right]).sum()

    ours, theirs = _in_turn(
        lambda: [pair_log_odds(items[a], items[b], model) for a, b in pairs],
        {"TF-IDF cosine, pair by pair": cosine},
    )
    return [
        Speed("pairs scored", len(pairs) / ours, name, len(pairs[::20]) / seconds)
        for name, seconds in theirs.items()
    ]


def _in_turn(
    ours: Callable[[], object], peers: dict[str, Callable[[], object]]
) -> tuple[float, dict[str, float]]:
    """Median seconds of each, after one run to warm up."""
    taken: dict[str, list[float]] = {name: [] for name in ("", *peers)}
    for _ in range(RUNS + 1):
        for name, run in {"": ours, **peers}.items():
            started = time.perf_counter()
            run()
            taken[name].append(time.perf_counter() - started)
    medians = {name: median(seconds[1:]) for name, seconds in taken.items()}
    return medians.pop(""), medians


def _natasha() -> Callable[[Sequence[str]], object]:
    from natasha import Doc, NewsEmbedding, NewsNERTagger, Segmenter

    segmenter, tagger = Segmenter(), NewsNERTagger(NewsEmbedding())

    def run(texts: Sequence[str]) -> None:
        for text in texts:
            doc = Doc(text)
            doc.segment(segmenter)
            doc.tag_ner(tagger)

    return run


def _classifier(posts: Sequence[Post]) -> Callable[[Sequence[str]], object]:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    fitted = make_pipeline(
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5)), LogisticRegression(max_iter=300)
    ).fit([post.text for post in posts], [bool(post.extra["incident"]) for post in posts])
    return lambda texts: fitted.predict_proba(list(texts))
