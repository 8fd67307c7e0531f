"""Regions and territories of events, with their names in Russian and Kazakh."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from core.records import Event

NOWHERE = "-"
"""Stands for the region of an event whose place is not known."""
COUNTRY = "kz/"
NAMED = frozenset({"region", "district", "city", "village"})
LANGUAGES = ("ru", "kk")


@dataclass(frozen=True)
class PlaceName:
    """A place's names by language. ``kind`` as in the gazetteer."""

    kind: str
    names: Mapping[str, str]


class PlaceNames:
    """Names of regions, districts and settlements by their gazetteer id."""

    def __init__(self, places: Mapping[str, PlaceName]) -> None:
        self._places = places

    @classmethod
    def load(cls) -> PlaceNames:
        """From the tables of the project's gazetteer."""
        places: dict[str, PlaceName] = {}
        for table in sorted(files("nlp.gazetteer").iterdir(), key=lambda item: item.name):
            if not table.name.endswith(".csv"):
                continue
            for row in csv.DictReader(table.read_text(encoding="utf-8").splitlines()):
                if row.get("kind") in NAMED and row.get("id"):
                    russian = row["name_ru"]
                    names = {"ru": russian, "kk": row.get("name_kk") or russian}
                    places[row["id"]] = PlaceName(row["kind"], names)
        return cls(places)

    def __contains__(self, place_id: str) -> bool:
        return place_id in self._places

    def kind(self, place_id: str) -> str | None:
        """The place's kind, ``None`` for an unknown id."""
        place = self._places.get(place_id)
        return None if place is None else place.kind

    def name(self, place_id: str, language: str) -> str:
        """The place's name; the id itself where there is none."""
        place = self._places.get(place_id)
        return place_id if place is None else place.names[language]

    @property
    def regions(self) -> list[str]:
        """Ids of Kazakhstan's regions and cities of republican significance."""
        return sorted(
            place_id
            for place_id, place in self._places.items()
            if place_id.startswith(COUNTRY)
            and place_id.count("/") == 1
            and place.kind in {"region", "city"}
        )


def region_of(event: Event) -> str:
    """Gazetteer id of the event's region or city of republican significance; "-" when unknown."""
    below_country = [step for step in event.location_path if step.count("/") == 1]
    return below_country[0] if below_country else NOWHERE


def territory_of(event: Event, places: PlaceNames) -> str:
    """The smallest of district, town and region that the event's place lies in; "-" if none.

    A district where the gazetteer knows it, else the town or village, else the region alone.
    """
    for wanted in ({"district"}, {"city", "village"}, {"region"}):
        for step in event.location_path:
            if places.kind(step) in wanted:
                return step
    return region_of(event)
