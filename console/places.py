"""The gazetteer's places as the console needs them: drawn on the map, and found by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

from core.folding import fold_words
from nlp.gazetteer import entries as tables
from nlp.gazetteer import storage
from nlp.gazetteer.entries import Entry

FOLDER = Path(tables.__file__).parent
DRAWN = frozenset({"district", "city", "village", "microdistrict", "street", "landmark", "highway"})
MAX_DRAWN = 20_000
"""An imported gazetteer may hold a whole country; the most populous places are drawn."""


class Places:
    """Places by name. ``read`` gives the gazetteer's entries."""

    def __init__(self, read: Callable[[], Iterable[Entry]]) -> None:
        self._read = read

    @classmethod
    def load(cls, own: Path | None = None, folder: Path = FOLDER) -> Places:
        """The project's tables and the operator's own places, read when first asked for."""
        return cls(lambda: _read(own, folder))

    @cached_property
    def _entries(self) -> list[Entry]:
        return [entry for entry in self._read() if entry.kind != "country"]

    @cached_property
    def table(self) -> list[list[Any]]:
        """Rows for the map: Russian name, Kazakh name, kind, lat, lon, radius in metres."""
        drawn = sorted(
            (e for e in self._entries if e.kind in DRAWN),
            key=lambda e: (-(e.population or 0), e.id),
        )
        return [
            [
                entry.name,
                entry.names[1] if len(entry.names) > 1 else entry.name,
                entry.kind,
                round(entry.lat, 5),
                round(entry.lon, 5),
                round(entry.radius_m),
            ]
            for entry in drawn[:MAX_DRAWN]
        ]

    def find(self, name: str) -> Entry | None:
        """The best place of that name, in either language: all of it before a beginning, the
        most populous and then the widest first.
        """
        wanted = fold_words(name)
        if not wanted:
            return None
        whole = self._by_name.get(" ".join(wanted))
        if whole:
            return min(whole, key=_rank)
        begun = [
            entry
            for key, entries in self._by_name.items()
            if key.startswith(" ".join(wanted))
            for entry in entries
        ]
        return min(begun, key=_rank) if begun else None

    @cached_property
    def _by_name(self) -> dict[str, list[Entry]]:
        found: dict[str, list[Entry]] = {}
        for entry in self._entries:
            for key in {" ".join(fold_words(name)) for name in entry.names}:
                found.setdefault(key, []).append(entry)
        return found


def _read(own: Path | None, folder: Path) -> list[Entry]:
    found = [
        entry
        for table in tables.entry_tables(folder)
        if table.name != "countries.csv"
        for entry in tables.read_entries(table, own=True)
    ]
    if own is not None and own.exists():
        found += storage.read(own).entries
    return found


def _rank(entry: Entry) -> tuple[int, float, str]:
    return (-(entry.population or 0), -entry.radius_m, entry.id)
