"""What the gazetteer makes of a text, and why."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from nlp.assessor import Assessor
from nlp.reading import Subject


def find_rows(assessor: Assessor, text: str) -> Iterator[dict[str, Any]]:
    """One row a place mention with its reasons, then the best single place of the text."""
    (found,) = assessor.assess([Subject("text", 1, text, datetime.now(UTC))])
    for place in found.places:
        yield place.model_dump(mode="json")
    yield {
        "location": None if found.location is None else found.location.model_dump(),
        "path": found.location_path,
        "reasons": found.location_reasons,
    }
