"""The project's places: what they make of a text, and the assessor that reads with them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from core.errors import ModelError
from nlp.gazetteer.find import find
from nlp.gazetteer.index import Gazetteer
from nlp.run import Assesses
from nlp.train import GAZETTEER_FILE
from oqiga.context import Context

if TYPE_CHECKING:
    from nlp.assessor import Assessor


def gazetteer(context: Context) -> Gazetteer:
    """The project's places with the operator's own; raises ModelError."""
    built = context.model_dir / GAZETTEER_FILE
    if not built.exists():
        raise ModelError(f"{built}: there is no gazetteer; run `oqiga train`")
    own = context.gazetteer_file
    return Gazetteer.load(built) if own is None else Gazetteer.load(built, own)


def own_assessor(context: Context) -> Assessor:
    """The assessor in use, on the gazetteers alone: what is measured. Raises ModelError."""
    from nlp.assessor import Assessor

    return Assessor.load(context.model_dir, context.gazetteer_file)


def assessor_of(context: Context) -> Assesses:
    """The assessor in use; with the operator's geocoder when one is set. Raises ModelError."""
    from nlp.geocoding import Geocoder, GeocodingAssessor

    settings, assessor = context.settings, own_assessor(context)
    if settings.geocoder.kind == "off":
        return assessor
    geocoder = Geocoder(settings.geocoder, settings.under_home(settings.geocoder.cache))
    return GeocodingAssessor(assessor, assessor.gazetteer, geocoder, settings)


def find_rows(places: Gazetteer, text: str) -> Iterator[dict[str, Any]]:
    """One row a place mention with its reasons, then the best single place of the text."""
    mentions, location = find(places, text)
    for mention in mentions:
        yield mention.model_dump(mode="json")
    yield {
        "location": None if location.point is None else location.point.model_dump(),
        "path": location.path,
        "reasons": location.reasons,
    }
