"""Accepted records on disk while the cluster is away: durable when ``put`` returns.

One SQLite file beside the other data, shared by the processes of a machine. Records leave it when
the cluster has taken them; delivering one twice changes nothing.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from core.errors import StoreAwayError, StoreError

BUSY_MS = 10_000


@dataclass(frozen=True)
class Waiting:
    """A record that waits. ``kind``: post or report; ``raw``: a post's payload as JSON."""

    position: int
    kind: str
    body: str
    raw: str | None = None


class Outbox:
    """At most ``limit_bytes`` of records; what does not fit is refused, not dropped."""

    def __init__(self, path: Path, limit_bytes: int) -> None:
        """Nothing is opened before something has to wait, or waits."""
        self._path = path
        self._limit_bytes = limit_bytes
        self._local = threading.local()

    def put(self, items: Sequence[tuple[str, str, str | None]]) -> None:
        """Keep (kind, body, raw); raises StoreAwayError when the outbox is full, StoreError."""
        with self._translated() as db:
            held = _number(db, "SELECT coalesce(sum(bytes), 0) FROM waiting")
            sized = [
                (kind, body, raw, len(body.encode()) + len((raw or "").encode()))
                for kind, body, raw in items
            ]
            if held + sum(size for *_, size in sized) > self._limit_bytes:
                raise StoreAwayError(
                    f"Elasticsearch is away and the outbox {self._path} is full ({held} bytes): "
                    "nothing more is accepted; bring the cluster back, or raise "
                    "elasticsearch.outbox_bytes"
                )
            with db:
                db.executemany(
                    "INSERT INTO waiting (kind, body, raw, bytes) VALUES (?, ?, ?, ?)", sized
                )

    def first(self, limit: int) -> list[Waiting]:
        """The oldest records."""
        if not self._path.exists():
            return []
        with self._translated() as db:
            rows: list[Any] = db.execute(
                "SELECT position, kind, body, raw FROM waiting ORDER BY position LIMIT ?", (limit,)
            ).fetchall()
        return [Waiting(*row) for row in rows]

    def drop(self, delivered: Sequence[Waiting]) -> None:
        """Forget records that the cluster has."""
        with self._translated() as db, db:
            db.executemany(
                "DELETE FROM waiting WHERE position = ?", [(item.position,) for item in delivered]
            )

    def __len__(self) -> int:
        """How many records wait."""
        if not self._path.exists():
            return 0
        with self._translated() as db:
            return _number(db, "SELECT count(*) FROM waiting")

    # -- inside -----------------------------------------------------------------------------

    def _connection(self) -> apsw.Connection:
        connection: apsw.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch(mode=0o600)
            connection = apsw.Connection(str(self._path))
            connection.set_busy_timeout(BUSY_MS)
            connection.execute("PRAGMA synchronous = FULL; PRAGMA secure_delete = ON").fetchall()
            connection.execute(
                "CREATE TABLE IF NOT EXISTS waiting (position INTEGER PRIMARY KEY AUTOINCREMENT, "
                "kind TEXT NOT NULL, body TEXT NOT NULL, raw TEXT, bytes INTEGER NOT NULL)"
            )
            self._local.connection = connection
        return connection

    @contextlib.contextmanager
    def _translated(self) -> Iterator[apsw.Connection]:
        try:
            yield self._connection()
        except (apsw.Error, OSError) as error:
            raise StoreError(
                f"{self._path}: the outbox cannot be used ({error}); check the disk"
            ) from error


def _number(db: apsw.Connection, query: str) -> int:
    row: Any = db.execute(query).fetchone()
    return int(row[0])
