"""Progress bars on standard error, for whatever takes longer than two seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

T = TypeVar("T")
QUIET_S = 2.0


class Bar:
    """A bar that appears after ``QUIET_S`` seconds, and only on a terminal."""

    def __init__(self, label: str, total: int | None = None) -> None:
        self._started = time.monotonic()
        self._label, self._total, self._done = label, total, 0
        self._progress: Progress | None = None
        self._shown = sys.stderr.isatty()

    def advance(self, n: int = 1) -> None:
        """``n`` more are done."""
        self._done += n
        if not self._shown:
            return
        if self._progress is None and time.monotonic() - self._started > QUIET_S:
            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._progress.start()
            self._task = self._progress.add_task(self._label, total=self._total)
        if self._progress is not None:
            self._progress.update(self._task, completed=self._done)

    def reach(self, label: str, done: int) -> None:
        """``done`` items are done, now at the step ``label``."""
        self._label = label
        self.advance(max(0, done - self._done))
        if self._progress is not None:
            self._progress.update(self._task, description=label)

    def to(self, label: str, fraction: float) -> None:
        """Stand at ``fraction`` (0 to 1) of the whole, doing ``label``."""
        self._total = 1000
        self.reach(label, round(fraction * 1000))

    def close(self) -> None:
        """Remove the bar."""
        if self._progress is not None:
            self._progress.stop()

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def tracked(items: Iterable[T], label: str, total: int | None = None) -> Iterator[T]:
    """``items`` with a bar."""
    with Bar(label, total) as bar:
        for item in items:
            yield item
            bar.advance()
