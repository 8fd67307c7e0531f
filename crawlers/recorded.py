"""Sources that are files: recorded posts (JSON lines) and exports of Telegram Desktop."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from core.clock import Clock
from core.errors import InputError, OqigaError, SourceError
from core.inputs import parse_object
from core.lines import Line, batches, read_lines
from core.records import Source
from crawlers.keeper import Keeper, Reading
from crawlers.telegram_export import read_export
from crawlers.web import Kind
from store.ingest import BATCH, ingest_posts
from store.protocol import Store

TICK_S = 1.0


class RecordedReader:
    """Reads files into the store; what is known changes nothing."""

    def __init__(self, store: Store, keeper: Keeper, clock: Clock, key: bytes) -> None:
        self._store = store
        self._keeper = keeper
        self._clock = clock
        self._key = key

    def read(self, source: Source) -> Reading:
        """Read a file whole; the reading carries its problem."""
        reading = self._keeper.start(source)
        try:
            if source.kind == Kind.TELEGRAM_EXPORT:
                self._export(reading)
            else:
                self._lines(reading)
        except SourceError as error:
            reading.problem = str(error)
        except OSError as error:
            reading.problem = f"{source.address}: cannot be read ({error.strerror})"
        reading.pages = 1
        self._keeper.finish(reading)
        return reading

    def listen(self, sources: Sequence[Source], stop: threading.Event) -> None:
        """Read each file when it has changed, at most every ``interval_s``, until ``stop``."""
        seen: dict[str, tuple[int, int]] = {}
        waits = {source.name: 0.0 for source in sources}
        while not stop.is_set():
            for source in sources:
                waits[source.name] -= TICK_S
                if waits[source.name] > 0:
                    continue
                waits[source.name] = source.interval_s
                state = _state(Path(source.address))
                if state is not None and seen.get(source.name) == state:
                    continue
                try:
                    self.read(source)
                except OqigaError as error:
                    self._keeper.fail(self._keeper.start(source), str(error))
                if state is not None:
                    seen[source.name] = state
            stop.wait(TICK_S)

    def _export(self, reading: Reading) -> None:
        found, reading.skipped = read_export(reading.source)
        for batch in batches(found, BATCH):
            self._keeper.keep(reading, batch, self._keeper.now())

    def _lines(self, reading: Reading) -> None:
        source = reading.source
        with Path(source.address).open("rb") as file:
            summary = ingest_posts(
                self._store,
                _at_home(read_lines(file), source),
                where=source.name,
                clock=self._clock,
                key=self._key,
                source=source.name,
            )
        reading.new, reading.known = summary.accepted, summary.repeated
        reading.skipped = summary.refused
        if summary.refused and not summary.read:
            number, problem = summary.problems[0]
            reading.problem = f"{source.address}: line {number}: {problem}"


def _state(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_size, found.st_mtime_ns)


def _at_home(lines: Iterator[Line], source: Source) -> Iterator[Line]:
    """The lines with the source's home settlement where a post names none."""
    for line in lines:
        yield line if source.home is None else _with_home(line, source.home)


def _with_home(line: Line, home: str) -> Line:
    try:
        value = parse_object(line.data)
    except InputError:
        return line  # the ingest says what is wrong with it
    if value.get("home") is not None:
        return line
    value["home"] = home
    data = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return Line(line.number, data, len(data), line.origin)
