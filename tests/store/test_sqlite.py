"""The SQLite backend: the contract, and what only a file can suffer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import StoreError
from core.records import Audience, Outcome
from store.protocol import ALL, OPEN, Store
from store.sqlite import SqliteStore
from tests.store.contract import (
    StoreContract,
    a_post,
    accept,
    an_event,
    assess,
    write,
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = SqliteStore(tmp_path / "deep" / "oqiga.db")
    yield opened
    opened.close()


class TestSqliteStore(StoreContract):
    """The contract on SQLite."""


def test_pragmas(store: SqliteStore) -> None:
    values = {
        name: store._db.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
    }
    assert values == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "secure_delete": 1,
    }


def test_opening_again_keeps_everything(tmp_path: Path) -> None:
    first = SqliteStore(tmp_path / "o.db")
    accept(first, a_post())
    first.close()
    second = SqliteStore(tmp_path / "o.db")
    assert [v.text for v in second.post_versions(a_post().id, ALL)] == [a_post().text]
    second.close()


def test_a_newer_file_is_refused(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "o.db").close()
    db = apsw.Connection(str(tmp_path / "o.db"))
    db.execute("INSERT INTO migration VALUES ('9999_future.sql')")
    db.close()
    with pytest.raises(StoreError, match="newer Oqiga"):
        SqliteStore(tmp_path / "o.db")


def test_no_sqlite_file(tmp_path: Path) -> None:
    (tmp_path / "o.db").write_bytes(b"this is no database, it is a letter" * 100)
    with pytest.raises(StoreError, match=r"o\.db"):
        SqliteStore(tmp_path / "o.db")


def test_confidential_text_is_in_no_other_table(store: SqliteStore) -> None:
    secret = "жемкорлыкбелгиси"
    post = a_post(text=f"гаишник {secret}")
    accept(store, post)
    assess(store, post.id)
    write(store, an_event("e", 1, post, headline=secret))
    assess(store, post.id, audience=Audience.CONFIDENTIAL)
    write(store, an_event("e", 2, post, headline=secret, audience=Audience.CONFIDENTIAL))
    db = store._db
    tables = [
        name
        for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        if "confidential" not in name and "_box_" not in name
    ]
    assert {"post_open", "post_pending", "event_open", "words_open_data"} <= set(tables)
    for table in tables:
        for row in db.execute(f'SELECT * FROM "{table}"'):  # noqa: S608 - names from the schema
            for value in row:
                held = value if isinstance(value, bytes) else str(value).encode()
                assert secret.encode() not in held, table


def test_threads_and_processes_write_at_once(store: SqliteStore, tmp_path: Path) -> None:
    def work(start: int) -> None:
        for i in range(start, start + 30):
            accept(store, a_post(str(i)))

    script = (
        "import sys; from pathlib import Path\n"
        "from store.sqlite import SqliteStore\n"
        "from tests.store.contract import a_post, accept\n"
        "store = SqliteStore(Path(sys.argv[1]))\n"
        "for i in range(20, 80): accept(store, a_post(str(i)))\n"
    )
    other = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "deep" / "oqiga.db")])
    threads = [threading.Thread(target=work, args=(start,)) for start in (0, 10, 60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert other.wait(60) == 0
    kept = store.unassessed(1000)
    assert sorted(int(p.native_id) for p in kept if hasattr(p, "native_id")) == list(range(90))
    assert len(list(store.chain("evidence"))) == 90
    assert store.broken_links("evidence") == []


def test_what_was_accepted_survives_kill_9(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from store.sqlite import SqliteStore\n"
        "from tests.store.contract import a_post, accept\n"
        "store = SqliteStore(Path(sys.argv[1]))\n"
        "for i in range(10**6):\n"
        "    accept(store, a_post(str(i)))\n"
        "    print(i, flush=True)\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "o.db")], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    told = [int(child.stdout.readline()) for _ in range(50)]
    os.kill(child.pid, signal.SIGKILL)
    told += [int(line) for line in child.stdout.read().splitlines() if line.isdigit()]
    child.stdout.close()
    child.wait()
    store = SqliteStore(tmp_path / "o.db")
    kept = {p.native_id for p in store.unassessed(10**6) if hasattr(p, "native_id")}
    assert {str(i) for i in told} <= kept
    assert accept(store, a_post("0")) == [Outcome.REPEATED]
    assert store.broken_links("evidence") == []
    store.close()


def test_readers_see_one_state(store: SqliteStore) -> None:
    """While a post moves between audiences each reader finds it in exactly one place."""
    post = a_post()
    accept(store, post)
    assess(store, post.id)
    seen: list[int] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen.append(len(store.assessed([post.id], ALL)))

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(50):
        assess(store, post.id)
    assess(store, post.id, audience=Audience.CONFIDENTIAL)
    stop.set()
    reader.join()
    assert set(seen) == {1}
    assert store.assessed([post.id], OPEN) == []


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["1", "2"]),
            st.sampled_from([None, "2026-03-20T19:05:00+05:00", "2026-03-20T19:06:00+05:00"]),
        ),
        max_size=8,
    )
)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_delivering_again_in_any_order_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, deliveries: list[tuple[str, str | None]]
) -> None:
    store = SqliteStore(tmp_path_factory.mktemp("any") / "o.db")
    try:
        posts = [a_post(n, f"т {e}", **({"edited_at": e} if e else {})) for n, e in deliveries]
        accept(store, *posts)
        before = store.unassessed(100)
        assert set(accept(store, *reversed(posts))) <= {Outcome.REPEATED}
        assert store.unassessed(100) == before
        assert len(before) == len(set(deliveries))
    finally:
        store.close()
