"""Heartbeats, notes, accounts and sessions."""

from __future__ import annotations

from core.records import Heartbeat, Session, User
from store.sqlite.database import Database, one
from store.times import us

LAST_SIGN = "\U0010ffff"
"""Sorts after every sign that a key has."""


class Accounts(Database):
    """Small values that are kept by name."""

    def beat(self, heartbeat: Heartbeat) -> None:
        """See Protocol."""
        with self._writing() as db:
            db.execute(
                "INSERT INTO heartbeat VALUES (?, ?, ?) ON CONFLICT (feed) DO UPDATE "
                "SET at_us = excluded.at_us, body = excluded.body "
                "WHERE excluded.at_us >= heartbeat.at_us",
                (heartbeat.feed, us(heartbeat.at), heartbeat.model_dump_json()),
            )

    def heartbeats(self) -> list[Heartbeat]:
        """See Protocol."""
        rows = self._rows("SELECT body FROM heartbeat ORDER BY feed")
        return [Heartbeat.model_validate_json(body) for (body,) in rows]

    def note(self, key: str) -> str | None:
        """See Protocol."""
        rows = self._rows("SELECT value FROM note WHERE key = ?", (key,))
        return rows[0][0] if rows else None

    def put_note(self, key: str, value: str) -> None:
        """See Protocol."""
        with self._writing() as db:
            db.execute("INSERT OR REPLACE INTO note VALUES (?, ?)", (key, value))

    def put_note_once(self, key: str, value: str) -> str:
        """See Protocol."""
        with self._writing() as db:
            db.execute("INSERT INTO note VALUES (?, ?) ON CONFLICT DO NOTHING", (key, value))
            row = one(db, "SELECT value FROM note WHERE key = ?", (key,))
        return value if row is None else str(row[0])

    def swap_note(self, key: str, expected: str | None, value: str | None) -> bool:
        """See Protocol."""
        with self._writing() as db:
            row = one(db, "SELECT value FROM note WHERE key = ?", (key,))
            if (None if row is None else str(row[0])) != expected:
                return False
            if value is None:
                db.execute("DELETE FROM note WHERE key = ?", (key,))
            else:
                db.execute("INSERT OR REPLACE INTO note VALUES (?, ?)", (key, value))
        return True

    def notes(self, prefix: str) -> dict[str, str]:
        """See Protocol."""
        rows = self._rows(
            "SELECT key, value FROM note WHERE key >= ? AND key < ? ORDER BY key",
            (prefix, prefix + LAST_SIGN),
        )
        return {str(key): str(value) for key, value in rows}

    def put_user(self, user: User) -> None:
        """See Protocol."""
        with self._writing() as db:
            db.execute(
                "INSERT INTO user VALUES (?, ?) ON CONFLICT (name) "
                "DO UPDATE SET body = excluded.body",
                (user.name, user.model_dump_json()),
            )

    def user(self, name: str) -> User | None:
        """See Protocol."""
        rows = self._rows("SELECT body FROM user WHERE name = ?", (name,))
        return User.model_validate_json(rows[0][0]) if rows else None

    def users(self) -> list[User]:
        """See Protocol."""
        rows = self._rows("SELECT body FROM user ORDER BY name")
        return [User.model_validate_json(body) for (body,) in rows]

    def put_session(self, session: Session) -> None:
        """See Protocol."""
        with self._writing() as db:
            db.execute(
                "INSERT INTO session VALUES (?, ?, ?) ON CONFLICT (id) "
                "DO UPDATE SET body = excluded.body",
                (session.id, session.user, session.model_dump_json()),
            )

    def session(self, session_id: str) -> Session | None:
        """See Protocol."""
        rows = self._rows("SELECT body FROM session WHERE id = ?", (session_id,))
        return Session.model_validate_json(rows[0][0]) if rows else None

    def drop_session(self, session_id: str) -> None:
        """See Protocol."""
        with self._writing() as db:
            db.execute("DELETE FROM session WHERE id = ?", (session_id,))

    def sessions(self) -> list[Session]:
        """See Protocol."""
        found = [
            Session.model_validate_json(body) for (body,) in self._rows("SELECT body FROM session")
        ]
        return sorted(found, key=lambda session: (session.created_at, session.id))
