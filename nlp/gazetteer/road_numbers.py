"""Numbered roads in a text: "М-32, 35 км" needs no town."""

from __future__ import annotations

from dataclasses import dataclass

from core.records import Place, Point
from nlp.gazetteer.entries import Entry
from nlp.gazetteer.milestones import Milestones, road_number
from nlp.gazetteer.relations import kilometre_near
from nlp.words import Words

_DASHES = frozenset("-–—")
MOST_LETTERS = 3
_MAKES = ("ауди", "бмв", "мерс", "мазда", "шкода")
"""Beginnings of makes of cars with models like "А3"."""


@dataclass(frozen=True)
class RoadKilometre:
    """A numbered road with a kilometre, said in words ``first`` to ``last``."""

    road: str
    km: float
    first: int
    last: int
    point: Point
    reason: str

    def place(self, words: Words) -> Place:
        """The road's number as a place mention."""
        start, end = words.starts[self.first], words.end(self.last)
        return Place(
            text=words.text[start:end], start=start, end=end, name=self.road, kind="highway",
            lat=self.point.lat, lon=self.point.lon, radius_m=self.point.radius_m, score=1.0,
            reasons=(self.reason,),
        )  # fmt: skip


def find_kilometre(words: Words, stones: Milestones, home: Entry | None) -> RoadKilometre | None:
    """The first numbered road of a text with a kilometre that is known."""
    for index, form in enumerate(words.forms):
        if len(form.raw) > MOST_LETTERS or form.kind not in ("cyrillic", "latin"):
            continue
        if index and words.forms[index - 1].coarse.startswith(_MAKES):
            continue
        last = index + 1
        if last < len(words) and words.forms[last].raw in _DASHES:
            last += 1
        if last >= len(words) or words.forms[last].kind != "number":
            continue
        road = road_number(form.raw + words.forms[last].raw)
        if road is None or road not in stones:
            continue
        km = kilometre_near(words, index, last, besides=last)
        found = None if km is None else stones.at(road, km, home)
        if km is not None and found is not None:
            return RoadKilometre(road, km, index, last, *found)
    return None
