"""Figures per language and category, with bootstrap intervals, on posts that were not learned.

``held_out`` learns from the train and dev parts and measures the test part, whose authors the
model has not read. ``cross_validated`` assesses each fifth of the authors by a model of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.records import INCIDENT_CATEGORIES, Assessment, Category, Language
from nlp.assessor import Assessor
from nlp.external import external_figures
from nlp.figures import RESAMPLES, Figure, f1_of, measured
from nlp.labelled import LabelledPost, author_folds, part_of, read_corpus, read_stream
from nlp.placing import PLACE_MEASURES, Placed, place_figures, placed_alone, subject_of
from nlp.reading import Subject
from nlp.train import Grounds, Progress, fit, silent
from nlp.words import words_of

FOLDS = 5


@dataclass(frozen=True)
class Judged:
    """A labelled post with what the assessor said of it."""

    post: LabelledPost
    assessment: Assessment


def cross_validated(
    posts: Sequence[LabelledPost], grounds: Grounds, progress: Progress = silent
) -> list[Judged]:
    """Each post assessed by a model that has not read its author, in the order of the posts."""
    judged: dict[str, Assessment] = {}
    folds = author_folds(posts, FOLDS)
    for fold in range(FOLDS):
        progress("cross-validation", fold / FOLDS)
        check = [p for p in posts if folds[p.author] == fold]
        learn = [p for p in posts if folds[p.author] != fold]
        if not check:
            continue
        assessor = Assessor(fit(learn, grounds), grounds.gazetteer)
        judged |= {j.post.id: j.assessment for j in judged_by(assessor, check)}
    progress("cross-validation", 1.0)
    return [Judged(post, judged[post.id]) for post in posts]


def held_out(
    posts: Sequence[LabelledPost], grounds: Grounds, progress: Progress = silent
) -> list[Judged]:
    """The test part, assessed by a model of all the rest."""
    return judged_by(held_out_assessor(posts, grounds, progress), _tested(posts))


def held_out_assessor(
    posts: Sequence[LabelledPost], grounds: Grounds, progress: Progress = silent
) -> Assessor:
    """What has learned everything but the test part."""
    learn = [p for p in posts if part_of(p) != "test"]
    return Assessor(fit(learn, grounds, progress), grounds.gazetteer)


def judged_by(assessor: Assessor, posts: Sequence[LabelledPost]) -> list[Judged]:
    """What an assessor says of posts."""
    answers = assessor.assess([subject_of(p) for p in posts])
    return [Judged(p, a) for p, a in zip(posts, answers, strict=True)]


def _tested(posts: Sequence[LabelledPost]) -> list[LabelledPost]:
    return [p for p in posts if part_of(p) == "test"]


# -- figures --------------------------------------------------------------------------------------

Measure = Callable[[Sequence[Judged]], float]


def incident_f1(items: Sequence[Judged]) -> float:
    """F1 of the incident decision at 0.5."""
    return f1_of([(j.assessment.incident >= 0.5, j.post.incident) for j in items])


def incident_precision(items: Sequence[Judged]) -> float:
    """Share of posts said to be incidents that are."""
    said = [j.post.incident for j in items if j.assessment.incident >= 0.5]
    return float(np.mean(said)) if said else 0.0


def incident_recall(items: Sequence[Judged]) -> float:
    """Share of incidents that were said to be."""
    true = [j.assessment.incident >= 0.5 for j in items if j.post.incident]
    return float(np.mean(true)) if true else 0.0


def brier(items: Sequence[Judged]) -> float:
    """Mean squared error of the incident probability."""
    return float(np.mean([(j.assessment.incident - j.post.incident) ** 2 for j in items]))


def category_accuracy(items: Sequence[Judged]) -> float:
    """Share of incidents with the right one of the 14 categories."""
    true = [j for j in items if j.post.incident]
    if not true:
        return 0.0
    return float(np.mean([j.assessment.category is j.post.category for j in true]))


def category_macro_f1(items: Sequence[Judged]) -> float:
    """Mean F1 of the 14 categories over incidents."""
    true = [j for j in items if j.post.incident]
    return float(np.mean([_category_f1(true, c) for c in INCIDENT_CATEGORIES]))


def _category_f1(items: Sequence[Judged], category: Category) -> float:
    return f1_of([(j.assessment.category is category, j.post.category is category) for j in items])


def language_accuracy(items: Sequence[Judged]) -> float:
    """Share of posts with the right language."""
    return float(np.mean([j.assessment.language is j.post.language for j in items]))


def politics_flagged(items: Sequence[Judged]) -> float:
    """Number of posts about politics or assembly that were taken for incidents."""
    return float(sum(j.post.negative == "politics" and j.assessment.incident >= 0.5 for j in items))


def _of_places(measure: Callable[[Sequence[Placed]], float]) -> Measure:
    return lambda items: measure([Placed(j.post, j.assessment.location) for j in items])


MEASURES: dict[str, Measure] = {
    "incident F1": incident_f1,
    "incident precision": incident_precision,
    "incident recall": incident_recall,
    "Brier": brier,
    "category accuracy": category_accuracy,
    "category macro-F1": category_macro_f1,
    "language accuracy": language_accuracy,
    "politics flagged": politics_flagged,
    **{name: _of_places(measure) for name, measure in PLACE_MEASURES.items()},
}


def figures(items: Sequence[Judged], resamples: int = RESAMPLES) -> list[Figure]:
    """All figures: over all posts, per language, and F1 per category."""
    results = [
        measured(name, "all", measure, items, resamples) for name, measure in MEASURES.items()
    ]
    for language in Language:
        part = [j for j in items if j.post.language is language]
        if len(part) >= FEWEST:
            results += [
                measured(name, language.value, MEASURES[name], part, resamples)
                for name in BY_LANGUAGE
            ]
    true = [j for j in items if j.post.incident]
    for category in INCIDENT_CATEGORIES:

        def measure(part: Sequence[Judged], category: Category = category) -> float:
            return _category_f1(part, category)

        results.append(measured("category F1", category.value, measure, true, resamples))
    return results


BY_LANGUAGE = (
    "incident F1", "Brier", "category accuracy", "language accuracy", "location within 10 km"
)  # fmt: skip
FEWEST = 5
"""Groups smaller than this say nothing."""


@dataclass(frozen=True)
class Joined:
    """A Russian and a Kazakh post as one text: how many of its words are in the right language."""

    words: int
    right: int


def joined(assessor: Assessor, posts: Sequence[LabelledPost]) -> list[Joined]:
    """The first Russian post with the first Kazakh one, and so on, in both orders."""
    ru, kk = ([p for p in posts if p.language is x] for x in (Language.RU, Language.KK))
    pairs = [pair for a, b in zip(ru, kk, strict=False) for pair in ((a, b), (b, a))]
    texts = [f"{a.text}\n{b.text}" for a, b in pairs]
    items = [Subject(f"{a.id}+{b.id}", 1, t, a.at) for (a, b), t in zip(pairs, texts, strict=True)]
    found = []
    for (a, b), answer, item in zip(pairs, assessor.assess(items), items, strict=True):
        words = words_of(item.text)
        starts = [
            start
            for start, form in zip(words.starts, words.forms, strict=True)
            if form.kind in ("cyrillic", "latin") and len(form.raw) > 1
        ]
        right = sum(
            _language_at(answer, start) is (a if start < len(a.text) else b).language
            for start in starts
        )
        found.append(Joined(len(starts), right))
    return found


def _language_at(answer: Assessment, start: int) -> Language:
    parts = (p.language for p in answer.language_parts if p.start <= start < p.end)
    return next(parts, answer.language)


def _words_right(items: Sequence[Joined]) -> float:
    return sum(j.right for j in items) / max(sum(j.words for j in items), 1)


def parts_figure(
    assessor: Assessor, posts: Sequence[LabelledPost], resamples: int = RESAMPLES
) -> Figure:
    """Share of words in the right language where a Russian and a Kazakh post are joined."""
    items = joined(assessor, posts)
    return measured("language of words", "joined posts", _words_right, items, resamples)


def evaluate(
    corpus_dir: Path,
    assessor: Assessor,
    *,
    stream_file: Path | None = None,
    external_dir: Path | None = None,
    all_authors: bool = False,
    progress: Progress = silent,
) -> tuple[list[Figure], list[Judged]]:
    """Figures on the test part, or with ``all_authors`` cross-validated over all of them.

    Also what the figures are of. The gazetteer and word vectors are the assessor's; with a folder
    of external sets its mentions and languages are measured on them.
    """
    streams = [] if stream_file is None else read_stream(stream_file)
    grounds = Grounds(assessor.gazetteer, assessor.vectors, streams)
    posts = read_corpus(corpus_dir)
    if all_authors:
        judged = cross_validated(posts, grounds, progress)
        results = figures(judged)
    else:
        learned = held_out_assessor(posts, grounds, progress)
        judged = judged_by(learned, _tested(posts))
        results = [*figures(judged), parts_figure(learned, _tested(posts))]
    alone = placed_alone([j.post for j in judged], assessor.gazetteer)
    results += place_figures(alone, "places alone")
    if external_dir is not None:
        results += external_figures(assessor, external_dir)
    return results, judged
