"""Brings the events up to date: when something was assessed, and every minute.

Every minute, because feeds fall silent and priorities age without anything being assessed,
and because decisions of people are taken over then at the latest.
"""

from __future__ import annotations

from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, dag, task

from dags.calling import oqiga
from dags.usual import ASSESSED, LINGER_S, LIVE, SHARES, START, TASK, ZONE, flow_deadline


@dag(
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("* * * * *", timezone=ZONE), assets=[ASSESSED]
    ),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=TASK,
    deadline=flow_deadline("correlate"),
    tags=["oqiga"],
    doc_md=__doc__,
)
def correlate() -> None:
    """One run handles all changes, and those that come while it lingers; shares are of regions."""

    @task(task_id="correlate", pool=LIVE)
    def run(share: str) -> int:
        return oqiga("stage", "correlate", "--linger", str(LINGER_S), "--share", share)

    run.expand(share=SHARES)


correlate()
