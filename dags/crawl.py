"""Reads all sources whose time has come, round after round; each reading is a task of its own.

A schedule for each group of readers, so that no group waits for another; within a round a source
that fails or hangs ends alone. Leave paused what you have no sources for.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import dag, task

from dags.calling import oqiga, oqiga_or_skip
from dags.usual import POOL, POSTS, READER, START, deadline

GROUPS = ("telegram", "platforms", "sites", "files")
WAIT_S = "20"
"""How long a round waits for its first source that is due: a round that finds none costs a start
of two processes."""
ROUNDS = {
    "schedule": "@continuous",
    "start_date": START,
    "catchup": False,
    "max_active_runs": 1,
    "default_args": READER,
    "tags": ["oqiga"],
    "doc_md": __doc__,
}


def readers(group: str) -> None:
    """The rounds of one group."""

    @dag(
        dag_id=f"crawl_{group}", deadline=deadline(f"crawl_{group}", timedelta(minutes=5)), **ROUNDS
    )
    def crawl() -> None:
        @task
        def due() -> list[str]:
            return oqiga("stage", "due", group, "--wait", WAIT_S)

        @task(pool=POOL.format(group), outlets=[POSTS])
        def read(name: str) -> int:
            return oqiga_or_skip("stage", "read", name)

        read.expand(name=due())

    crawl()


for each in GROUPS:
    readers(each)


@dag(dag_id="crawl_drop", **ROUNDS)
def drop_folder() -> None:
    """Files of reports: looked for again and again."""

    @task(outlets=[POSTS])
    def read() -> int:
        return oqiga_or_skip("stage", "drop", "--wait", WAIT_S)

    read()


drop_folder()
