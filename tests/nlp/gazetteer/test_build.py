"""The gazetteer's file, made from tables."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from nlp.gazetteer import build as building
from nlp.gazetteer.build import TABLES, build
from nlp.gazetteer.entries import Entry
from nlp.gazetteer.index import Gazetteer


def test_two_that_train_at_once_both_leave_a_whole_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables, out = tmp_path / "tables", tmp_path / "models" / "gazetteer.sqlite"
    tables.mkdir()
    shutil.copy(TABLES / "abai.csv", tables)
    counts: list[int] = []

    def meanwhile(own: list[Entry]) -> Iterator[Entry]:
        if not counts:
            counts.append(0)
            counts[0] = build(tables, out)
        return iter(())

    monkeypatch.setattr(building, "_geonames", meanwhile)
    assert build(tables, out) == counts[0] > 100
    assert Gazetteer.load(out).digest
    assert [path.name for path in out.parent.iterdir()] == [out.name], "no draft is left"
