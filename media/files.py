"""Photos and videos on disk, named by the SHA-256 of their content.

A file lies on the shelf of the records that use it: what is not yet assessed, what is
confidential and what was set aside never share a folder with what everybody may see. The same
content on one shelf is one file. A file appears whole or not at all and is on disk when the call
returns.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from core.errors import StoreError
from core.records import Audience

MEDIA_FOLDER = Path("media")
INCOMING = "incoming"
WAITING = "undescribed"
FACTS, THUMBNAIL = ".json", ".jpg"
"""What lies beside a content once it was decoded; it goes wherever the content goes."""
STALE_S = 3600.0
"""Age at which an unfinished file is rubbish: a 100 MB video at 0.25 Mbit/s takes 54 minutes."""
_DIGEST = re.compile("[0-9a-f]{64}")


class Shelf(StrEnum):
    """Where a file lies: with the records of an audience, or with what was set aside."""

    PENDING = "pending"
    OPEN = "open"
    CONFIDENTIAL = "confidential"
    SET_ASIDE = "set_aside"

    @classmethod
    def of(cls, audience: Audience) -> Shelf:
        """The shelf of an audience's records."""
        return cls(audience.value)


@dataclass(frozen=True)
class Draft:
    """A received file that has no place yet. ``digest``: SHA-256 of its content, hex."""

    path: Path
    digest: str
    size_bytes: int


class DraftWriter:
    """Receives a file piece by piece; ``finish`` makes it durable, ``discard`` drops it."""

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._file: BinaryIO = os.fdopen(descriptor, "wb")
        self._hash = hashlib.sha256()
        self.path = path
        self.size_bytes = 0

    def write(self, data: bytes) -> None:
        """Append; raises OSError when the disk is full."""
        self._file.write(data)
        self._hash.update(data)
        self.size_bytes += len(data)

    def finish(self) -> Draft:
        """Flush to disk and close."""
        with self._file:
            self._file.flush()
            os.fsync(self._file.fileno())
        return Draft(self.path, self._hash.hexdigest(), self.size_bytes)

    def discard(self) -> None:
        """Close and remove."""
        with contextlib.suppress(OSError):  # closing flushes, and a full disk fails that again
            self._file.close()
        self.path.unlink(missing_ok=True)


class MediaFiles:
    """The folder of all photos and videos: ``<root>/<shelf>/ab/cdef…``."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def draft(self) -> DraftWriter:
        """Start to receive a file."""
        folder = self.root / INCOMING
        _make(folder)
        return DraftWriter(folder / secrets.token_hex(16))

    def keep(self, draft: Draft, shelf: Shelf) -> Path:
        """Put a finished draft on a shelf; the same content there already is one file."""
        target = self.path(draft.digest, shelf)
        _make(target.parent)
        if not target.with_name(target.name + FACTS).exists():
            self._wait(draft.digest)
        draft.path.replace(target)
        _sync(target.parent)
        return target

    def find(self, digest: str) -> Path | None:
        """Where a content lies, on whichever shelf."""
        paths = [self.path(digest, shelf) for shelf in Shelf]
        return next((path for path in paths if path.is_file()), None)

    def undescribed(self) -> list[str]:
        """Digests of contents that wait for their facts."""
        folder = self.root / WAITING
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []

    def described(self, digest: str, facts: bytes | None, thumbnail: Path | None) -> None:
        """Keep a content's facts and thumbnail on each shelf where it lies; it waits no more."""
        for shelf in Shelf:
            path = self.path(digest, shelf)
            if facts is None or not path.is_file():
                continue
            if thumbnail is not None:
                _put(path.with_name(path.name + THUMBNAIL), thumbnail.read_bytes())
            _put(path.with_name(path.name + FACTS), facts)
            if not path.is_file():  # it moved meanwhile: what was just written goes, it stays due
                self.remove(digest, shelf)
                return
        if facts is None or self.facts(digest) is not None:
            (self.root / WAITING / digest).unlink(missing_ok=True)

    def facts(self, digest: str) -> bytes | None:
        """A content's facts as they were kept, ``None`` while it waits for them."""
        for shelf in Shelf:
            path = self.path(digest, shelf)
            with contextlib.suppress(FileNotFoundError):
                return path.with_name(path.name + FACTS).read_bytes()
        return None

    def _wait(self, digest: str) -> None:
        folder = self.root / WAITING
        _make(folder)
        (folder / digest).touch(mode=0o600)

    def path(self, digest: str, shelf: Shelf) -> Path:
        """Where a content lies on that shelf, whether it is there or not."""
        if not _DIGEST.fullmatch(digest):
            raise StoreError(f"{digest[:80]!r} is no SHA-256 digest in hex")
        return self.root / shelf.value / digest[:2] / digest[2:]

    def has(self, digest: str, shelf: Shelf) -> bool:
        """Whether a content lies on that shelf."""
        return self.path(digest, shelf).is_file()

    def move(self, digest: str, source: Shelf, target: Shelf, *, keep_source: bool = False) -> None:
        """Move a content to another shelf; raises StoreError when it lies on neither.

        Repeating it changes nothing. ``keep_source``: another record on the old shelf still uses
        the content. At every moment the content lies on at least one of the two.
        """
        old, new = self.path(digest, source), self.path(digest, target)
        if source is target:
            return
        _make(new.parent)
        for beside in (FACTS, THUMBNAIL):
            with contextlib.suppress(FileNotFoundError, FileExistsError):
                os.link(old.with_name(old.name + beside), new.with_name(new.name + beside))
        try:
            os.link(old, new)
        except FileExistsError:
            pass  # moved before: what is left is to clear the old shelf
        except FileNotFoundError as error:
            if not new.is_file():
                raise StoreError(
                    f"media {digest} lies neither under {source.value} nor under {target.value}"
                ) from error
        _sync(new.parent)
        if not keep_source and old.is_file():
            self.remove(digest, source)

    def copy(self, digest: str, source: Shelf, target: Shelf) -> None:
        """Have a content on another shelf too, as one file on disk; there already is fine."""
        if source is not target:
            self.move(digest, source, target, keep_source=True)

    def remove(self, digest: str, shelf: Shelf) -> None:
        """Remove a content from a shelf; absent is fine."""
        path = self.path(digest, shelf)
        for beside in ("", FACTS, THUMBNAIL):
            path.with_name(path.name + beside).unlink(missing_ok=True)
        if path.parent.is_dir():
            _sync(path.parent)

    def sweep(self, older_than_s: float = STALE_S) -> int:
        """Remove unfinished files that a crash or a broken connection left; how many."""
        folder = self.root / INCOMING
        if not folder.is_dir():
            return 0
        limit = time.time() - older_than_s
        count = 0
        for path in folder.iterdir():
            with contextlib.suppress(FileNotFoundError):  # finished in this very moment
                if path.stat().st_mtime < limit:
                    path.unlink()
                    count += 1
        return count


def _put(path: Path, data: bytes) -> None:
    """Write a small file whole."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    draft.replace(path)


def _make(folder: Path) -> None:
    """Make a folder, readable by its owner only, so that it survives a power cut."""
    missing = [f for f in (folder, *folder.parents) if not f.exists()]
    for each in reversed(missing):
        with contextlib.suppress(FileExistsError):  # another process was first
            each.mkdir(mode=0o700)
        _sync(each.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
