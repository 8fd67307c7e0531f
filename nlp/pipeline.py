"""The spaCy pipeline: one component a step, each usable alone on a ``Reading``.

A component reads and fills ``doc._.reading``. Steps that are matrix products (classify, vector)
work on whole batches in ``pipe``.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from scipy import sparse

from core.records import Cue, Language
from nlp.explain import explain
from nlp.features import HAZARDS, FeatureSpace
from nlp.gazetteer.index import Gazetteer
from nlp.gazetteer.locating import SEVERAL, at_home, read_places
from nlp.language_parts import parts_of
from nlp.lexicon import Lexicon
from nlp.model import Model
from nlp.reading import Reading, Subject
from nlp.times import read_time
from nlp.words import split, words_of

if TYPE_CHECKING:
    from spacy.language import Language as SpacyLanguage
    from spacy.tokens import Doc

LEXICONS = Path(__file__).parent / "lexicons"
BATCH = 64
ASSEMBLY = "assembly"
POLITICS_AT_MOST = 0.15
RULE_WEIGHT = 5.0
HOME_FROM = 0.5
"""Probability of an incident from which a text without a place is taken to speak of its home."""


class Step(Protocol):
    """What every component does to a batch."""

    def __call__(self, readings: Sequence[Reading]) -> None:
        """Fill in this step's part."""
        ...


class FindCues:
    """Hand-written cues and concepts."""

    def __init__(self, folder: Path = LEXICONS) -> None:
        self.cues = Lexicon.load(folder / "cues.txt")
        self.concepts = Lexicon.load(folder / "concepts.txt")

    def __call__(self, readings: Sequence[Reading]) -> None:
        """Fill ``cues`` and ``concepts``."""
        for reading in readings:
            reading.cues = list(self.cues.find(reading.words.forms))
            reading.concepts = list(self.concepts.find(reading.words.forms))


class JudgeLanguage:
    """Language of the text, and of the parts of a mixed one."""

    def __init__(self, model: Model) -> None:
        self.model = model.language

    def __call__(self, readings: Sequence[Reading]) -> None:
        """Fill ``language``, ``language_parts`` and ``kazakh_share``."""
        languages, shares = self.model.texts([r.words for r in readings])
        for reading, language, share in zip(readings, languages, shares, strict=True):
            reading.language, reading.kazakh_share = language, share
            if language is Language.MIXED:
                reading.language_parts = parts_of(reading.words, self.model)


class ReadTimes:
    """Time of the event."""

    def __call__(self, readings: Sequence[Reading]) -> None:
        """Fill ``time``."""
        for reading in readings:
            reading.time = read_time(reading.words, reading.subject.at)


class FindPlaces:
    """Places and the location that the text itself gives."""

    def __init__(self, gazetteer: Gazetteer) -> None:
        self.gazetteer = gazetteer

    def __call__(self, readings: Sequence[Reading]) -> None:
        """Fill ``places``, ``foreign`` and ``location``."""
        for reading in readings:
            found = read_places(reading.words, reading.subject, self.gazetteer)
            reading.places = list(found.places)
            reading.foreign = found.foreign
            reading.location = found.location


class Featurise:
    """Features of the linear models."""

    def __init__(self, space: FeatureSpace) -> None:
        self.space = space

    def __call__(self, readings: Sequence[Reading]) -> None:
        """Fill ``features``: one matrix for the batch, a row for each."""
        matrix = self.space.matrix(readings)
        for row, reading in enumerate(readings):
            reading.features = (matrix, row)


def stacked(readings: Sequence[Reading]) -> sparse.csr_matrix:
    """The feature rows of a batch: as they were made together, or put together now."""
    rows = [reading.features for reading in readings]
    first = rows[0]
    if (
        first is not None
        and first[0].shape[0] == len(rows)
        and all(r is not None and r[0] is first[0] and r[1] == i for i, r in enumerate(rows))
    ):
        return first[0]
    return sparse.vstack([r[0][r[1]] for r in rows if r is not None]).tocsr()


def keep_politics_out(reading: Reading) -> None:
    """Assembly, strikes and voting are never flagged for being so: a rule, not a learned weight.

    It does not hold where the text also speaks of violence, fire, weapons or the hurt.
    """
    said = next((hit for hit in reading.cues if hit.label == ASSEMBLY), None)
    if said is None or HAZARDS & {hit.label for hit in reading.concepts}:
        return
    if reading.incident <= POLITICS_AT_MOST:
        return
    reading.incident, reading.urgency = POLITICS_AT_MOST, 0.0
    start, end = reading.words.starts[said.first], reading.words.end(said.last)
    reading.moved.append(
        Cue(
            text=reading.subject.text[start:end],
            start=start,
            end=end,
            judgement="politics",
            weight=-RULE_WEIGHT,
        )
    )


class Classify:
    """Incident, category, urgency, and the words that moved them."""

    def __init__(self, model: Model, gazetteer: Gazetteer) -> None:
        self.model, self.gazetteer = model, gazetteer

    def __call__(self, readings: Sequence[Reading]) -> None:
        """Fill ``incident``, ``categories``, ``urgency``, ``moved``; home as last location."""
        matrix = stacked(readings)
        found = self.model.predict(matrix)
        for row, reading in enumerate(readings):
            reading.incident = float(found.incident[row])
            reading.categories = tuple(found.categories[row].tolist())
            reading.urgency = float(found.urgency[row])
            explain(self.model, matrix, row, reading)
            keep_politics_out(reading)
            if (
                reading.location.point is None
                and reading.incident >= HOME_FROM
                and not reading.foreign
                and SEVERAL not in reading.location.reasons
            ):
                reading.location = at_home(reading.subject.home, self.gazetteer)


class Embed:
    """Our vector for similarity across languages; ``encoder.EmbedWith`` may take its place."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def __call__(self, readings: Sequence[Reading]) -> None:
        """Fill ``vector``."""
        vectors = self.model.vectors(stacked(readings)).round(5)
        for reading, vector in zip(readings, vectors.tolist(), strict=True):
            reading.vector = tuple(vector)


def steps(model: Model, gazetteer: Gazetteer) -> dict[str, Step]:
    """The components by name, in their order."""
    return {
        "cues": FindCues(),
        "language": JudgeLanguage(model),
        "times": ReadTimes(),
        "places": FindPlaces(gazetteer),
        "features": Featurise(model.space),
        "classify": Classify(model, gazetteer),
        "vector": Embed(model),
    }


class _Component:
    """A step as a spaCy component."""

    def __init__(self, step: Step) -> None:
        self.step = step

    def __call__(self, doc: Doc) -> Doc:
        self.step([doc._.reading])
        return doc

    def pipe(self, docs: Iterable[Doc], *, batch_size: int = BATCH) -> Iterator[Doc]:
        """Whole batches, in order."""
        stream = iter(docs)
        while batch := list(islice(stream, batch_size)):
            self.step([doc._.reading for doc in batch])
            yield from batch


def make_pipeline(components: dict[str, Step]) -> tuple[SpacyLanguage, Callable[[Subject], Doc]]:
    """The spaCy pipeline and how a subject becomes a Doc for it."""
    spacy = _spacy()
    from spacy.language import Language as SpacyLanguage
    from spacy.tokens import Doc

    if not Doc.has_extension("reading"):
        Doc.set_extension("reading", default=None)
    pipeline = spacy.blank("xx")
    for name, step in components.items():
        factory = f"oqiga_{name}"
        if not SpacyLanguage.has_factory(factory):
            SpacyLanguage.factory(factory, func=_factory)
        pipeline.add_pipe(factory, name=name, config={"step": None})
        pipeline.get_pipe(name).step = step

    def to_doc(subject: Subject) -> Doc:
        pieces = split(subject.text)
        doc = Doc(pipeline.vocab, words=pieces, spaces=[False] * len(pieces))
        doc._.reading = Reading(subject, words_of(subject.text))
        return doc

    return pipeline, to_doc


def _factory(nlp: Any, name: str, step: Any) -> _Component:
    return _Component(step)


def _spacy() -> Any:
    """spaCy without torch: its machine-learning layer would import torch (3 s, 250 MB) for
    nothing, as the pipeline holds no neural component."""
    if "spacy" in sys.modules or "torch" in sys.modules:
        return importlib.import_module("spacy")
    sys.modules["torch"] = None  # type: ignore[assignment]
    try:
        return importlib.import_module("spacy")
    finally:
        del sys.modules["torch"]
