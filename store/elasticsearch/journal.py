"""The journal: one totally ordered list of transactions, each taken in whole or not at all.

A transaction is one document whose id is the next position. Elasticsearch creates a document only
once, so of two writers that read the same state one is second: it reads again. The document
holds all writes of the transaction; after it was created they are applied to the indices with the
position as external version. Applying again, late or out of order therefore changes nothing, and
whoever comes next applies what a killed or stopped writer left. Nobody waits for anybody.

``applied`` in the cursor's document says up to where everything has been applied. Whoever takes a
position has made sure that all before it are applied.
"""

from __future__ import annotations

import base64
import json
import logging
import secrets
import threading
import time
import zlib
from collections.abc import Callable, Collection, Iterator
from typing import TypeVar

from elasticsearch import ApiError, ConflictError, Elasticsearch

from core.errors import StoreAwayError, StoreError
from store.elasticsearch.bulk import Operation, Refused, write_bulk
from store.elasticsearch.connection import Connection, Source, translated
from store.elasticsearch.names import Names
from store.elasticsearch.transaction import Counters, Transaction, packed, to_json, unpacked

log = logging.getLogger(__name__)
T = TypeVar("T")

CURSOR = "cursor"
FIRST = "other writers were first"
NO_INDEX = "index_not_found_exception"
TRIMMED = "trimmed"
"""The document that says up to where entries are stubs."""
HOLD = "hold"
"""The document that keeps entries from being trimmed, with the position it holds."""
LOOK_AHEAD = 16
PATIENCE_S = 20.0
"""How long writers contend, and how long a cluster may take nothing, before it is an error."""
HELP_AFTER_S = 2.0
"""A writer that has not applied its transaction after this time gets help."""
KEEP = 512
"""Newest entries that keep their writes; of older ones, all applied, a stub stays."""
TRIM_EVERY = 256
_HEAD = ("by", "touched", "counters")


class Journal:
    """The journal as one process sees it; safe to share between threads."""

    def __init__(
        self,
        client: Elasticsearch,
        names: Names,
        *,
        ensure: Callable[[set[str]], None],
        missing: Callable[[set[str]], set[str]],
        rescue: Callable[[Refused], list[Operation]],
        prepare: Callable[[], None],
    ) -> None:
        """``ensure`` makes indices, all anew when asked with none; ``missing`` says which there
        are none of; ``rescue`` makes a refused document acceptable; ``prepare`` is called before
        anything is written."""
        self._connection = Connection(client)
        self._client = client
        self._names = names
        self._ensure = ensure
        self._missing = missing
        self._rescue = rescue
        self._prepare = prepare
        self._index = names.pipeline("journal")
        self._lock = threading.RLock()
        self._position = 0
        self._applied = 0
        self._counters = Counters()
        self._clean: set[str] = set()

    # -- reading ----------------------------------------------------------------------------

    def sync(self) -> Counters:
        """Learn what others wrote, see that it is applied; how far the sequences are."""
        with self._lock:
            while self._look():
                pass
            self._need_applied()
            return self._counters

    def refresh(self, *groups: str) -> None:
        """Make all that was written so far findable in the groups of indices."""
        with self._lock:
            self.sync()
            self.refresh_known(*groups)

    def refresh_known(self, *groups: str) -> None:
        """The same as far as this process has read the journal: inside a transaction."""
        stale = set(groups) - self._clean
        if stale:
            self._connection.refresh(f"{self._names.prefix}-{group}*" for group in stale)
            self._clean |= stale

    # -- writing ----------------------------------------------------------------------------

    def write(self, build: Callable[[Transaction], T]) -> T:
        """Take a transaction in, whole. ``build`` is called again when another was first."""
        self._prepare()
        until = time.monotonic() + PATIENCE_S
        attempt = 0
        while True:
            problem = FIRST
            with self._lock:
                self.sync()
                transaction = Transaction(
                    self._connection, self._names, self._position + 1, self._counters
                )
                result = build(transaction)
                if transaction.empty:
                    return result
                try:
                    if self._take(transaction):
                        return result
                except StoreAwayError as error:
                    # Blocked or busy, not gone: it was not taken, or it will be found to be.
                    if not isinstance(error.__cause__, ApiError):
                        raise
                    problem = str(error)
            attempt += 1
            if time.monotonic() > until:
                raise StoreAwayError(f"given up after {PATIENCE_S:.0f} s: {problem}")
            if problem != FIRST:  # who was second tries again at once: a rest would lose again
                time.sleep(min(0.5, 0.01 * attempt))

    # -- for whoever copies indices ----------------------------------------------------------

    def hold(self) -> int:
        """Keep all entries from now on whole until ``release``; the position up to which all is
        applied."""
        with self._lock:
            self.sync()
            document = to_json({"applied": self._position})
            write_bulk(self._client, [Operation(self._index, HOLD, document)])
            return self._position

    def release(self) -> None:
        """Trim again."""
        write_bulk(self._client, [Operation(self._index, HOLD, None)])

    def forget(self, word: str) -> None:
        """Take the writes that hold a word out of all older entries; the newest stays as it is.

        They are applied, and what came of them is changed by the newest: nobody needs them again,
        but for a restored snapshot, in which they are anyway.
        """
        self._forget(lambda o: word in f"{o.id} {o.source}")

    def forget_documents(self, names: Collection[str]) -> None:
        """The same for the writes of documents with these ids, or of a version (``ID:NUMBER``)."""
        self._forget(lambda o: o.id.partition(":")[0] in names)

    def operations_since(self, position: int) -> Iterator[Operation]:
        """All writes of the transactions after a position that is held, in order.

        Whether they are applied is not looked at.
        """
        with self._lock:
            while self._look():
                pass
            for number in range(position + 1, self._position + 1):
                first, rest = self._writes(number, self._entry(number))
                yield from (*first, *rest)

    def recover(self, position: int) -> None:
        """Apply everything after a position anew: a restored snapshot holds part of it."""
        with self._lock:
            self._clean.clear()
            while self._look():
                pass
            for number in range(position + 1, self._position + 1):
                self._apply(number, self._entry(number))
            self._applied = self._position
            self._keep_cursor()

    # -- inside -----------------------------------------------------------------------------

    def _forget(self, gone: Callable[[Operation], bool]) -> None:
        with self._lock:
            self.sync()
            marks = self._connection.get_many([(self._index, TRIMMED)])
            trimmed = int(marks.get((self._index, TRIMMED), {}).get("applied", 0))
            changed = []
            for number in range(trimmed + 1, self._position):
                entry = self._connection.get(self._index, str(number))
                if entry is None or "writes" not in entry:
                    continue
                parts = self._writes(number, entry)
                kept = [[o for o in part if not gone(o)] for part in parts]
                if kept != list(parts):
                    document = {**entry, "writes": _deflated([packed(part) for part in kept])}
                    changed.append(Operation(self._index, str(number), to_json(document)))
            if changed:
                write_bulk(self._client, changed, patience_s=PATIENCE_S)

    def _entry(self, position: int) -> Source:
        entry = self._connection.get(self._index, str(position))
        if entry is None or "writes" not in entry:
            raise StoreError(
                f"the journal's entry {position} is {'gone' if entry is None else 'trimmed'}; "
                "restore a snapshot"
            )
        return entry

    def _writes(self, position: int, entry: Source) -> tuple[list[Operation], list[Operation]]:
        first, rest = json.loads(zlib.decompress(base64.b64decode(entry["writes"])))
        return unpacked(first, position), unpacked(rest, position)

    def _look(self) -> bool:
        """Read the next entries; whether there may be more."""
        wanted = [(self._index, str(self._position + n)) for n in range(1, LOOK_AHEAD + 1)]
        cursor = (self._index, CURSOR)
        found = self._connection.get_many([cursor, *wanted], [*_HEAD, "applied"])
        self._applied = max(self._applied, int(found.get(cursor, {}).get("applied", 0)))
        read = 0
        for key in wanted:
            if key not in found:
                break
            self._position += 1
            read += 1
            self._counters = Counters.of(found[key]["counters"])
            self._clean -= set(found[key]["touched"])
        if read == LOOK_AHEAD and self._applied > self._position:
            self._jump()
        return read == LOOK_AHEAD

    def _jump(self) -> None:
        """Far behind: go on at the cursor, and take every index for changed."""
        entry = self._connection.get_many([(self._index, str(self._applied))], _HEAD)
        for source in entry.values():
            self._position = self._applied
            self._counters = Counters.of(source["counters"])
            self._clean.clear()

    def _need_applied(self) -> None:
        """See that everything up to our position is applied, by us if need be."""
        until = time.monotonic() + HELP_AFTER_S
        while self._applied < self._position and time.monotonic() < until:
            time.sleep(0.005)
            cursor = self._connection.get(self._index, CURSOR) or {}
            self._applied = max(self._applied, int(cursor.get("applied", 0)))
        while self._applied < self._position:
            position = self._applied + 1
            log.info("applying entry %d of the journal for its writer", position)
            self._apply(position, self._entry(position))
            self._applied = position
            self._keep_cursor()

    def _take(self, transaction: Transaction) -> bool:
        """Take the transaction's position; False when another was first."""
        first, rest = transaction.operations()
        by = secrets.token_hex(8)
        touched = sorted({self._names.group(o.index) for o in (*first, *rest)})
        entry: Source = {
            "by": by,
            "at": int(time.time() * 1000),
            "touched": touched,
            "counters": transaction.counters.to_json(),
            "writes": _deflated([packed(first), packed(rest)]),
        }
        position = str(transaction.position)
        try:
            with translated():
                self._client.create(
                    index=self._index, id=position, document=entry, require_alias=True
                )
        except StoreError as error:
            if not isinstance(error.__cause__, ConflictError):
                raise
            kept = self._connection.get(self._index, position)
            if kept is None or kept["by"] != by:  # else: our own, sent twice by the client
                return False
        self._position = transaction.position
        self._counters = transaction.counters
        self._clean -= set(touched)
        self._apply_all(first, rest)
        self._applied = self._position
        self._keep_cursor()
        if self._position % TRIM_EVERY == 0:
            self._trim()
        return True

    def _apply(self, position: int, entry: Source) -> None:
        self._apply_all(*self._writes(position, entry))

    def _apply_all(self, first: list[Operation], rest: list[Operation]) -> None:
        self._ensure({o.index for o in (*first, *rest) if o.source is not None})
        # A deletion with a version would make an index that retention has removed.
        missing = self._missing({o.index for o in (*first, *rest) if o.source is None})
        first = [o for o in first if o.index not in missing]
        rest = [o for o in rest if o.index not in missing]
        if first:  # hidden before the new copy can be seen, so that no reader sees both
            self._write(first, refresh=True)
        self._write(rest, refresh=False)

    def _write(self, operations: list[Operation], *, refresh: bool) -> None:
        refused = write_bulk(self._client, operations, patience_s=PATIENCE_S, refresh=refresh)
        lost = [r.operation for r in refused if r.problem.startswith(NO_INDEX)]
        if lost:  # retention has removed an index that we knew
            self._ensure(set())
            self._ensure({operation.index for operation in lost})
            refused = [r for r in refused if r.operation not in lost]
            refused += write_bulk(self._client, lost, patience_s=PATIENCE_S, refresh=refresh)
        again = [saved for r in refused for saved in self._rescue(r)]
        if again:
            self._ensure({operation.index for operation in again})
            for problem in write_bulk(self._client, again, patience_s=PATIENCE_S, refresh=refresh):
                raise StoreError(
                    f"{problem.operation.index}: document {problem.operation.id} cannot be kept "
                    f"({problem.problem}); run 'oqiga store migrate'"
                )

    def _keep_cursor(self) -> None:
        write_bulk(
            self._client,
            [Operation(self._index, CURSOR, to_json({"applied": self._applied}), self._applied)],
            patience_s=PATIENCE_S,
        )

    def _trim(self) -> None:
        """Leave a stub of what was applied long ago: who, and how far the sequences were."""
        marks = self._connection.get_many([(self._index, HOLD), (self._index, TRIMMED)])
        held = marks.get((self._index, HOLD))
        trimmed = int(marks.get((self._index, TRIMMED), {}).get("applied", 0))
        last = self._applied - KEEP
        if held is not None:
            last = min(last, int(held["applied"]))
        keys = [(self._index, str(n)) for n in range(trimmed + 1, last + 1)]
        stubs = [
            Operation(index, name, to_json(source))
            for (index, name), source in self._connection.get_many(keys, [*_HEAD, "at"]).items()
        ]
        mark = Operation(self._index, TRIMMED, to_json({"applied": max(last, trimmed)}))
        write_bulk(self._client, [*stubs, mark], patience_s=PATIENCE_S)


def _deflated(value: object) -> str:
    return base64.b64encode(zlib.compress(to_json(value).encode(), 1)).decode()
