"""Models on disk: the one in use, those before it, and the candidate.

``FOLDER/current`` names the model in use; absent, it is the one that the program was set up with.
``FOLDER/history.jsonl`` tells every promotion and roll-back. The pointer is replaced whole, so a
process that starts at any moment finds one model or the other.
"""

from __future__ import annotations

import json
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

from core.errors import ModelError

LEARNING = Path("learning")
PAIRS = "pairs"
"""Below it, the pair model has a registry of its own."""
CANDIDATE = "candidate"
SHIPPED = "shipped"
"""Stands in the history for the model that the program was set up with."""


def current(folder: Path) -> Path | None:
    """The folder of the promoted model, ``None`` while there is none."""
    pointer = folder / "current"
    if not pointer.exists():
        return None
    name = pointer.read_text(encoding="utf-8").strip()
    return None if name == SHIPPED else folder / "models" / name


def promote(folder: Path, digest: str, now: datetime, why: dict[str, Any]) -> Path:
    """Put the candidate in use; raises ModelError when there is none of that digest."""
    candidate = folder / CANDIDATE
    if not candidate.is_dir():
        raise ModelError(
            f"{candidate}: there is no candidate; make one with `oqiga learn candidate`"
        )
    target = folder / "models" / digest
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(target, ignore_errors=True)
    candidate.replace(target)
    _point(folder, digest, now, {"promoted": digest, **why})
    return target


def roll_back(folder: Path, now: datetime, by: str) -> str:
    """Put the model before the current one in use; its name. Raises ModelError without one."""
    names = [SHIPPED]
    for entry in history(folder):
        if "promoted" in entry:
            names.append(entry["promoted"])
        elif "rolled_back_to" in entry and len(names) > 1:
            names.pop()
    if len(names) == 1:
        raise ModelError(f"{folder}: no model was promoted, so there is none to go back from")
    before = names[-2]
    if before != SHIPPED and not (folder / "models" / before).is_dir():
        raise ModelError(f"{folder / 'models' / before}: the model before is gone; restore it")
    _point(folder, before, now, {"rolled_back_to": before, "by": by})
    return before


def history(folder: Path) -> list[dict[str, Any]]:
    """Promotions and roll-backs, oldest first."""
    path = folder / "history.jsonl"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def changed_at(folder: Path) -> str:
    """When the model in use last changed, ISO 8601 in UTC; empty when it never did."""
    return max((str(entry["at"]) for entry in history(folder)), default="")


def _point(folder: Path, name: str, now: datetime, entry: dict[str, Any]) -> None:
    with (folder / "history.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({"at": now.isoformat(), **entry}, ensure_ascii=False) + "\n")
    draft = folder / "current.part"
    draft.write_text(name + "\n", encoding="utf-8")
    draft.replace(folder / "current")
