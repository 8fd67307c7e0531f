"""A page of figures, written section by section, so that an aborted run loses nothing."""

from __future__ import annotations

import re
from pathlib import Path


def keep(page: Path, head: str, section: str) -> None:
    """Write a section, which begins with its heading, into a page in place of its last one."""
    text = page.read_text(encoding="utf-8") if page.exists() else head
    heading = section.split("\n", 1)[0]
    page.write_text(with_section(text, heading, section), encoding="utf-8")


def with_section(text: str, heading: str, section: str) -> str:
    """A page in which the section of that heading is another, or has been added."""
    parts = re.split(r"^(?=## )", text, flags=re.MULTILINE)
    parts = [section if part.startswith(f"{heading}\n") else part for part in parts]
    if section not in parts:
        parts.append(section)
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)
