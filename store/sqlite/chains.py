"""Hash chains over what was accepted and who did what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import apsw

from core.chain import next_link
from core.errors import StoreError
from core.ids import digest
from core.records import Audience, AuditEntry, ChainLink
from store.bodies import body_digest
from store.protocol import Audiences
from store.sqlite.database import Database, Row, across, kept, listed, one

CHAINS = frozenset({"evidence", "audit_open", "audit_confidential"})
PAGE = 5_000


def vouch(db: apsw.Connection, chain: str, subject: str, mark: str, *body: str) -> None:
    """Append a link for the digest ``mark`` to a chain."""
    row = one(
        db,
        "SELECT position, subject, digest, hash FROM @chain ORDER BY position DESC LIMIT 1".replace(
            "@chain", chain
        ),
    )
    link = next_link(None if row is None else _link(row), subject, mark)
    values = (link.position, link.subject, link.digest, link.hash, *body)
    marks = ",".join("?" * len(values))
    db.execute(
        "INSERT INTO @chain VALUES (@marks)".replace("@chain", chain).replace("@marks", marks),
        values,
    )


def append_audit(db: apsw.Connection, entry: AuditEntry) -> None:
    """Append an entry to the chain of its audience."""
    if entry.audience is Audience.PENDING:
        raise StoreError("an audit entry is open or confidential, not pending")
    body = entry.model_dump_json()
    chain = f"audit_{entry.audience.value}"
    vouch(db, chain, digest(entry.subject), body_digest(body), body)


def withhold_audit(db: apsw.Connection, subject: str) -> None:
    """Let only internal security read what the open chain tells of a subject."""
    key = (digest(subject),)
    db.execute(
        "INSERT INTO audit_withheld_confidential "
        "SELECT position, body FROM audit_open WHERE subject = ? AND body <> ''",
        key,
    )
    db.execute("UPDATE audit_open SET body = '' WHERE subject = ? AND body <> ''", key)


class Chains(Database):
    """Audit entries and chains."""

    def add_audit(self, entry: AuditEntry) -> None:
        """See Protocol."""
        with self._writing() as db:
            append_audit(db, entry)

    def audit(self, audiences: Audiences, limit: int = 200) -> list[AuditEntry]:
        """See Protocol. An entry whose subject turned confidential comes as confidential."""
        query = "SELECT position, body FROM @table WHERE body <> '' ORDER BY position DESC LIMIT ?"
        tables = [(audience, f"audit_{audience.value}") for audience in kept(audiences)]
        if Audience.CONFIDENTIAL in audiences:
            tables.append((Audience.CONFIDENTIAL, "audit_withheld_confidential"))
        found: list[tuple[AuditEntry, int]] = []
        with self._reading() as db:
            for audience, table in tables:
                for position, body in db.execute(query.replace("@table", table), (limit,)):
                    entry = AuditEntry.model_validate_json(body)
                    found.append((entry.model_copy(update={"audience": audience}), position))
        found.sort(key=lambda item: (item[0].at, item[1]), reverse=True)
        return [entry for entry, _ in found[:limit]]

    def chain(self, name: str) -> Iterator[ChainLink]:
        """See Protocol."""
        for rows in self._pages(name, "position, subject, digest, hash"):
            yield from map(_link, rows)

    def broken_links(self, name: str) -> list[int]:
        """See Protocol."""
        if name == "evidence":
            return self._broken_evidence()
        found: list[int] = []
        for rows in self._pages(name, "position, digest, body"):
            withheld = self._withheld(rows[0][0], rows[-1][0]) if name == "audit_open" else {}
            found += [
                position
                for position, mark, body in rows
                if _digest_or_none(body or withheld.get(position, "")) != mark
            ]
        return found

    def _withheld(self, first: int, last: int) -> dict[int, str]:
        rows = self._rows(
            "SELECT position, body FROM audit_withheld_confidential WHERE position BETWEEN ? AND ?",
            (first, last),
        )
        return {position: body for position, body in rows}

    def _broken_evidence(self) -> list[int]:
        found: list[int] = []
        for rows in self._pages("evidence", "position, subject, digest"):
            subjects = listed([subject for _, subject, _ in rows])
            with self._reading() as db:
                vouched: set[tuple[str, str | None]] = {
                    (subject, _digest_or_none(body))
                    for kind in ("post", "report")
                    for _, (subject, body) in across(
                        db,
                        Audience,
                        "SELECT id, body FROM @kind_@audience "
                        "WHERE id IN (SELECT value FROM json_each(?))".replace("@kind", kind),
                        (subjects,),
                    )
                }
                vouched |= {
                    (subject, mark)
                    for subject, mark in db.execute(
                        "SELECT subject, digest FROM tombstone "
                        "WHERE subject IN (SELECT value FROM json_each(?))",
                        (subjects,),
                    )
                }
            found += [
                position for position, subject, mark in rows if (subject, mark) not in vouched
            ]
        return found

    def _pages(self, name: str, columns: str) -> Iterator[list[Row]]:
        if name not in CHAINS:
            raise StoreError(f"there is no chain {name!r}; there are {', '.join(sorted(CHAINS))}")
        query = "SELECT @columns FROM @chain WHERE position > ? ORDER BY position LIMIT ?".replace(
            "@columns", columns
        ).replace("@chain", name)
        after = 0
        while rows := self._rows(query, (after, PAGE)):
            yield rows
            after = rows[-1][0]


def _link(row: Sequence[object]) -> ChainLink:
    return ChainLink.model_validate(
        dict(zip(("position", "subject", "digest", "hash"), row, strict=True))
    )


def _digest_or_none(body: str) -> str | None:
    try:
        return body_digest(body)
    except ValueError:
        return None
