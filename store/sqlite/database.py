"""Connections and transactions of the SQLite file."""

from __future__ import annotations

import contextlib
import json
import threading
import time
import weakref
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import apsw
from pydantic import ValidationError

from core.errors import StoreError
from core.records import Audience
from store.migrations import migrate, shipped
from store.protocol import Audiences

BUSY_MS = 10_000
WAL_TRY_MS = 20
WAL_BYTES_KEPT = 64 * 2**20
"""The write-ahead log is cut to this size after a checkpoint, however large a burst made it."""
KEPT = (Audience.OPEN, Audience.CONFIDENTIAL)
"""Audiences of assessed records; what is pending has neither assessment nor event."""

Row = tuple[Any, ...]
Values = Sequence[Any] | Mapping[str, Any]

_REMEDIES: tuple[tuple[type[apsw.Error], str], ...] = (
    (apsw.BusyError, "another process kept it locked for too long; look for one that hangs"),
    (apsw.FullError, "the disk is full; free space and try again"),
    (apsw.CorruptError, "the file is damaged; restore it from a copy"),
    (apsw.NotADBError, "this is no store; name another file or restore it from a copy"),
    (apsw.CantOpenError, "it cannot be opened; check the path and its permissions"),
    (apsw.ReadOnlyError, "it cannot be written; check its permissions"),
    (apsw.IOError, "the disk failed; check it before going on"),
    (apsw.ConnectionClosedError, "the store was closed"),
)


class Database:
    """One connection a thread, made when the thread first needs it."""

    def __init__(self, path: Path) -> None:
        """Open or make the file and bring it to the newest schema; raises StoreError."""
        self._path = path
        self._local = threading.local()
        self._opened: weakref.WeakSet[apsw.Connection] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._closed = False
        with self._translated():
            path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                path.touch(mode=0o600, exist_ok=False)
            migrate(self._connection(), shipped())

    def close(self) -> None:
        """Release files and connections. The last process to close empties the log."""
        with self._lock:
            self._closed = True
            for connection in list(self._opened):
                # One in use in another thread is closed when that thread lets it go.
                with contextlib.suppress(apsw.ThreadingViolationError):
                    connection.close()

    def _connection(self) -> apsw.Connection:
        """This thread's connection; it is closed when the thread ends."""
        connection: apsw.Connection | None = getattr(self._local, "connection", None)
        if connection is not None:
            return connection
        with self._lock:
            if self._closed:
                raise StoreError(f"{self._path}: the store was closed; open it again")
            connection = apsw.Connection(str(self._path), statementcachesize=256)
            self._opened.add(connection)
        _use_wal(connection)
        connection.set_busy_timeout(BUSY_MS)
        for pragma in (
            "synchronous = FULL",
            "foreign_keys = ON",
            "secure_delete = ON",
            "temp_store = MEMORY",
            "cache_size = -8000",
            f"journal_size_limit = {WAL_BYTES_KEPT}",
        ):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        self._local.connection = connection
        return connection

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except apsw.Error as error:
            remedy = next((text for kind, text in _REMEDIES if isinstance(error, kind)), "")
            raise StoreError(f"{self._path}: {remedy or 'it failed'} ({error})") from error
        except OSError as error:
            raise StoreError(f"{self._path}: it cannot be opened ({error.strerror})") from error
        except ValidationError as error:
            raise StoreError(
                f"{self._path}: a kept {error.title} cannot be read "
                f"({error.error_count()} mistakes); run 'oqiga verify', restore it from a copy"
            ) from error

    @contextlib.contextmanager
    def _writing(self) -> Iterator[apsw.Connection]:
        """A write transaction: durable when it ends, undone when it raises."""
        with self._translated():
            db = self._connection()
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _reading(self) -> Iterator[apsw.Connection]:
        """One consistent view for several queries, so that no reader sees a move half done."""
        with self._translated():
            db = self._connection()
            db.execute("BEGIN")
            try:
                yield db
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")

    def _rows(self, query: str, values: Values = ()) -> list[Row]:
        with self._translated():
            return every(self._connection(), query, values)


def _use_wal(connection: apsw.Connection) -> None:
    """Switch to the write-ahead log.

    SQLite does not wait when several processes do so at once, as one could deadlock the other
    (in 3 of 60 starts of four processes on a new file one failed): so they try again.
    """
    connection.set_busy_timeout(WAL_TRY_MS)
    give_up_s = time.monotonic() + BUSY_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchall()
            return
        except apsw.BusyError:
            if time.monotonic() > give_up_s:
                raise
            time.sleep(WAL_TRY_MS / 1000)


def per(audience: Audience, query: str) -> str:
    """The query on the tables of one audience: ``@audience`` stands for its name."""
    return query.replace("@audience", audience.value)


def across(
    db: apsw.Connection, audiences: Iterable[Audience], query: str, values: Values = ()
) -> Iterator[tuple[Audience, Row]]:
    """Rows of the query on the tables of each audience in turn."""
    for audience in audiences:
        for row in db.execute(per(audience, query), values):
            yield audience, row


def kept(audiences: Audiences) -> list[Audience]:
    """Those of the audiences that have assessed records, in a fixed order."""
    return [audience for audience in KEPT if audience in audiences]


def one(db: apsw.Connection, query: str, values: Values = ()) -> Row | None:
    """The first row of a query."""
    row: Row | None = db.execute(query, values).fetchone()
    return row


def every(db: apsw.Connection, query: str, values: Values = ()) -> list[Row]:
    """All rows of a query, read before anything else is done."""
    rows: list[Row] = db.execute(query, values).fetchall()
    return rows


def listed(items: Collection[str]) -> str:
    """Strings as one bound value: ``IN (SELECT value FROM json_each(?))``."""
    return json.dumps(sorted(set(items)))
