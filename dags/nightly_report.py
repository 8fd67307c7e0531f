"""Makes and sends the reports whose hour it is, each copy by the clock of its own region.

Backfill makes those of past days anew: each hour's run asks which reports were due then.
"""

from __future__ import annotations

from airflow.sdk import CronTriggerTimetable, dag, task

from dags.calling import oqiga
from dags.usual import NIGHTLY, START, ZONE


@dag(
    schedule=CronTriggerTimetable("0 * * * *", timezone=ZONE),
    start_date=START,
    catchup=False,
    max_active_runs=2,
    default_args=NIGHTLY,
    tags=["oqiga"],
    doc_md=__doc__,
)
def nightly_report() -> None:
    """For each report that is due: make it, then send it."""

    @task
    def due(logical_date: object = None) -> list[dict[str, str]]:
        return oqiga("report", "due", "--at", str(logical_date))

    @task
    def make(copy: str, span: str, day: str) -> dict[str, str]:
        oqiga("report", span, "--copy", copy, "--date", day)
        return {"copy": copy, "span": span, "day": day}

    @task
    def send(report: dict[str, str]) -> None:
        oqiga("report", "send", report["copy"], report["span"], report["day"])

    send.expand(report=make.expand_kwargs(due()))


nightly_report()
