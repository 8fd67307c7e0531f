"""``make bench``: all figures, written to ``docs/benchmarks.md``."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import (
    airflow_latency,
    collection,
    console_live,
    correlation_peers,
    learning_month,
    live,
    speeds,
)
from benchmarks.simulator import figures as simulated

DOC = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"


def main() -> None:
    """Measure and write the document."""
    lines = [
        "# Benchmarks",
        "",
        f"`make bench`, last run {datetime.now(UTC).date()}, Python {platform.python_version()}, "
        f"{os.cpu_count()} processors. One process and one thread a speed; the peer ran in turn "
        "with ours, medians of five runs. Ratios hold better than absolute figures.",
        "",
        "| what | ours, a second | peer | peer, a second | ratio |",
        "|---|---|---|---|---|",
    ]
    for speed in speeds.measure():
        lines.append(
            f"| {speed.what} | {speed.ours:,.0f} | {speed.peer} | {speed.peers:,.0f} "
            f"| {speed.ratio:.2f} |"
        )
    with tempfile.TemporaryDirectory() as folder:
        figures = live.measure(Path(folder, "home"))
        rounds = airflow_latency.measure(Path(folder, "airflow"))
    rows = [
        *live.describe(figures),
        *airflow_latency.describe(rounds),
        *learning_month.describe(learning_month.measure()),
    ]
    lines += ["", "| what | figure |", "|---|---|"]
    lines += [f"| {what} | {figure} |" for what, figure in rows]
    lines += collection.describe()
    lines += console_live.section()
    lines += correlation_peers.section()
    lines += simulated.section()
    text = "\n".join(lines) + "\n"
    DOC.write_text(text, encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
