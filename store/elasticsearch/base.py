"""What all parts of the Elasticsearch store share."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from elasticsearch import Elasticsearch

from core.errors import StoreError
from core.ids import digest
from core.records import Audience, SetAside
from core.settings import VECTOR_DIMS, ElasticsearchSettings
from store.elasticsearch import templates
from store.elasticsearch.bulk import Operation, Refused
from store.elasticsearch.connection import Connection, Key, Source, connect
from store.elasticsearch.journal import Journal
from store.elasticsearch.names import Names
from store.elasticsearch.transaction import Transaction, to_json
from store.protocol import Audiences

log = logging.getLogger(__name__)
KEPT = templates.KEPT
"""Audiences of assessed records; what is pending has neither assessment nor event."""
_SAFE = frozenset(
    {"id", "version", "position", "period", "versions", "assessments", "body", "merged", "chain"}
)
"""Fields that every document keeps, whatever else of it was refused: what is read back."""


class Base:
    """Client, names and journal."""

    def __init__(self, settings: ElasticsearchSettings, home: Path) -> None:
        """Connect; the cluster is first asked when something is read or written."""
        self._settings = settings
        self._client: Elasticsearch = connect(settings, home)
        self._names = Names(settings.prefix, settings.period)
        self._connection = Connection(self._client)
        self._indices = templates.Indices(self._client)
        self._prepared = False
        self._journal = Journal(
            self._client,
            self._names,
            ensure=self._indices.ensure,
            missing=self._indices.missing,
            rescue=lambda refused: _rescued(self, refused),
            prepare=self.prepare,
        )

    def close(self) -> None:
        """Release connections."""
        self._client.close()

    @property
    def client(self) -> Elasticsearch:
        """The client, for what is not about records: roles and keys."""
        return self._client

    @property
    def settings(self) -> ElasticsearchSettings:
        """The section of the settings that it was opened with."""
        return self._settings

    def prepare(self) -> None:
        """Bring an empty cluster our templates; raises StoreError when they are of another time."""
        if self._prepared:
            return
        version = self._version()
        if version > templates.VERSION:
            raise StoreError(
                f"the cluster was set up by a newer Oqiga (templates {version}, ours are "
                f"{templates.VERSION}); update this one"
            )
        if 0 < version < templates.VERSION:
            raise StoreError(
                f"the cluster has templates {version}, ours are {templates.VERSION}; run "
                "'oqiga store migrate'"
            )
        if version:
            self._need_dims()
        else:
            self.set_up()
        self._prepared = True

    def _version(self) -> int:
        """Of the templates that the cluster was set up with, 0 when it never was."""
        marker = (self._names.pipeline("small"), "templates")
        kept = self._connection.get_many([marker]).get(marker)
        return 0 if kept is None else int(kept["body"])

    def set_up(self) -> None:
        """Put the templates and note their version; indices are made when first written to."""
        templates.install(self._client, self._names, self._settings)
        marker = (self._names.pipeline("small"), "templates")
        self._indices.ensure({marker[0], self._names.pipeline("journal")})
        self._prepared = True
        mark = small("mark", "templates", templates.VERSION)
        dims = small("mark", "vector_dims", self._settings.vector_dims)

        def note(tx: Transaction) -> None:
            tx.put(marker, mark)
            tx.put(self._dims_key, dims)

        self._journal.write(note)

    @property
    def _dims_key(self) -> Key:
        return self._names.pipeline("small"), "vector_dims"

    def _need_dims(self) -> None:
        """The indices compare vectors of one length; raises StoreError when ours have another.

        A cluster that was set up before this was noted holds those of our own models.
        """
        kept = self._connection.get_many([self._dims_key]).get(self._dims_key)
        held = VECTOR_DIMS if kept is None else int(kept["body"])
        if held != self._settings.vector_dims:
            raise StoreError(
                f"the indices {self._names.prefix}-* hold vectors of {held}, now they would be of "
                f"{self._settings.vector_dims}; set nlp.vector_model or elasticsearch.vector_dims "
                "back to what made them, or take another elasticsearch.prefix for new indices"
            )

    # -- keys -------------------------------------------------------------------------------

    def _subject(self, subject: str) -> Key:
        return self._names.pipeline("registry"), f"subject:{subject}"

    def _event_key(self, event_id: str) -> Key:
        return self._names.pipeline("registry"), f"event:{event_id}"

    def _small(self, kind: str, name: str) -> Key:
        return self._names.pipeline("small"), f"{kind}:{digest(name)}"


def kept(audiences: Audiences) -> list[Audience]:
    """Those of the audiences that have assessed records, in a fixed order."""
    return [audience for audience in KEPT if audience in audiences]


def small(kind: str, name: str, body: object, at_us: int | None = None) -> dict[str, Any]:
    """A small value kept by name."""
    text = body if isinstance(body, str) else json.dumps(body)
    return {"kind": kind, "name": name, "body": text, **({} if at_us is None else {"at_us": at_us})}


def aside_document(item: SetAside) -> Source:
    """What could not be accepted, as a document."""
    return {
        "id": item.id,
        "at": item.at.isoformat(),
        "kind": item.kind,
        "body": item.model_dump_json(exclude={"record"}),
        "record": base64.b64encode(item.record).decode(),
    }


def groups(kind: str, audiences: Iterable[Audience]) -> list[str]:
    """Groups of indices, for refreshing."""
    return [f"{audience.value}-{kind}" for audience in audiences]


def _rescued(base: Base, refused: Refused) -> list[Operation]:
    """What keeps a document that the mapping refuses: without its search fields, and set aside."""
    operation = refused.operation
    audience, kind = base._names.parts(operation.index)
    if operation.source is None or audience == "pipeline" or kind not in templates.SHARED:
        raise StoreError(
            f"{operation.index}: document {operation.id} cannot be kept ({refused.problem}); run "
            "'oqiga store migrate'"
        )
    log.error("%s: document %s is kept without search: %s", kind, operation.id, refused.problem)
    source = {k: v for k, v in json.loads(operation.source).items() if k in _SAFE}
    source["unsearchable"] = refused.problem[:200]
    bare = Operation(operation.index, operation.id, to_json(source), operation.version)
    item = SetAside(
        id=digest("unsearchable", operation.index, operation.id),
        kind=kind,
        where=f"{kind} {operation.id}",
        problem=f"kept, but cannot be searched: {refused.problem}",
        at=datetime.now(UTC),
        size_bytes=len(operation.source),
        record=b"",
    )
    aside = aside_document(item)
    return [bare, Operation(base._names.pipeline("aside"), item.id, to_json(aside))]
