"""Texts for measurements: the project's own labelled posts and event streams."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from core.inputs import make_post, make_report
from core.lines import read_lines
from core.records import Assessment, Post, Report
from nlp.assessor import Assessor, subject_of_post

ROOT = Path(__file__).resolve().parent.parent
NOW = datetime(2026, 3, 20, 14, 0, tzinfo=UTC)


def corpus_posts() -> list[Post]:
    """All labelled posts of the nlp corpus."""
    return [
        post for path in sorted((ROOT / "nlp/corpus/posts").glob("*.jsonl")) for post in posts(path)
    ]


def posts(path: Path) -> list[Post]:
    """Posts of a file in the input contract's form."""
    with path.open("rb") as file:
        return [make_post(json.loads(line.data), now=NOW, key=b"k") for line in read_lines(file)]


def reports(path: Path) -> list[Report]:
    """Reports of a file in the input contract's form."""
    with path.open("rb") as file:
        return [make_report(json.loads(line.data), now=NOW) for line in read_lines(file)]


def assessed_corpus(models: Path) -> list[tuple[Post, Assessment]]:
    """All labelled posts of the nlp corpus, with what the models in that folder say of them."""
    found = corpus_posts()
    judged = Assessor.load(models).assess([subject_of_post(post) for post in found])
    return list(zip(found, judged, strict=True))
