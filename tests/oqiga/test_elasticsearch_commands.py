"""The program on the production store, chosen by settings alone."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from benchmarks.harness import Running
from oqiga.cli import app
from store.elasticsearch import ElasticsearchStore
from tests.elastic import Elastic, drop


@pytest.fixture
def environment(elastic: Elastic, tmp_path: Path) -> Iterator[dict[str, str]]:
    yield elastic.environment("program", tmp_path / "home")
    store = ElasticsearchStore(elastic.settings("program"), elastic.home)
    drop(store)
    store.close()


def lines(path: Path, *values: dict[str, object]) -> str:
    path.write_text("".join(json.dumps(v, ensure_ascii=False) + "\n" for v in values))
    return str(path)


def test_ingest_status_flags_and_a_live_run(environment: dict[str, str], tmp_path: Path) -> None:
    def run(*arguments: str) -> Result:
        return CliRunner(env=environment).invoke(app, list(arguments))

    now = datetime.now(UTC).isoformat()
    fire = "Алматы, Абая 150, горит крыша пятиэтажки, люди на балконах кричат, пожарных нет!"
    posts = lines(
        tmp_path / "posts.jsonl",
        {"id": "1", "text": fire, "posted_at": now, "source": "telegram:t", "home": "Алматы"},
        {"id": "2", "text": "доброе утро, соседи", "posted_at": now, "source": "telegram:t"},
        {"id": "3"},
    )
    assert run("ingest", "posts", posts).output.splitlines()[-1] == (
        "posts: 2 accepted, 0 repeated, 1 refused"
    )
    assert "0 accepted, 2 repeated" in run("ingest", "posts", posts).output
    home = Path(environment["OQIGA_HOME"])
    running = Running.start(home, environment=environment)
    try:
        running.wait_ready()
        until = time.monotonic() + 60
        while "backlog 0" not in (status := run("status").output):
            assert time.monotonic() < until, running.log
            time.sleep(0.5)
        assert "posts 2" in status
        while not (flagged := run("flags", "--json").stdout):
            assert time.monotonic() < until, running.log
            time.sleep(0.5)
    finally:
        running.stop()
    assert json.loads(flagged.splitlines()[0])["category"] == "fire_emergency"
    verified = run("verify")
    assert verified.exit_code == 0
    assert "evidence: 2 links, 0 broken" in verified.output
    assert "oqiga_posts 2" in run("store", "metrics").output
    assert "acceptor" in run("store", "roles").output
    key = run("store", "key", "readers", "--role", "acceptor").output.strip()
    assert len(key) > 40
    assert "migrated" in run("store", "migrate").output


def test_store_commands_are_for_the_production_store(tmp_path: Path) -> None:
    result = CliRunner(env={"OQIGA_HOME": str(tmp_path), "OQIGA_CONFIG": "/dev/null"}).invoke(
        app, ["store", "snapshots"]
    )
    assert "store.kind is 'sqlite'" in str(result.exception)
