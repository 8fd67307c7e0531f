"""Removal of one post on lawful demand, and the upkeep that takes its bytes from the disks."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from core.records import Audience, AuditEntry, Event, Post
from store.bodies import body_digest
from store.elasticsearch.base import KEPT
from store.elasticsearch.chains import append_audit, lying
from store.elasticsearch.connection import Key, Source, translated
from store.elasticsearch.documents import event_document, version_document
from store.elasticsearch.registry import Subject, head_of, subject_of
from store.elasticsearch.transaction import Transaction
from store.elasticsearch.withholding import Withholding, members
from store.removed import Removed, without

SEARCHED = tuple(
    f"{audience.value}-{kind}" for audience in KEPT for kind in ("events", "versions", "decisions")
)
NAMING = ("posts", "candidates", "names")


class Removal(Withholding):
    """Taking one post out of everything."""

    def remove_post(self, post_id: str, *, by: str, demand: str, at: datetime) -> Removed | None:
        """Remove a post with all it left behind; ``None`` when there is none of that id.

        What remains: a tombstone of digests for the evidence chain, the id in the registry so that
        it is not taken in again, and an audit entry that says who did it on which demand. Events
        that spoke of it lose it in all their versions; one that had nothing else goes.
        """
        entry = AuditEntry(at=at, by=by, action="remove", subject=post_id, detail=demand)
        aside = self._aside_of(post_id)
        removed = self._journal.write(lambda tx: self._remove(tx, post_id, entry, aside))
        if removed is not None:
            self._journal.forget(post_id)
        return removed

    def maintain(self) -> str:
        """Take what was deleted out of the segments on disk; "ok" when the cluster did."""
        with translated():
            answer = self._client.indices.forcemerge(
                index=f"{self._names.prefix}-*", only_expunge_deletes=True
            )
        failed = int(answer["_shards"]["failed"])
        return "ok" if not failed else f"{failed} shards were not merged"

    # -- inside -----------------------------------------------------------------------------

    def _remove(
        self, tx: Transaction, post_id: str, entry: AuditEntry, aside: list[Key]
    ) -> Removed | None:
        row = self._subject(post_id)
        state = subject_of(tx.get(row))
        if state.kind != "post":
            return None
        self._journal.refresh_known(*SEARCHED)
        posts = self._bury_versions(tx, post_id, state)
        events = self._strike(tx, post_id)
        tx.put(row, Subject(removed=True).to_json())
        for key in aside:
            tx.delete(key, hide=True)
        audience = state.audience or Audience.PENDING
        shown = Audience.OPEN if audience is Audience.PENDING else audience
        append_audit(tx, entry.model_copy(update={"audience": shown}))
        media = sorted({m.digest for post in posts for m in post.media if m.digest is not None})
        return Removed(
            audience,
            len(state.versions),
            tuple(events),
            tuple(digest for digest in media if not self._used(digest, post_id)),
        )

    def _bury_versions(self, tx: Transaction, post_id: str, state: Subject) -> list[Post]:
        """Tombstones for all versions; then they go, with their payloads."""
        tombstones = self._names.pipeline("tombstones")
        posts: list[Post] = []
        for key in lying(self._names, post_id, tx.get(self._subject(post_id))):
            source = tx.get(key)
            if source is None:
                continue
            for body in [source["body"]] if "body" in source else source["versions"]:
                mark = body_digest(body)
                tx.put((tombstones, f"{post_id}:{mark}"), {"id": post_id, "digest": mark})
                posts.append(Post.model_validate_json(body))
            tx.delete(key, hide=True)
        for version in state.versions:
            for audience in KEPT:
                raw = self._names.of(audience, "raw", state.period)
                payload = (raw, f"{post_id}:{version.number}")
                if tx.get(payload) is not None:
                    tx.delete(payload, hide=True)
        return posts

    def _strike(self, tx: Transaction, post_id: str) -> list[str]:
        """Take the post out of every version of every event; ids of those events."""
        query = {"bool": {"should": [{"term": {field: post_id}} for field in NAMING]}}
        struck: set[str] = set()
        for audience in KEPT:
            for kind in ("events", "versions"):
                for key in tx.find(self._names.all_of(audience, kind), query):
                    source = tx.get(key)
                    if source is not None:
                        struck.add(self._strike_version(tx, key, source, kind, post_id))
        for event_id in sorted(struck):
            self._settle(tx, event_id, post_id)
        return sorted(struck)

    def _strike_version(
        self, tx: Transaction, key: Key, source: Source, kind: str, post_id: str
    ) -> str:
        event = without(Event.model_validate_json(source["body"]), post_id)
        head = head_of(tx.get(self._event_key(event.id)))
        if kind == "events" and head is not None:
            document = event_document(
                event,
                position=source["position"],
                suffix=head.period,
                sources=self._sources(tx, event),
            )
        else:
            document = version_document(event, position=source["position"])
        tx.put_hidden(key, document)
        return event.id

    def _settle(self, tx: Transaction, event_id: str, post_id: str) -> None:
        """An event that is left empty goes; what is left of another is judged again."""
        head = head_of(tx.get(self._event_key(event_id)))
        newest = None if head is None else tx.get(self._newest_key(head, event_id))
        if head is None or newest is None:
            return
        event = Event.model_validate_json(newest["body"])
        if event.posts or event.reports:
            self._tell(tx, members(event) - {post_id})
            return
        tx.delete(self._newest_key(head, event_id), hide=True)
        for audience in KEPT:
            for key in self._version_keys(audience, head, event_id):
                if tx.get(key) is not None:
                    tx.delete(key, hide=True)
            index = self._names.of(audience, "decisions")
            for key in tx.find(index, {"term": {"event": event_id}}):
                tx.delete(key, hide=True)
        tx.delete(self._event_key(event_id))

    def _tell(self, tx: Transaction, subjects: Iterable[str]) -> None:
        """Place, time and headline may have been the post's: have the others judged again."""
        for subject in sorted(subjects):
            state = subject_of(tx.get(self._subject(subject)))
            if state.kind is not None and state.audience is not None:
                position = tx.next("changes")
                tx.append(self._names.pipeline("changes"), position, [state.kind, subject])

    def _used(self, digest: str, post_id: str) -> bool:
        """Whether another kept record has a file."""
        found = [
            hit["_id"]
            for audience in KEPT
            for kind in ("posts", "reports")
            for hit in self._connection.search(
                self._names.all_of(audience, kind),
                query={"term": {"media": digest}},
                size=2,
                source=False,
            )
        ]
        pending = self._connection.search(
            self._names.pipeline("pending"), query={"match_all": {}}, size=10_000
        )
        waiting = [hit["_source"]["id"] for hit in pending if digest in hit["_source"]["body"]]
        return bool({*found, *waiting} - {post_id})

    def _aside_of(self, post_id: str) -> list[Key]:
        """What was set aside of the post."""
        self._journal.refresh("pipeline-aside")
        index = self._names.pipeline("aside")
        versions = self._all_versions(post_id)
        names = {post_id, *(f"{post.source}:{post.native_id}" for post in versions)}
        return [
            (index, hit["_id"])
            for hit in self._connection.scan(index, sort=[{"id": "asc"}])
            if any(name in hit["_source"]["body"] for name in names)
        ]

    def _all_versions(self, post_id: str) -> list[Post]:
        """All versions, whoever may see them."""
        row = self._connection.get(*self._subject(post_id))
        found = self._connection.get_many(lying(self._names, post_id, row))
        if subject_of(row).kind != "post":
            return []
        return [
            Post.model_validate_json(body)
            for source in found.values()
            for body in ([source["body"]] if "body" in source else source["versions"])
        ]
