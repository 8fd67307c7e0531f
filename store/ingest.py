"""JSON lines into the store: the one way in for files, the drop folder and replays."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from core.clock import Clock
from core.errors import InputError
from core.ids import digest
from core.inputs import make_post, make_report, parse_object
from core.lines import Line, batches, refused
from core.records import Outcome, Post, RawPost, Report, SetAside
from core.sealing import seal_extra, seal_payload
from store.protocol import Store

log = logging.getLogger(__name__)
BATCH = 256
INPUT = "input/1"
"""Parser of a payload that is a line of the input contract."""
T = TypeVar("T")

CONFLICT = (
    "this id is known with other content and neither edited_at nor deleted_at says why; "
    "send it with a later edited_at, or under an id of its own"
)


@dataclass
class IngestSummary:
    """What became of the lines. ``problems``: (line number, text) of each refused one.

    ``conflicts``: those of the refused that were readable, but whose id is known otherwise.
    """

    accepted: int = 0
    repeated: int = 0
    refused: int = 0
    conflicts: int = 0
    problems: list[tuple[int, str]] = field(default_factory=list)

    @property
    def read(self) -> int:
        """Lines that were readable records."""
        return self.accepted + self.repeated + self.conflicts


def ingest_posts(
    store: Store,
    lines: Iterable[Line],
    *,
    where: str,
    clock: Clock,
    key: bytes,
    source: str | None = None,
) -> IngestSummary:
    """Posts into the store, each with its line, byte for byte, as the payload.

    ``where`` names the file in messages. ``key`` makes pseudonyms, and seals unknown fields,
    payloads and what is set aside.
    """

    def make(value: dict[str, Any]) -> Post:
        return seal_extra(make_post(value, now=clock.now(), key=key, source=source), key)

    def accept(found: Sequence[tuple[Line, Post]]) -> list[Outcome]:
        return store.accept_posts([(post, _payload(post, line, key)) for line, post in found])

    return _ingest(
        store, lines, kind="post", where=where, clock=clock, key=key, make=make, accept=accept
    )


def ingest_reports(
    store: Store, lines: Iterable[Line], *, where: str, clock: Clock, key: bytes
) -> IngestSummary:
    """Reports into the store; their unknown fields are sealed with ``key``."""

    def make(value: dict[str, Any]) -> Report:
        return seal_extra(make_report(value, now=clock.now()), key)

    return _ingest(
        store,
        lines,
        kind="report",
        where=where,
        clock=clock,
        key=key,
        make=make,
        accept=lambda found: store.accept_reports([report for _, report in found]),
    )


def _ingest(
    store: Store,
    lines: Iterable[Line],
    *,
    kind: str,
    where: str,
    clock: Clock,
    key: bytes,
    make: Callable[[dict[str, Any]], T],
    accept: Callable[[Sequence[tuple[Line, T]]], list[Outcome]],
) -> IngestSummary:
    summary = IngestSummary()
    for batch in batches(lines, BATCH):
        good: list[tuple[Line, T]] = []
        bad: list[tuple[Line, str]] = []
        for line in batch:
            try:
                good.append((line, make(parse_object(line.data))))
            except InputError as error:
                bad.append((line, str(error)))
        for (line, _), outcome in zip(good, accept(good), strict=True):
            if outcome is Outcome.ACCEPTED:
                summary.accepted += 1
            elif outcome is Outcome.REPEATED:
                summary.repeated += 1
            else:
                summary.conflicts += 1
                bad.append((line, CONFLICT))
        bad.sort(key=lambda item: item[0].number)
        store.set_aside([_aside(kind, where, line, problem, clock, key) for line, problem in bad])
        summary.refused += len(bad)
        summary.problems += [(line.number, problem) for line, problem in bad]
    if summary.refused:
        log.warning("%d %s records were set aside", summary.refused, kind)
    return summary


def _payload(post: Post, line: Line, key: bytes) -> RawPost:
    made = RawPost(
        id=digest("raw", post.id, post.content),
        source=post.source,
        native_id=post.native_id,
        url=None,
        fetched_at=post.accepted_at,
        media_type="application/json",
        payload=line.origin,
        parser=INPUT,
    )
    return seal_payload(made, key)


def _aside(kind: str, where: str, line: Line, problem: str, clock: Clock, key: bytes) -> SetAside:
    return refused(
        kind=kind,
        where=f"{where}:{line.number}",
        problem=problem,
        record=line.origin,
        size_bytes=line.size_bytes,
        at=clock.now(),
        key=key,
    )
