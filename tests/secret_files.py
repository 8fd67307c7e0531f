"""Secrets of tests, kept as the docs say."""

from __future__ import annotations

from pathlib import Path


def keep(path: Path, secret: str) -> None:
    """Write a secret into a file that only its owner can read."""
    path.touch(mode=0o600)
    path.write_text(secret)
