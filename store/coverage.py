"""Where the completeness ledgers lie: in the store's notes, one a source."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from core.coverage import BlindSpot, Ledger, blind_spots, never_read
from store.protocol import Store


def _key(source: str) -> str:
    return f"ledger:{source}"


def known_ledger(store: Store, source: str) -> Ledger | None:
    """The ledger of a source, ``None`` when it was never read."""
    text = store.note(_key(source))
    return None if text is None else Ledger.model_validate_json(text)


def ledger_of(store: Store, source: str) -> Ledger:
    """The ledger of a source, an empty one when it was never read."""
    return known_ledger(store, source) or Ledger(source=source)


def keep_ledger(store: Store, ledger: Ledger) -> None:
    """Keep a ledger. Each source has one reader, so the last one wins."""
    store.put_note(_key(ledger.source), ledger.model_dump_json())


def all_blind_spots(store: Store, sources: Iterable[str], now: datetime) -> list[BlindSpot]:
    """Blind spots of all these sources in their order: for status, console and nightly report."""
    spots: list[BlindSpot] = []
    for source in sources:
        ledger = known_ledger(store, source)
        spots += [never_read(source)] if ledger is None else blind_spots(ledger, now)
    return spots
