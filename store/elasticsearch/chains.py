"""Hash chains over what was accepted and who did what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from core.chain import next_link
from core.errors import StoreError
from core.ids import digest
from core.records import Audience, AuditEntry, ChainLink
from store.bodies import body_digest
from store.elasticsearch.base import Base, kept
from store.elasticsearch.connection import Key, Source
from store.elasticsearch.names import Names
from store.elasticsearch.registry import subject_of
from store.elasticsearch.transaction import Transaction
from store.protocol import Audiences

CHAINS = frozenset({"evidence", "audit_open", "audit_confidential"})
WITHHELD = "withheld"
MOVES = 3
"""Of a record in its life: assessed, withheld, removed."""


def vouch(tx: Transaction, chain: str, subject: str, mark: str) -> ChainLink:
    """Append a link for the digest ``mark`` to a chain."""
    head = tx.counters.chains.get(chain)
    before = None
    if head is not None:
        before = ChainLink(position=head[0], subject="", digest="", hash=head[1])
    link = next_link(before, subject, mark)
    tx.counters.chains[chain] = (link.position, link.hash)
    if chain == "evidence":
        index = tx.names.pipeline("evidence")
        tx.append(index, link.position, [link.subject, link.digest, link.hash])
    return link


def append_audit(tx: Transaction, entry: AuditEntry) -> None:
    """Append an entry to the chain of its audience."""
    if entry.audience is Audience.PENDING:
        raise StoreError("an audit entry is open or confidential, not pending")
    body = entry.model_dump_json()
    chain = f"audit_{entry.audience.value}"
    link = vouch(tx, chain, digest(entry.subject), body_digest(body))
    tx.put(
        (tx.names.of(entry.audience, "audit"), str(link.position)),
        {
            "chain": chain,
            "position": link.position,
            "at": entry.at.isoformat(),
            "by": entry.by,
            "action": entry.action,
            "subject": link.subject,
            "digest": link.digest,
            "hash": link.hash,
            "withheld": False,
            "body": body,
        },
    )


def withhold_audit(tx: Transaction, subject: str) -> None:
    """Let only internal security read what the open chain tells of a subject.

    The group ``open-audit`` has been refreshed.
    """
    names = tx.names
    query = {
        "bool": {"filter": [{"term": {"subject": digest(subject)}}, {"term": {"withheld": False}}]}
    }
    for key in tx.find(names.of(Audience.OPEN, "audit"), query):
        entry = tx.get(key)
        if entry is None or entry["withheld"]:
            continue
        link = {name: entry[name] for name in ("chain", "position", "subject", "digest", "hash")}
        tx.put_hidden(key, {**link, "withheld": True, "body": ""})
        tx.put(
            (names.of(Audience.CONFIDENTIAL, "audit"), f"open-{entry['position']}"),
            {**entry, "chain": WITHHELD},
        )


class Chains(Base):
    """Audit entries and chains."""

    def add_audit(self, entry: AuditEntry) -> None:
        """See Protocol."""
        self._journal.write(lambda tx: append_audit(tx, entry))

    def audit(self, audiences: Audiences, limit: int = 200) -> list[AuditEntry]:
        """See Protocol. An entry whose subject turned confidential comes as confidential."""
        mine = kept(audiences)
        if not mine:
            return []
        self._journal.refresh(*(f"{audience.value}-audit" for audience in mine))
        found: list[tuple[AuditEntry, int]] = []
        for audience in mine:
            hits = self._connection.search(
                self._names.of(audience, "audit"),
                query={"bool": {"must_not": [{"term": {"withheld": True}}]}},
                size=limit,
                sort=[{"position": "desc"}],
            )
            for hit in hits:
                entry = AuditEntry.model_validate_json(hit["_source"]["body"])
                entry = entry.model_copy(update={"audience": audience})
                found.append((entry, hit["_source"]["position"]))
        found.sort(key=lambda item: (item[0].at, item[1]), reverse=True)
        return [entry for entry, _ in found[:limit]]

    def chain(self, name: str) -> Iterator[ChainLink]:
        """See Protocol."""
        if name == "evidence":
            yield from self._evidence()
            return
        for source in self._audit_rows(name):
            yield _link(source["position"], source["subject"], source["digest"], source["hash"])

    def broken_links(self, name: str) -> list[int]:
        """See Protocol."""
        if name == "evidence":
            return self._broken_evidence()
        found = {
            row["position"]: row["digest"]
            for row in self._audit_rows(name)
            if _digest_or_none(row["body"]) != row["digest"]
        }
        if found and name == "audit_open":
            # Asked last: what is withheld while we read has its place there by now.
            for row in self._withheld():
                if found.get(row["position"]) == _digest_or_none(row["body"]):
                    del found[row["position"]]
        return sorted(found)

    # -- inside -----------------------------------------------------------------------------

    def _evidence(self) -> Iterator[ChainLink]:
        last = self._last("evidence", "pipeline-evidence")
        index = self._names.pipeline("evidence")
        for hit in self._connection.scan(index, sort=[{"first": "asc"}]):
            block = hit["_source"]
            for offset, item in enumerate(block["items"]):
                if block["first"] + offset <= last:
                    yield _link(block["first"] + offset, *item)

    def _last(self, chain: str, group: str) -> int:
        """The chain's newest position, now findable; what others append meanwhile may show up in
        one shard before an earlier link does in another, so readers stop there."""
        position, _ = self._journal.sync().chains.get(chain, (0, ""))
        self._journal.refresh(group)
        return position

    def _audit_rows(self, name: str) -> Iterator[Source]:
        if name not in CHAINS:
            raise StoreError(f"there is no chain {name!r}; there are {', '.join(sorted(CHAINS))}")
        audience = Audience(name.removeprefix("audit_"))
        last = self._last(name, f"{audience.value}-audit")
        query = {"bool": {"filter": [
            {"term": {"chain": name}}, {"range": {"position": {"lte": last}}}
        ]}}  # fmt: skip
        index = self._names.of(audience, "audit")
        for hit in self._connection.scan(index, query=query, sort=[{"position": "asc"}]):
            yield hit["_source"]

    def _withheld(self) -> Iterator[Source]:
        self._journal.refresh("confidential-audit")
        query = {"term": {"chain": WITHHELD}}
        index = self._names.of(Audience.CONFIDENTIAL, "audit")
        for hit in self._connection.scan(index, query=query, sort=[{"position": "asc"}]):
            yield hit["_source"]

    def _broken_evidence(self) -> list[int]:
        found: list[int] = []
        page: list[ChainLink] = []
        for link in self._evidence():
            page.append(link)
            if len(page) == 1_000:
                found += self._not_kept(page)
                page = []
        return found + self._not_kept(page)

    def _not_kept(self, links: Sequence[ChainLink]) -> list[int]:
        """Positions of the links whose record is neither kept nor lawfully removed.

        A record that others move, between asking where it lies and reading it, is not found once;
        looked for again after the move, it is. There are at most ``MOVES`` of them.
        """
        for _ in range(1 + MOVES):
            links = self._not_found(links)
            if not links:
                return []
            self._journal.sync()  # what was being moved has arrived
        return [link.position for link in links]

    def _not_found(self, links: Sequence[ChainLink]) -> list[ChainLink]:
        subjects = sorted({link.subject for link in links})
        states = self._connection.get_many(map(self._subject, subjects))
        keys: list[Key] = []
        for subject in subjects:
            keys += lying(self._names, subject, states.get(self._subject(subject)))
        vouched: set[tuple[str, str | None]] = set()
        for source in self._connection.get_many(keys, ["id", "body", "versions"]).values():
            bodies = [source["body"]] if "body" in source else source["versions"]
            vouched |= {(source["id"], _digest_or_none(body)) for body in bodies}
        tombstones = self._names.pipeline("tombstones")
        marks = [(tombstones, f"{link.subject}:{link.digest}") for link in links]
        removed = self._connection.get_many(marks)
        return [
            link
            for link, mark in zip(links, marks, strict=True)
            if (link.subject, link.digest) not in vouched and mark not in removed
        ]


def lying(names: Names, subject: str, row: dict[str, Any] | None) -> list[Key]:
    """Keys of all documents that hold a version of a subject."""
    state = subject_of(row)
    keys = [
        (names.pipeline("pending"), f"{subject}:{v.number}") for v in state.versions if v.pending
    ]
    if state.audience is not None and state.kind is not None:
        keys.append((names.of(state.audience, f"{state.kind}s", state.period), subject))
    return keys


def _link(position: int, subject: str, mark: str, hash_: str) -> ChainLink:
    return ChainLink(position=position, subject=subject, digest=mark, hash=hash_)


def _digest_or_none(body: str) -> str | None:
    try:
        return body_digest(body)
    except ValueError:
        return None
