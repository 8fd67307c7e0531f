"""``oqiga sources check``: each source is tried once, and what is wrong is said in plain words."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.clock import Clock
from core.errors import OqigaError
from core.records import Source
from core.settings import Settings
from crawlers.keeper import Reading
from crawlers.readers import FILE_KINDS, Readers
from crawlers.run import read_once, what_is_wrong
from crawlers.web import Kind
from store.sqlite import SqliteStore


@dataclass(frozen=True)
class Verdict:
    """What became of one source. ``problem``: what is wrong and what to do; ``None``: it works."""

    source: Source
    problem: str | None
    found: int = 0

    def __str__(self) -> str:
        if self.problem is not None:
            return f"{self.source.name} ({self.source.kind}): DOES NOT WORK: {self.problem}"
        what = f"{self.found} posts read" if self.found else "it answers, but has no posts now"
        return f"{self.source.name} ({self.source.kind}): works, {what}"


def check_sources(sources: Sequence[Source], settings: Settings, clock: Clock) -> Iterator[Verdict]:
    """A verdict for each source; nothing is kept, and the real store is not touched."""
    readers = Readers(settings)
    good = []
    for source in sources:
        problem = what_is_wrong(source, readers)
        if problem is not None:
            yield Verdict(source, problem)
        else:
            good.append(source)
    with tempfile.TemporaryDirectory(prefix="oqiga-check-") as folder:
        store = SqliteStore(Path(folder, "check.db"))
        try:
            for family in _families(good):
                yield from _family(store, family, settings, clock)
        finally:
            store.close()


def _family(
    store: SqliteStore, sources: Sequence[Source], settings: Settings, clock: Clock
) -> Iterator[Verdict]:
    try:
        readings = read_once(store, sources, settings, clock, media=False)
    except OqigaError as error:
        yield from (Verdict(source, str(error)) for source in sources)
        return
    yield from (_verdict(reading) for reading in readings)


def _verdict(reading: Reading) -> Verdict:
    problem = reading.problem
    if problem is None and reading.skipped:
        problem = None if reading.new else f"all {reading.skipped} items could not be understood"
    return Verdict(reading.source, problem, reading.new)


def _families(sources: Sequence[Source]) -> list[list[Source]]:
    """Files, the account, and web sources: each family is read in one go."""
    files = [source for source in sources if source.kind in FILE_KINDS]
    account = [source for source in sources if source.kind == Kind.TELEGRAM]
    web = [source for source in sources if source not in files and source not in account]
    return [family for family in (files, account, web) if family]
