"""A transaction in the making: what was read, and the writes that would follow from it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.records import Audience
from store.elasticsearch.bulk import Operation
from store.elasticsearch.connection import Connection, Key, Source
from store.elasticsearch.names import Names


@dataclass
class Counters:
    """How far each sequence has come, and the heads of the hash chains.

    ``sequences``: last position by name (``changes``, ``open-feed``, ``confidential-feed``).
    ``chains``: last position and hash by chain.
    """

    sequences: dict[str, int] = field(default_factory=dict)
    chains: dict[str, tuple[int, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, source: Mapping[str, Any]) -> Counters:
        """From what the journal keeps."""
        return cls(
            dict(source.get("sequences", {})),
            {name: (int(p), str(h)) for name, (p, h) in source.get("chains", {}).items()},
        )

    def to_json(self) -> dict[str, Any]:
        """For the journal."""
        return {"sequences": self.sequences, "chains": self.chains}


class Transaction:
    """Reads see its own writes. ``position``: the place in the journal that it will take."""

    def __init__(
        self, connection: Connection, names: Names, position: int, counters: Counters
    ) -> None:
        self.names = names
        self.position = position
        self.counters = Counters(dict(counters.sequences), dict(counters.chains))
        self._connection = connection
        self._known: dict[Key, Source | None] = {}
        self._written: dict[Key, Source | None] = {}
        self._blocks: dict[tuple[str, int], list[Any]] = {}
        self._hidden: set[Key] = set()

    # -- reading ----------------------------------------------------------------------------

    def fetch(self, keys: Iterable[Key]) -> None:
        """Read many documents with one request."""
        missing = [key for key in dict.fromkeys(keys) if key not in self._known]
        if missing:
            found = self._connection.get_many(missing)
            for key in missing:
                self._known[key] = found.get(key)

    def get(self, key: Key) -> Source | None:
        """A document as it will be after what this transaction has written so far."""
        if key in self._written:
            return self._written[key]
        self.fetch([key])
        return self._known[key]

    def known(self, key: Key) -> Source | None:
        """A document as it was read, whatever this transaction has written since."""
        return self._known.get(key)

    def find(self, index: str, query: dict[str, Any]) -> list[Key]:
        """Keys of the documents that a search finds; the index was refreshed before.

        Keys name the alias that documents are addressed by, not the index behind it.
        """
        hits = self._connection.search(index, query=query, size=10_000, sort=["_doc"], source=False)
        keys = [(addressed(hit["_index"]), hit["_id"]) for hit in hits]
        self.fetch(keys)
        return keys

    # -- writing ----------------------------------------------------------------------------

    def put(self, key: Key, source: Source) -> None:
        """Write a document; one that is as it was is not written."""
        if self.get(key) != source:
            self._written[key] = source

    def delete(self, key: Key, *, hide: bool = False) -> None:
        """Delete a document. ``hide``: before anything else is written, and out of searches."""
        self._written[key] = None
        if hide:
            self._hidden.add(key)

    def put_hidden(self, key: Key, source: Source) -> None:
        """Replace a document by one that tells less, before anything else is written."""
        self._written[key] = source
        self._hidden.add(key)

    def next(self, sequence: str) -> int:
        """The next position of a sequence."""
        self.counters.sequences[sequence] = self.counters.sequences.get(sequence, 0) + 1
        return self.counters.sequences[sequence]

    def append(self, index: str, position: int, item: list[Any]) -> None:
        """Append to the block of this transaction in an index of blocks."""
        for (name, first), items in self._blocks.items():
            if name == index:
                if first + len(items) != position:
                    raise AssertionError(f"{index}: {position} does not follow")
                items.append(item)
                return
        self._blocks[index, position] = [item]

    # -- what comes of it -------------------------------------------------------------------

    @property
    def empty(self) -> bool:
        """Whether nothing would be written."""
        return not self._written and not self._blocks

    def operations(self) -> tuple[list[Operation], list[Operation]]:
        """The writes: those that hide something, then all others."""
        first: list[Operation] = []
        rest: list[Operation] = []
        for key, source in self._written.items():
            (first if key in self._hidden else rest).append(self._operation(key, source))
        for (index, position), items in self._blocks.items():
            block = {"first": position, "last": position + len(items) - 1, "items": items}
            rest.append(self._operation((index, str(position)), block))
        return first, rest

    def _operation(self, key: Key, source: Source | None) -> Operation:
        text = None if source is None else to_json(source)
        return Operation(key[0], key[1], text, self.position)

    # -- words for what is often said -------------------------------------------------------

    def subjects(self, ids: Iterable[str]) -> list[Key]:
        """Keys of subjects in the registry, read with one request."""
        keys = [(self.names.pipeline("registry"), f"subject:{name}") for name in ids]
        self.fetch(keys)
        return keys

    def is_confidential(self, subjects: Iterable[str]) -> bool:
        """Whether any of the posts or reports is confidential."""
        states = [self.get(key) for key in self.subjects(subjects)]
        return any(s is not None and s.get("audience") == Audience.CONFIDENTIAL for s in states)


def to_json(value: object) -> str:
    """Compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def addressed(index: str) -> str:
    """The alias of a concrete index: its name without the templates' version."""
    head, _, version = index.rpartition("-v")
    return head if head and version.isdigit() else index


def packed(operations: Sequence[Operation]) -> list[list[str | None]]:
    """Operations for the journal; the version is the journal's position."""
    return [[o.index, o.id, o.source] for o in operations]


def unpacked(rows: Sequence[Sequence[Any]], version: int) -> list[Operation]:
    """Operations from the journal."""
    return [Operation(index, name, source, version) for index, name, source in rows]
