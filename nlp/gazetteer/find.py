"""What the gazetteer finds in a text, and why: for people who check it."""

from __future__ import annotations

from datetime import UTC, datetime

from core.records import Place
from nlp.gazetteer.index import Gazetteer
from nlp.gazetteer.locating import read_places
from nlp.reading import Location, Subject
from nlp.words import words_of


def find(
    gazetteer: Gazetteer, text: str, home: str | None = None
) -> tuple[tuple[Place, ...], Location]:
    """The places of a text with their reasons, and the location that they give together."""
    subject = Subject("find", 1, text, datetime(2026, 1, 1, tzinfo=UTC), home)
    found = read_places(words_of(text), subject, gazetteer)
    return found.places, found.location
