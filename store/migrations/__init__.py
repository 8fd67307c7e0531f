"""Ordered migrations of the SQLite file: ``NNNN_name.sql``, each run once, with its record."""

from __future__ import annotations

from importlib.resources import files
from string import Template

import apsw

from core.errors import StoreError
from core.records import Audience

PER_AUDIENCE = "per_audience"


def migrate(db: apsw.Connection) -> None:
    """Bring the file to the newest schema; a migration and its record share a transaction.

    Raises StoreError for a file that a newer Oqiga has written.
    """
    scripts = sorted(
        (item.name, item.read_text(encoding="utf-8"))
        for item in files("store.migrations").iterdir()
        if item.name.endswith(".sql")
    )
    db.execute("BEGIN IMMEDIATE")
    try:
        db.execute("CREATE TABLE IF NOT EXISTS migration (name TEXT PRIMARY KEY)")
        done = {name for (name,) in db.execute("SELECT name FROM migration")}
        unknown = done - {name for name, _ in scripts}
        if unknown:
            raise StoreError(
                f"{db.filename} was written by a newer Oqiga ({', '.join(sorted(unknown))}); "
                "update this program or use another folder"
            )
        for name, script in scripts:
            if name not in done:
                for audience in Audience if PER_AUDIENCE in name else ("",):
                    db.execute(Template(script).substitute(audience=audience))
                db.execute("INSERT INTO migration VALUES (?)", (name,))
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise
