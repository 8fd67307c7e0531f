"""Which pairs are worth comparing: near in time, and near in place or bound by text or links.

All keys are symmetric, so the pairs found do not depend on the order of arrival.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import floor

from core.settings import CorrelatorSettings
from correlator.features import REPOST_SHARE, copied_share, forwards, replies
from correlator.items import Item
from correlator.occasion import GOES_ON_S, same_voice

CELL_LAT = 0.15
CELL_LON = 0.22
"""Cells of about 17 km by 17 km at 45° north: a town is covered by four to nine."""
SLACK_DEG = 0.03
"""About 3 km on top of the radius: the truth lies outside it one time in ten."""
MAX_SITE_RADIUS_M = 30_000.0
"""A wider location is a region: too many others would share its cells."""
MIN_KEY_IDF = 4.0
WORD_KEYS = 30
MIN_SHARED_IDF = 4.0
"""One rather rare word binds a record without place to another, for comparison only."""
SHINGLE_KEYS = 4
INCIDENT_FLOOR = 0.1
CHANCE_FLOOR = 0.4
"""A record less likely an incident, and of no likely kind, is joined by copies and links only."""
LEADER_FLOOR = 0.35
"""Of two records that are joined by likeness at least one seems to be an incident."""
NOWHERE_FLOOR = 0.3
"""Without a place on both sides, both have to seem an incident: of 4,196 real posts that are no
local incidents 6 pairs are joined with this, 14 without; the labelled streams do not change."""
MIN_WORDS = 4
"""A shorter text without a place of its own never joins on likeness alone."""

Key = tuple[str, object]


def reach_s(item: Item, settings: CorrelatorSettings) -> float:
    """Seconds within which another record may be the same event, by the likely categories."""
    windows = [
        settings.windows_h.get(category, settings.window_h)
        for category, chance in item.chances
        if chance >= 0.3
    ]
    return 3600.0 * max(windows, default=settings.window_h)


def widest_s(settings: CorrelatorSettings) -> float:
    """The longest window of all, in seconds."""
    return 3600.0 * max([settings.window_h, *settings.windows_h.values()])


def shortest_s(settings: CorrelatorSettings) -> float:
    """The shortest window of all, in seconds."""
    return 3600.0 * min([settings.window_h, *settings.windows_h.values()])


def telling(item: Item) -> bool:
    """Whether the record may be about an incident at all."""
    return item.incident >= INCIDENT_FLOOR or (
        bool(item.chances) and item.chances[0][1] >= CHANCE_FLOOR
    )


def speaks(item: Item) -> bool:
    """Whether the record says enough by itself to be compared with others at all."""
    return telling(item) and (item.n_words >= MIN_WORDS or item.place_known or item.is_report)


def within_s(a: Item, b: Item, settings: CorrelatorSettings) -> float:
    """Seconds that may lie between two records of one event."""
    return min(reach_s(a, settings), reach_s(b, settings))


def comparable(a: Item, b: Item, seconds: float) -> bool:
    """Whether a pair may be linked by its own likeness at all (symmetric).

    ``seconds``: what may lie between them (``within_s``). Confidential and open records never are
    comparable. Two posts that are no incident need a copy, forward or reply; so does a text too
    short to say anything that has no place of its own.
    """
    if a.audience is not b.audience or abs(a.at - b.at) > seconds:
        return False
    return _alike_enough(a, b) or linked(a, b)


def _alike_enough(a: Item, b: Item) -> bool:
    if not a.mask & b.mask or max(a.incident, b.incident) < LEADER_FLOOR:
        return False
    if min(a.incident, b.incident) < NOWHERE_FLOOR and not (a.sites and b.sites):
        return False
    return speaks(a) and speaks(b)


def linked(a: Item, b: Item) -> bool:
    """A copy, forward, reply, answer to the same post, the same photo, or one voice going on."""
    return (
        replies(a, b)
        or forwards(a, b)
        or _goes_on(a, b)
        or (a.reply_to is not None and a.reply_to == b.reply_to and a.source == b.source)
        or bool(a.media & b.media)
        or copied_share(a, b) >= REPOST_SHARE
    )


def _goes_on(a: Item, b: Item) -> bool:
    """One voice in one chat within the hour, both times on what may be an incident."""
    return (
        abs(a.at - b.at) <= GOES_ON_S
        and max(a.incident, b.incident) >= LEADER_FLOOR
        and min(a.incident, b.incident) >= INCIDENT_FLOOR
        and same_voice(a, b)
    )


def placed(item: Item) -> bool:
    """Whether its place is known well enough to look for neighbours on the map."""
    return any(site.radius_m <= MAX_SITE_RADIUS_M for site in item.sites)


def own_keys(item: Item) -> list[Key]:
    """The keys under which others find it."""
    keys: list[Key] = [("name", name) for name in item.names]
    keys += [("answers", ref) for ref in (item.reply_to, item.forwarded_from) if ref is not None]
    keys += _same_keys(item)
    if telling(item):
        keys += [("cell", cell) for cell in _cells(item)]
    if item.incident >= NOWHERE_FLOOR:
        words = _rare(item)
        keys += [("word", word) for word in words]
        if not placed(item):
            keys += [("unplaced", word) for word in words]
    return keys


def sought_keys(item: Item) -> list[Key]:
    """The keys under which it looks for others."""
    keys: list[Key] = [("answers", name) for name in item.names]
    for ref in (item.reply_to, item.forwarded_from):
        if ref is not None:
            keys += [("name", ref), ("answers", ref)]
    keys += _same_keys(item)
    if telling(item):
        keys += [("cell", cell) for cell in _cells(item)]
    if item.incident >= NOWHERE_FLOOR:
        keys += [("unplaced" if placed(item) else "word", word) for word in _rare(item)]
    return keys


def _same_keys(item: Item) -> list[Key]:
    """Keys that both sides have alike: text, photos, the chat of a post without exact place."""
    keys: list[Key] = [("text", digest) for digest in _smallest(item)]
    keys += [("media", digest) for digest in item.media]
    if item.source is not None and not item.place_known and item.incident >= NOWHERE_FLOOR:
        keys.append(("source", item.source))
    if item.source is not None and item.author is not None and item.incident >= INCIDENT_FLOOR:
        keys.append(("voice", (item.source, item.author)))
    return keys


def _rare(item: Item) -> list[str]:
    ranked = sorted(((-idf, word) for word, idf in item.weights.items() if idf >= MIN_KEY_IDF))
    return [word for _, word in ranked[:WORD_KEYS]]


def _smallest(item: Item) -> list[int]:
    return sorted(item.shingles)[:SHINGLE_KEYS] if item.n_words >= MIN_WORDS else []


def _cells(item: Item) -> Iterator[tuple[int, int]]:
    seen: set[tuple[int, int]] = set()
    for site in item.sites:
        if site.radius_m > MAX_SITE_RADIUS_M:
            continue
        lat_by = site.radius_m / 111_195.0 + SLACK_DEG
        lon_by = lat_by / max(site.cos_lat, 0.1)
        for x in range(
            floor((site.lat - lat_by) / CELL_LAT), floor((site.lat + lat_by) / CELL_LAT) + 1
        ):
            for y in range(
                floor((site.lon - lon_by) / CELL_LON), floor((site.lon + lon_by) / CELL_LON) + 1
            ):
                seen.add((x, y))
    yield from sorted(seen)


class Index:
    """Records by blocking key."""

    def __init__(self) -> None:
        self._buckets: dict[Key, dict[str, float]] = {}
        self._keys: dict[str, list[Key]] = {}

    def add(self, item: Item, *, names_only: bool = False) -> None:
        """Make a record findable; ``names_only``: a copy, found only by who refers to it."""
        keys = own_keys(item)
        if names_only:
            keys = [key for key in keys if key[0] == "name"]
        self._keys[item.id] = keys
        for key in keys:
            self._buckets.setdefault(key, {})[item.id] = item.at

    def remove(self, item_id: str) -> None:
        """Forget a record."""
        for key in self._keys.pop(item_id, ()):
            bucket = self._buckets.get(key)
            if bucket is not None:
                bucket.pop(item_id, None)
                if not bucket:
                    del self._buckets[key]

    def candidates(self, item: Item, within_s: float) -> Iterable[str]:
        """Ids of records that share a key and lie within ``within_s`` seconds, in any order."""
        found: dict[str, None] = {}
        shared: dict[str, float] = {}
        earliest, latest = item.at - within_s, item.at + within_s
        for key in sought_keys(item):
            bucket = self._buckets.get(key)
            if bucket is None:
                continue
            if key[0] in {"word", "unplaced"}:
                idf = item.weights[str(key[1])]
                for other, at in bucket.items():
                    if earliest <= at <= latest:
                        shared[other] = shared.get(other, 0.0) + idf
                continue
            for other, at in bucket.items():
                if earliest <= at <= latest:
                    found[other] = None
        for other, mass in shared.items():
            if mass >= MIN_SHARED_IDF:
                found[other] = None
        found.pop(item.id, None)
        return found

    def referring(self, item: Item, within_s: float) -> Iterable[str]:
        """Ids of records that name this one, or that it names, within ``within_s`` seconds."""
        found: dict[str, None] = {}
        for key in sought_keys(item):
            if key[0] in {"answers", "name"}:
                for other, at in self._buckets.get(key, {}).items():
                    if abs(at - item.at) <= within_s:
                        found[other] = None
        found.pop(item.id, None)
        return found
