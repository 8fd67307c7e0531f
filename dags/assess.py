"""Assesses what was accepted: as soon as a reader brought something, and every minute.

Every minute, because reports that come through the API announce themselves to no scheduler.
"""

from __future__ import annotations

from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, dag, task

from dags.calling import oqiga_or_skip
from dags.usual import ASSESSED, LINGER_S, LIVE, POSTS, SHARES, START, TASK, ZONE, flow_deadline


@dag(
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("* * * * *", timezone=ZONE), assets=[POSTS]
    ),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=TASK,
    deadline=flow_deadline("assess"),
    tags=["oqiga"],
    doc_md=__doc__,
)
def assess() -> None:
    """One run assesses all that waits, and what comes while it lingers."""

    @task(task_id="assess", pool=LIVE, outlets=[ASSESSED])
    def run(share: str) -> int:
        return oqiga_or_skip("stage", "assess", "--linger", str(LINGER_S), "--share", share)

    run.expand(share=SHARES)


assess()
