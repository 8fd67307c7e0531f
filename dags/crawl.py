"""Reads all sources whose time has come, round after round; each reading is a task of its own."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import dag, task

from dags.calling import oqiga, oqiga_or_skip
from dags.usual import POOL, POSTS, READER, START, deadline

GROUPS = ("telegram", "platforms", "sites", "files")


@dag(
    schedule="@continuous",
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=READER,
    deadline=deadline("crawl", timedelta(minutes=5)),
    tags=["oqiga"],
    doc_md=__doc__,
)
def crawl() -> None:
    """A round: for each group of readers the sources that are due, then each of them."""

    @task(multiple_outputs=True)
    def due() -> dict[str, list[str]]:
        return oqiga("stage", "due")

    found = due()
    for group in GROUPS:

        @task(task_id=f"read_{group}", pool=POOL.format(group), outlets=[POSTS])
        def read(name: str) -> int:
            return oqiga_or_skip("stage", "read", name)

        read.expand(name=found[group])

    @task(task_id="read_drop", outlets=[POSTS])
    def drop() -> int:
        return oqiga_or_skip("stage", "drop")

    drop()


crawl()
