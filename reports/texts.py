"""The words of reports in Russian and Kazakh, one JSON file a language."""

from __future__ import annotations

import json
from datetime import date, datetime
from importlib.resources import files
from zoneinfo import ZoneInfo

from reports.places import NOWHERE, PlaceNames

LANGUAGES = ("ru", "kk")


class Words:
    """Words of one language, with times and numbers as its readers write them."""

    def __init__(self, language: str, texts: dict[str, str], places: PlaceNames) -> None:
        self.language = language
        self._texts = texts
        self._places = places

    @classmethod
    def load(cls, language: str, places: PlaceNames) -> Words:
        """The words of ``ru`` or ``kk``."""
        text = files("reports").joinpath(f"texts/{language}.json").read_text(encoding="utf-8")
        return cls(language, json.loads(text), places)

    def __call__(self, key: str, /, **values: object) -> str:
        """The text with ``values`` filled in; KeyError for an unknown key."""
        text = self._texts[key]
        return text.format(**values) if values else text

    def known(self, key: str, fallback: str) -> str:
        """The text, or ``fallback`` where there is none."""
        return self._texts.get(key, fallback)

    @property
    def keys(self) -> set[str]:
        """All keys."""
        return set(self._texts)

    def place(self, place_id: str) -> str:
        """A region's, district's or town's name, with its region where it is a part of one."""
        if place_id == NOWHERE:
            return self("place.nowhere")
        kind = self._places.kind(place_id)
        name = self._places.name(place_id, self.language)
        region = "/".join(place_id.split("/")[:2])
        if kind == "district":
            name = self("place.district", name=name)
        elif kind == "region" and not name.endswith("облысы"):
            name = self("place.region", name=name)
        if place_id == region:
            return name
        return f"{self._places.name(region, self.language)}: {name}"

    def span(self, seconds: float | None) -> str:
        """A wait or lead in its two largest units; a dash when it is not known."""
        if seconds is None:
            return "—"
        whole = round(seconds)
        if whole < 60:
            return f"{whole} {self('unit.s')}"
        if whole < 3_600:
            return f"{round(whole / 60)} {self('unit.min')}"
        hours, minutes = divmod(round(whole / 60), 60)
        if hours < 48:
            return f"{hours} {self('unit.h')} {minutes} {self('unit.min')}"
        return f"{hours // 24} {self('unit.d')} {hours % 24} {self('unit.h')}"

    def percent(self, share: float | None) -> str:
        """A share in whole hundredths; a dash when it is not known."""
        return "—" if share is None else f"{100 * share:.0f} %"

    def number(self, value: float) -> str:
        """A mean with one digit and a decimal comma."""
        return f"{value:.1f}".replace(".", ",")

    def probability(self, value: float) -> str:
        """A probability of the test; below 0.0001 only that."""
        return "<0,0001" if value < 1e-4 else f"{value:.4f}".replace(".", ",")

    def day(self, day: date) -> str:
        """A date."""
        return day.strftime("%d.%m.%Y")

    def days(self, first: date, last: date) -> str:
        """One day, or the first and the last."""
        return self.day(first) if first == last else f"{self.day(first)} – {self.day(last)}"

    def time(self, time: datetime | None, zone: ZoneInfo, day: date) -> str:
        """Local time, with the date where it is not ``day``; a dash when it is not known."""
        if time is None:
            return "—"
        local = time.astimezone(zone)
        form = "%H:%M" if local.date() == day else "%d.%m %H:%M"
        return local.strftime(form)
