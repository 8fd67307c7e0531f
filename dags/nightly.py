"""The night's upkeep: retention, evidence check, maintenance of the store."""

from __future__ import annotations

from airflow.sdk import CronTriggerTimetable, dag, task

from dags.calling import oqiga
from dags.usual import NIGHTLY, START, ZONE

NIGHT = {
    "start_date": START,
    "catchup": False,
    "max_active_runs": 1,
    "default_args": NIGHTLY,
    "tags": ["oqiga"],
}


@dag(schedule=CronTriggerTimetable("30 2 * * *", timezone=ZONE), **NIGHT)
def retention() -> None:
    """Removes what is older than its kind's limit, in the store and in files."""

    @task
    def remove() -> dict[str, int]:
        return oqiga("retention", "run")

    remove()


@dag(schedule=CronTriggerTimetable("30 3 * * *", timezone=ZONE), **NIGHT)
def evidence_check() -> None:
    """Checks the hash chains of evidence and audit; a break fails the task and raises an alert."""

    @task(retries=1)  # one that was killed runs again; a break fails again
    def verify() -> str:
        return oqiga("verify")

    verify()


@dag(schedule=CronTriggerTimetable("0 4 * * *", timezone=ZONE), **NIGHT)
def store_maintenance() -> None:
    """Keeps the store's file small and its queries fast."""

    @task
    def maintain() -> str:
        return oqiga("retention", "maintain")

    maintain()


retention()
evidence_check()
store_maintenance()
