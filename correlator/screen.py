"""Which of many records can be the same event as one at all, told at once and without a doubt.

For each feature that decides most pairs there is an upper bound of what it adds, from a few numbers
of each record; any other feature is taken at its best. So a pair that is left out here would have
been below the limit by all features too (``tests/correlator/test_screen.py``), and few are left to
compare.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from core.records import INCIDENT_CATEGORIES, Audience, Category
from correlator.blocking import LEADER_FLOOR, NOWHERE_FLOOR, speaks
from correlator.features import COMMON_BITS, REPOST_SHARE, SURE_BITS, TYPICAL_WORDS
from correlator.items import Item, alike
from correlator.model import PairModel
from correlator.occasion import (
    GOES_ON_S,
    HOURS_S,
    KINDS_BITS,
    MANY_CONCEPTS,
    RAREST_BITS,
    smallness,
)

WORDS = 128
CONCEPTS = 48
"""Axes onto which words and concepts are folded: two that fall on one axis count as shared, which
keeps the bound above the truth."""
ROUNDING = 1e-3
Floats = npt.NDArray[np.float32]
_POSITION: dict[Category, int] = {category: i for i, category in enumerate(INCIDENT_CATEGORIES)}
_KIN: Floats = np.array(
    [[alike(a, b) for b in INCIDENT_CATEGORIES] for a in INCIDENT_CATEGORIES], dtype=np.float32
)
_RARITY: Floats = np.array(
    [KINDS_BITS[c] / RAREST_BITS for c in INCIDENT_CATEGORIES], dtype=np.float32
)
_NUMBER: dict[Audience, int] = {audience: i for i, audience in enumerate(Audience)}
_BOUNDED = (
    "near", "far", "fits", "soon", "lag", "same_category", "other_category", "rare_words",
    "concepts", "meaning", "same_number", "same_thing", "copy", "reply", "same_media",
    "same_author", "same_source", "shared_place", "other_place", "report", "two_reports",
    "small_town", "rare_kind", "within_hours", "many_concepts", "goes_on",
    "both_named",
)  # fmt: skip
"""``reply`` and ``same_media`` are nothing here: such pairs are found by what links them."""
_ROW = np.dtype(
    [
        ("at", "f8"), ("reach", "f8"), ("incident", "f4"), ("mask", "u4"), ("audience", "u1"),
        ("report", "?"), ("placed", "?"), ("one_site", "?"), ("lat", "f8"), ("lon", "f8"),
        ("radius", "f4"), ("cos", "f8"), ("sure", "f4"), ("n_stems", "f4"), ("n_concepts", "f4"),
        ("odd", "?"), ("numbers", "u8"), ("things", "u8"), ("named", "u8"), ("texts", "u8"),
        ("text_bits", "u1"), ("n_texts", "u2"), ("author", "u4"), ("source", "u4"),
        ("town", "u4"), ("small", "f4"), ("n_named", "u1"),
    ]
)  # fmt: skip


class Screen:
    """The records that may be alike to others, a row each."""

    def __init__(self, model: PairModel) -> None:
        weights = {name: model.weights.get(name, 0.0) for name in _BOUNDED}
        self._weights = weights
        self._free_bits = model.bias + sum(
            max(0.0, weight) for name, weight in model.weights.items() if name not in _BOUNDED
        )
        self._rows = np.zeros(64, dtype=_ROW)
        self._axes = np.zeros((64, WORDS + CONCEPTS + len(INCIDENT_CATEGORIES)), dtype=np.float32)
        self._vectors = np.zeros((64, 0), dtype=np.float32)
        self._slots: dict[str, int] = {}
        self._free: list[int] = []

    def add(self, item: Item, reach_s: float) -> None:
        """Take a record in. ``reach_s``: seconds within which others may be of its event."""
        if not speaks(item):
            return
        if not self._free:
            self._grow()
        slot = self._slots[item.id] = self._free.pop()
        self._rows[slot] = _row(item, reach_s, self._fits(item))
        self._axes[slot] = _axes(item)
        self._vectors[slot] = item.vector if self._fits(item) else 0.0

    def __contains__(self, item_id: object) -> bool:
        """Whether a record was taken in."""
        return item_id in self._slots

    def remove(self, item_id: str) -> None:
        """Forget a record."""
        slot = self._slots.pop(item_id, None)
        if slot is not None:
            self._free.append(slot)

    def possible(
        self, item: Item, others: Iterable[str], *, posts_from: float, reports_from: float
    ) -> list[str]:
        """Those whose log-odds of being the same event as ``item``, which was taken in, may reach
        ``posts_from``, or ``reports_from`` where one is a report, though nothing links the two.
        """
        own = self._slots.get(item.id)
        if own is None:
            return []
        ids = [other for other in others if other in self._slots]
        slots = np.fromiter((self._slots[other] for other in ids), dtype=np.intp, count=len(ids))
        if not ids:
            return []
        rows, one = self._rows[slots], self._rows[own]
        fit = np.flatnonzero(_comparable(one, rows))
        if not len(fit):
            return []
        slots = slots[fit]
        bound = self._bound(own, slots, rows[fit])
        shown = rows["report"][fit] | one["report"]
        at_least = np.where(shown, reports_from, posts_from) - ROUNDING
        return [ids[i] for i in fit[bound >= at_least]]

    # -- inside -----------------------------------------------------------------------------

    def _grow(self) -> None:
        size = len(self._rows)
        new = size if self._slots else 0
        if new:
            self._rows = np.concatenate([self._rows, np.zeros(size, dtype=_ROW)])
            self._axes = np.concatenate([self._axes, np.zeros_like(self._axes)])
            self._vectors = np.concatenate([self._vectors, np.zeros_like(self._vectors)])
        self._free = list(range(len(self._rows) - 1, new - 1, -1))

    def _fits(self, item: Item) -> bool:
        """Whether its vector is of the kind that the others have; the first says which."""
        if item.vector is None:
            return False
        if not self._vectors.shape[1]:
            self._vectors = np.zeros((len(self._rows), len(item.vector)), dtype=np.float32)
        return len(item.vector) == self._vectors.shape[1]

    def _bound(self, own: int, slots: npt.NDArray[np.intp], rows: npt.NDArray[np.void]) -> Floats:
        one, axes, mine = self._rows[own], self._axes[slots], self._axes[own]
        w = self._weights
        words, kinds = slice(0, WORDS), slice(WORDS, WORDS + CONCEPTS)
        likeness = axes[:, WORDS + CONCEPTS :] @ (_KIN @ mine[WORDS + CONCEPTS :])
        rarity = axes[:, WORDS + CONCEPTS :] @ (_RARITY * mine[WORDS + CONCEPTS :])
        same = np.minimum(1.0, 1.6 * likeness)
        other = np.maximum(0.0, rows["sure"] * one["sure"] - 2.0 * likeness)
        gap = np.abs(rows["at"] - one["at"])
        near, far = _places(one, rows)
        chance = np.maximum(1.0, np.sqrt(rows["n_stems"] * one["n_stems"]) / TYPICAL_WORDS)
        rare = np.minimum(1.0, (axes[:, words] @ mine[words]) / (SURE_BITS * chance))
        shared = axes[:, kinds] @ mine[kinds]
        concepts = shared / np.maximum(1.0, np.sqrt(rows["n_concepts"] * one["n_concepts"]))
        meaning = np.maximum(0.0, self._vectors[slots] @ self._vectors[own])
        meaning = np.where(rows["odd"] | one["odd"], 1.0, meaning)
        bound = (
            self._free_bits
            + (w["near"] + w["fits"] * same) * near
            + w["far"] * far
            + w["soon"] * np.exp(-gap / 2_700.0)
            + w["lag"] * np.minimum(1.0, gap / 43_200.0)
            + w["same_category"] * same
            + w["other_category"] * other
            + w["rare_words"] * rare
            + w["concepts"] * np.minimum(1.0, concepts)
            + w["meaning"] * meaning
            + w["rare_kind"] * np.minimum(1.0, 1.6 * rarity)
            + w["within_hours"] * np.exp(-gap / HOURS_S)
            + w["many_concepts"] * np.minimum(1.0, shared / MANY_CONCEPTS)
            + w["small_town"] * _small_town(one, rows)
            + w["both_named"] * (rows["n_named"] * one["n_named"] / 4.0)
            + w["copy"] * _may_be_copy(one, rows)
        )
        for name, column in (
            ("same_number", "numbers"), ("same_thing", "things"), ("shared_place", "named"),
        ):  # fmt: skip
            bound += w[name] * ((rows[column] & one[column]) != 0)
        named = (rows["named"] != 0) & (one["named"] != 0) & ((rows["named"] & one["named"]) == 0)
        bound += w["other_place"] * np.where(named, np.maximum(0.0, 1.0 - near), 0.0)
        bound += w["report"] * (rows["report"] != one["report"])
        bound += w["two_reports"] * (rows["report"] & one["report"])
        author, source = (
            (rows[column] == one[column]) & (one[column] != 0) for column in ("author", "source")
        )
        bound += w["same_author"] * author + w["same_source"] * source
        bound += w["goes_on"] * np.where(author & source, np.exp(-gap / GOES_ON_S), 0.0)
        return np.asarray(bound, dtype=np.float32)


def _comparable(one: np.void, rows: npt.NDArray[np.void]) -> npt.NDArray[np.bool_]:
    """As ``blocking.comparable`` says of records that nothing links."""
    return np.asarray(
        (rows["audience"] == one["audience"])
        & (np.abs(rows["at"] - one["at"]) <= np.minimum(rows["reach"], one["reach"]))
        & ((rows["mask"] & one["mask"]) != 0)
        & (np.maximum(rows["incident"], one["incident"]) >= LEADER_FLOOR - 1e-6)
        & (
            (np.minimum(rows["incident"], one["incident"]) >= NOWHERE_FLOOR - 1e-6)
            | (rows["placed"] & one["placed"])
        )
    )


def _places(one: np.void, rows: npt.NDArray[np.void]) -> tuple[Floats, Floats]:
    """At most how near, at least how far. A record of several places may be anywhere."""
    dx = (rows["lon"] - one["lon"]) * 111_195.0 * 0.5 * (rows["cos"] + one["cos"])
    dy = (rows["lat"] - one["lat"]) * 111_195.0
    joint = np.hypot(rows["radius"], one["radius"])
    ratio = np.hypot(dx, dy) / joint
    precise = np.clip(np.log2(16_000.0 / joint) / 7.0, 0.0, 1.0)
    near = np.where(ratio < 2.501, precise * np.exp(-0.5 * ratio * ratio), 0.0)
    far = np.minimum(1.0, np.log2(np.maximum(1.0, ratio / 1.5)) / 4.0)
    both = rows["placed"] & one["placed"]
    single = rows["one_site"] & one["one_site"]
    near = np.where(both, np.where(single, near, 1.0), 0.0)
    return near, np.where(both & single, far, 0.0)


def _small_town(one: np.void, rows: npt.NDArray[np.void]) -> Floats:
    same = (rows["town"] == one["town"]) & (one["town"] != 0)
    return np.where(same, rows["small"] * np.minimum(rows["incident"], one["incident"]), 0.0)


def _may_be_copy(one: np.void, rows: npt.NDArray[np.void]) -> npt.NDArray[np.bool_]:
    """Whether so many shingles may be shared: each that is not takes one bit at most."""
    common = np.bitwise_count(rows["texts"] & one["texts"])
    lost = 1.0 - REPOST_SHARE
    by_one = common >= one["text_bits"] - lost * one["n_texts"] - 1e-6
    by_other = common >= rows["text_bits"] - lost * rows["n_texts"] - 1e-6
    return np.asarray(np.where(rows["n_texts"] < one["n_texts"], by_other, by_one), dtype=bool)


def _row(item: Item, reach_s: float, fits: bool) -> tuple[object, ...]:
    site = item.sites[0] if item.sites else None
    texts = 0
    for shingle in item.shingles:
        texts |= 1 << (zlib.crc32(b"%d" % shingle) & 63)
    return (
        item.at, reach_s, item.incident, item.mask, _NUMBER[item.audience],
        item.is_report, bool(item.sites), len(item.sites) == 1,
        site.lat if site else 0.0, site.lon if site else 0.0, site.radius_m if site else 1.0,
        site.cos_lat if site else 1.0, min(1.0, sum(p for _, p in item.chances)),
        len(item.stems), len(item.concepts), item.vector is not None and not fits,
        _bits(f"{role} {n}" for role, found in item.numbers.items() for n in found),
        _bits(f"{kind} {n}" for kind, found in item.things.items() for n in found),
        _bits(item.named), texts, texts.bit_count(), min(65_535, len(item.shingles)),
        _known(item.author), _known(item.source),
        _known(item.town), smallness(item.town) if item.town else 0.0, min(2, len(item.named)),
    )  # fmt: skip


def _axes(item: Item) -> list[float]:
    axes = [0.0] * (WORDS + CONCEPTS + len(INCIDENT_CATEGORIES))
    for word, bits in item.weights.items():
        if bits > COMMON_BITS:  # two roots make the bits that a shared word counts
            axes[_digest(word) % WORDS] += (bits - COMMON_BITS) ** 0.5
    for concept in item.concepts:
        axes[WORDS + _digest(concept) % CONCEPTS] += 1.0
    for category, chance in item.chances:
        axes[WORDS + CONCEPTS + _POSITION[category]] = chance
    return axes


@lru_cache(maxsize=65_536)
def _digest(word: str) -> int:
    return zlib.crc32(word.encode("utf-8", "surrogatepass"))


def _bits(words: Sequence[str] | Iterable[str]) -> int:
    """A 64-bit set that every two of which share a bit if they share a word."""
    bits = 0
    for word in words:
        bits |= 1 << (_digest(word) & 63)
    return bits


def _known(name: str | None) -> int:
    return 0 if name is None else _digest(name) or 1
