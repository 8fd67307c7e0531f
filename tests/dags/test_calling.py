"""One command a task: its result, its failure, and its end with the task's process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from core.settings import load_settings
from dags.calling import CommandFailedError, failed, late, oqiga
from store.open import open_store


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OQIGA_HOME", str(tmp_path))
    monkeypatch.setenv("OQIGA_CONFIG", os.devnull)
    return tmp_path


def alerts(home: Path) -> list[tuple[str, str]]:
    store = open_store(load_settings({"OQIGA_CONFIG": os.devnull, "OQIGA_HOME": str(home)}))
    found = [(item.where, item.problem) for item in store.set_aside_items() if item.kind == "alert"]
    store.close()
    return found


def test_the_result_is_the_last_line() -> None:
    assert oqiga("stage", "due", "sites") == []
    assert oqiga("verify") == "audit_confidential: 0 links, 0 broken"


def test_a_failure_says_which_command() -> None:
    with pytest.raises(CommandFailedError, match="stage read ended with code 2"):
        oqiga("stage", "read", "nobody")


def test_who_is_told_is_told_once(home: Path) -> None:
    context = {
        "ti": SimpleNamespace(
            dag_id="crawl_sites", task_id="read", try_number=2, run_id="r1", map_index=3
        ),
        "exception": TimeoutError("with the text of a post"),
    }
    failed(context)
    failed(context)
    assert alerts(home) == [("crawl_sites.read", "failed after 2 tries: TimeoutError")]
    late({"dag_run": {"dag_run_id": "r2"}}, "assess")
    assert ("assess", "did not end within its deadline") in alerts(home)


def test_the_command_ends_with_its_task(home: Path) -> None:
    """kill -9 of a task's process leaves no orphan that goes on writing."""
    code = "from dags.calling import oqiga; oqiga('stage', 'drop', '--wait', '60')"
    task = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[2])
    try:
        process = psutil.Process(task.pid)
        until = time.monotonic() + 60
        while not (children := process.children()) and time.monotonic() < until:
            time.sleep(0.05)
        assert children
        task.kill()
        gone, alive = psutil.wait_procs(children, timeout=20)
        assert (len(gone), alive) == (1, [])
    finally:
        task.kill()
        task.wait()
