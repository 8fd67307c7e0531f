"""Several processes on one file, and processes that are killed."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import apsw
import pytest

from core.records import Audience
from store.sqlite import SqliteStore
from tests.store.processes import CHAIN, IMPORTS, killed, need_promised, write_at_once

HEAD = (
    IMPORTS
    + """
from store.sqlite import SqliteStore
store = SqliteStore(Path(sys.argv[1]))
"""
)


def start(script: str, path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HEAD + script, str(path)], stdout=subprocess.PIPE, text=True
    )


def test_threads_and_processes_write_at_once(tmp_path: Path) -> None:
    """They make the file at once, too."""
    path = tmp_path / "o.db"
    opened: list[SqliteStore] = []

    def open_one() -> SqliteStore:
        opened.append(SqliteStore(path))
        return opened[0]

    write_at_once(lambda script: start(script, path), open_one)
    opened[0].close()


def test_processes_that_make_the_file_at_once(tmp_path: Path) -> None:
    """SQLite does not wait for another's lock when it switches to the write-ahead log."""
    path = tmp_path / "o.db"
    first = apsw.Connection(str(path))
    first.execute("CREATE TABLE t (x); BEGIN IMMEDIATE")
    letting_go = threading.Timer(0.2, first.execute, args=("COMMIT",))
    letting_go.start()
    store = SqliteStore(path)
    store.put_note("k", "v")
    letting_go.join()
    first.close()
    store.close()


@pytest.mark.parametrize("seed", range(3))
def test_what_was_promised_survives_kill_9(tmp_path: Path, seed: int) -> None:
    """Nothing that was said to be done is undone; the file and its indexes are sound."""
    path = tmp_path / "o.db"
    promised = killed(start(CHAIN, path), 30, seed)
    store = SqliteStore(path)
    need_promised(store, promised)
    db = store._connection()
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    for audience in Audience:
        words = f"words_{audience}"
        db.execute(f"INSERT INTO {words} ({words}) VALUES ('integrity-check')")  # noqa: S608
        assert db.execute(f"SELECT rtreecheck('event_box_{audience}')").fetchone() == ("ok",)
    store.close()
