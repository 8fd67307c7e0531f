"""A real Airflow on this machine: started, asked and stopped as an operator would.

``airflow standalone`` with SQLite and the LocalExecutor, in a folder and a process group of its
own, listening on 127.0.0.1 alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.harness import free_port

PROJECT = Path(__file__).resolve().parent.parent
AIRFLOW = str(Path(sys.executable).with_name("airflow"))
READY_S = 900.0
"""A machine that others use too starts Airflow slowly: 95 s were seen, and more than 240 s."""
RETRY_S = 1.0
TRIES = 3
"""Of a command beside a running scheduler: both write to one SQLite file."""


@dataclass
class Scheduler:
    """A running Airflow; its output is in ``folder/airflow.log``."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]
    client: httpx.Client
    environment: Mapping[str, str]

    @classmethod
    def start(cls, folder: Path, environment: Mapping[str, str]) -> Scheduler:
        """Start it with the project's DAGs, all of them paused; returns when it answers."""
        folder.mkdir(parents=True, exist_ok=True)
        port, logs_port, triggers_port = free_port(), free_port(), free_port()
        settings = {
            "HOME": str(folder),
            "CORE__DAGS_FOLDER": str(PROJECT / "dags"),
            "CORE__LOAD_EXAMPLES": "False",
            "CORE__PARALLELISM": "6",
            "CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
            "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "API__HOST": "127.0.0.1",
            "API__PORT": str(port),
            "API__WORKERS": "1",
            "API__BASE_URL": f"http://127.0.0.1:{port}",
            "DAG_PROCESSOR__REFRESH_INTERVAL": "3600",
            "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",
            "LOGGING__WORKER_LOG_SERVER_PORT": str(logs_port),
            "LOGGING__TRIGGER_LOG_SERVER_PORT": str(triggers_port),
            "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
            "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
            "USAGE_DATA_COLLECTION__ENABLED": "False",
        }
        named = {
            f"AIRFLOW_{name}" if name == "HOME" else f"AIRFLOW__{name}": value
            for name, value in settings.items()
        }
        whole = {
            **os.environ,
            **named,
            **environment,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        with (folder / "airflow.log").open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - our own environment's program
                [AIRFLOW, "standalone"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,
                start_new_session=True,
                env=whole,
            )
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60.0)
        running = cls(folder, port, process, client, whole)
        try:
            running._wait_ready()
        except BaseException:
            running.stop()
            raise
        return running

    @property
    def log(self) -> str:
        """All it has printed."""
        return (self.folder / "airflow.log").read_text(encoding="utf-8", errors="replace")

    def ask(self, method: str, path: str, **body: Any) -> Any:
        """One call of the REST API; raises RuntimeError with the answer when it is refused."""
        answer = self.client.request(method, f"/api/v2{path}", json=body or None)
        if answer.is_error:
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        return answer.json() if answer.content else None

    def import_pools(self) -> None:
        """Make the pools of ``dags/pools.json``."""
        pools = json.loads((PROJECT / "dags" / "pools.json").read_text(encoding="utf-8"))
        for name, pool in pools.items():
            self.ask("POST", "/pools", name=name, **pool)

    def wait_for_dags(self, *names: str) -> None:
        """Wait until the DAGs were read."""
        until = time.monotonic() + READY_S
        while time.monotonic() < until:
            known = {dag["dag_id"] for dag in self.ask("GET", "/dags?limit=100")["dags"]}
            if set(names) <= known:
                return
            time.sleep(RETRY_S)
        raise RuntimeError(f"Airflow did not read {names}:\n{self.log[-3000:]}")

    def unpause(self, *names: str) -> None:
        """Let DAGs run by their schedules."""
        for name in names:
            self.ask("PATCH", f"/dags/{name}", is_paused=False)

    def pause(self, *names: str) -> None:
        """Start no more runs of DAGs."""
        for name in names:
            self.ask("PATCH", f"/dags/{name}", is_paused=True)

    def trigger(self, name: str, logical_date: str | None = None) -> str:
        """Start a run; returns its id."""
        answer = self.ask("POST", f"/dags/{name}/dagRuns", logical_date=logical_date)
        return str(answer["dag_run_id"])

    def backfill(self, name: str, first: str, last: str, limit_s: float) -> list[str]:
        """``airflow backfill create`` for the runs of a stretch of time, made again where there are
        some; their states when all have ended."""
        command = [AIRFLOW, "backfill", "create", "--dag-id", name, "--from-date", first,
                   "--to-date", last, "--reprocess-behavior", "completed"]  # fmt: skip
        for tries_left in reversed(range(TRIES)):
            done = subprocess.run(  # noqa: S603 - our own environment's program
                command,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                check=False,
            )
            if done.returncode == 0:
                break
            said = f"airflow backfill create ended with {done.returncode}:\n{done.stderr[-2000:]}"
            with (self.folder / "airflow.log").open("a", encoding="utf-8") as log:
                log.write(said)
            if not tries_left:
                raise RuntimeError(said)
        until = time.monotonic() + limit_s
        while time.monotonic() < until:
            made = self.ask("GET", f"/backfills?dag_id={name}")["backfills"]
            if made and all(one["completed_at"] for one in made):
                return [r["state"] for r in self.runs(name) if r["run_type"] == "backfill"]
            time.sleep(RETRY_S)
        raise RuntimeError(f"the backfill did not end in {limit_s:.0f} s:\n{self.log[-3000:]}")

    def wait_run(self, name: str, run_id: str, limit_s: float) -> str:
        """The state in which a run ended."""
        until = time.monotonic() + limit_s
        while time.monotonic() < until:
            state = str(self.ask("GET", f"/dags/{name}/dagRuns/{run_id}")["state"])
            if state in ("success", "failed"):
                return state
            time.sleep(RETRY_S)
        raise RuntimeError(f"{name} {run_id} did not end in {limit_s:.0f} s:\n{self.log[-3000:]}")

    def runs(self, name: str) -> list[dict[str, Any]]:
        """The newest 100 runs of a DAG, newest first."""
        answer = self.ask("GET", f"/dags/{name}/dagRuns?limit=100&order_by=-run_after")
        return list(answer["dag_runs"])

    def tasks(self, name: str, run_id: str) -> list[dict[str, Any]]:
        """The task instances of a run."""
        answer = self.ask("GET", f"/dags/{name}/dagRuns/{run_id}/taskInstances?limit=200")
        return list(answer["task_instances"])

    def clear(self, name: str, run_id: str) -> None:
        """Run all tasks of a run again."""
        self.ask(
            "POST",
            f"/dags/{name}/clearTaskInstances",
            dry_run=False,
            dag_run_id=run_id,
            only_failed=False,
            reset_dag_runs=True,
        )

    def commands(self) -> list[psutil.Process]:
        """The ``oqiga`` commands that tasks are running now."""
        found = []
        with contextlib.suppress(psutil.NoSuchProcess):
            for process in psutil.Process(self.process.pid).children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                    if process.cmdline()[1:3] == ["-m", "oqiga"]:
                        found.append(process)
        return found

    def stop(self) -> None:
        """End it with all its processes."""
        self.client.close()
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(15)
        for process in _of_session(self.process.pid):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait(15)

    def _wait_ready(self) -> None:
        until = time.monotonic() + READY_S
        while time.monotonic() < until:
            if self.process.poll() is not None:
                break
            with contextlib.suppress(httpx.TransportError):
                answer = self.client.get("/api/v2/monitor/health")
                parts = answer.json() if answer.status_code == 200 else {}
                if all(
                    parts.get(part, {}).get("status") == "healthy"
                    for part in ("metadatabase", "scheduler", "dag_processor")
                ):
                    token = self.client.get("/auth/token").json()["access_token"]
                    self.client.headers["Authorization"] = f"Bearer {token}"
                    return
            time.sleep(RETRY_S)
        raise RuntimeError(f"Airflow did not get ready:\n{self.log[-3000:]}")


def _of_session(session: int) -> list[psutil.Process]:
    """Processes of a session, orphans too."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
            if os.getsid(process.pid) == session:
                found.append(process)
    return found
