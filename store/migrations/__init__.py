"""Ordered migrations of the SQLite file: ``NNNN_name.sql``, each run once, with its record."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from string import Template

import apsw

from core.errors import StoreError
from core.records import Audience

PER_AUDIENCE = "per_audience"


def shipped() -> list[tuple[str, str]]:
    """Names and texts of the migrations of this program, in order."""
    return sorted(
        (item.name, item.read_text(encoding="utf-8"))
        for item in files("store.migrations").iterdir()
        if item.name.endswith(".sql")
    )


def migrate(db: apsw.Connection, scripts: Sequence[tuple[str, str]]) -> None:
    """Run the scripts that the file has not seen; they and their records share a transaction.

    Raises StoreError for a file that a newer Oqiga has written.
    """
    if _done(db) == {name for name, _ in scripts}:
        return  # the usual start takes no lock
    db.execute("BEGIN IMMEDIATE")
    try:
        db.execute("CREATE TABLE IF NOT EXISTS migration (name TEXT PRIMARY KEY)")
        done = _done(db)
        unknown = done - {name for name, _ in scripts}
        if unknown:
            raise StoreError(
                f"{db.filename} was written by another, newer Oqiga "
                f"({', '.join(sorted(unknown))}); update this program or use another folder"
            )
        for name, script in scripts:
            if name not in done:
                for audience in Audience if PER_AUDIENCE in name else ("",):
                    db.execute(Template(script).substitute(audience=audience))
                db.execute("INSERT INTO migration VALUES (?)", (name,))
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _done(db: apsw.Connection) -> set[str]:
    if db.table_exists(None, "migration"):
        return {name for (name,) in db.execute("SELECT name FROM migration")}
    return set()
