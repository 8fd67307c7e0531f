"""Which links of a listing were opened, and which still have to be. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

REMEMBERED = 2_000
"""Links that were read; a listing shows a few dozen at a time."""
MAX_TRIES = 5
"""A page that fails so often is given up; it is counted among what could not be read."""


class Openings:
    """Links by what became of them, kept in a pass's progress."""

    def __init__(self, progress: dict[str, object]) -> None:
        self._progress = progress
        done, tries = progress.get("opened"), progress.get("tries")
        self._done: dict[str, None] = dict.fromkeys(done if isinstance(done, list) else [])
        self._tries: dict[str, int] = dict(tries) if isinstance(tries, dict) else {}

    def wants(self, link: str) -> bool:
        """Whether a link is to be opened: not read yet, not given up."""
        return link not in self._done and self._tries.get(link, 0) < MAX_TRIES

    def trying(self, link: str) -> None:
        """A link is being opened; until it is done it will be opened again."""
        self._tries[link] = self._tries.get(link, 0) + 1
        self._keep()

    def done(self, link: str) -> None:
        """A link was read."""
        self._tries.pop(link, None)
        self._done[link] = None
        self._keep()

    def _keep(self) -> None:
        self._progress["opened"] = list(self._done)[-REMEMBERED:]
        self._progress["tries"] = dict(list(self._tries.items())[-REMEMBERED:])


def some_left(progress: Mapping[str, Any]) -> bool:
    """Whether links are still to be opened: then even an unchanged listing has to be read."""
    tries = progress.get("tries")
    return isinstance(tries, dict) and any(n < MAX_TRIES for n in tries.values())
