"""Figures per language and category, with bootstrap intervals, on posts that were not learned.

``held_out`` learns from the train and dev parts and measures the test part, whose authors the
model has not read. ``cross_validated`` assesses each fifth of the authors by a model of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.geo import distance_m
from core.records import INCIDENT_CATEGORIES, Assessment, Category, Language
from nlp.assessor import Assessor, Subject
from nlp.labelled import LabelledPost, author_folds, part_of, read_corpus, read_stream
from nlp.train import Grounds, Progress, fit, silent

FOLDS = 5
RESAMPLES = 400
SEED = 20261124
STREET_LEVEL_M = 1_000.0


@dataclass(frozen=True)
class Figure:
    """One measured figure with its 95 % bootstrap interval over ``count`` posts."""

    name: str
    group: str
    value: float
    low: float
    high: float
    count: int


@dataclass(frozen=True)
class Judged:
    """A labelled post with what the assessor said of it."""

    post: LabelledPost
    assessment: Assessment


def subject_of(post: LabelledPost) -> Subject:
    """A labelled post as the assessor gets it."""
    return Subject(post.id, 1, post.text, post.posted_at, post.home)


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
        for post, assessment in zip(
            check, assessor.assess([subject_of(p) for p in check]), strict=True
        ):
            judged[post.id] = assessment
    progress("cross-validation", 1.0)
    return [Judged(post, judged[post.id]) for post in posts]


def held_out(
    posts: Sequence[LabelledPost], grounds: Grounds, progress: Progress = silent
) -> list[Judged]:
    """The test part, assessed by a model of all the rest."""
    check = [p for p in posts if part_of(p) == "test"]
    learn = [p for p in posts if part_of(p) != "test"]
    assessor = Assessor(fit(learn, grounds, progress), grounds.gazetteer)
    answers = assessor.assess([subject_of(p) for p in check])
    return [Judged(p, a) for p, a in zip(check, answers, strict=True)]


# -- figures --------------------------------------------------------------------------------------

Measure = Callable[[Sequence[Judged]], float]


def f1(tp: int, fp: int, fn: int) -> float:
    """F1 of counts; 0 when there is nothing to find."""
    return 2 * tp / (2 * tp + fp + fn) if tp else 0.0


def incident_f1(items: Sequence[Judged]) -> float:
    """F1 of the incident decision at 0.5."""
    said = [(j.assessment.incident >= 0.5, j.post.incident) for j in items]
    return f1(
        sum(a and b for a, b in said),
        sum(a and not b for a, b in said),
        sum(b and not a for a, b in said),
    )


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
    pairs = [(j.assessment.category is category, j.post.category is category) for j in items]
    return f1(
        sum(a and b for a, b in pairs),
        sum(a and not b for a, b in pairs),
        sum(b and not a for a, b in pairs),
    )


def language_accuracy(items: Sequence[Judged]) -> float:
    """Share of posts with the right language."""
    return float(np.mean([j.assessment.language is j.post.language for j in items]))


def politics_flagged(items: Sequence[Judged]) -> float:
    """Number of posts about politics or assembly that were taken for incidents."""
    return float(sum(j.post.negative == "politics" and j.assessment.incident >= 0.5 for j in items))


def within(limit_m: float, *, street_level: bool) -> Measure:
    """Share of incidents with a known place whose location lies within ``limit_m`` of it.

    ``street_level``: only those whose true place is known to within ``STREET_LEVEL_M``.
    """

    def measure(items: Sequence[Judged]) -> float:
        near = []
        for item in items:
            true = item.post.location
            if true is None or not item.post.incident:
                continue
            if street_level and true.radius_m > STREET_LEVEL_M:
                continue
            found = item.assessment.location
            near.append(
                found is not None
                and distance_m(true.lat, true.lon, found.lat, found.lon) <= limit_m
            )
        return float(np.mean(near)) if near else 0.0

    return measure


def radius_covers(items: Sequence[Judged]) -> float:
    """Share of answered locations whose radius covers the true point."""
    covered = [
        distance_m(p.lat, p.lon, a.lat, a.lon) <= a.radius_m
        for p, a in ((j.post.location, j.assessment.location) for j in items)
        if p is not None and a is not None
    ]
    return float(np.mean(covered)) if covered else 0.0


def no_false_location(items: Sequence[Judged]) -> float:
    """Share of posts without a place that were given none."""
    none = [j.assessment.location is None for j in items if j.post.location is None]
    return float(np.mean(none)) if none else 1.0


MEASURES: dict[str, Measure] = {
    "incident F1": incident_f1,
    "incident precision": incident_precision,
    "incident recall": incident_recall,
    "Brier": brier,
    "category accuracy": category_accuracy,
    "category macro-F1": category_macro_f1,
    "language accuracy": language_accuracy,
    "politics flagged": politics_flagged,
    "street-level within 1 km": within(1_000, street_level=True),
    "location within 10 km": within(10_000, street_level=False),
    "radius covers": radius_covers,
    "no false location": no_false_location,
}


def figures(items: Sequence[Judged]) -> list[Figure]:
    """All figures: over all posts, per language, and F1 per category."""
    results = [_figure(name, "all", measure, items) for name, measure in MEASURES.items()]
    for language in Language:
        part = [j for j in items if j.post.language is language]
        if len(part) < 5:
            continue
        for name in ("incident F1", "Brier", "category accuracy", "language accuracy",
                     "location within 10 km"):  # fmt: skip
            results.append(_figure(name, language.value, MEASURES[name], part))
    true = [j for j in items if j.post.incident]
    for category in INCIDENT_CATEGORIES:

        def measure(part: Sequence[Judged], category: Category = category) -> float:
            return _category_f1(part, category)

        results.append(_figure("category F1", category.value, measure, true))
    return results


def _figure(name: str, group: str, measure: Measure, items: Sequence[Judged]) -> Figure:
    rng = np.random.default_rng(SEED)
    draws = [
        measure([items[i] for i in rng.integers(0, len(items), len(items))])
        for _ in range(RESAMPLES if len(items) else 0)
    ]
    low, high = np.quantile(draws, [0.025, 0.975]) if draws else (0.0, 0.0)
    return Figure(name, group, measure(items), float(low), float(high), len(items))


def table(results: Sequence[Figure]) -> str:
    """The figures as lines of text."""
    lines = [f"{'figure':26} {'group':20} {'value':>7}   95 % interval   posts"]
    lines += [
        f"{f.name:26} {f.group:20} {f.value:7.3f}   {f.low:.3f} to {f.high:.3f}  {f.count:6}"
        for f in results
    ]
    return "\n".join(lines)


def language_figures(assessor: Assessor, folder: Path) -> list[Figure]:
    """Language accuracy on files ``<code>.txt`` of sentences; codes other than kk, ru: other."""
    results: list[Figure] = []
    for path in sorted(folder.glob("*.txt")):
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        true = Language(path.stem) if path.stem in ("kk", "ru") else Language.OTHER
        answers = [
            a.language is true
            for a in assessor.assess([_sentence(i, line) for i, line in enumerate(lines)])
        ]
        rng = np.random.default_rng(SEED)
        draws = [float(np.mean(rng.choice(answers, len(answers)))) for _ in range(RESAMPLES)]
        low, high = np.quantile(draws, [0.025, 0.975])
        results.append(
            Figure(
                "language accuracy", f"external {path.stem}", float(np.mean(answers)),
                float(low), float(high), len(lines),
            )
        )  # fmt: skip
    return results


def _sentence(number: int, text: str) -> Subject:
    from datetime import UTC, datetime

    return Subject(f"sentence-{number}", 1, text, datetime(2026, 1, 1, tzinfo=UTC))


def evaluate(
    corpus_dir: Path,
    assessor: Assessor,
    *,
    stream_file: Path | None = None,
    langid_dir: Path | None = None,
    all_authors: bool = False,
    progress: Progress = silent,
) -> list[Figure]:
    """Figures on the test part, or with ``all_authors`` cross-validated over all of them.

    The gazetteer and word vectors are the assessor's; with a folder of sentences the assessor's
    languages are measured on it.
    """
    streams = [] if stream_file is None else read_stream(stream_file)
    grounds = Grounds(assessor.gazetteer, assessor.vectors, streams)
    posts = read_corpus(corpus_dir)
    judged = cross_validated if all_authors else held_out
    results = figures(judged(posts, grounds, progress))
    if langid_dir is not None:
        results += language_figures(assessor, langid_dir)
    return results
