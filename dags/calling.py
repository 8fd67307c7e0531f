"""How a task calls Oqiga: one command of the program, in a process of its own.

A process of its own, because a web reader may run only once in a process, because models are
freed when it ends, and because what an operator types by hand is then the very same thing. It
ends with the task: when the task's process is killed, the kernel ends the command.
"""

from __future__ import annotations

import ctypes
import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

PR_SET_PDEATHSIG = 1
"""linux/prctl.h: the signal that a process gets when its parent ends."""


class CommandFailedError(Exception):
    """The command ended with a code other than 0; its own lines say why."""


def oqiga(*arguments: str) -> Any:
    """Run ``oqiga ARGUMENTS``; its last line of output, from JSON where it is JSON.

    ``None`` without output. What it writes to standard error goes to the task's log.
    """
    done = subprocess.run(  # noqa: S603 - our own program; one call in the child
        [sys.executable, "-m", "oqiga", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        preexec_fn=_end_with_parent,
        check=False,
    )
    if done.returncode != 0:
        raise CommandFailedError(
            f"oqiga {' '.join(arguments[:2])} ended with code {done.returncode}; "
            "the lines above say why"
        )
    lines = done.stdout.split("\n")
    last = next((line for line in reversed(lines) if line.strip()), "null")
    try:
        return json.loads(last)
    except ValueError:
        return last


def oqiga_or_skip(*arguments: str) -> Any:
    """As ``oqiga``; a result of nothing skips the task, so that what waits for it stays at rest."""
    from airflow.sdk.exceptions import AirflowSkipException

    found = oqiga(*arguments)
    if not found:
        raise AirflowSkipException(f"oqiga {' '.join(arguments[:2])}: nothing to do")
    return found


def failed(context: Mapping[str, Any]) -> None:
    """A task failed for good: tell the administrators. For ``on_failure_callback``."""
    task = context["ti"]
    where = f"{task.dag_id}.{task.task_id}"
    index = getattr(task, "map_index", -1)
    oqiga(
        "stage",
        "alert",
        where,
        f"failed after {task.try_number} tries: {type(context.get('exception')).__name__}",
        "--key",
        f"{where} {task.run_id} {index}",
    )


def late(context: Mapping[str, Any], what: str) -> None:
    """A deadline has passed: tell the administrators. For ``DeadlineAlert``."""
    run = context.get("dag_run") or {}
    name = run.get("dag_run_id", "") if isinstance(run, Mapping) else run.run_id
    oqiga("stage", "alert", what, "did not end within its deadline", "--key", f"late {what} {name}")


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
