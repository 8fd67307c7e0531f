"""The program as a user runs it: a process of its own, data in a folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Oqiga = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def oqiga(tmp_path: Path) -> Oqiga:
    def run(*arguments: str | Path, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "oqiga", *map(str, arguments)],
            input=stdin,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=120,
            check=False,
            env={
                **os.environ,
                "OQIGA_CONFIG": os.devnull,
                "OQIGA_HOME": str(tmp_path / "home"),
                "NO_COLOR": "1",
                "COLUMNS": "200",
            },
        )

    return run


@pytest.fixture
def write_lines(tmp_path: Path) -> Callable[..., Path]:
    def write(name: str, *rows: dict[str, Any] | str) -> Path:
        path = tmp_path / name
        text = "".join(
            (row if isinstance(row, str) else json.dumps(row, ensure_ascii=False)) + "\n"
            for row in rows
        )
        path.write_text(text, encoding="utf-8")
        return path

    return write
