"""From the text of posts and reports to assessments."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from core.records import Assessment, Category, Post, Report
from nlp.gazetteer.index import Gazetteer
from nlp.model import Model, category_names
from nlp.pipeline import BATCH, HOME_FROM, LEXICONS, make_pipeline, steps
from nlp.reading import Reading, Subject
from nlp.train import GAZETTEER_FILE

__all__ = ["Assessor", "Subject", "subject_of_post", "subject_of_report"]

NAME = "oqiga-nlp/0.1"
DEFAULT_MODELS = Path(__file__).parent / "models"
NOTHING_FROM = 0.5
"""Probability of speaking of no category from which the category is ``none``."""
_CATEGORIES = (*(Category(name) for name in category_names()), Category.NONE)


class Assessor:
    """Assesses texts in batches; the same text always gets the same assessment."""

    def __init__(self, model: Model, gazetteer: Gazetteer) -> None:
        components = steps(model, gazetteer)
        self._pipeline, self._to_doc = make_pipeline(components)
        self.gazetteer = gazetteer
        self.vectors = model.space.vectors
        self.id = (
            f"{NAME} code={_code_digest()} data={model.about['corpus']}+{gazetteer.digest} "
            f"model={model.digest}"
        )

    @classmethod
    def load(cls, model_dir: Path, gazetteer: Path | None = None) -> Assessor:
        """The assessor of a model folder; ``gazetteer``: the operator's own file, if it exists.

        Raises ModelError.
        """
        files = [model_dir / GAZETTEER_FILE]
        if gazetteer is not None and gazetteer.exists():
            files.append(gazetteer)
        model = Model.load(model_dir)
        return cls(model, Gazetteer.load(*files))

    def assess(self, items: Sequence[Subject]) -> list[Assessment]:
        """One assessment an item, in order."""
        docs = self._pipeline.pipe((self._to_doc(item) for item in items), batch_size=BATCH)
        return [self._assessment(doc._.reading) for doc in docs]

    def _assessment(self, reading: Reading) -> Assessment:
        subject, time = reading.subject, reading.time
        values = [round(p, 5) for p in reading.categories]
        nothing = values[-1] >= NOTHING_FROM
        best = Category.NONE if nothing else _CATEGORIES[values.index(max(values[:-1]))]
        event_at = time.at
        if event_at is None and reading.incident >= HOME_FROM and not time.future:
            event_at = subject.at
        return Assessment(
            subject=subject.id,
            version=subject.version,
            assessor=self.id,
            language=reading.language,
            language_parts=reading.language_parts,
            incident=round(reading.incident, 5),
            category=best,
            categories=dict(zip(_CATEGORIES, values, strict=True)),
            urgency=round(reading.urgency, 5),
            places=tuple(reading.places),
            location=reading.location.point,
            location_path=reading.location.path,
            location_reasons=reading.location.reasons,
            event_at=event_at,
            vector=reading.vector,
            concepts=tuple(sorted({hit.label for hit in reading.concepts})),
            cues=tuple(reading.moved),
        )


def subject_of_post(post: Post) -> Subject:
    """What of a post is assessed."""
    return Subject(
        id=post.id,
        version=post.version,
        text=post.text,
        at=post.posted_at,
        home=post.home,
        lat=post.lat,
        lon=post.lon,
    )


def subject_of_report(report: Report) -> Subject:
    """What of a report is assessed; its point has the accuracy that it stated, in metres."""
    return Subject(
        id=report.id,
        version=1,
        text=report.text,
        at=report.received_at,
        lat=report.lat,
        lon=report.lon,
        radius_m=report.accuracy_m or None,
    )


def _code_digest() -> str:
    """Digest (8 hex characters) of this package's code and lexicons."""
    hasher = hashlib.sha256()
    folder = Path(__file__).parent
    for path in sorted([*folder.rglob("*.py"), *LEXICONS.glob("*.txt")]):
        hasher.update(path.name.encode())
        hasher.update(path.read_bytes())
    return hasher.hexdigest()[:8]
