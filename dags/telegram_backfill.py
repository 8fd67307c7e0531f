"""Fetches what readers of Telegram could not reach before, source by source, once an hour."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import CronTriggerTimetable, dag, task

from dags.calling import oqiga, oqiga_or_skip
from dags.usual import POOL, POSTS, READER, START, ZONE


@dag(
    schedule=CronTriggerTimetable("20 * * * *", timezone=ZONE),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args={**READER, "execution_timeout": timedelta(minutes=30)},
    tags=["oqiga"],
    doc_md=__doc__,
)
def telegram_backfill() -> None:
    """The sources with gaps, then each of them."""

    @task
    def gaps() -> list[str]:
        return oqiga("stage", "gaps")

    @task(pool=POOL.format("telegram"), outlets=[POSTS])
    def read(name: str) -> int:
        return oqiga_or_skip("stage", "read", name)

    read.expand(name=gaps())


telegram_backfill()
