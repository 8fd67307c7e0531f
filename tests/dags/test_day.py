"""A day through a real Airflow: kills, runs cleared and run again; the store as if undisturbed.

The short version: two kills. ``make soak`` runs the long one; both in ``benchmarks/airflow_day``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest

from benchmarks.airflow_day import Day, by_hand, day_input, on, through_airflow
from benchmarks.elasticsearch_server import UnavailableError, single

START = datetime.fromisoformat("2026-03-20T00:00:00+05:00")
CALM_STEPS, STEPS = 3, 1
"""By hand in 8 h, through Airflow in one piece of 24 h: what comes late has its past read again."""


@pytest.mark.soak
@pytest.mark.timeout(2_400)
@pytest.mark.parametrize("kind", ["sqlite", "elasticsearch"])
def test_kills_and_reruns_change_nothing(tmp_path: Path, kind: str) -> None:
    given = day_input(START, copies=1, share=0.12)
    calm = by_hand(Day(tmp_path / "calm", given, steps=CALM_STEPS, start=START))
    with _store_settings(kind, tmp_path / "server") as store_toml:
        day = Day(tmp_path / "stormy", given, steps=STEPS, start=START, store_toml=store_toml)
        stormy = through_airflow(day, tmp_path / "airflow", kills=2)
    assert calm.kept == stormy.kept == (len(given.posts), len(given.reports))
    assert stormy.kills >= 2
    assert stormy.night == {
        "retention": "success",
        "evidence_check": "success",
        "store_maintenance": "success",
        "nightly_report": "success",
        "nightly_report again": "success",
    }
    assert stormy.alerts >= 1, "the source that is gone was told of"
    keys = calm.events.keys() | stormy.events.keys()
    differing = [key for key in keys if calm.events.get(key) != stormy.events.get(key)]
    assert differing == []
    report = tmp_path / "stormy" / "reports" / "open" / "country" / "nightly-2026-03-20.pdf"
    assert report.read_bytes().startswith(b"%PDF")


@contextmanager
def _store_settings(kind: str, folder: Path) -> Iterator[str]:
    if kind == "sqlite":
        yield ""
        return
    try:
        node = single(folder, secure=False)
    except UnavailableError as error:
        pytest.skip(str(error))
    try:
        yield on(node)
    finally:
        node.stop()
