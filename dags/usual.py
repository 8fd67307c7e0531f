"""What all schedules share: retries with back-off, limits of time, who is told, assets, pools."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from airflow.configuration import conf
from airflow.sdk import Asset, DeadlineAlert, DeadlineReference, SyncCallback

from dags.calling import failed

POSTS = Asset("oqiga://posts")
"""Something was accepted that waits to be assessed."""
ASSESSED = Asset("oqiga://assessed")
"""Something was assessed that waits to be correlated."""

ZONE = "Asia/Almaty"
START = datetime.fromisoformat("2026-01-01T00:00:00+05:00")
POOL = "oqiga_{}"
"""A pool for each group of readers; made from ``dags/pools.json``."""
LIVE, MODELS = "oqiga_live", "oqiga_models"
"""What keeps the screen up to date, and what learns: neither waits for the other."""

SHARE_COUNT = conf.getint("oqiga", "shares", fallback=1)
"""How many tasks assess at once, and how many correlate: ``AIRFLOW__OQIGA__SHARES``."""
SHARES = [f"{number}/{SHARE_COUNT}" for number in range(SHARE_COUNT)]

LINGER_S = 50
"""How long assessment and correlation stay, models in memory, for what comes after them. Runs by
the minute so follow each other almost without a gap."""
SCREEN_S = 60
"""From page to screen; a run may wait for one that lingers, and linger then itself."""

TASK: dict[str, Any] = {
    "retries": 3,
    "retry_delay": timedelta(seconds=5),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=5),
    "execution_timeout": timedelta(minutes=10),
    "on_failure_callback": failed,
}
READER: dict[str, Any] = {**TASK, "retries": 1, "execution_timeout": timedelta(minutes=2)}
"""A source that hangs is given up soon: the next round is at most its interval away."""
NIGHTLY: dict[str, Any] = {**TASK, "execution_timeout": timedelta(hours=3)}


def flow_deadline(what: str) -> DeadlineAlert:
    """For the stages that linger: told when their part of the way to the screen takes longer."""
    return deadline(what, timedelta(seconds=2 * LINGER_S + SCREEN_S))


def deadline(what: str, within: timedelta) -> DeadlineAlert:
    """Tell the administrators when a run has not ended ``within`` its queueing."""
    return DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=within,
        callback=SyncCallback("dags.calling.late", kwargs={"what": what}),
    )
