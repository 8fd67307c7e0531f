"""Brings the events up to date: when something was assessed, and every two minutes.

Every two minutes, because feeds fall silent and priorities age without anything being assessed,
and because decisions of people are taken over then at the latest.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, dag, task

from dags.calling import oqiga
from dags.usual import ASSESSED, MODELS, START, TASK, ZONE, deadline


@dag(
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("*/2 * * * *", timezone=ZONE), assets=[ASSESSED]
    ),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=TASK,
    deadline=deadline("correlate", timedelta(seconds=60)),
    tags=["oqiga"],
    doc_md=__doc__,
)
def correlate() -> None:
    """One run handles all changes."""

    @task(task_id="correlate", pool=MODELS)
    def run() -> int:
        return oqiga("stage", "correlate")

    run()


correlate()
