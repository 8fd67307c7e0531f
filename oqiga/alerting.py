"""Troubles of scheduled work, kept where a person looks: among what was set aside."""

from __future__ import annotations

from core.clock import Clock
from core.ids import digest
from core.masking import mask
from core.records import SetAside
from store.protocol import Store

KIND = "alert"
MAX_CHARS = 500


def raise_alert(store: Store, clock: Clock, *, where: str, problem: str, key: str) -> bool:
    """Keep an alert; ``key`` identifies its occasion: the same again changes nothing.

    Shown by ``oqiga status`` and on the administrators' page. False when it was known.
    """
    if store.note(f"alert:{key}") is not None:
        return False
    text = mask(" ".join(problem.split()))[:MAX_CHARS]
    item = SetAside(
        id=digest(KIND, key),
        kind=KIND,
        where=where,
        problem=text,
        at=clock.now(),
        size_bytes=0,
        record=b"",
    )
    store.set_aside([item])
    store.put_note(f"alert:{key}", item.at.isoformat())
    return True
