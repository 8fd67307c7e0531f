"""Removing what may be kept no longer: whole indices where possible, what is no incident first.

Digests stay: for each version that goes, a tombstone tells the evidence chain that it was lawful.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from core.records import Audience
from store.bodies import body_digest
from store.elasticsearch.base import KEPT, Base, groups
from store.elasticsearch.connection import Key, translated
from store.elasticsearch.registry import subject_of
from store.elasticsearch.transaction import Transaction, addressed

log = logging.getLogger(__name__)
BATCH = 500
AGES = {
    "posts": "posted_at",
    "reports": "received_at",
    "events": "last_at",
    "raw": "accepted_at",
}
"""The time by which the age of each kind is told."""
NO_INCIDENT = 0.1
"""Below this a post is no incident for sure; see ``correlator.blocking.INCIDENT_FLOOR``."""


@dataclass
class Removed:
    """What retention removed: indices by name, documents by kind."""

    indices: list[str]
    documents: dict[str, int]


class Retention(Base):
    """Limits by kind of record; see ``ElasticsearchSettings``."""

    def retain(self, now: datetime) -> Removed:
        """Remove what is over its limit. Repeating changes nothing; a kill leaves the rest."""
        removed = Removed([], {})
        limits = {
            "posts": self._settings.keep_posts_days,
            "reports": self._settings.keep_reports_days,
            "events": self._settings.keep_events_days,
            "versions": self._settings.keep_events_days,
            "raw": self._settings.keep_raw_days,
        }
        for kind, days in limits.items():
            if days is None:
                continue
            for audience in KEPT:
                for alias in self._over(audience, kind, now - timedelta(days=days)):
                    removed.documents[kind] = removed.documents.get(kind, 0) + self._drop(
                        alias, kind
                    )
                    removed.indices.append(alias)
        if self._settings.keep_no_incident_days is not None:
            before = now - timedelta(days=self._settings.keep_no_incident_days)
            removed.documents["no_incident"] = self._drop_no_incidents(before)
        return removed

    def oldest(self) -> dict[str, datetime]:
        """Time of the oldest record of each kind that there is."""
        found: dict[str, datetime] = {}
        for kind, field in AGES.items():
            self._journal.refresh(*groups(kind, KEPT))
            hits = self._connection.search(
                ",".join(self._names.all_of(audience, kind) for audience in KEPT),
                query={"exists": {"field": field}},
                size=1,
                sort=[{field: {"order": "asc", "unmapped_type": "date_nanos"}}],
                source_includes=[field],
            )
            for hit in hits:
                found[kind] = datetime.fromisoformat(hit["_source"][field])
        return found

    # -- inside -----------------------------------------------------------------------------

    def _over(self, audience: Audience, kind: str, before: datetime) -> list[str]:
        """Aliases of indices whose whole period lies before that time."""
        with translated():
            found = self._client.indices.get_alias(
                index=f"{self._names.of(audience, kind)}-*", allow_no_indices=True
            )
        limit = self._names.suffix(before)
        aliases = {addressed(index) for index in found}
        start = f"{self._names.of(audience, kind)}-"
        return sorted(a for a in aliases if a.removeprefix(start) < limit)

    def _drop(self, alias: str, kind: str) -> int:
        """Remove an index; before it what else tells of its documents."""
        count = self._connection.count(alias)
        if kind in ("posts", "reports"):
            for page in self._pages(alias, {"match_all": {}}):
                self._journal.write(partial(self._bury, page=page, rows=True))
        elif kind == "events":
            for page in self._pages(alias, {"match_all": {}}):
                self._journal.write(partial(self._forget_events, page=page))
        with translated():
            indices = self._client.indices.get_alias(name=alias)
            self._client.indices.delete(index=",".join(indices))
        self._indices.forget()
        log.info("retention: index %s removed with %d documents", alias, count)
        return count

    def _drop_no_incidents(self, before: datetime) -> int:
        """Posts that are no incident and that no event with a report or decision speaks of."""
        count = 0
        query: dict[str, Any] = {
            "bool": {
                "filter": [
                    {"range": {"accepted_at": {"lt": before.isoformat()}}},
                    {"range": {"incident": {"lt": NO_INCIDENT}}},
                ]
            }
        }
        self._journal.refresh("open-posts")
        for page in self._pages(self._names.all_of(Audience.OPEN, "posts"), query):
            count += self._journal.write(partial(self._bury, page=page, rows=False))
        return count

    def _pages(self, index: str, query: dict[str, Any]) -> Iterator[list[Key]]:
        """Keys of the documents, some hundreds at a time."""
        page: list[Key] = []
        hits = self._connection.scan(
            index, query=query, sort=[{"id": "asc"}], source_includes=["id"]
        )
        for hit in hits:
            page.append((addressed(hit["_index"]), hit["_source"]["id"]))
            if len(page) == BATCH:
                yield page
                page = []
        if page:
            yield page

    def _bury(self, tx: Transaction, page: list[Key], *, rows: bool) -> int:
        """Tombstones for all versions, then the documents; ``rows``: of the registry, too.

        Where the registry's row stays, a late repeat of the same post is known as one.
        """
        tx.fetch(page)
        keys = tx.subjects(name for _, name in page)
        count = 0
        for key, row in zip(page, keys, strict=True):
            source = tx.get(key)
            state = subject_of(tx.get(row))
            if source is None or (not rows and any(v.pending for v in state.versions)):
                continue
            for body in source["versions"]:
                mark = body_digest(body)
                name = f"{key[1]}:{mark}"
                tx.put((tx.names.pipeline("tombstones"), name), {"id": key[1], "digest": mark})
            tx.delete(key)
            if rows:
                tx.delete(row)
            for version in state.versions:
                if state.audience is not None:
                    raw = tx.names.of(state.audience, "raw", state.period)
                    payload = (raw, f"{key[1]}:{version.number}")
                    if tx.get(payload) is not None:
                        tx.delete(payload)
            count += 1
        return count

    def _forget_events(self, tx: Transaction, page: list[Key]) -> None:
        tx.fetch(page)
        for _, event_id in page:
            tx.delete(self._event_key(event_id))
