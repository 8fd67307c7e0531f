"""A day through a real Airflow: kills, runs cleared and run again; the store as if undisturbed.

Two kills, on both stores, on Elasticsearch with assessment and correlation in two shares; ``make
soak`` runs it and the long one (``benchmarks/airflow_soak``).
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from benchmarks.airflow_day import Day, by_hand, day_input, through_airflow
from tests.elastic import Elastic

START = datetime.fromisoformat("2026-03-20T00:00:00+05:00")
CALM_STEPS, STEPS = 3, 1
"""By hand in 8 h, through Airflow in one piece of 24 h: what comes late has its past read again."""


@pytest.mark.soak
@pytest.mark.timeout(2_400)
@pytest.mark.parametrize("kind", ["sqlite", "elasticsearch"])
def test_kills_and_reruns_change_nothing(
    tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    kept_in: dict[str, str] = {}
    if kind == "elasticsearch":
        elastic: Elastic = request.getfixturevalue("elastic")
        kept_in = elastic.environment("day", tmp_path / "stormy")
        kept_in["AIRFLOW__OQIGA__SHARES"] = "2"
    given = day_input(START, copies=1, share=0.12)
    calm = by_hand(Day(tmp_path / "calm", given, steps=CALM_STEPS, start=START))
    day = Day(tmp_path / "stormy", given, steps=STEPS, start=START, kept_in=kept_in)
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
