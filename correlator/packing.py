"""Records, items and events of the open window as bytes: what nobody looks at takes little.

In memory only: no other process and no later version reads these bytes.
"""

from __future__ import annotations

import marshal
import zlib
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

import numpy as np

from core.records import (
    Audience,
    Category,
    Event,
    Link,
    Point,
    PriorityFactor,
    Record,
    ReportState,
)
from correlator.blocking import speaks
from correlator.items import WORDING, Item, Site

R = TypeVar("R", bound=Record)
Values = tuple[Any, ...]

LEVEL, WINDOW_BITS, MEMORY = 1, -12, 5
"""A raw deflate stream with a window of 4 kB: as small as with 32 kB, and quicker set up."""
_PLAIN = tuple(
    field.name
    for field in fields(Item)
    if field.name not in {"idf", "audience", "chances", "sites", "vector", *WORDING}
)
_WORDS = ("weights", "mass", "things", "numbers", "again", "shingles")


class RecordPacker(Generic[R]):
    """Packs records of one kind as compressed JSON; the first is the others' preset dictionary.

    1.0 kB an assessed post in place of 1.4 kB without, and of 2.7 kB of JSON.
    """

    def __init__(self, kind: type[R]) -> None:
        self._kind = kind
        self._likely: bytes | None = None
        self._begun = zlib.compressobj()

    def pack(self, _: str, record: R) -> bytes:
        """A record as bytes."""
        told = record.__pydantic_serializer__.to_json(record, exclude_defaults=True)
        if self._likely is None:
            self._likely = told
            self._begun = zlib.compressobj(
                LEVEL, zlib.DEFLATED, WINDOW_BITS, MEMORY, zlib.Z_DEFAULT_STRATEGY, told
            )
        stream = self._begun.copy()
        return stream.compress(told) + stream.flush()

    def unpack(self, _: str, packed: bytes) -> R:
        """The record, equal to the one that was packed."""
        stream = zlib.decompressobj(WINDOW_BITS, zdict=self._likely or b"")
        return self._kind.model_validate_json(stream.decompress(packed))


def pack_item(_: str, item: Item) -> bytes:
    """An item with what its text says. One that is not compared by likeness is made of its record
    again when something refers to it, and packed as nothing.
    """
    if not speaks(item):
        return b""
    return marshal.dumps(
        (
            *(getattr(item, name) for name in _PLAIN),
            item.audience.value,
            tuple((category.value, chance) for category, chance in item.chances),
            tuple(tuple(site) for site in item.sites),
            None if item.vector is None else item.vector.tobytes(),
            *(getattr(item, name) for name in _WORDS),
        )
    )


def unpack_item(packed: bytes, idf: Mapping[str, float]) -> Item:
    """The item that was packed as more than nothing."""
    values = marshal.loads(packed)  # noqa: S302 - our own bytes, never out of memory
    count = len(_PLAIN)
    audience, chances, sites, vector = values[count : count + 4]
    item = Item(
        **dict(zip(_PLAIN, values[:count], strict=True)),
        idf=idf,
        audience=Audience(audience),
        chances=tuple((Category(category), chance) for category, chance in chances),
        sites=tuple(Site(*site) for site in sites),
        vector=None if vector is None else np.frombuffer(vector, dtype=np.float32),
    )
    for name, value in zip(_WORDS, values[count + 4 :], strict=True):
        setattr(item, name, value)
    item.stems = frozenset(item.weights)
    return item


class EventPacker:
    """Packs events: those of one post alone, nearly all, without the cost of JSON."""

    def __init__(self) -> None:
        self._others = RecordPacker(Event)

    def pack(self, event_id: str, event: Event) -> bytes:
        """An event as bytes."""
        values = _values_alone(event)
        if values is None:
            return b"j" + self._others.pack(event_id, event)
        return b"m" + marshal.dumps(values)

    def unpack(self, event_id: str, packed: bytes) -> Event:
        """The event, equal to the one that was packed."""
        if packed[:1] == b"j":
            return self._others.unpack(event_id, packed[1:])
        return _event_alone(event_id, marshal.loads(packed[1:]))  # noqa: S302 - our own bytes


def _values_alone(event: Event) -> Values | None:
    """What tells the event of one post from others; ``None`` where there is more to it."""
    if len(event.posts) != 1 or event.reports or event.candidates or event.aliases:
        return None
    (link,), place = event.posts, event.location
    if link.to is not None or link.contributions or link.probability != 1.0:
        return None
    if event.lead_s is not None or event.decided is not None or event.merged_into is not None:
        return None
    return (
        event.version, event.audience.value, event.category.value, event.incident, event.urgency,
        place and (place.lat, place.lon, place.radius_m), event.location_path,
        event.started_at.timestamp(), event.last_at.timestamp(), link.kind, link.id,
        link.at.timestamp(), event.report_state.value, event.flagged, event.priority,
        tuple((factor.name, factor.value) for factor in event.priority_factors), event.headline,
        event.updated_at.timestamp(),
    )  # fmt: skip


def _event_alone(event_id: str, values: Values) -> Event:
    (
        version, audience, category, incident, urgency, place, path, started_at, last_at, kind,
        post, at, state, flagged, priority, factors, headline, updated_at,
    ) = values  # fmt: skip
    return Event(
        id=event_id,
        version=version,
        audience=Audience(audience),
        category=Category(category),
        incident=incident,
        urgency=urgency,
        location=place and Point(lat=place[0], lon=place[1], radius_m=place[2]),
        location_path=path,
        started_at=datetime.fromtimestamp(started_at, UTC),
        last_at=datetime.fromtimestamp(last_at, UTC),
        posts=(Link(kind=kind, id=post, at=datetime.fromtimestamp(at, UTC)),),
        report_state=ReportState(state),
        flagged=flagged,
        priority=priority,
        priority_factors=tuple(PriorityFactor(name=n, value=v) for n, v in factors),
        headline=headline,
        updated_at=datetime.fromtimestamp(updated_at, UTC),
    )
