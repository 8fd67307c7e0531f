"""Learning from decisions: the audit sample of each shift, and once a week a candidate model."""

from __future__ import annotations

from airflow.sdk import CronTriggerTimetable, dag, task

from dags.calling import oqiga
from dags.usual import MODELS, NIGHTLY, START, ZONE

LEARNING = {
    "start_date": START,
    "catchup": False,
    "max_active_runs": 1,
    "default_args": {**NIGHTLY, "retries": 1},
    "tags": ["oqiga"],
}


@dag(schedule=CronTriggerTimetable("0 8,20 * * *", timezone=ZONE), **LEARNING)
def audit_sample() -> None:
    """Draws a few unflagged posts for each shift, and estimates recall from those judged."""

    @task
    def draw() -> int:
        return oqiga("learn", "sample")

    @task
    def recall() -> str:
        return oqiga("learn", "recall")

    draw() >> recall()


@dag(schedule=CronTriggerTimetable("0 1 * * 0", timezone=ZONE), **LEARNING)
def retrain() -> None:
    """Fits a candidate, judges it by replay and gate, promotes it only when it is better."""

    @task
    def labels() -> int:
        return oqiga("learn", "labels")

    @task(pool=MODELS)
    def candidate() -> str:
        return oqiga("learn", "candidate")

    @task(pool=MODELS)
    def judge() -> str:
        return oqiga("learn", "judge")

    @task
    def promote() -> str:
        return oqiga("learn", "promote")

    labels() >> candidate() >> judge() >> promote()


audit_sample()
retrain()
