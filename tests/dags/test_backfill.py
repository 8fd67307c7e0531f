"""A past day made up for through a real Airflow, with the command that an operator types."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from benchmarks.airflow_day import RUN_S, Day, by_hand, day_input
from benchmarks.scheduler import Scheduler

START = datetime.fromisoformat("2026-03-20T00:00:00+05:00")
HOURS = ("2026-03-21T05:00:00+05:00", "2026-03-21T07:00:00+05:00")
"""Reports are made at six: the hours before and after have none to make."""


@pytest.mark.soak
@pytest.mark.timeout(2_400)
def test_the_reports_of_a_past_day_are_made_by_backfill(tmp_path: Path) -> None:
    given = day_input(START, copies=1, share=0.05)
    day = Day(tmp_path / "home", given, steps=1, start=START)
    assert by_hand(day).kept == (len(given.posts), len(given.reports))
    filed = tmp_path / "home" / "reports" / "open" / "country" / "nightly-2026-03-20.json"
    assert not filed.exists()
    airflow = Scheduler.start(tmp_path / "airflow", day.environment)
    try:
        airflow.import_pools()
        airflow.wait_for_dags("nightly_report")
        airflow.unpause("nightly_report")
        states = airflow.backfill("nightly_report", *HOURS, RUN_S)
    finally:
        airflow.stop()
    assert states == ["success"] * 3
    assert json.loads(filed.read_text("utf-8"))["first"] == "2026-03-20"
    assert filed.with_suffix(".pdf").read_bytes().startswith(b"%PDF")
