"""Learning from decisions: the audit sample of each shift, and once a week a candidate model."""

from __future__ import annotations

from airflow.sdk import CronTriggerTimetable, dag, task

from dags.calling import oqiga, oqiga_or_skip
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
    """Fits candidates for posts and pairs, judges each by replay and gate, promotes the better.

    Skipped from there on when too few decisions were taken.
    """

    @task
    def labels() -> int:
        return oqiga("learn", "labels")

    @task(pool=MODELS)
    def places() -> dict[str, object]:
        return oqiga("learn", "places")

    @task(pool=MODELS)
    def candidate() -> dict[str, str]:
        return oqiga_or_skip("learn", "candidate")

    @task(pool=MODELS)
    def judge() -> dict[str, object]:
        return oqiga("learn", "judge")

    @task
    def promote() -> dict[str, str]:
        return oqiga("learn", "promote")

    known = labels()
    known >> places()
    known >> candidate() >> judge() >> promote()


audit_sample()
retrain()
