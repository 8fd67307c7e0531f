"""Which photos and videos belong to which post: one small file a shelf.

A post's record names the addresses it was published with; this says what was fetched from them. The
rows of a post lie on the shelf of its audience and move with it, so what is confidential shares no
file with what everybody may see.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import apsw

from core.errors import StoreError
from media.files import Shelf

NAME = "index.db"
BUSY_MS = 10_000
TRIES = 3
"""A file that cannot be fetched so often is given up: its address has expired or is wrong."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS use (
    post TEXT NOT NULL, url TEXT NOT NULL, digest TEXT, media_type TEXT, size_bytes INTEGER,
    tries INTEGER NOT NULL DEFAULT 0, problem TEXT, PRIMARY KEY (post, url)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS use_digest ON use (digest);
CREATE INDEX IF NOT EXISTS use_url ON use (url);
"""
_COLUMNS = "post, url, digest, media_type, size_bytes, tries, problem"


@dataclass(frozen=True)
class Use:
    """One address of one post. ``digest``: what was fetched, ``None`` until then.

    ``problem``: why the last of ``tries`` failed.
    """

    post: str
    url: str
    digest: str | None = None
    media_type: str | None = None
    size_bytes: int | None = None
    tries: int = 0
    problem: str | None = None

    @property
    def settled(self) -> bool:
        """Whether it need not be fetched any more."""
        return self.digest is not None or self.tries >= TRIES


class MediaIndex:
    """The indices of all shelves below the media folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._threads: dict[tuple[int, Shelf], apsw.Connection] = {}

    def put(self, use: Use, shelf: Shelf) -> None:
        """Keep what became of an address; a later word replaces the earlier."""
        values = (
            use.post,
            use.url,
            use.digest,
            use.media_type,
            use.size_bytes,
            use.tries,
            use.problem,
        )
        with self._writing(shelf) as db:
            db.execute("INSERT OR REPLACE INTO use VALUES (?, ?, ?, ?, ?, ?, ?)", values)

    def of_post(self, post: str, shelf: Shelf) -> list[Use]:
        """What was fetched for a post, in the order of the addresses."""
        query = f"SELECT {_COLUMNS} FROM use WHERE post = ? ORDER BY url"  # noqa: S608 - no input
        return [Use(*row) for row in self._connection(shelf).execute(query, (post,))]

    def fetched(self, url: str) -> tuple[Use, Shelf] | None:
        """What an address gave to any post, so that it is asked once. For the fetcher alone."""
        query = f"SELECT {_COLUMNS} FROM use WHERE url = ? AND digest IS NOT NULL LIMIT 1"  # noqa: S608
        for shelf in (Shelf.PENDING, Shelf.OPEN, Shelf.CONFIDENTIAL):
            row = self._connection(shelf).execute(query, (url,)).fetchone()
            if row is not None:
                return Use(*row), shelf
        return None

    def used(self, digest: str, shelf: Shelf) -> bool:
        """Whether any post of that shelf has this content."""
        query = "SELECT 1 FROM use WHERE digest = ? LIMIT 1"
        return self._connection(shelf).execute(query, (digest,)).fetchone() is not None

    def posts(self, shelf: Shelf) -> list[str]:
        """Ids of all records that have something on a shelf."""
        query = "SELECT DISTINCT post FROM use"
        return [row[0] for row in self._connection(shelf).execute(query)]

    def move(self, post: str, source: Shelf, target: Shelf) -> list[Use]:
        """Move a post's rows; they are on the new shelf before they leave the old."""
        uses = self.of_post(post, source)
        for use in uses:
            self.put(use, target)
        if uses:
            self.drop(post, source)
        return uses

    def drop(self, post: str, shelf: Shelf) -> list[str]:
        """Forget a post; digests that no other post of the shelf has."""
        digests = {use.digest for use in self.of_post(post, shelf)}
        with self._writing(shelf) as db:
            db.execute("DELETE FROM use WHERE post = ?", (post,))
        return sorted(d for d in digests if d is not None and not self.used(d, shelf))

    @contextlib.contextmanager
    def _writing(self, shelf: Shelf) -> Iterator[apsw.Connection]:
        db = self._connection(shelf)
        try:
            with db:
                yield db
        except apsw.Error as error:
            raise StoreError(f"{self._root / shelf / NAME}: cannot be written ({error})") from error

    def _connection(self, shelf: Shelf) -> apsw.Connection:
        """This thread's connection to a shelf's index."""
        mine = threading.get_ident(), shelf
        if mine not in self._threads:
            folder = self._root / shelf.value
            try:
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                (folder / NAME).touch(mode=0o600)
                db = apsw.Connection(str(folder / NAME))
                db.set_busy_timeout(BUSY_MS)
                db.execute("PRAGMA journal_mode = WAL; PRAGMA secure_delete = ON").fetchall()
                db.execute(_SCHEMA).fetchall()
            except (apsw.Error, OSError) as error:
                raise StoreError(f"{folder / NAME}: cannot be opened ({error})") from error
            self._threads[mine] = db
        return self._threads[mine]
