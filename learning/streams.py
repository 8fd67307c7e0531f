"""Labelled streams of posts and reports: what the pair model is trained on and held to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.inputs import make_post, make_report
from core.lines import read_lines
from core.records import Assessed, Post, Report
from core.settings import Settings
from core.versions import speaking
from nlp.assessor import Assessor, subject_of_post, subject_of_report
from nlp.run import audience_of

ACCEPTED = datetime(2026, 3, 20, 14, 0, tzinfo=UTC)
KEY = b"labelled"


@dataclass(frozen=True)
class Stream:
    """Assessed records and what they are labelled with, by record id.

    ``truth``: event; a post of no event has a key of its own. ``incidents``: posts labelled so.
    """

    records: list[Assessed]
    truth: dict[str, str]
    incidents: set[str]

    def reports(self) -> set[str]:
        """Ids of the reports."""
        return {r.subject.id for r in self.records if isinstance(r.subject, Report)}


def read_labelled(assessor: Assessor, post_file: Path, report_file: Path) -> Stream:
    """A labelled stream, each post in its speaking version."""
    versions: dict[str, list[Post]] = {}
    for line in _lines(post_file):
        post = make_post(line, now=ACCEPTED, key=KEY)
        versions.setdefault(post.id, []).append(post)
    told = [make_report(line, now=ACCEPTED) for line in _lines(report_file)]
    subjects: list[Post | Report] = [*map(speaking, versions.values()), *told]
    settings = Settings()
    found = assessor.assess(
        [subject_of_post(s) if isinstance(s, Post) else subject_of_report(s) for s in subjects]
    )
    return Stream(
        records=[
            Assessed(subject=s, assessment=a, audience=audience_of(s, a, settings))
            for s, a in zip(subjects, found, strict=True)
        ],
        truth={s.id: str(s.extra.get("event") or s.id) for s in subjects},
        incidents={s.id for s in subjects if s.extra.get("incident") is True},
    )


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        for line in read_lines(file):
            yield json.loads(line.data)
