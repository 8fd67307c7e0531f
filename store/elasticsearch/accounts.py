"""Heartbeats, notes, accounts and sessions."""

from __future__ import annotations

from typing import Any

from core.records import Heartbeat, Session, User
from store.elasticsearch.base import Base, small
from store.elasticsearch.connection import Source
from store.elasticsearch.transaction import Transaction
from store.times import us


class Accounts(Base):
    """Small values that are kept by name."""

    def beat(self, heartbeat: Heartbeat) -> None:
        """See Protocol."""
        key, at_us = self._small("heartbeat", heartbeat.feed), us(heartbeat.at)

        def build(tx: Transaction) -> None:
            old = tx.get(key)
            if old is None or at_us >= old["at_us"]:
                tx.put(key, small("heartbeat", heartbeat.feed, heartbeat.model_dump_json(), at_us))

        self._journal.write(build)

    def heartbeats(self) -> list[Heartbeat]:
        """See Protocol."""
        return [Heartbeat.model_validate_json(body) for body in self._all_small("heartbeat")]

    def note(self, key: str) -> str | None:
        """See Protocol."""
        return self._read_small("note", key)

    def put_note(self, key: str, value: str) -> None:
        """See Protocol."""
        self._put_small("note", key, value)

    def put_note_once(self, key: str, value: str) -> str:
        """See Protocol."""
        row = self._small("note", key)

        def build(tx: Transaction) -> str:
            old = tx.get(row)
            if old is not None:
                return str(old["body"])
            tx.put(row, small("note", key, value))
            return value

        return self._journal.write(build)

    def swap_note(self, key: str, expected: str | None, value: str | None) -> bool:
        """Change a value atomically, if it still is ``expected``; whether it was.

        ``None`` stands for no value: expected to be absent, or to be removed.
        """
        row = self._small("note", key)

        def build(tx: Transaction) -> bool:
            old = tx.get(row)
            if (None if old is None else old["body"]) != expected:
                return False
            if value is not None:
                tx.put(row, small("note", key, value))
            elif old is not None:
                tx.delete(row)
            return True

        return self._journal.write(build)

    def notes(self, prefix: str) -> dict[str, str]:
        """All values whose key begins so, by key."""
        hits = self._found_small("note", {"prefix": {"name": {"value": prefix}}})
        return {hit["name"]: hit["body"] for hit in hits}

    def put_user(self, user: User) -> None:
        """See Protocol."""
        self._put_small("user", user.name, user.model_dump_json())

    def user(self, name: str) -> User | None:
        """See Protocol."""
        body = self._read_small("user", name)
        return None if body is None else User.model_validate_json(body)

    def users(self) -> list[User]:
        """See Protocol."""
        return [User.model_validate_json(body) for body in self._all_small("user")]

    def put_session(self, session: Session) -> None:
        """See Protocol."""
        self._put_small("session", session.id, session.model_dump_json())

    def session(self, session_id: str) -> Session | None:
        """See Protocol."""
        body = self._read_small("session", session_id)
        return None if body is None else Session.model_validate_json(body)

    def sessions(self) -> list[Session]:
        """All sessions, expired ones too, oldest first."""
        found = [Session.model_validate_json(body) for body in self._all_small("session")]
        return sorted(found, key=lambda session: (session.created_at, session.id))

    def drop_session(self, session_id: str) -> None:
        """See Protocol."""
        row = self._small("session", session_id)

        def build(tx: Transaction) -> None:
            if tx.get(row) is not None:
                tx.delete(row)

        self._journal.write(build)

    # -- inside -----------------------------------------------------------------------------

    def _put_small(self, kind: str, name: str, body: str) -> None:
        row = self._small(kind, name)
        self._journal.write(lambda tx: tx.put(row, small(kind, name, body)))

    def _read_small(self, kind: str, name: str) -> str | None:
        self._journal.sync()
        source = self._connection.get(*self._small(kind, name))
        return None if source is None else str(source["body"])

    def _all_small(self, kind: str) -> list[str]:
        """Bodies by name."""
        return [hit["body"] for hit in self._found_small(kind, {"match_all": {}})]

    def _found_small(self, kind: str, query: dict[str, Any]) -> list[Source]:
        self._journal.refresh("pipeline-small")
        hits = self._connection.scan(
            self._names.pipeline("small"),
            query={"bool": {"filter": [{"term": {"kind": kind}}, query]}},
            sort=[{"name": "asc"}],
        )
        return [hit["_source"] for hit in hits]
