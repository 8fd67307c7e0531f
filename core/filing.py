"""Where reports lie: one folder an audience and copy, whole files only.

``FOLDER/open/COPY/nightly-2026-03-20.html``; confidential ones below ``FOLDER/confidential``,
which only the program's own account can enter.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

FOLDER_MODE = {"open": 0o750, "confidential": 0o700}
FILE_MODE = {"open": 0o640, "confidential": 0o600}
NAME = re.compile(
    r"^(?P<span>nightly|weekly|monthly)-(?P<first>\d{4}-\d\d-\d\d)(?P<form>[a-z.]*\.[a-z]+)$"
)


@dataclass(frozen=True)
class Filed:
    """A report that was filed, with the names of its files."""

    copy: str
    span: str
    first: date
    files: tuple[str, ...]


def stem(span: str, first: date) -> str:
    """What the names of a report's files begin with."""
    return f"{span}-{first.isoformat()}"


def put(folder: Path, audience: str, contents: Mapping[str, bytes]) -> list[Path]:
    """Write files, each whole or not at all; their paths in the order given."""
    if not folder.exists():
        folder.mkdir(parents=True)
        folder.chmod(FOLDER_MODE[audience])
    written = []
    for name, content in contents.items():
        path = folder / name
        draft = folder / f".{name}.{os.getpid()}"
        draft.touch(mode=FILE_MODE[audience])
        draft.write_bytes(content)
        draft.replace(path)
        written.append(path)
    return written


def listed(folder: Path, audience: str) -> list[Filed]:
    """The filed reports of an audience, newest first."""
    found: dict[tuple[str, str, date], list[str]] = {}
    for path in sorted((folder / audience).glob("*/*")):
        match = NAME.match(path.name)
        if match is not None:
            key = (path.parent.name, match["span"], date.fromisoformat(match["first"]))
            found.setdefault(key, []).append(path.name)
    reports = [Filed(copy, span, first, tuple(f)) for (copy, span, first), f in found.items()]
    return sorted(reports, key=lambda r: (r.first, r.span, r.copy), reverse=True)


def one(folder: Path, audience: str, copy: str, name: str) -> Path | None:
    """The path of a filed report's file, ``None`` when there is none of these names."""
    if NAME.match(name) is None or not re.fullmatch(r"[a-z0-9_]{1,40}", copy):
        return None
    path = folder / audience / copy / name
    return path if path.is_file() else None
