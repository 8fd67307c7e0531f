"""The DAG files: no work at import, under a second each, nothing but calls."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

DAGS = Path(__file__).resolve().parents[2] / "dags"
EXPECTED = {
    "crawl_telegram",
    "crawl_platforms",
    "crawl_sites",
    "crawl_files",
    "crawl_drop",
    "telegram_backfill",
    "assess",
    "correlate",
    "nightly_report",
    "retention",
    "evidence_check",
    "store_maintenance",
    "audit_sample",
    "retrain",
}
READ = """
import json, socket, sys

class NoNetwork(socket.socket):
    def connect(self, *_):
        raise AssertionError("work at import: a connection")

import airflow.sdk
from airflow.dag_processing.dagbag import DagBag
before = set(sys.modules)
socket.socket = NoNetwork
bag = DagBag(sys.argv[1])
heavy = [m for m in ("oqiga", "store", "nlp", "spacy", "scrapy", "torch", "sklearn")
         if m in sys.modules and m not in before]
print(json.dumps({
    "errors": bag.import_errors,
    "dags": {
        name: {
            "pools": sorted({t.pool for t in dag.tasks}),
            "retries": [t.retries for t in dag.tasks],
            "limits": [t.execution_timeout is not None for t in dag.tasks],
            "told": [bool(t.on_failure_callback) for t in dag.tasks],
            "catchup": dag.catchup,
        }
        for name, dag in bag.dags.items()
    },
    "seconds": {stat.file: stat.duration.total_seconds() for stat in bag.dagbag_stats},
    "heavy": heavy,
    "shares": {
        name: bag.dags[name].task_dict[name].op_kwargs_expand_input.value["share"]
        for name in ("assess", "correlate")
    },
}))
"""


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What Airflow makes of the folder, read in a process of its own."""
    return read_dags(tmp_path_factory.mktemp("airflow"))


def read_dags(home: Path, **settings: str) -> dict[str, Any]:
    """What Airflow with these settings says of the folder."""
    done = subprocess.run(
        [sys.executable, "-c", READ, str(DAGS)],
        env={
            **os.environ,
            **settings,
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        },
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_all_are_read_quickly_and_without_work(bag: dict[str, Any]) -> None:
    assert bag["errors"] == {}
    assert bag["dags"].keys() == EXPECTED
    assert bag["heavy"] == [], "imported by a DAG file"
    assert {name: s for name, s in bag["seconds"].items() if s >= 1.0} == {}


def test_every_task_has_a_limit_retries_and_somebody_who_is_told(bag: dict[str, Any]) -> None:
    pools = set(json.loads((DAGS / "pools.json").read_text("utf-8"))) | {"default_pool"}
    for name, made in bag["dags"].items():
        assert set(made["pools"]) <= pools, name
        assert all(made["limits"]), name
        assert all(made["told"]), name
        assert made["catchup"] is False, name
        if name != "evidence_check":
            assert min(made["retries"]) >= 1, name


def test_assessing_and_correlating_are_mapped_over_shares(
    bag: dict[str, Any], tmp_path: Path
) -> None:
    assert bag["shares"] == {"assess": ["0/1"], "correlate": ["0/1"]}
    three = read_dags(tmp_path, AIRFLOW__OQIGA__SHARES="3")
    assert three["errors"] == {}
    assert three["shares"] == {name: ["0/3", "1/3", "2/3"] for name in ("assess", "correlate")}


def test_no_logic() -> None:
    """A task is one call: no condition, no loop, no handling of errors in what it runs."""
    seen = 0
    for path in DAGS.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.FunctionDef) or not _is_task(node):
                continue
            seen += 1
            logic = (ast.If, ast.For, ast.While, ast.Try, ast.comprehension)
            assert not [n for n in ast.walk(node) if isinstance(n, logic)], (path.name, node.name)
            calls = [n for n in ast.walk(node) if isinstance(n, ast.Call) and _is_ours(n)]
            assert len(calls) == 1, (path.name, node.name)
    assert seen >= 15


def _is_task(node: ast.FunctionDef) -> bool:
    return any("id='task'" in ast.dump(decorator) for decorator in node.decorator_list)


def _is_ours(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id.startswith("oqiga")
