"""The SQLite backend: the contract, and what only a file can suffer."""

from __future__ import annotations

import threading
from pathlib import Path

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import StoreError
from core.records import Audience, Outcome
from core.settings import Settings
from core.versions import newest, speaking
from store.open import open_store
from store.protocol import ALL, OPEN
from store.sqlite import SqliteStore
from tests.store.contract import (
    NOW,
    StoreContract,
    a_decision,
    a_post,
    a_report,
    accept,
    an_assessment,
    an_event,
    assess,
    write,
)

EDITS = (None, "2026-03-20T19:05:00+05:00", "2026-03-20T19:06:00+05:00")


class TestSqliteStore(StoreContract):
    """The contract on SQLite."""


def test_pragmas(store: SqliteStore) -> None:
    values = {
        name: store._connection().execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
    }
    assert values == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "secure_delete": 1,
    }


def test_the_settings_name_the_file(tmp_path: Path) -> None:
    store = open_store(Settings(home=tmp_path))
    store.put_note("k", "v")
    store.close()
    assert (tmp_path / "oqiga.db").stat().st_mode & 0o777 == 0o600, "for its owner only"


def test_opening_again_keeps_everything(tmp_path: Path) -> None:
    first = SqliteStore(tmp_path / "o.db")
    accept(first, a_post())
    first.close()
    second = SqliteStore(tmp_path / "o.db")
    assert [v.text for v in second.post_versions(a_post().id, ALL)] == [a_post().text]
    second.close()


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "o.db")
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.note("k")
    errors: list[Exception] = []

    def late() -> None:
        try:
            store.put_note("k", "v")
        except StoreError as error:
            errors.append(error)

    thread = threading.Thread(target=late)
    thread.start()
    thread.join()
    assert len(errors) == 1


def test_no_sqlite_file(tmp_path: Path) -> None:
    (tmp_path / "o.db").write_bytes(b"this is no database, it is a letter" * 100)
    with pytest.raises(StoreError, match=r"o\.db: this is no store"):
        SqliteStore(tmp_path / "o.db")
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be opened"):
        SqliteStore(tmp_path / "file" / "o.db")


def test_threads_that_end_leave_no_connection(store: SqliteStore) -> None:
    """A web server's pool ends idle threads and starts new ones, all day long."""

    def open_files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = open_files()
    for _ in range(20):
        thread = threading.Thread(target=store.note, args=("k",))
        thread.start()
        thread.join()
    assert open_files() <= before + 2


def test_a_damaged_record_is_named_as_such(store: SqliteStore) -> None:
    write(store, an_event())
    store._connection().execute("UPDATE event_open SET body = '{}'")
    with pytest.raises(StoreError, match="kept Event cannot be read"):
        store.event("e1", OPEN)


def test_any_change_of_a_kept_record_is_found(store: SqliteStore) -> None:
    edit = a_post("2", "в", edited_at="2026-03-20T19:05:00+05:00")
    accept(store, a_post("1"), a_post("2"), edit)
    store.accept_reports([a_report()])
    assess(store, a_post("1").id, audience=Audience.CONFIDENTIAL)
    write(store, an_event())
    store.add_decision(a_decision("d"))
    assert store.broken_links("evidence") == store.broken_links("audit_open") == []
    db = store._connection()
    for table, position in (("post_confidential", 1), ("report_pending", 4)):
        query = "UPDATE @table SET body = replace(body, :was, :is)".replace("@table", table)
        db.execute(query, {"was": '"text":"', "is": '"text":"не '})
        assert position in store.broken_links("evidence")
    db.execute("DELETE FROM post_pending WHERE version = 2")
    assert store.broken_links("evidence") == [1, 3, 4]
    db.execute("INSERT INTO tombstone SELECT subject, digest FROM evidence WHERE position = 3")
    assert store.broken_links("evidence") == [1, 4]
    db.execute("UPDATE audit_open SET body = 'x' || body")
    assert store.broken_links("audit_open") == [1]


def test_readers_see_one_state(store: SqliteStore) -> None:
    """While a record moves between audiences each reader finds it in exactly one place."""
    post = a_post()
    accept(store, post)
    assess(store, post.id)
    write(store, an_event("e", 1, post))
    seen: set[tuple[int, int, int, int]] = set()
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen.add(
                (
                    len(store.assessed([post.id], ALL)),
                    len(store.open_events(NOW, ALL)),
                    len({e.version for e in store.event_versions("e", ALL)}) % 1,
                    len(store.search_posts("өрт", ALL)),
                )
            )

    reader = threading.Thread(target=read)
    reader.start()
    version = 1
    for turn in range(30):
        store.save_assessments([(an_assessment(post.id, incident=turn / 100), Audience.OPEN)], NOW)
        version += 1
        audience = (Audience.OPEN, Audience.CONFIDENTIAL)[turn % 2]
        write(store, an_event("e", version, post, audience=audience))
    assess(store, post.id, audience=Audience.CONFIDENTIAL)
    stop.set()
    reader.join()
    assert seen == {(1, 1, 0, 1)}
    assert store.assessed([post.id], OPEN) == []


@given(
    st.lists(st.tuples(st.sampled_from(["1", "2"]), st.sampled_from(EDITS)), max_size=8),
    st.randoms(use_true_random=False),
)
@settings(max_examples=25, deadline=None)
def test_versions_in_any_order_and_again(
    tmp_path_factory: pytest.TempPathFactory, deliveries: list[tuple[str, str | None]], rnd: object
) -> None:
    """Delivered in any order, repeated, assessed in any order: the same post speaks."""
    store = SqliteStore(tmp_path_factory.mktemp("any") / "o.db")
    try:
        posts = [a_post(n, f"т {e}", **({"edited_at": e} if e else {})) for n, e in deliveries]
        accept(store, *posts)
        before = store.unassessed(100)
        assert len(before) == len(set(deliveries))
        assert set(accept(store, *reversed(posts))) <= {Outcome.REPEATED}
        assert store.unassessed(100) == before
        todo = [an_assessment(p.id, p.version) for p in before if hasattr(p, "version")]
        rnd.shuffle(todo)  # type: ignore[attr-defined]
        for assessment in todo:
            store.save_assessments([(assessment, Audience.OPEN)], NOW)
        told = store.last_change()
        store.save_assessments([(assessment, Audience.OPEN) for assessment in todo], NOW)
        assert store.last_change() == told
        for item in store.window(NOW.replace(year=2020), OPEN):
            versions = [p for p in posts if p.id == item.subject.id]
            assert item.subject.content == speaking(versions).content == newest(versions).content
            assert item.assessment.subject == item.subject.id
        assert store.stats(OPEN).posts == len({n for n, _ in deliveries})
        assert store.broken_links("evidence") == []
    finally:
        store.close()


def test_two_stores_on_one_file(tmp_path: Path) -> None:
    first, second = SqliteStore(tmp_path / "o.db"), SqliteStore(tmp_path / "o.db")
    accept(first, a_post())
    assert accept(second, a_post()) == [Outcome.REPEATED]
    first.close()
    assert len(second.unassessed(5)) == 1
    second.close()
    assert not (tmp_path / "o.db-wal").exists(), "the last to close empties the log"


def test_a_lock_that_is_held_too_long_is_named(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.sqlite.database.BUSY_MS", 50)
    other = apsw.Connection(str(store._path))
    other.execute("BEGIN IMMEDIATE")
    impatient = SqliteStore(store._path)
    with pytest.raises(StoreError, match="another process kept it locked"):
        impatient.put_note("k", "v")
    assert impatient.note("k") is None, "readers do not wait for writers"
    other.execute("COMMIT")
    impatient.put_note("k", "v")
    assert store.note("k") == "v"
    other.close()
    impatient.close()
