"""Addresses that the gazetteer lacks, asked of the operator's own geocoder through geopy.

Off by default. Asked is only the address, "street house, city", never the text around it; only for
what is judged an incident and hardly about police corruption. Each answer, also that there is
none, is kept on disk, so an address is asked once; between two questions lies ``interval_s``.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from core.errors import SettingsError
from core.geo import distance_m
from core.records import Assessment, Category, Place, Point
from core.settings import GeocoderSettings, Settings
from nlp.gazetteer.entries import Entry
from nlp.gazetteer.index import Gazetteer
from nlp.reading import Subject
from nlp.run import Assesses

logger = logging.getLogger(__name__)

REASON = "geocoder"
HOUSE_RADIUS_M = 150.0
STREET_RADIUS_M = 1_200.0
BEYOND_CITY_M = 5_000.0
"""An answer farther outside its city is that of a namesake and not used."""
ADDRESSES = frozenset({"house", "street"})
_SCHEMA = """
CREATE TABLE IF NOT EXISTS answer (
    geocoder TEXT NOT NULL, address TEXT NOT NULL, lat REAL, lon REAL,
    PRIMARY KEY (geocoder, address)
) WITHOUT ROWID;
"""

Answer = tuple[float, float]


class Geocoder:
    """Asks a Nominatim, Photon or Pelias; remembers every answer in one SQLite file."""

    def __init__(
        self,
        settings: GeocoderSettings,
        cache: Path,
        *,
        wait: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self._locate = _client(settings)
        self._cache = cache
        self._wait, self._now = wait, now
        self._next = 0.0
        cache.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(cache)) as db, db:
            db.executescript(_SCHEMA)

    @property
    def name(self) -> str:
        """Which geocoder this is, for the assessor's id and the cache."""
        return f"{self.settings.kind}@{self.settings.address}"

    def known(self, address: str) -> tuple[bool, Answer | None]:
        """Whether the address was asked before, and what was answered."""
        with closing(sqlite3.connect(self._cache)) as db:
            row = db.execute(
                "SELECT lat, lon FROM answer WHERE geocoder = ? AND address = ?",
                (self.name, address),
            ).fetchone()
        if row is None:
            return False, None
        return True, None if row[0] is None else (row[0], row[1])

    def ask(self, address: str) -> Answer | None:
        """The point of an address; ``None`` when there is none or nobody answers.

        That nobody answered is not kept: the address is asked again with the next post.
        """
        asked, answer = self.known(address)
        if asked:
            return answer
        from geopy.exc import GeopyError

        self._wait(max(0.0, self._next - self._now()))
        try:
            found = self._locate(address)
        except GeopyError as error:
            logger.warning(
                "the geocoder %s does not answer (%s); addresses stay at their city",
                self.name, type(error).__name__,
            )  # fmt: skip
            return None
        finally:
            self._next = self._now() + self.settings.interval_s
        answer = None if found is None else (float(found.latitude), float(found.longitude))
        with closing(sqlite3.connect(self._cache)) as db, db:
            db.execute(
                "INSERT OR REPLACE INTO answer VALUES (?, ?, ?, ?)",
                (self.name, address, *(answer or (None, None))),
            )
        return answer


def _client(settings: GeocoderSettings) -> Callable[[str], Any]:
    from geopy import geocoders

    if settings.address is None:
        raise SettingsError(
            f"geocoder.kind is {settings.kind!r}, but geocoder.address is not set; name your "
            "server, such as http://127.0.0.1:8088"
        )
    scheme, _, domain = settings.address.rstrip("/").rpartition("://")
    common: dict[str, Any] = {
        "domain": domain, "scheme": scheme or "http", "timeout": settings.timeout_s,
        "user_agent": "oqiga",
    }  # fmt: skip
    if settings.kind == "nominatim":
        nominatim = geocoders.Nominatim(**common)
        return lambda address: nominatim.geocode(address, country_codes="kz")
    if settings.kind == "photon":
        photon = geocoders.Photon(**common)
        return lambda address: photon.geocode(address)
    pelias = geocoders.Pelias(**common)
    return lambda address: pelias.geocode(address, countries="KZ")


class GeocodingAssessor:
    """An assessor whose unresolved addresses are asked of a geocoder, ``per_batch`` a batch."""

    def __init__(
        self, inner: Assesses, gazetteer: Gazetteer, geocoder: Geocoder, settings: Settings
    ) -> None:
        self._inner, self._gazetteer, self._geocoder = inner, gazetteer, geocoder
        self._settings = settings
        self.id = f"{inner.id} geocoder={geocoder.settings.kind}"

    def assess(self, items: Sequence[Subject]) -> list[Assessment]:
        """One assessment an item, in order."""
        left = self._settings.geocoder.per_batch
        results = []
        for assessment in self._inner.assess(items):
            place = self._unresolved(assessment)
            if place is not None and left > 0:
                left -= 1
                assessment = self._located(assessment, place)
            results.append(assessment.model_copy(update={"assessor": self.id}))
        return results

    def _unresolved(self, assessment: Assessment) -> Place | None:
        """The address to ask for, if there is one and it may be asked."""
        corruption = assessment.categories.get(Category.POLICE_CORRUPTION, 0.0)
        if (
            assessment.incident < self._settings.nlp.incident_at
            or corruption >= self._settings.nlp.confidential_at
            or "city_of_unknown_street" not in assessment.location_reasons
        ):
            return None
        return next(
            (p for p in assessment.places if p.lat is None and p.kind in ADDRESSES and p.path),
            None,
        )

    def _located(self, assessment: Assessment, place: Place) -> Assessment:
        town = self._gazetteer.entries[place.path[0]]
        answer = self._geocoder.ask(f"{place.name}, {town.name}")
        if answer is None or not _is_inside(answer, town):
            return assessment
        radius_m = HOUSE_RADIUS_M if place.kind == "house" else STREET_RADIUS_M
        lat, lon = answer
        known = place.model_copy(
            update={
                "lat": lat, "lon": lon, "radius_m": radius_m,
                "reasons": (*place.reasons, REASON),
            }
        )  # fmt: skip
        places = tuple(known if p is place else p for p in assessment.places)
        return assessment.model_copy(
            update={
                "places": places,
                "location": Point(lat=lat, lon=lon, radius_m=radius_m),
                "location_reasons": (REASON,),
            }
        )


def _is_inside(answer: Answer, town: Entry) -> bool:
    return distance_m(*answer, town.lat, town.lon) <= town.radius_m + BEYOND_CITY_M
