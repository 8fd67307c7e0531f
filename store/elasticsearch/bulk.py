"""Bulk writing: bounded memory, back-pressure, only what was refused is sent again."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, cast

from elasticsearch import ApiError, Elasticsearch, TransportError

from core.errors import StoreAwayError
from store.elasticsearch.connection import FULL, translated
from store.elasticsearch.names import document_id

CHUNK_BYTES = 4_000_000
CHUNK_ITEMS = 2_000
REST_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0)
"""Rests between attempts; the last is used from then on."""
AGAIN = frozenset({429, 502, 503, 504})


@dataclass(frozen=True)
class Operation:
    """One write. ``source``: the document as JSON, ``None`` to delete it.

    ``version``: an external version; a write with a lower one than is kept changes nothing.
    """

    index: str
    id: str
    source: str | None
    version: int | None = None

    def lines(self) -> list[bytes]:
        """As lines of a bulk request."""
        meta: dict[str, object] = {"_index": self.index, "_id": document_id(self.id)}
        if self.version is not None:
            meta |= {"version": self.version, "version_type": "external_gte"}
        name = "delete" if self.source is None else "index"
        head = json.dumps({name: meta}, ensure_ascii=False).encode()
        return [head] if self.source is None else [head, self.source.encode()]


@dataclass(frozen=True)
class Refused:
    """A write that can never succeed, and why."""

    operation: Operation
    problem: str


@dataclass
class _Chunk:
    operations: list[Operation] = field(default_factory=list)
    lines: list[bytes] = field(default_factory=list)
    size_bytes: int = 0

    def add(self, operation: Operation) -> None:
        lines = operation.lines()
        self.operations.append(operation)
        self.lines += lines
        self.size_bytes += sum(map(len, lines))

    @property
    def full(self) -> bool:
        return self.size_bytes >= CHUNK_BYTES or len(self.operations) >= CHUNK_ITEMS


def write_bulk(
    client: Elasticsearch,
    operations: Iterable[Operation],
    *,
    patience_s: float = 60.0,
    threads: int = 1,
    refresh: bool = False,
    by_alias: bool = True,
) -> list[Refused]:
    """Write all; returns what can never be accepted.

    At most ``threads`` + 1 chunks of about 4 MB are in memory. Where the cluster refuses an item
    because it is busy, that item alone is sent again after a rest. ``by_alias``: refuse what would
    make an index of its own. Raises StoreAwayError when the cluster took nothing for
    ``patience_s`` seconds.
    """
    how = {"refresh": "true" if refresh else "false", "require_alias": by_alias}
    chunks = _chunks(operations)
    if threads <= 1:
        return [r for chunk in chunks for r in _send(client, chunk, patience_s, how)]
    refused: list[Refused] = []
    with ThreadPoolExecutor(threads) as pool:
        running: list[Future[list[Refused]]] = []
        for chunk in chunks:
            if len(running) == threads:  # back-pressure: the source waits for the cluster
                refused += running.pop(0).result()
            running.append(pool.submit(_send, client, chunk, patience_s, how))
        for future in running:
            refused += future.result()
    return refused


def _chunks(operations: Iterable[Operation]) -> Iterator[_Chunk]:
    chunk = _Chunk()
    for operation in operations:
        chunk.add(operation)
        if chunk.full:
            yield chunk
            chunk = _Chunk()
    if chunk.operations:
        yield chunk


def _send(
    client: Elasticsearch, chunk: _Chunk, patience_s: float, how: dict[str, Any]
) -> list[Refused]:
    refused: list[Refused] = []
    until = time.monotonic() + patience_s
    attempt = 0
    while True:
        left, permanent, problem = _once(client, chunk, how)
        refused += permanent
        if not left:
            return refused
        if len(left) < len(chunk.operations):  # the cluster takes something: be patient anew
            until = time.monotonic() + patience_s
            attempt = 0
        if time.monotonic() > until:
            raise StoreAwayError(f"Elasticsearch took no write for {patience_s:.0f} s: {problem}")
        rest_s = REST_S[min(attempt, len(REST_S) - 1)]
        time.sleep(rest_s * random.uniform(0.5, 1.0))  # noqa: S311 - spreads the load
        attempt += 1
        chunk = _Chunk()
        for operation in left:
            chunk.add(operation)


def _once(
    client: Elasticsearch, chunk: _Chunk, how: dict[str, Any]
) -> tuple[list[Operation], list[Refused], str]:
    """One request: what has to be sent again, what never can be, and a problem to name."""
    try:
        with translated():
            answer = client.bulk(
                operations=cast("Sequence[Mapping[str, Any]]", chunk.lines),
                **how,
                filter_path="errors,items.*.status,items.*.error",
            )
    except StoreAwayError as error:
        if isinstance(error.__cause__, (ApiError, TransportError)):
            return chunk.operations, [], str(error)
        raise
    if not answer["errors"]:
        return [], [], ""
    again: list[Operation] = []
    refused: list[Refused] = []
    problem = ""
    for operation, item in zip(chunk.operations, answer["items"], strict=True):
        (result,) = item.values()
        status = result["status"]
        if status < 300 or status == 409 or (status == 404 and operation.source is None):
            continue
        reason = result.get("error", {})
        if status in AGAIN or _blocked(reason):
            again.append(operation)
            problem = FULL if "disk" in str(reason) else str(reason.get("reason", status))
        else:
            refused.append(Refused(operation, _reason(reason)))
    return again, refused, problem


def _blocked(reason: dict[str, object]) -> bool:
    return reason.get("type") == "cluster_block_exception"


def _reason(error: dict[str, object]) -> str:
    """The kind and place of the mistake, without the document's text."""
    cause = error.get("caused_by")
    kinds = [str(error.get("type"))]
    if isinstance(cause, dict):
        kinds.append(str(cause.get("type")))
    return ", ".join(kinds)
