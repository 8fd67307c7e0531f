"""What the steps of the pipeline found in a text, each adding its part."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from scipy import sparse

from core.records import Cue, Language, LanguagePart, Place, Point
from nlp.lexicon import Hit
from nlp.words import Words


@dataclass(frozen=True)
class Subject:
    """A post or report to assess. ``at``: UTC time of posting or receiving."""

    id: str
    version: int
    text: str
    at: datetime
    home: str | None = None
    lat: float | None = None
    lon: float | None = None
    radius_m: float | None = None


@dataclass(frozen=True)
class Location:
    """Where it happens, with gazetteer ids up to the country and why."""

    point: Point | None
    path: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class EventTime:
    """What the text says of the time. ``at``: UTC or unknown; ``age_h``: hours before posting."""

    at: datetime | None = None
    age_h: float | None = None
    future: bool = False


@dataclass
class Reading:
    """The findings about one subject. ``features``: a matrix and the row of this text."""

    subject: Subject
    words: Words
    cues: list[Hit] = field(default_factory=list)
    concepts: list[Hit] = field(default_factory=list)
    language: Language = Language.OTHER
    language_parts: tuple[LanguagePart, ...] = ()
    kazakh_share: float = 0.0
    time: EventTime = field(default_factory=EventTime)
    places: list[Place] = field(default_factory=list)
    foreign: bool = False
    location: Location = field(default_factory=lambda: Location(None))
    features: tuple[sparse.csr_matrix, int] | None = None
    incident: float = 0.0
    categories: tuple[float, ...] = ()
    urgency: float = 0.0
    moved: list[Cue] = field(default_factory=list)
    vector: tuple[float, ...] = ()
