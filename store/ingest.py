"""JSON lines into the store: the one way in for files, the drop folder and replays."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from core.clock import Clock
from core.errors import InputError
from core.inputs import make_post, make_report, parse_object
from core.lines import Line, batches, refused
from core.records import Outcome, Post, Report, SetAside
from store.protocol import Store

log = logging.getLogger(__name__)
BATCH = 256
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
    """Posts into the store. ``where`` names the file in messages; ``key`` makes pseudonyms."""

    def make(value: dict[str, Any]) -> Post:
        return make_post(value, now=clock.now(), key=key, source=source)

    def accept(posts: Sequence[Post]) -> list[Outcome]:
        return store.accept_posts([(post, None) for post in posts])

    return _ingest(store, lines, kind="post", where=where, clock=clock, make=make, accept=accept)


def ingest_reports(
    store: Store, lines: Iterable[Line], *, where: str, clock: Clock
) -> IngestSummary:
    """Reports into the store."""

    def make(value: dict[str, Any]) -> Report:
        return make_report(value, now=clock.now())

    return _ingest(
        store,
        lines,
        kind="report",
        where=where,
        clock=clock,
        make=make,
        accept=store.accept_reports,
    )


def _ingest(
    store: Store,
    lines: Iterable[Line],
    *,
    kind: str,
    where: str,
    clock: Clock,
    make: Callable[[dict[str, Any]], T],
    accept: Callable[[Sequence[T]], list[Outcome]],
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
        for (line, _), outcome in zip(good, accept([record for _, record in good]), strict=True):
            if outcome is Outcome.ACCEPTED:
                summary.accepted += 1
            elif outcome is Outcome.REPEATED:
                summary.repeated += 1
            else:
                summary.conflicts += 1
                bad.append((line, CONFLICT))
        bad.sort(key=lambda item: item[0].number)
        store.set_aside([_aside(kind, where, line, problem, clock) for line, problem in bad])
        summary.refused += len(bad)
        summary.problems += [(line.number, problem) for line, problem in bad]
    if summary.refused:
        log.warning("%d %s records were set aside", summary.refused, kind)
    return summary


def _aside(kind: str, where: str, line: Line, problem: str, clock: Clock) -> SetAside:
    return refused(
        kind=kind,
        where=f"{where}:{line.number}",
        problem=problem,
        record=line.data,
        size_bytes=line.size_bytes,
        at=clock.now(),
    )
