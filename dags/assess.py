"""Assesses what was accepted: as soon as a reader brought something, and every minute.

Every minute, because reports that come through the API announce themselves to no scheduler.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, dag, task

from dags.calling import oqiga_or_skip
from dags.usual import ASSESSED, MODELS, POSTS, START, TASK, ZONE, deadline


@dag(
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("* * * * *", timezone=ZONE), assets=[POSTS]
    ),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=TASK,
    deadline=deadline("assess", timedelta(seconds=60)),
    tags=["oqiga"],
    doc_md=__doc__,
)
def assess() -> None:
    """One run assesses all that waits."""

    @task(task_id="assess", pool=MODELS, outlets=[ASSESSED])
    def run() -> int:
        return oqiga_or_skip("stage", "assess")

    run()


assess()
