"""Logging: one line a message, with the run's id on every line.

Never log text of posts, names, coordinates of a private address, secrets, nor anything of a
confidential record but its count.
"""

from __future__ import annotations

import logging
import sys
from typing import TextIO

from core.ids import digest

CHATTY = ("elastic_transport",)
"""Libraries that log every request."""
FORMAT = "%(asctime)s %(levelname)s run=%(run_id)s %(name)s: %(message)s"


class _RunId(logging.Filter):
    def __init__(self, run_id: str) -> None:
        super().__init__()
        self.run_id = run_id

    def filter(self, record: logging.LogRecord) -> bool:
        record.run_id = self.run_id
        return True


def new_run_id(started_at: str, pid: int) -> str:
    """Id of one run of the program (8 hex characters)."""
    return digest(started_at, str(pid))[:8]


def configure(run_id: str, level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send all logging to ``stream`` (default: stderr) with ``run_id`` on each line."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.addFilter(_RunId(run_id))
    handler.setFormatter(logging.Formatter(FORMAT))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in CHATTY:
        logging.getLogger(name).setLevel(max(root.level, logging.WARNING))
