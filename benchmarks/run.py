"""``make bench``: all figures, written to ``docs/benchmarks.md``, each section when it is measured.

``python -m benchmarks.run console live`` measures these sections anew and leaves the others.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import (
    airflow_latency,
    collection,
    console_live,
    correlation_peers,
    correlation_scale,
    learning_month,
    live,
    speeds,
)
from benchmarks.sections import keep
from benchmarks.simulator import figures as simulated

DOC = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

`make bench` writes this page. Each section says when it was measured and how many processes wanted
a processor just before. Ratios hold better than absolute figures.
"""


def _speeds() -> list[str]:
    lines = [
        "## Assessment and pairs",
        "",
        "One process and one thread a speed; the peer ran in turn with ours, medians of five runs.",
        "",
        "| what | ours, a second | peer | peer, a second | ratio |",
        "|---|---|---|---|---|",
    ]
    for speed in speeds.measure():
        lines.append(
            f"| {speed.what} | {speed.ours:,.0f} | {speed.peer} | {speed.peers:,.0f} "
            f"| {speed.ratio:.2f} |"
        )
    return lines


def _live() -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        return _table("Live queue", live.describe(live.measure(Path(folder, "home"))))


def _airflow() -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        rounds = airflow_latency.measure(Path(folder, "airflow"))
    return _table("From page to queue through Airflow", airflow_latency.describe(rounds))


def _learning() -> list[str]:
    return _table("A month of learning", learning_month.describe(learning_month.measure()))


SECTIONS: dict[str, Callable[[], list[str]]] = {
    "speeds": _speeds,
    "live": _live,
    "window": correlation_scale.section,
    "console": console_live.section,
    "collection": collection.describe,
    "peers": correlation_peers.section,
    "simulator": simulated.section,
    "learning": _learning,
    "airflow": _airflow,
}


def main() -> None:
    """Measure and write the document."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("sections", nargs="*", help=f"of {', '.join(SECTIONS)}; all by default")
    wanted = arguments.parse_args().sections or list(SECTIONS)
    if unknown := [name for name in wanted if name not in SECTIONS]:
        arguments.error(f"no section {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    for name in wanted:
        now, load = datetime.now(UTC), os.getloadavg()[0]
        told = f"Measured {now:%Y-%m-%d %H:%M} UTC, Python {platform.python_version()}, "
        told += f"{os.cpu_count()} processors, load {load:.1f} before."
        heading, *lines = "\n".join(SECTIONS[name]()).strip().split("\n")
        section = "\n".join([heading, "", told, *lines]) + "\n"
        sys.stdout.write(section)
        keep(DOC, HEAD, section)


def _table(heading: str, rows: Iterable[tuple[str, str]]) -> list[str]:
    lines = [f"## {heading}", "", "| what | figure |", "|---|---|"]
    return [*lines, *(f"| {what} | {figure} |" for what, figure in rows)]


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
