"""What the correlator compares: each record boiled down once, so that pairs are cheap to score."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from math import cos, hypot, log2, radians
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from core.folding import openings, shingles
from core.ids import digest
from core.records import (
    INCIDENT_CATEGORIES,
    Assessed,
    Assessment,
    Audience,
    Category,
    Place,
    Point,
    Post,
)
from core.spelling import fold, tokens
from core.towns import SETTLEMENTS, Town, town_at, town_of_channel, town_of_home
from correlator.words import key_of

MIN_POINT_RADIUS_M = 60.0
"""Phones under trees and between blocks are off by tens of metres whatever they claim."""
DEFAULT_ACCURACY_M = 250.0
VAGUE_RADIUS_M = 4_000.0
"""From here on a location says no more than the settlement."""
MAX_SITES = 4
MAX_IDF = 8.0
MIN_REPOST_WORDS = 5
MIN_WORDS = 4
"""A shorter text without a place of its own never joins on likeness alone."""
WORDING = frozenset({"stems", "weights", "mass", "things", "numbers", "again", "shingles"})
THINGS = Path(__file__).with_name("things.txt")

_NARROW = frozenset({"street", "crossing", "microdistrict", "landmark", "highway", "house"})
_PART = re.compile(r"/(street|microdistrict|landmark|district|highway|crossing)/")
_METRES_A_DEGREE = 111_195.0

_ROLES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (role, re.compile(pattern, re.IGNORECASE))
    for role, pattern in (
        ("age", r"\b(\d{1,2})(?:-?х)?\s*(?:лет\b|летн|год|жас|zhas|jas)"),
        ("house", r"\b(?:дом|д\.|үй|уй)\s*№?\s*(\d{1,3})"),
        ("house", r"\b(\d{1,3})[\s-]*(?:дом|үй|уйд|уй\b)"),
        (
            "district",
            r"\b(\d{1,3})\s*-?(?:й|ый|ой|ші|шы)?\s*(?:мкр|мик|[ыі]қшам|ыкшам|ша[ғг]ын|кв)",
        ),
        ("district", r"\b(?:мкр|микрорайон|квартал)\.?\s*№?\s*(\d{1,3})"),
        ("route", r"\b(?:автобус\w*|маршрут\w*|м-та|троллейбус\w*)\s*(?:№|номер)?\s*(\d{1,3})\b"),
        ("route", r"\b(\d{1,3})\s*-?(?:й|ый|ші|шы)?\s*(?:автобус|маршрут)"),
        ("school", r"\b(?:школ\w*|сш|мектеп\w*|садик\w*|сад\w*|балабақша\w*)\s*№?\s*(\d{1,3})\b"),
        ("school", r"№?\s*\b(\d{1,3})\s*-?(?:й|ой|ую|я|ая|ші|шы)?\s*(?:школ|мектеп|балабақша|сад)"),
        ("km", r"\b(\d{1,4})\s*(?:-?(?:й|ом|м))?\s*(?:км|километр|шақырым|шакырым)"),
        ("floor", r"\b(\d{1,2})\s*-?(?:й|м|ом|ші|шы)?\s*(?:этаж|эт\.|қабат|кабат)"),
        ("entrance", r"\b(\d{1,2})\s*-?(?:й|м|ом|го|ші|шы)?\s*(?:подъезд|подьезд|кіреберіс)"),
        ("thousand", r"\b(\d{2,4})\s*(?:тыс|тыщ|мың|мын|000\b|к\b)"),
        ("people", r"\b(\d{1,2})\s*(?:чел|человек|адам|а/м|машин|көлік|авто\b)"),
    )
)
_DIGIT = re.compile(r"\d")
_NUMBERED = re.compile(r"([^\W\d_]{3,})[\s,]*[-–—]?\s*(\d{1,3})(?:-?(?:те|де|да|та|й|ші|шы))?\b")
_NOT_A_NAME = frozenset(
    {"лет", "дом", "час", "мин", "этаж", "минус", "плюс", "уи", "мкр", "автобус", "маршрут", "июн"}
)
_AGAIN = re.compile(
    r"\b(?:опять|снова|ещ[её]\s+(?:од|и\s)|тағы|тагы|tagy|taghy|втор\w+\s+(?:день|ночь|раз)|"
    r"трет\w+\s+(?:день|ночь|раз|кража)|не\s+пута|не\s+т[оа]т|екінші\s+(?:күн|түн|рет)|"
    r"үшінші\s+(?:күн|түн|рет)|подряд|қатарынан|другой|другая|другое|басқа|бөлек|и\s+у\s+нас)",
    re.IGNORECASE,
)


class Site(NamedTuple):
    """A point with its radius (metres), and the grid scale of its latitude."""

    lat: float
    lon: float
    radius_m: float
    cos_lat: float


@dataclass(slots=True, eq=False)
class Item:
    """One record as the features see it, never changed. Times are seconds since 1970, radii metres.

    ``nothing``: probability that it speaks of no category. ``chances``: (category, probability) of
    the likely categories. ``sites``: where it may be, best first: a report's own point, what its
    text says, other towns that it names, or else the town that its source is about. ``named``:
    gazetteer ids more specific than a settlement. ``text_key``: equal for copies; ``openings``: the
    smallest shingles. ``stamp`` tells a new version or assessment.

    Of its text (``WORDING``): ``weights`` is the rarity (inverse document frequency, bits) of each
    of the ``stems``, ``mass`` their sum; ``things``: named things by kind (makes and colours of
    cars, kinds of victims); ``numbers``: by the role they have (house, route, age); ``again``:
    whether it says that something happened once more; ``shingles``: digests of every three words.
    """

    id: str
    is_report: bool
    at: float
    event_at: float | None
    audience: Audience
    incident: float
    nothing: float
    urgency: float
    chances: tuple[tuple[Category, float], ...]
    mask: int
    sites: tuple[Site, ...]
    place_known: bool
    town: str | None
    named: frozenset[str]
    concepts: frozenset[str]
    text: str
    idf: Mapping[str, float]
    text_key: bytes
    openings: tuple[int, ...]
    n_words: int
    vector: npt.NDArray[np.float32] | None
    source: str | None
    author: str | None
    names: tuple[str, ...]
    reply_to: str | None
    forwarded_from: str | None
    media: frozenset[str]
    stamp: str
    stems: frozenset[str] = field(init=False)
    weights: dict[str, float] = field(init=False)
    mass: float = field(init=False)
    things: dict[str, frozenset[str]] = field(init=False)
    numbers: dict[str, frozenset[str]] = field(init=False)
    again: bool = field(init=False)
    shingles: frozenset[int] = field(init=False)

    def __getattr__(self, name: str) -> Any:
        """What its text says by itself, read when it is first asked for: most are never compared.

        Afterwards each of ``WORDING`` is a plain attribute, as pairs ask for them very often.
        """
        if name not in WORDING:
            raise AttributeError(name)
        words = tokens(self.text)
        keys = frozenset(k for k in map(key_of, words) if k)
        folded = [fold(w) for w in words]
        self.stems = keys
        self.weights = {k: self.idf.get(k, MAX_IDF) for k in keys}
        self.mass = sum(self.weights.values())
        self.things = _things(folded)
        self.numbers = _numbers(self.text)
        self.again = bool(_AGAIN.search(self.text))
        self.shingles = shingles(folded)
        return getattr(self, name)


def make_item(record: Assessed, idf: Mapping[str, float]) -> Item:
    """Boil a record down. ``idf``: rarity of stems; a stem that it lacks is as rare as can be."""
    subject, found = record.subject, record.assessment
    is_post = isinstance(subject, Post)
    at = subject.posted_at if isinstance(subject, Post) else subject.received_at
    words = tokens(subject.text)
    n_words = len({k for k in map(key_of, words) if k})
    folded = [fold(w) for w in words]
    home = _home_town(record)
    sites = _sites(record, home)
    chances = _chances(record)
    return Item(
        id=subject.id,
        is_report=not is_post,
        at=at.timestamp(),
        event_at=_event_at(found, at),
        audience=record.audience,
        incident=found.incident if is_post else max(found.incident, 0.9),
        nothing=found.categories.get(Category.NONE, 0.0) if is_post else 0.0,
        urgency=found.urgency,
        chances=chances,
        mask=_mask(chances),
        sites=sites,
        place_known=bool(sites) and sites[0].radius_m < VAGUE_RADIUS_M,
        town=_town(record, home),
        named=_named(found.places, found.location_path),
        concepts=frozenset(found.concepts),
        text=subject.text,
        idf=idf,
        text_key=_text_key(folded),
        openings=openings(folded) if n_words >= MIN_WORDS else (),
        n_words=n_words,
        vector=_vector(found.vector),
        source=subject.source if isinstance(subject, Post) else None,
        author=subject.author if isinstance(subject, Post) else None,
        names=_names(subject) if isinstance(subject, Post) else (),
        reply_to=subject.reply_to if isinstance(subject, Post) else None,
        forwarded_from=subject.forwarded_from if isinstance(subject, Post) else None,
        media=frozenset(m.digest or m.url or "" for m in subject.media) - {""},
        stamp=_stamp(record),
    )


def _stamp(record: Assessed) -> str:
    """Equal for two deliveries of the same content with the same assessment."""
    found, point = record.assessment, record.assessment.location
    said = (
        record.audience.value, found.assessor, found.version, found.category.value, found.incident,
        found.urgency, found.event_at, point and (point.lat, point.lon, point.radius_m),
        found.location_path, found.concepts,
    )  # fmt: skip
    return digest(record.subject.content, repr(said))


def distance_m(a: Site, b: Site) -> float:
    """Metres between two points: equirectangular, within 0.5 % up to 300 km at these latitudes."""
    dx = (a.lon - b.lon) * _METRES_A_DEGREE * 0.5 * (a.cos_lat + b.cos_lat)
    dy = (a.lat - b.lat) * _METRES_A_DEGREE
    return float((dx * dx + dy * dy) ** 0.5)


def site_of(point: Point) -> Site:
    """A point as a site."""
    return Site(
        point.lat, point.lon, max(point.radius_m, MIN_POINT_RADIUS_M), cos(radians(point.lat))
    )


def _sites(record: Assessed, home: Town | None) -> tuple[Site, ...]:
    subject, found = record.subject, record.assessment
    sites: list[Site] = []
    if subject.lat is not None and subject.lon is not None:
        radius = DEFAULT_ACCURACY_M
        if not isinstance(subject, Post) and subject.accuracy_m is not None:
            radius = subject.accuracy_m
        sites.append(site_of(Point(lat=subject.lat, lon=subject.lon, radius_m=max(radius, 1.0))))
    if found.location is not None and not _abroad(found.location_path):
        told = site_of(found.location)
        if not sites or distance_m(sites[0], told) > 1.0:
            sites.append(told)
    if len(sites) == 2 and sites[1].radius_m > VAGUE_RADIUS_M:
        sites.pop()  # a text that says no more than the town adds nothing to a point
    for place in found.places:  # a road between two towns, a trip from one to another
        if _abroad(place.path):
            continue
        if place.kind in SETTLEMENTS and place.lat is not None and place.lon is not None:
            radius = place.radius_m or VAGUE_RADIUS_M
            town = site_of(Point(lat=place.lat, lon=place.lon, radius_m=max(radius, 1.0)))
            if len(sites) < MAX_SITES and all(
                distance_m(site, town) > hypot(site.radius_m, town.radius_m) for site in sites
            ):
                sites.append(town)
    if not sites and home is not None:
        sites.append(site_of(Point(lat=home.lat, lon=home.lon, radius_m=home.radius_m)))
    return tuple(sites)


def _home_town(record: Assessed) -> Town | None:
    """The town that the record's source is about, or its device stands in."""
    subject = record.subject
    if isinstance(subject, Post):
        town = town_of_home(subject.home) if subject.home is not None else None
        if town is not None:
            return town
    if subject.lat is not None and subject.lon is not None:
        return town_at(round(subject.lat, 3), round(subject.lon, 3))
    if isinstance(subject, Post) and subject.home is None:
        return town_of_channel(subject.source)
    return None


def _town(record: Assessed, home: Town | None) -> str | None:
    """The town that the record speaks of, else the one its source is about, folded.

    Gazetteer ids are transliterated names, so that they and a source's home meet when folded.
    """
    found = record.assessment
    paths = [found.location_path, *(p.path for p in sorted(found.places, key=_by_score))]
    for path in paths:
        for entry in path:
            base = _PART.split(entry)[0]
            if base.startswith(COUNTRY) and (base in _CITY_REGIONS or base.count("/") >= 2):
                return fold(base.rsplit("/", 1)[1].replace("-", ""))
    if home is not None:
        return home.key
    subject = record.subject
    if isinstance(subject, Post) and subject.home is not None:
        return fold("".join(tokens(subject.home)))
    return None


def _by_score(place: Place) -> float:
    return -place.score


COUNTRY = "kz"
_CITY_REGIONS = frozenset({"kz/almaty", "kz/astana", "kz/shymkent"})


def _abroad(path: Sequence[str]) -> bool:
    """Whether a gazetteer path leads to another country: nothing of 102 happens there."""
    return bool(path) and path[0].split("/")[0] != COUNTRY


def _named(places: Iterable[Place], path: Sequence[str]) -> frozenset[str]:
    found = {p.path[0] for p in places if p.path and p.kind in _NARROW and p.score >= 0.3}
    found = {entry for entry in found if not _abroad([entry])}
    found |= {e for e in path if _PART.search(e) and "/district/" not in e}
    # a crossing is its two streets, whichever of the ways it is written in
    return frozenset(part for entry in found for part in entry.split("|"))


def _chances(record: Assessed) -> tuple[tuple[Category, float], ...]:
    subject, found = record.subject, record.assessment
    shares = found.categories
    if not shares and found.category is not Category.NONE:
        shares = {found.category: 1.0}
    if not isinstance(subject, Post) and subject.category not in (None, Category.NONE):
        # the operator's choice is nearly always right, but he hears less than he writes
        shares = {c: 0.2 * p for c, p in shares.items()}
        shares[subject.category] = shares.get(subject.category, 0.0) + 0.8
    likely = [(c, p) for c, p in shares.items() if p >= 0.08 and c is not Category.NONE]
    return tuple(sorted(likely, key=lambda cp: (-cp[1], cp[0].value))[:4])


KIN: dict[frozenset[Category], float] = {
    frozenset({left, right}): value
    for left, right, value in (
        (Category.ROAD_CRASH, Category.DRUNK_DRIVING, 0.6),
        (Category.ROAD_CRASH, Category.THREAT_TO_LIFE, 0.3),
        (Category.ROAD_CRASH, Category.FIRE_EMERGENCY, 0.15),
        (Category.VIOLENCE, Category.DOMESTIC_VIOLENCE, 0.5),
        (Category.VIOLENCE, Category.WEAPON, 0.5),
        (Category.VIOLENCE, Category.HOOLIGANISM, 0.45),
        (Category.VIOLENCE, Category.THEFT_ROBBERY, 0.3),
        (Category.VIOLENCE, Category.SUSPICIOUS_PERSON, 0.15),
        (Category.VIOLENCE, Category.THREAT_TO_LIFE, 0.2),
        (Category.DOMESTIC_VIOLENCE, Category.THREAT_TO_LIFE, 0.25),
        (Category.DOMESTIC_VIOLENCE, Category.WEAPON, 0.3),
        (Category.WEAPON, Category.THREAT_TO_LIFE, 0.25),
        (Category.WEAPON, Category.HOOLIGANISM, 0.25),
        (Category.WEAPON, Category.ANIMAL_CRUELTY, 0.2),
        (Category.WEAPON, Category.SUSPICIOUS_PERSON, 0.2),
        (Category.HOOLIGANISM, Category.DRUNK_DRIVING, 0.25),
        (Category.HOOLIGANISM, Category.FIRE_EMERGENCY, 0.15),
        (Category.HOOLIGANISM, Category.SUSPICIOUS_PERSON, 0.15),
        (Category.FIRE_EMERGENCY, Category.THREAT_TO_LIFE, 0.4),
        (Category.MISSING_PERSON, Category.THREAT_TO_LIFE, 0.3),
        (Category.SUSPICIOUS_PERSON, Category.THEFT_ROBBERY, 0.25),
        (Category.SUSPICIOUS_PERSON, Category.MISSING_PERSON, 0.1),
        (Category.SUSPICIOUS_PERSON, Category.DRUGS, 0.2),
    )
}
"""How alike two categories are when people and operators name one event; by hand."""


_LIKENESS: dict[tuple[Category, Category], float] = {
    (a, b): 1.0 if a is b else KIN.get(frozenset({a, b}), 0.0) for a in Category for b in Category
}


def alike(a: Category, b: Category) -> float:
    """Likeness of two categories in [0, 1], symmetric."""
    return _LIKENESS[a, b]


_BIT: dict[Category, int] = {c: 1 << i for i, c in enumerate(INCIDENT_CATEGORIES)}
_ALL = (1 << len(INCIDENT_CATEGORIES)) - 1
_KIN_BITS: dict[Category, int] = {
    c: sum(_BIT[o] for o in INCIDENT_CATEGORIES if alike(c, o) > 0.0) for c in INCIDENT_CATEGORIES
}


def _mask(chances: tuple[tuple[Category, float], ...]) -> int:
    """Bits of the categories it may be; all when the text leaves it open."""
    if not chances or chances[0][1] < 0.35:
        return _ALL
    mask = 0
    for category, _ in chances:
        mask |= _KIN_BITS[category]
    return mask


def _event_at(found: Assessment, at: datetime) -> float | None:
    return None if found.event_at is None else min(found.event_at, at).timestamp()


def _vector(values: tuple[float, ...]) -> npt.NDArray[np.float32] | None:
    if not values:
        return None
    vector = np.asarray(values, dtype=np.float32)
    norm = float(np.linalg.norm(vector))
    return vector / norm if norm > 0.0 else None


def _names(post: Post) -> tuple[str, ...]:
    """What a reply or forward may call this post."""
    names = [post.id, post.native_id, f"{post.source}/{post.native_id}"]
    if post.url:
        names.append(post.url)
    return tuple(dict.fromkeys(names))


def _text_key(folded: Sequence[str]) -> bytes:
    """Of a text without case, signs and white space: equal for exact reposts."""
    return blake2b(" ".join(folded).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _numbers(text: str) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    if not _DIGIT.search(text):
        return {}
    for role, pattern in _ROLES:
        for match in pattern.finditer(text):
            found.setdefault(role, set()).add(match[1].lstrip("0") or "0")
    for match in _NUMBERED.finditer(text):
        name = key_of(match[1])
        if name and name not in _NOT_A_NAME:
            found.setdefault(f"name:{name}", set()).add(match[2].lstrip("0") or "0")
    return {role: frozenset(values) for role, values in found.items()}


def _things(folded: Sequence[str]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for word in folded:
        for kind, name in _things_of(word):
            found.setdefault(kind, set()).add(name)
    return {kind: frozenset(names) for kind, names in found.items()}


@lru_cache(maxsize=262_144)
def _things_of(word: str) -> tuple[tuple[str, str], ...]:
    whole, beginnings = _lexicon()
    found = dict.fromkeys(whole.get(word, ()))
    for size in range(2, len(word) + 1):
        if (begun := beginnings.get(word[:size])) is not None:
            found.update(dict.fromkeys(begun))
    return tuple(found)


@lru_cache(maxsize=1)
def _lexicon() -> tuple[dict[str, list[tuple[str, str]]], dict[str, list[tuple[str, str]]]]:
    """Named things by whole word and by beginning, read once."""
    whole: dict[str, list[tuple[str, str]]] = {}
    beginnings: dict[str, list[tuple[str, str]]] = {}
    for line in THINGS.read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        head, _, forms = line.partition(":")
        kind, _, name = head.strip().partition("/")
        for form in forms.split(","):
            word = form.strip()
            table = whole if word.startswith("=") else beginnings
            table.setdefault(fold(word.removeprefix("=")), []).append((kind, name))
    return whole, beginnings


def rarity(n_texts: int, n_with: int) -> float:
    """Inverse document frequency in bits, at most ``MAX_IDF``."""
    return min(MAX_IDF, log2((n_texts + 1) / (n_with + 0.5)))
