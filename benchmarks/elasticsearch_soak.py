"""The long proofs of the production store: five node kills, and a pipeline stopped for a minute.

``python -m benchmarks.elasticsearch_soak``, part of ``make soak``; writes ``docs/soak_store.md``.
``make test`` holds the short forms.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.elasticsearch_proof import (
    BATCH,
    Outcomes,
    disturbed,
    kill_a_node,
    recorded,
    stop_a_pipeline,
    undisturbed,
)
from benchmarks.elasticsearch_server import cluster, stop_all
from core.settings import ElasticsearchSettings, Settings

DOC = Path(__file__).resolve().parent.parent / "docs" / "soak_store.md"


def settings_for(home: Path, hosts: tuple[str, ...], prefix: str) -> Settings:
    """Settings of a store on the cluster."""
    section = ElasticsearchSettings(hosts=hosts, prefix=prefix)
    values = {"home": str(home), "store": {"kind": "elasticsearch"}}
    return Settings.model_validate(values).model_copy(update={"elasticsearch": section})


def prove(folder: Path, *, kills: int, stopped_s: float, seed: int) -> dict[str, Outcomes]:
    """Both proofs on one cluster of three nodes."""
    records = recorded()
    expected = undisturbed(folder / "undisturbed", records)
    rounds = len(records) // BATCH
    nodes = cluster(folder / "cluster")
    hosts = tuple(node.url for node in nodes)
    try:
        at = [(number + 1) * rounds // (kills + 1) for number in range(kills)]
        killed = disturbed(
            settings_for(folder / "killed", hosts, "killed"),
            records,
            expected,
            kill_a_node(nodes, at, seed),
        )
        for node in nodes:
            if node.process is None:
                node.start()
                node.wait(len(nodes))
        stopped = disturbed(
            settings_for(folder / "stopped", hosts, "stopped"),
            records,
            expected,
            stop_a_pipeline([rounds // 4, rounds // 2], stopped_s),
        )
    finally:
        stop_all(nodes)
    return {
        f"kill -9 of a node, {kills} times, seed {seed}": killed,
        f"SIGSTOP of a pipeline for {stopped_s:.0f} s, twice": stopped,
    }


def describe(outcomes: dict[str, Outcomes]) -> str:
    """The document."""
    rows = "".join(
        f"| {what} | {o.records} | {o.lost} | {o.doubled} | {o.events} | {o.differing} "
        f"| {o.seconds:.0f} s | {'passed' if o.passed else 'FAILED'} |\n"
        for what, o in outcomes.items()
    )
    return (
        "# Soak of the production store\n\n"
        f"`make soak`, last run {datetime.now(UTC).date()}: three nodes on one machine, one "
        "replica, two whole pipelines at once, the demonstration's posts and reports; compared "
        "with one undisturbed pipeline on SQLite.\n\n"
        "| fault | records | lost | double | events | differing | took | |\n"
        "|---|---|---|---|---|---|---|---|\n" + rows
    )


def main() -> int:
    """Run the proofs and write them down; exit code 1 when one fails."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--kills", type=int, default=5)
    arguments.add_argument("--stopped-s", type=float, default=60.0)
    arguments.add_argument("--seed", type=int, default=102)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        outcomes = prove(folder, kills=given.kills, stopped_s=given.stopped_s, seed=given.seed)
    text = describe(outcomes)
    sys.stdout.write(text)
    DOC.write_text(text, encoding="utf-8")
    return 0 if all(outcome.passed for outcome in outcomes.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
