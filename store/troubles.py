"""Troubles of scheduled work, kept where a person looks and from where people are told."""

from __future__ import annotations

from datetime import datetime

from core.clock import Clock
from core.ids import digest
from core.masking import mask
from core.records import Record, SetAside, UtcDatetime
from store.protocol import Store

PREFIX = "trouble:"
KIND = "alert"
MAX_CHARS = 500


class Trouble(Record):
    """Something scheduled failed or is late. ``where``: the work's name."""

    id: str
    where: str
    problem: str
    at: UtcDatetime


def raise_trouble(store: Store, clock: Clock, *, where: str, problem: str, key: str) -> bool:
    """Keep a trouble; ``key`` identifies its occasion: the same again changes nothing.

    Shown by ``oqiga status`` and on the administrators' page; the console tells those whom a rule
    names. False when it was known.
    """
    text = mask(" ".join(problem.split()))[:MAX_CHARS]
    made = Trouble(id=digest(KIND, key), where=where, problem=text, at=clock.now())
    if store.note(PREFIX + made.id) is not None:
        return False
    item = SetAside(
        id=made.id, kind=KIND, where=where, problem=text, at=made.at, size_bytes=0, record=b""
    )
    store.set_aside([item])
    return store.swap_note(PREFIX + made.id, None, made.model_dump_json())


def troubles(store: Store) -> list[Trouble]:
    """What is kept, the oldest first."""
    found = [Trouble.model_validate_json(text) for text in store.notes(PREFIX).values()]
    return sorted(found, key=lambda one: (one.at, one.id))


def forget_troubles(store: Store, before: datetime) -> int:
    """Forget those that are older; how many."""
    old = [one for one in troubles(store) if one.at < before]
    return sum(store.swap_note(PREFIX + one.id, one.model_dump_json(), None) for one in old)
