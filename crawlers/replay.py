"""Recorded posts and reports, fed as if they were live.

A line becomes known at its deletion, else its edit, else its posting or reception; all its times
are moved by one shift, so that the recording's end meets the present. What a line is stands in
it: an object with ``received_at`` and no ``posted_at`` is a report.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any, BinaryIO

from core.clock import Clock, ReplayClock
from core.errors import InputError
from core.inputs import parse_object
from core.lines import Line, read_lines
from core.records import Heartbeat
from core.settings import Settings
from store.ingest import BATCH, IngestSummary, ingest_posts, ingest_reports
from store.protocol import Store

log = logging.getLogger(__name__)

TIMES = ("posted_at", "edited_at", "deleted_at", "received_at")
POLL_S = 0.05
BEAT_S = 1.0
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""When lines without a readable time are due: at once."""


@dataclass(frozen=True)
class ReplayPlan:
    """When a recording is played. Simulated time meets the machine's when the last line is due.

    ``anchor``: the machine's time at which the replay begins; ``start``: simulated time then;
    ``end``: time at which the last line is due, simulated and real; ``shift``: what is added to
    the recording's times; ``digest``: of the files' content.
    """

    paths: tuple[str, ...]
    anchor: datetime
    start: datetime
    end: datetime
    shift: timedelta
    speed: float
    digest: str

    def clock(self, base: Clock) -> ReplayClock:
        """The clock of the replay over the machine's clock."""
        return ReplayClock(base, self.anchor, self.start, self.speed)

    def progress(self, now: datetime) -> float:
        """Share of the recording that is due at simulated time ``now``, in [0, 1]."""
        whole = (self.end - self.start).total_seconds()
        if whole <= 0:
            return 1.0 if now >= self.end else 0.0
        return min(1.0, max(0.0, (now - self.start).total_seconds() / whole))

    def to_json(self) -> dict[str, object]:
        """For a note of the store."""
        return {
            "paths": list(self.paths),
            "anchor": self.anchor.isoformat(),
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
            "shift_us": self.shift // timedelta(microseconds=1),
            "speed": self.speed,
            "digest": self.digest,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> ReplayPlan:
        """The inverse of ``to_json``."""
        return cls(
            paths=tuple(value["paths"]),
            anchor=datetime.fromisoformat(value["anchor"]),
            start=datetime.fromisoformat(value["start"]),
            end=datetime.fromisoformat(value["end"]),
            shift=timedelta(microseconds=value["shift_us"]),
            speed=float(value["speed"]),
            digest=value["digest"],
        )


def plan(paths: Sequence[Path], *, speed: float, now: datetime) -> ReplayPlan:
    """Plan a replay that begins ``now`` and runs ``speed`` (at least 1) times as fast as life.

    With D from the first to the last line's time, the last line is due D / speed from now, on
    the simulated and on the real clock. Raises InputError for files without a readable time.
    """
    if speed < 1:
        raise InputError(
            f"a replay at {speed:g} times the speed of life would never reach the present; "
            "choose a speed of at least 1"
        )
    known = [row.known for row in _index(paths) if row.known != EPOCH]
    if not known:
        raise InputError(
            f"{', '.join(str(p) for p in paths)}: no line has a readable time; "
            "a replay needs JSON lines of the input contract"
        )
    first, last = min(known), max(known)
    lasts = last - first
    end = now + lasts / speed
    start = end - lasts
    return ReplayPlan(
        paths=tuple(str(path) for path in paths),
        anchor=now,
        start=start,
        end=end,
        shift=start - first,
        speed=speed,
        digest=content_digest(paths),
    )


def content_digest(paths: Sequence[Path]) -> str:
    """SHA-256 of the files' contents in their order."""
    hasher = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            hasher.update(hashlib.file_digest(file, "sha256").digest())
    return hasher.hexdigest()


def is_report(value: dict[str, Any]) -> bool:
    """Whether an input object is a report."""
    return "received_at" in value and "posted_at" not in value


def known_at(value: dict[str, Any]) -> datetime | None:
    """When an input object became known (UTC); ``None`` when its time cannot be read."""
    names = ("deleted_at", "edited_at", "received_at" if is_report(value) else "posted_at")
    text = next((value[name] for name in names if value.get(name) is not None), None)
    time = _aware(text)
    return None if time is None else time.astimezone(UTC)


def shifted(value: dict[str, Any], shift: timedelta) -> dict[str, Any]:
    """A copy with all its times moved; one that cannot be read stays, for the parser to refuse."""
    moved = dict(value)
    for name in TIMES:
        time = _aware(value.get(name))
        if time is not None:
            try:
                moved[name] = (time + shift).isoformat()
            except OverflowError:
                continue
    return moved


@dataclass(frozen=True)
class _Row:
    """Where a line stands and when it is due (unshifted)."""

    known: datetime
    file: int
    number: int
    offset: int
    report: bool


@dataclass
class ReplaySummary:
    """What a replay has done so far."""

    posts: IngestSummary = field(default_factory=IngestSummary)
    reports: IngestSummary = field(default_factory=IngestSummary)

    @property
    def refused(self) -> int:
        """Lines that were set aside."""
        return self.posts.refused + self.reports.refused


class Replay:
    """Feeds the lines of files into a store when they are due by a clock."""

    def __init__(self, paths: Sequence[Path], *, shift: timedelta, clock: Clock) -> None:
        self._paths = list(paths)
        self._shift = shift
        self._clock = clock
        self.summary = ReplaySummary()

    def run(
        self,
        store: Store,
        key: bytes,
        stop: threading.Event,
        *,
        feeds: Sequence[str],
        settings: Settings,
    ) -> ReplaySummary:
        """Feed until ``stop``; the feeds of reports count as live all the while.

        A restart goes on where the last batch ended. ``key`` makes authors' pseudonyms.
        """
        rows = sorted(_index(self._paths), key=lambda row: (row.known, row.file, row.number))
        due = [row.known for row in rows]
        note = f"replay:{content_digest(self._paths)}"
        done = int(store.note(note) or 0)
        beats = _Beats(store, self._clock, feeds, settings.intake.heartbeat_limit_s)
        with ExitStack() as stack:
            files = [stack.enter_context(path.open("rb")) for path in self._paths]
            while not stop.is_set():
                beats.beat()
                ready = bisect_right(due, self._clock.now() - self._shift)
                if done >= ready:
                    stop.wait(POLL_S)
                    continue
                batch = rows[done : min(ready, done + BATCH)]
                self._feed(store, key, files, batch)
                done += len(batch)
                store.put_note(note, str(done))
                if done == len(rows):
                    log.info(
                        "replay: the last line was fed; %d were set aside", self.summary.refused
                    )
        return self.summary

    def _feed(
        self, store: Store, key: bytes, files: Sequence[BinaryIO], batch: Sequence[_Row]
    ) -> None:
        for (report, index), rows in groupby(batch, key=lambda row: (row.report, row.file)):
            lines = [_read(files[index], row, self._shift) for row in rows]
            where = self._paths[index].name
            if report:
                _add(
                    self.summary.reports,
                    ingest_reports(store, lines, where=where, clock=self._clock, key=key),
                )
            else:
                _add(
                    self.summary.posts,
                    ingest_posts(store, lines, where=where, clock=self._clock, key=key),
                )


class _Beats:
    """Signs of life about every second of real time, and often enough in simulated time."""

    def __init__(self, store: Store, clock: Clock, feeds: Sequence[str], limit_s: float) -> None:
        self._store = store
        self._clock = clock
        self._feeds = feeds
        self._limit_s = limit_s
        self._real_s = float("-inf")
        self._simulated = EPOCH

    def beat(self) -> None:
        """Beat when it is time."""
        now, real_s = self._clock.now(), time.monotonic()
        old = (now - self._simulated).total_seconds() >= self._limit_s / 4
        if real_s - self._real_s < BEAT_S and not old:
            return
        self._real_s, self._simulated = real_s, now
        for feed in self._feeds:
            self._store.beat(Heartbeat(feed=feed, at=now, limit_s=self._limit_s))


def _index(paths: Sequence[Path]) -> Iterator[_Row]:
    for index, path in enumerate(paths):
        try:
            with path.open("rb") as file:
                yield from _rows(index, file)
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror})") from error


def _rows(index: int, file: BinaryIO) -> Iterator[_Row]:
    lines = read_lines(file)
    while True:
        offset = file.tell()  # blank lines may follow; reading from here skips them again
        line = next(lines, None)
        if line is None:
            return
        try:
            value = parse_object(line.data)
        except InputError:
            yield _Row(EPOCH, index, line.number, offset, report=False)
            continue
        yield _Row(known_at(value) or EPOCH, index, line.number, offset, is_report(value))


def _read(file: BinaryIO, row: _Row, shift: timedelta) -> Line:
    file.seek(row.offset)
    line = next(read_lines(file))
    data = line.data
    try:
        moved = shifted(parse_object(data), shift)
    except InputError:
        return Line(row.number, data, line.size_bytes)  # the ingest says what is wrong with it
    data = json.dumps(moved, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return Line(row.number, data, len(data), line.data)


def _aware(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        return None
    return time if time.tzinfo is not None else None


def _add(total: IngestSummary, more: IngestSummary) -> None:
    total.accepted += more.accepted
    total.repeated += more.repeated
    total.refused += more.refused
    total.conflicts += more.conflicts
    total.problems += more.problems
