"""Which pairs are worth comparing: near in time, and near in place or bound by text or links.

All keys are symmetric, so the pairs found do not depend on the order of arrival.
"""

from __future__ import annotations

import struct
from heapq import nsmallest

from core.grid import CLOSE, WIDE, Cell, Grid
from core.settings import CorrelatorSettings
from correlator.features import REPOST_SHARE, copied_share, forwards, replies
from correlator.items import MIN_WORDS, Item
from correlator.occasion import GOES_ON_S, same_voice
from correlator.runs import Runs

MIN_KEY_IDF = 4.0
"""One rather rare word binds a record without place to another, for comparison only."""
WORD_KEYS = 30
MOST = 256
"""Of the records that share a key so many are compared, the nearest in time: what very many share
tells nothing. In the labelled streams no key has more within a window."""
FEW = 64
"""Of copies, answers and the like as many; and a word that more records share is no rare one."""
INCIDENT_FLOOR = 0.1
CHANCE_FLOOR = 0.4
"""A record less likely an incident, and of no likely kind, is joined by copies and links only."""
LEADER_FLOOR = 0.35
"""Of two records that are joined by likeness at least one seems to be an incident."""
NOWHERE_FLOOR = 0.3
"""Without a place on both sides, both have to seem an incident: of 4,196 real posts that are no
local incidents 6 pairs are joined with this, 14 without; the labelled streams do not change."""
SHORT_NUMBER = 6
"""A shorter number names a post within its channel alone: every channel has a post 123."""

NAMES, ANSWERS = "name", "answer"
"""Kinds of keys: what a record is called by others, and what it refers to."""
_SPAN = struct.Struct("2d")
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
    return any(site.radius_m <= WIDE.widest_m for site in item.sites)


def _names_of(item: Item) -> list[str]:
    """The names by which others refer to it. A bare short number is one within its channel only."""
    return [name for name in item.names if not (name.isdigit() and len(name) < SHORT_NUMBER)]


def _answered(item: Item) -> list[str]:
    """What it answers or forwards, as ``_answers_to`` asks for it."""
    found = [] if item.reply_to is None else [f"{item.source}>{item.reply_to}"]
    return found if item.forwarded_from is None else [*found, item.forwarded_from]


def _answers_to(item: Item) -> list[str]:
    """How records that answer or forward it name what they refer to."""
    return [*(f"{item.source}>{name}" for name in item.names), *_names_of(item)]


def _named_by(item: Item) -> list[str]:
    """The names of what it answers or forwards."""
    found = [] if item.reply_to is None else [item.reply_to, f"{item.source}/{item.reply_to}"]
    return found if item.forwarded_from is None else [*found, item.forwarded_from]


def _same_of(item: Item) -> list[Key]:
    """What copies or posts of one voice share: how their texts run, photos, who writes where."""
    keys: list[Key] = [("text", opening) for opening in item.openings]
    keys += [("media", digest) for digest in item.media]
    if item.source is not None and item.author is not None and item.incident >= INCIDENT_FLOOR:
        keys.append(("voice", (item.source, item.author)))
    return keys


def _own_keys(item: Item) -> list[Key]:
    """The keys under which others that may be like it find it."""
    keys = _chat_of(item)
    if telling(item):
        kind = "leading" if item.incident >= LEADER_FLOOR else "other"
        keys += [(kind, cell) for cell in _cells(item)]
        keys += [(f"close {kind}", cell) for cell in _close_cells(item)]
    if item.incident >= NOWHERE_FLOOR:
        words = _rare(item)
        keys += [("word", word) for word in words]
        if not placed(item):
            keys += [("unplaced", word) for word in words]
    return keys


def _sought_keys(item: Item) -> list[Key]:
    """The keys under which it looks for others that may be like it."""
    keys = _chat_of(item)
    if telling(item):
        keys += [(kind, cell) for cell in _cells(item) for kind in _sought_kinds(item)]
    if item.incident >= NOWHERE_FLOOR:
        keys += [("unplaced" if placed(item) else "word", word) for word in _rare(item)]
    return keys


def _sought_kinds(item: Item) -> tuple[str, ...]:
    """Of two records that are alike one at least is a leading one."""
    return ("leading", "other") if item.incident >= LEADER_FLOOR else ("leading",)


def _narrower_keys(item: Item) -> list[Key]:
    """The keys under which it looks where too many share the others."""
    keys: list[Key] = [
        (f"close {kind}", cell) for cell in _close_cells(item) for kind in _sought_kinds(item)
    ]
    if item.incident >= NOWHERE_FLOOR:
        keys += [("word", word) for word in _rare(item)]
    return keys


def _chat_of(item: Item) -> list[Key]:
    """The chat of a post without exact place."""
    if item.source is not None and not item.place_known and item.incident >= NOWHERE_FLOOR:
        return [("source", item.source)]
    return []


def _rare(item: Item) -> list[str]:
    ranked = sorted(((-idf, word) for word, idf in item.weights.items() if idf >= MIN_KEY_IDF))
    return [word for _, word in ranked[:WORD_KEYS]]


def _cells(item: Item) -> set[Cell]:
    return _touched(item, WIDE)


def _close_cells(item: Item) -> set[Cell]:
    return _touched(item, CLOSE)


def _touched(item: Item, grid: Grid) -> set[Cell]:
    """Cells that its sites touch, those that are not too wide."""
    return {cell for s in item.sites for cell in grid.touched(s.lat, s.lon, s.radius_m)}


class Index:
    """Records by blocking key."""

    def __init__(self) -> None:
        self._runs = Runs()
        self._kept: dict[str, bytes] = {}

    def __contains__(self, item_id: object) -> bool:
        """Whether a record is findable."""
        return item_id in self._kept

    def add(self, item: Item, reach_s: float = 0.0, *, names_only: bool = False) -> None:
        """Make a record findable; ``names_only``: a copy, found only by who refers to it.

        ``reach_s``: see ``span``.
        """
        self.remove(item.id)
        keys = _keys(item, names_only)
        self._kept[item.id] = struct.pack(f"2d{len(keys)}q", item.at, reach_s, *keys)
        moment = (item.at, item.id)
        for key in keys:
            self._runs.add(key, moment)

    def remove(self, item_id: str) -> None:
        """Forget a record."""
        kept = self._kept.pop(item_id, None)
        if kept is None:
            return
        at, _, *keys = struct.unpack(f"2d{len(kept) // 8 - 2}q", kept)
        for key in keys:
            self._runs.remove(key, (at, item_id))

    def span(self, item_id: str) -> tuple[float, float]:
        """When a record was, in seconds since 1970, and within how many others may be of its event,
        as it was told.
        """
        at, reach_s = _SPAN.unpack_from(self._kept[item_id])
        return at, reach_s

    def candidates(self, item: Item, within_s: float) -> set[str]:
        """Ids of records that share a key and lie within ``within_s`` seconds."""
        return self.linked(item, within_s).union(self.alike(item, within_s))

    def linked(self, item: Item, within_s: float) -> set[str]:
        """Ids of records that refer to it or the same, or may be copies of it."""
        found = self.referring(item, within_s)
        for key in _same_of(item):
            found.update(self._runs.of(hash(key), item.at, within_s, FEW)[0])
        for name in _answered(item):
            found.update(self._runs.of(hash((ANSWERS, name)), item.at, within_s, FEW)[0])
        found.discard(item.id)
        return found

    def referring(self, item: Item, within_s: float) -> set[str]:
        """Ids of records that name this one, or that it names."""
        found: set[str] = set()
        for name in _named_by(item):
            found.update(self._runs.of(hash((NAMES, name)), item.at, within_s)[0])
        for name in _answers_to(item):
            found.update(self._runs.of(hash((ANSWERS, name)), item.at, within_s)[0])
        found.discard(item.id)
        return found

    def alike(self, item: Item, within_s: float) -> dict[str, float]:
        """Ids, with their times, of records near it in place or in words: of each key the nearest
        in time. Where a town has too many, those close by and those that share a rare word too.
        """
        found: dict[str, float] = {}
        crowded = False
        for key in _sought_keys(item):
            ids, times, more = self._runs.of(hash(key), item.at, within_s, MOST)
            crowded |= more
            found.update(zip(ids, times, strict=True))
        if crowded:
            found = dict(nsmallest(MOST, found.items(), key=lambda pair: abs(pair[1] - item.at)))
            for key in _narrower_keys(item):
                ids, times, more = self._runs.of(hash(key), item.at, within_s, FEW)
                if not more or key[0] != "word":
                    found.update(zip(ids, times, strict=True))
        found.pop(item.id, None)
        return found


def _keys(item: Item, names_only: bool) -> list[int]:
    """What it is found by, as numbers."""
    keys: list[Key] = [(NAMES, name) for name in _names_of(item)]
    if not names_only:
        keys += [(ANSWERS, name) for name in _answered(item)]
        keys += _same_of(item) + _own_keys(item)
    return [hash(key) for key in keys]
