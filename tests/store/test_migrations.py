"""Migrations: once, in order, each with its record or not at all."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from core.errors import StoreError
from core.records import Audience
from store.migrations import migrate, shipped
from store.protocol import OPEN
from store.sqlite import SqliteStore
from tests.store.contract import a_post, accept, an_event, assess, write


def test_each_is_recorded_once(tmp_path: Path) -> None:
    for _ in range(2):
        SqliteStore(tmp_path / "o.db").close()
    db = apsw.Connection(str(tmp_path / "o.db"))
    recorded = [name for (name,) in db.execute("SELECT name FROM migration ORDER BY name")]
    db.close()
    assert recorded == [name for name, _ in shipped()]
    assert [name[:4] for name in recorded] == [f"{n:04}" for n in range(1, len(recorded) + 1)]


def test_every_audience_has_the_same_tables(tmp_path: Path) -> None:
    db = apsw.Connection(str(tmp_path / "o.db"))
    migrate(db, shipped())
    tables: dict[str, set[tuple[str, str]]] = {audience.value: set() for audience in Audience}
    query = (
        "SELECT s.name, c.name FROM sqlite_schema AS s, pragma_table_info(s.name) AS c "
        "WHERE s.type = 'table'"
    )
    for table, column in db.execute(query):
        for audience, found in tables.items():
            if f"_{audience}" in table and not table.startswith("audit_withheld"):
                column = column.replace(audience, "")
                found.add((table.replace(audience, ""), column))
    db.close()
    assert tables["pending"] == tables["open"] == tables["confidential"]
    assert len({table for table, _ in tables["open"]}) >= 10


def test_one_that_fails_leaves_nothing(tmp_path: Path) -> None:
    db = apsw.Connection(str(tmp_path / "o.db"))
    broken = [("0001_a.sql", "CREATE TABLE a (x)"), ("0002_b.sql", "CREATE TABLE b (x); nonsense")]
    with pytest.raises(apsw.SQLError, match="nonsense"):
        migrate(db, broken)
    assert not db.table_exists(None, "a")
    assert not db.table_exists(None, "migration")
    migrate(db, broken[:1])
    with pytest.raises(apsw.SQLError):
        migrate(db, broken)
    assert db.execute("SELECT name FROM migration").fetchall() == [("0001_a.sql",)]
    assert not db.table_exists(None, "b")
    db.close()


def test_a_file_of_the_first_schema_is_brought_up(tmp_path: Path) -> None:
    """What lay in it before takes part in withholding like what came later."""
    path = tmp_path / "o.db"
    db = apsw.Connection(str(path))
    migrate(db, shipped()[:2])
    event = an_event("e", 1, a_post(), headline="ескі")
    db.execute(
        "INSERT INTO event_open VALUES "
        "(1, 'e', 1, 1, 0, 1, 0, 'none', 'unknown', 0.5, 0.9, 0, 0, ?)",
        (event.model_dump_json(),),
    )
    db.close()
    store = SqliteStore(path)
    accept(store, a_post())
    assess(store, a_post().id)
    write(store, an_event("e", 2))
    assess(store, a_post().id, audience=Audience.CONFIDENTIAL)
    assert [e.version for e in store.event_versions("e", OPEN)] == [2]
    store.close()


def test_a_newer_file_is_refused(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "o.db").close()
    db = apsw.Connection(str(tmp_path / "o.db"))
    db.execute("INSERT INTO migration VALUES ('9999_future.sql')")
    db.close()
    with pytest.raises(StoreError, match="newer Oqiga"):
        SqliteStore(tmp_path / "o.db")
