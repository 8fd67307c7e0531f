"""Files on shelves."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import pytest

from core.errors import StoreError
from core.records import Audience
from media.files import Draft, MediaFiles, Shelf


def _draft(files: MediaFiles, data: bytes) -> Draft:
    writer = files.draft()
    for at in range(0, len(data), 3):
        writer.write(data[at : at + 3])
    return writer.finish()


def test_a_file_is_named_by_its_digest_and_kept_once(tmp_path: Path) -> None:
    files = MediaFiles(tmp_path / "media")
    first = _draft(files, b"one and the same")
    path = files.keep(first, Shelf.PENDING)
    digest = hashlib.sha256(b"one and the same").hexdigest()
    assert first.digest == digest
    assert path == tmp_path / "media" / "pending" / digest[:2] / digest[2:]
    assert path.read_bytes() == b"one and the same"
    files.keep(_draft(files, b"one and the same"), Shelf.PENDING)
    assert [p for p in (tmp_path / "media" / "pending").rglob("*") if p.is_file()] == [path]
    assert files.undescribed() == [digest]


def test_only_the_owner_may_read(tmp_path: Path) -> None:
    files = MediaFiles(tmp_path / "media")
    path = files.keep(_draft(files, b"secret"), Shelf.CONFIDENTIAL)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for folder in (path.parent, path.parent.parent, tmp_path / "media"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_moving_is_repeatable_and_leaves_one_copy(tmp_path: Path) -> None:
    files = MediaFiles(tmp_path / "media")
    draft = _draft(files, b"photo")
    files.keep(draft, Shelf.PENDING)
    for _ in range(2):
        files.move(draft.digest, Shelf.PENDING, Shelf.CONFIDENTIAL)
        assert files.has(draft.digest, Shelf.CONFIDENTIAL)
        assert not files.has(draft.digest, Shelf.PENDING)
        assert not files.has(draft.digest, Shelf.OPEN)


def test_a_file_that_another_record_uses_stays_on_its_shelf_too(tmp_path: Path) -> None:
    files = MediaFiles(tmp_path / "media")
    draft = _draft(files, b"photo")
    files.keep(draft, Shelf.PENDING)
    files.move(draft.digest, Shelf.PENDING, Shelf.CONFIDENTIAL, keep_source=True)
    assert files.has(draft.digest, Shelf.PENDING)
    files.move(draft.digest, Shelf.PENDING, Shelf.OPEN)
    assert files.has(draft.digest, Shelf.CONFIDENTIAL)
    assert files.has(draft.digest, Shelf.OPEN)
    files.remove(draft.digest, Shelf.OPEN)
    files.remove(draft.digest, Shelf.OPEN)
    assert not files.has(draft.digest, Shelf.OPEN)


def test_a_move_that_was_cut_off_half_way_is_completed(tmp_path: Path) -> None:
    files = MediaFiles(tmp_path / "media")
    draft = _draft(files, b"photo")
    old = files.keep(draft, Shelf.PENDING)
    files.move(draft.digest, Shelf.PENDING, Shelf.OPEN)
    os.link(files.path(draft.digest, Shelf.OPEN), old)  # as if killed between link and unlink
    files.move(draft.digest, Shelf.PENDING, Shelf.OPEN)
    assert not files.has(draft.digest, Shelf.PENDING)


def test_what_lies_nowhere_cannot_be_moved(tmp_path: Path) -> None:
    files = MediaFiles(tmp_path / "media")
    with pytest.raises(StoreError, match="neither under pending nor under open"):
        files.move("0" * 64, Shelf.PENDING, Shelf.OPEN)


@pytest.mark.parametrize("digest", ["../../etc/passwd", "", "A" * 64, "0" * 63])
def test_only_digests_name_files(tmp_path: Path, digest: str) -> None:
    with pytest.raises(StoreError, match="no SHA-256 digest"):
        MediaFiles(tmp_path).path(digest, Shelf.OPEN)


def test_discarded_and_stale_files_are_gone(tmp_path: Path) -> None:
    files = MediaFiles(tmp_path / "media")
    assert files.sweep() == 0
    writer = files.draft()
    writer.write(b"half")
    writer.discard()
    left = files.draft()
    left.write(b"killed here")
    left.finish()
    os.utime(left.path, (1, 1))
    fresh = files.draft()
    assert files.sweep() == 1
    assert fresh.path.exists()
    assert not left.path.exists()
    fresh.discard()


def test_every_audience_has_a_shelf() -> None:
    assert {Shelf.of(audience) for audience in Audience} == set(Shelf) - {Shelf.SET_ASIDE}
