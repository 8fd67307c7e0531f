"""Accepting posts and reports, and keeping what could not be accepted."""

from __future__ import annotations

import base64
import json
import logging
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any
from zlib import crc32

from core.errors import StoreAwayError
from core.ids import digest
from core.inputs import MAX_KEPT
from core.records import Outcome, Post, RawPost, Report, SetAside
from core.settings import ElasticsearchSettings
from core.versions import judge
from store.bodies import body_digest, readable_body
from store.elasticsearch.base import Base, aside_document
from store.elasticsearch.chains import vouch
from store.elasticsearch.connection import Key, Source
from store.elasticsearch.delivery import Delivery
from store.elasticsearch.documents import known
from store.elasticsearch.registry import Subject, Version, subject_of
from store.elasticsearch.transaction import Transaction
from store.ingest import CONFLICT
from store.outbox import Outbox, Waiting

log = logging.getLogger(__name__)
OUTBOX = Path("outbox.db")
AWAY_S = 5.0
"""After the cluster was found to be away, records go to the outbox this long without asking."""
LANES = 64
"""Shares of what waits for assessment; a process takes those that fall to it."""
LEFT_LYING_S = 15
"""What has waited this long is taken by any process: the one it fell to is slow or gone."""
MOST = 10_000
ORDER_STEP = 1_000_000
"""More records than one call brings: the order of waiting is position, then place in the call."""


class Made:
    """Bodies that were made for an attempt: the next one, when another writer was first, has them.

    Making them is most of the work; without this a large call would lose to small ones for ever.
    """

    def __init__(self) -> None:
        self._bodies: dict[tuple[int, int], tuple[str, str]] = {}

    def body(self, number: int, record: Post | Report) -> tuple[str, str]:
        """Body and digest of the record at a place of the call; raises InputError."""
        key = (number, record.version if isinstance(record, Post) else 1)
        if key not in self._bodies:
            body = readable_body(record)
            self._bodies[key] = (body, body_digest(body))
        return self._bodies[key]


class Inputs(Base):
    """What comes in."""

    def __init__(self, settings: ElasticsearchSettings, home: Path) -> None:
        """Connect; what an earlier process left in the outbox is delivered from now on."""
        super().__init__(settings, home)
        self._outbox = Outbox(home / OUTBOX, settings.outbox_bytes)
        self._delivery = Delivery(self._outbox, self._deliver)
        self._away_until = 0.0
        if len(self._outbox):
            self._delivery.wake()

    def close(self) -> None:
        """Release connections; the outbox waits for the next process."""
        self._delivery.close()
        super().close()

    def waiting(self) -> int:
        """How many accepted records wait on this machine's disk for the cluster."""
        return len(self._outbox)

    def accept_posts(self, items: Sequence[tuple[Post, RawPost | None]]) -> list[Outcome]:
        """See Protocol. Raises InputError for a record that could not be read back.

        While the cluster is away posts are kept in the outbox and count as accepted; what turns
        out to be a conflict later is set aside.
        """
        if not items:
            return []

        def wait() -> None:
            self._outbox.put(
                [
                    ("post", readable_body(post), None if raw is None else raw.model_dump_json())
                    for post, raw in items
                ]
            )

        return self._or_wait(lambda: self._accept_posts(items), wait, len(items))

    def accept_reports(self, reports: Sequence[Report]) -> list[Outcome]:
        """See Protocol. As ``accept_posts`` when the cluster is away."""
        if not reports:
            return []
        return self._or_wait(
            lambda: self._accept_reports(reports),
            lambda: self._outbox.put(
                [("report", readable_body(report), None) for report in reports]
            ),
            len(reports),
        )

    def set_aside(self, items: Sequence[SetAside]) -> None:
        """See Protocol."""
        if not items:
            return
        index = self._names.pipeline("aside")

        def build(tx: Transaction) -> None:
            tx.fetch((index, item.id) for item in items)
            for item in items:
                if tx.get((index, item.id)) is None:
                    tx.put((index, item.id), aside_document(item))

        self._journal.write(build)

    def set_aside_items(self, limit: int = 100) -> list[SetAside]:
        """See Protocol."""
        self._journal.refresh("pipeline-aside")
        hits = self._connection.search(
            self._names.pipeline("aside"),
            size=limit,
            sort=[{"at": "desc"}, {"id": "asc"}],
        )
        return [set_aside_of(hit["_source"]) for hit in hits]

    def unassessed(self, limit: int) -> list[Post | Report]:
        """See Protocol. With several parts: our own share first, then what others leave lying."""
        self._journal.refresh("pipeline-pending")
        parts, part = self._settings.assess_parts, self._settings.assess_part
        if parts == 1:
            return self._pending({"match_all": {}}, limit)
        mine = [lane for lane in range(LANES) if lane % parts == part % parts]
        found = self._pending({"terms": {"lane": mine}}, limit)
        if len(found) < limit:
            others = {
                "bool": {
                    "must_not": [{"terms": {"lane": mine}}],
                    "filter": [{"range": {"waiting_since": {"lt": f"now-{LEFT_LYING_S}s"}}}],
                }
            }
            found += self._pending(others, limit - len(found))
        return found

    # -- inside -----------------------------------------------------------------------------

    def _pending(self, query: dict[str, Any], limit: int) -> list[Post | Report]:
        asked: dict[str, Any] = {
            "query": query,
            "sort": [{"accepted_at": "asc"}, {"order": "asc"}],
            "source_includes": ["kind", "body"],
        }
        index = self._names.pipeline("pending")
        if limit <= MOST:
            hits = iter(self._connection.search(index, size=limit, **asked))
        else:
            hits = self._connection.scan(index, **asked)
        return [record_of(hit["_source"]) for hit in islice(hits, limit)]

    def _or_wait(
        self, accept: Callable[[], list[Outcome]], wait: Callable[[], None], count: int
    ) -> list[Outcome]:
        """Into the cluster; when it is away into the outbox, durably."""
        if time.monotonic() >= self._away_until:
            try:
                return accept()
            except StoreAwayError as error:
                log.warning("accepting into the outbox: %s", error)
                self._away_until = time.monotonic() + AWAY_S
        wait()
        self._delivery.wake()
        return [Outcome.ACCEPTED] * count

    def _deliver(self, batch: list[Waiting]) -> None:
        """What waited into the cluster; conflicts are set aside. Raises StoreError."""
        posts = [item for item in batch if item.kind == "post"]
        reports = [item for item in batch if item.kind == "report"]
        outcomes: list[tuple[Waiting, Outcome]] = []
        if posts:
            items = [(Post.model_validate_json(w.body), _raw_of(w)) for w in posts]
            outcomes += zip(posts, self._accept_posts(items), strict=True)
        if reports:
            records = [Report.model_validate_json(w.body) for w in reports]
            outcomes += zip(reports, self._accept_reports(records), strict=True)
        self.set_aside([_conflict(w) for w, outcome in outcomes if outcome is Outcome.CONFLICT])

    def _accept_posts(self, items: Sequence[tuple[Post, RawPost | None]]) -> list[Outcome]:
        made = Made()

        def build(tx: Transaction) -> list[Outcome]:
            self._prefetch_pending(tx, [post.id for post, _ in items])
            return [
                self._accept_post(tx, made, number, post, raw)
                for number, (post, raw) in enumerate(items)
            ]

        return self._journal.write(build)

    def _accept_reports(self, reports: Sequence[Report]) -> list[Outcome]:
        made = Made()

        def build(tx: Transaction) -> list[Outcome]:
            self._prefetch_pending(tx, [report.id for report in reports])
            return [self._accept_report(tx, made, n, report) for n, report in enumerate(reports)]

        return self._journal.write(build)

    def _prefetch_pending(self, tx: Transaction, subjects: Sequence[str]) -> None:
        """Read what accepting will look at, with two requests whatever their number."""
        states = [subject_of(tx.get(key)) for key in tx.subjects(subjects)]
        tx.fetch(
            pending_key(self, subject, state.next_version)
            for subject, state in zip(subjects, states, strict=True)
        )

    def _accept_post(
        self, tx: Transaction, made: Made, number: int, post: Post, raw: RawPost | None
    ) -> Outcome:
        key = self._subject(post.id)
        state = subject_of(tx.get(key))
        if state.removed:
            return Outcome.REPEATED
        if state.kind == "report":
            return Outcome.CONFLICT
        outcome = judge(state.versions, post)
        if outcome is not Outcome.ACCEPTED:
            return outcome
        version = state.next_version
        post = post.model_copy(update={"version": version})
        new = Version(version, post.content, post.edited_at, post.deleted_at)
        changed = replace(
            state,
            kind="post",
            period=state.period or self._names.suffix(post.accepted_at),
            source=post.source,
            versions=(*state.versions, new),
        )
        self._keep(tx, made, changed, post, number, raw)
        return outcome

    def _accept_report(self, tx: Transaction, made: Made, number: int, report: Report) -> Outcome:
        key = self._subject(report.id)
        state = subject_of(tx.get(key))
        if state.kind == "post":
            return Outcome.CONFLICT
        if state.versions:
            same = state.versions[0].content == report.content
            return Outcome.REPEATED if same else Outcome.CONFLICT
        changed = replace(
            state,
            kind="report",
            period=self._names.suffix(report.accepted_at),
            versions=(Version(1, report.content),),
        )
        self._keep(tx, made, changed, report, number, None)
        return Outcome.ACCEPTED

    def _keep(
        self,
        tx: Transaction,
        made: Made,
        state: Subject,
        record: Post | Report,
        number: int,
        raw: RawPost | None,
    ) -> None:
        version = state.versions[-1].number
        body, mark = made.body(number, record)
        tx.put(self._subject(record.id), state.to_json())
        tx.put(
            pending_key(self, record.id, version),
            known(
                {
                    "id": record.id,
                    "kind": state.kind,
                    "version": version,
                    "accepted_at": record.accepted_at.isoformat(),
                    "order": tx.position * ORDER_STEP + number,
                    "lane": crc32(record.id.encode()) % LANES,
                    "waiting_since": datetime.now(UTC).isoformat(),
                    "body": body,
                    "raw": None if raw is None else deflated(raw.model_dump_json()),
                }
            ),
        )
        vouch(tx, "evidence", record.id, mark)


def pending_key(base: Base, subject: str, version: int) -> Key:
    """Where a version lies until it is assessed."""
    return base._names.pipeline("pending"), f"{subject}:{version}"


def record_of(source: Source) -> Post | Report:
    """A pending record."""
    kind: type[Post] | type[Report] = Post if source["kind"] == "post" else Report
    return kind.model_validate_json(source["body"])


def _raw_of(waiting: Waiting) -> RawPost | None:
    return None if waiting.raw is None else RawPost.model_validate_json(waiting.raw)


def _conflict(waiting: Waiting) -> SetAside:
    data = waiting.body.encode()  # as the store keeps a record: what names a person is sealed
    return SetAside(
        id=digest(waiting.kind, "outbox", waiting.body),
        kind=waiting.kind,
        where="outbox",
        problem=CONFLICT,
        at=datetime.now(UTC),
        size_bytes=len(data),
        record=data[:MAX_KEPT],
    )


def deflated(text: str) -> str:
    """Text as it is kept where nobody searches it."""
    return base64.b64encode(zlib.compress(text.encode())).decode()


def set_aside_of(source: Source) -> SetAside:
    """What was set aside, from its document."""
    fields: dict[str, Any] = json.loads(source["body"])
    return SetAside(**fields, record=base64.b64decode(source["record"]))


def inflated(text: str) -> bytes:
    """The JSON of what was ``deflated``."""
    return zlib.decompress(base64.b64decode(text))
