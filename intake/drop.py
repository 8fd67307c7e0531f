"""The drop folder: reports as files of JSON lines, for systems that can copy but not call.

A file is picked up when it is complete, read into the store, and moved to ``done/``, or to
``failed/`` when nothing in it could be read; problems stand beside it in ``NAME.problems.txt``.
A crash at any moment only means that a file is read again, which changes nothing.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from core.clock import Clock
from core.errors import OqigaError
from core.lines import read_lines
from core.records import Heartbeat
from core.settings import Settings
from intake.feeds import feed_of_file
from store.ingest import IngestSummary, ingest_reports
from store.keyring import key_of
from store.protocol import Store

log = logging.getLogger(__name__)

SUFFIXES = (".ndjson", ".jsonl")
DONE, FAILED = "done", "failed"
SETTLED_S = 1.0
MAX_PROBLEMS = 1000
"""Lines of a problems file: a person mends the export, not a million lines."""


@dataclass(frozen=True)
class _Sight:
    """A file as it was seen: its size, its time of change, and when (monotonic seconds)."""

    size_bytes: int
    mtime_ns: int
    at_s: float


class DropFolder:
    """Reads the files of one folder. One reader a folder is enough; two do no harm."""

    def __init__(self, store: Store, settings: Settings, clock: Clock) -> None:
        self._store = store
        self._settings = settings.intake
        self._clock = clock
        self._key = key_of(store, settings)
        self.folder = settings.under_home(settings.intake.drop_folder)
        self._seen: dict[Path, _Sight] = {}
        self._failing: set[Path] = set()

    def watch(self, stop: threading.Event) -> None:
        """Scan again and again until told to stop."""
        while not stop.is_set():
            self.scan_once()
            stop.wait(self._settings.drop_interval_s)

    def scan_once(self) -> list[tuple[Path, IngestSummary]]:
        """Read every complete file; what was read, oldest file first.

        A file is complete when it has not changed for a second.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        results = []
        sights = self._sights()
        for path in sorted(sights, key=lambda p: (sights[p].mtime_ns, p.name)):
            if not self._settled(path, sights[path]):
                continue
            try:
                summary = self._read(path, sights[path].size_bytes)
            except (OSError, OqigaError) as error:
                self._report(path, error)
                continue
            self._failing.discard(path)
            if summary is not None:
                results.append((path, summary))
        self._seen = {path: s for path, s in self._seen.items() if path in sights}
        self._failing &= set(sights)
        return results

    def _sights(self) -> dict[Path, _Sight]:
        found = {}
        for path in self.folder.iterdir():
            if path.name.startswith(".") or path.suffix.lower() not in SUFFIXES:
                continue
            try:
                state = path.lstat()
            except FileNotFoundError:  # its writer has renamed it meanwhile
                continue
            if path.is_file() and not path.is_symlink():
                found[path] = _Sight(state.st_size, state.st_mtime_ns, time.monotonic())
        return found

    def _settled(self, path: Path, now: _Sight) -> bool:
        if time.time() - now.mtime_ns / 1e9 >= SETTLED_S:
            return True
        before = self._seen.get(path)
        if before and (before.size_bytes, before.mtime_ns) == (now.size_bytes, now.mtime_ns):
            # its clock runs ahead of ours (a network share): our own watch decides
            return now.at_s - before.at_s >= SETTLED_S
        self._seen[path] = now
        return False

    def _read(self, path: Path, size_bytes: int) -> IngestSummary | None:
        with path.open("rb") as file:
            summary = ingest_reports(
                self._store,
                read_lines(file),
                where=f"drop/{path.name}",
                clock=self._clock,
                key=self._key,
            )
            grown = os.fstat(file.fileno()).st_size != size_bytes
        if grown:
            return None  # its writer was not done: leave it, read it again when it has settled
        if summary.read or not summary.refused:
            self._beat(path.name)
        if not summary.read and not summary.refused:
            path.unlink(missing_ok=True)  # an empty file is a heartbeat and nothing else
            return summary
        failed = not summary.read
        target = self._free(path, FAILED if failed else DONE)
        if summary.problems:
            _write_problems(target, summary)
        path.replace(target)
        log.info(
            "dropped file: %d accepted, %d repeated, %d refused",
            summary.accepted,
            summary.repeated,
            summary.refused,
        )
        return summary

    def _free(self, path: Path, folder: str) -> Path:
        """A name in ``done/`` or ``failed/`` that no earlier file has."""
        place = self.folder / folder
        place.mkdir(mode=0o700, exist_ok=True)
        target = place / path.name
        number = 1
        while target.exists():
            number += 1
            target = place / f"{path.stem}.{number}{path.suffix}"
        return target

    def _beat(self, name: str) -> None:
        feed = feed_of_file(name, self._settings.feeds)
        if feed is not None:
            limit_s = self._settings.heartbeat_limit_s
            self._store.beat(Heartbeat(feed=feed, at=self._clock.now(), limit_s=limit_s))

    def _report(self, path: Path, error: Exception) -> None:
        """Say once that a file cannot be read; it is tried again at every scan."""
        if path not in self._failing:
            self._failing.add(path)
            log.warning("a dropped file cannot be read now: %s", type(error).__name__)


def _write_problems(target: Path, summary: IngestSummary) -> None:
    rows = [f"line {number}: {problem}" for number, problem in summary.problems[:MAX_PROBLEMS]]
    if summary.refused > len(rows):
        rows.append(f"… and {summary.refused - len(rows)} more lines")
    target.with_name(f"{target.name}.problems.txt").write_text(
        "\n".join(rows) + "\n", encoding="utf-8"
    )
