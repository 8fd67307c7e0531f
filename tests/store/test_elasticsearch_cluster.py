"""Whole pipelines on a cluster while processes are stopped and nodes are killed.

Short forms; ``make soak`` runs the long ones (``benchmarks/elasticsearch_soak.py``).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.elasticsearch_proof import (
    disturbed,
    kill_a_node,
    recorded,
    stop_a_pipeline,
    undisturbed,
)
from benchmarks.elasticsearch_server import Node, UnavailableError, cluster, stop_all
from core.records import Post, Report
from core.settings import ElasticsearchSettings, Settings
from store.elasticsearch import ElasticsearchStore
from tests.elastic import Elastic, drop, skip_or_fail

RECORDS = 96


@pytest.fixture(scope="module")
def records() -> list[Post | Report]:
    return recorded(RECORDS)


@pytest.fixture(scope="module")
def expected(
    tmp_path_factory: pytest.TempPathFactory, records: list[Post | Report]
) -> dict[Any, Any]:
    """The events of one pipeline on SQLite that nothing happened to."""
    return undisturbed(tmp_path_factory.mktemp("undisturbed"), records)


@pytest.fixture
def nodes() -> Iterator[list[Node]]:
    folder = Path("/tmp") / f"oqiga-cluster-{os.getpid()}"  # noqa: S108 - readable to its own user
    try:
        started = cluster(folder)
    except UnavailableError as error:
        skip_or_fail(error)
        raise
    yield started
    stop_all(started)
    shutil.rmtree(folder, ignore_errors=True)


def test_two_pipelines_one_of_them_stopped_end_as_one_does(
    elastic: Elastic,
    records: list[Post | Report],
    expected: dict[Any, Any],
    tmp_path: Path,
) -> None:
    """SIGSTOP at any moment, also in the midst of writing; it goes on with what it had read."""
    section = elastic.settings("two").model_copy(
        update={
            "password_file": elastic.home / "password" if elastic.user else None,
            "ca_file": elastic.home / "ca.crt" if (elastic.home / "ca.crt").exists() else None,
        }
    )
    settings = Settings(home=tmp_path).model_copy(
        update={
            "store": Settings().store.model_copy(update={"kind": "elasticsearch"}),
            "elasticsearch": section,
        }
    )
    try:
        outcome = disturbed(settings, records, expected, stop_a_pipeline([2, 5], 3.0))
    finally:
        store = ElasticsearchStore(section, elastic.home)
        drop(store)
        store.close()
    assert outcome.faults == 2
    assert outcome.passed, outcome


@pytest.mark.timeout(600)
def test_a_node_is_killed_while_everything_runs(
    nodes: list[Node],
    records: list[Post | Report],
    expected: dict[Any, Any],
    tmp_path: Path,
) -> None:
    """No acknowledged record is lost, none is there twice, the events are those of a quiet run."""
    section = ElasticsearchSettings(hosts=tuple(node.url for node in nodes), prefix="killed")
    settings = Settings(home=tmp_path).model_copy(
        update={
            "store": Settings().store.model_copy(update={"kind": "elasticsearch"}),
            "elasticsearch": section,
        }
    )
    outcome = disturbed(settings, records, expected, kill_a_node(nodes, [3], seed=1))
    assert outcome.faults == 1
    assert outcome.passed, outcome
