"""Sealing what was kept before sealing was there, while everything goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial

from core.lines import batches
from core.records import Audience, AuditEntry, Post, RawPost, Report
from core.sealing import seal_aside
from core.versions import speaking
from store.bodies import body_digest, readable_body
from store.elasticsearch.base import KEPT, Base, aside_document
from store.elasticsearch.chains import append_audit, vouch
from store.elasticsearch.connection import Key, Source
from store.elasticsearch.documents import known
from store.elasticsearch.inputs import deflated, inflated, record_of, set_aside_of
from store.elasticsearch.registry import subject_of
from store.elasticsearch.transaction import Transaction, addressed
from store.ingest import INPUT
from store.resealing import (
    ACTION,
    Channels,
    Sealed,
    sealed_payload,
    sealed_post,
    sealed_report,
)

BATCH = 100
Step = Callable[[Transaction, Key, Source], Sealed]


class Sealing(Base):
    """What an earlier program kept in the open."""

    def seal_old(self, key: bytes, channels: Channels, *, by: str, at: datetime) -> Sealed:
        """Seal what is not; how much that was. Repeating changes nothing, a kill leaves the rest.

        The evidence chain gets a tombstone for what a record was and a new link for what it is;
        the journal's older entries lose what they held of it. Raises InputError, with the rest
        left as it is, when something was sealed with another key.
        """
        done, names, changed = Sealed(), self._names, set[str]()
        self._journal.refresh("pipeline-pending", "pipeline-aside")
        # In the order in which records move between audiences, so that none slips past.
        pending = partial(_pending, key=key, channels=channels)
        done.add(self._each(names.pipeline("pending"), pending, changed))
        for audience in KEPT:
            self._journal.refresh(f"{audience.value}-posts", f"{audience.value}-reports")
            step = partial(_post, key=key, channels=channels, audience=audience)
            done.add(self._each(names.all_of(audience, "posts"), step, changed))
            reports = names.all_of(audience, "reports")
            done.add(self._each(reports, partial(_report, key=key), changed))
        done.add(self._each(names.pipeline("aside"), partial(_aside, key=key), changed))
        if done:
            entry = AuditEntry(at=at, by=by, action=ACTION, subject="store", detail=str(done))
            self._journal.write(lambda tx: append_audit(tx, entry))
            self._journal.forget_documents(changed)
        return done

    def _each(self, index: str, step: Step, changed: set[str]) -> Sealed:
        total = Sealed()
        for keys in batches(self._keys(index), BATCH):
            done, ids = self._journal.write(partial(_batch, keys=keys, step=step))
            total.add(done)
            changed |= ids
        return total

    def _keys(self, index: str) -> Iterator[Key]:
        sort = [{"id": "asc"}, *([{"version": "asc"}] if "pending" in index else [])]
        for hit in self._connection.scan(index, sort=sort, source_includes=["id"]):
            yield addressed(hit["_index"]), hit["_id"]


def _batch(tx: Transaction, *, keys: list[Key], step: Step) -> tuple[Sealed, set[str]]:
    tx.fetch(keys)
    total, ids = Sealed(), set[str]()
    for key in keys:
        source = tx.get(key)
        done = Sealed() if source is None else step(tx, key, source)
        if done and source is not None:
            total.add(done)
            ids.add(source["id"])
    return total, ids


def _pending(
    tx: Transaction, where: Key, source: Source, *, key: bytes, channels: Channels
) -> Sealed:
    done, changed = Sealed(), dict(source)
    raw = _raw_of(source.get("raw"))
    record = record_of(source)
    if isinstance(record, Report):
        made: Post | Report = sealed_report(record, key)
    else:
        crawled = raw is not None and raw.parser != INPUT
        made = sealed_post(record, key, channels, crawled=crawled)
    if made != record:
        changed["body"] = _vouched(tx, made, source["body"])
        done.add(Sealed(posts=1) if isinstance(record, Post) else Sealed(reports=1))
    payload = None if raw is None else sealed_payload(raw, key)
    if payload is not None and payload != raw:
        changed["raw"] = deflated(payload.model_dump_json())
        done.payloads = 1
    tx.put(where, changed)
    return done


def _post(
    tx: Transaction,
    where: Key,
    source: Source,
    *,
    key: bytes,
    channels: Channels,
    audience: Audience,
) -> Sealed:
    done, made, bodies = Sealed(), list[Post](), list[str]()
    tx.subjects([source["id"]])
    period = subject_of(tx.get((tx.names.pipeline("registry"), f"subject:{source['id']}"))).period
    for body in source["versions"]:
        post = Post.model_validate_json(body)
        lies = (tx.names.of(audience, "raw", period), f"{post.id}:{post.version}")
        kept = tx.get(lies)
        raw = None if kept is None else _raw_of(kept["body"])
        crawled = raw is not None and raw.parser != INPUT
        fresh = sealed_post(post, key, channels, crawled=crawled)
        if fresh != post:
            body = _vouched(tx, fresh, body)
            done.posts += 1
        payload = None if raw is None else sealed_payload(raw, key)
        if kept is not None and payload is not None and payload != raw:
            tx.put(lies, {**kept, "body": deflated(payload.model_dump_json())})
            done.payloads += 1
        made.append(fresh)
        bodies.append(body)
    if done.posts:
        shown = speaking(made)
        links = ("url", "reply_to", "forwarded_from")
        fields = {name: getattr(shown, name) for name in links}
        tx.put(where, known({**source, **fields, "versions": bodies}))
    return done


def _report(tx: Transaction, where: Key, source: Source, *, key: bytes) -> Sealed:
    (body,) = source["versions"]
    report = Report.model_validate_json(body)
    made = sealed_report(report, key)
    if made == report:
        return Sealed()
    tx.put(where, {**source, "versions": [_vouched(tx, made, body)]})
    return Sealed(reports=1)


def _aside(tx: Transaction, where: Key, source: Source, *, key: bytes) -> Sealed:
    item = set_aside_of(source)
    made = seal_aside(item, key)
    if made == item:
        return Sealed()
    tx.put(where, aside_document(made))
    return Sealed(set_aside=1)


def _vouched(tx: Transaction, made: Post | Report, before: str) -> str:
    """The new body, with a tombstone for the one before and a link of its own."""
    body, old = readable_body(made), body_digest(before)
    tombstone = (tx.names.pipeline("tombstones"), f"{made.id}:{old}")
    tx.put(tombstone, {"id": made.id, "digest": old})
    vouch(tx, "evidence", made.id, body_digest(body))
    return body


def _raw_of(text: str | None) -> RawPost | None:
    return None if text is None else RawPost.model_validate_json(inflated(text))
