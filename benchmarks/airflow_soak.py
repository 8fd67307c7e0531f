"""The long proof of the schedules: a day in many steps through a real Airflow, with many kills.

Writes ``docs/soak_airflow.md``. ``pytest -m soak tests/dags`` is a shorter one, on both stores;
both take too long for ``make test``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.airflow_day import Day, by_hand, day_input, through_airflow

DOC = Path(__file__).resolve().parent.parent / "docs" / "soak_airflow.md"
START = datetime.fromisoformat("2026-03-20T00:00:00+05:00")


def main() -> int:
    """Run the proof and write its outcome down; exit code 1 when it fails."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--kills", type=int, default=20)
    arguments.add_argument("--steps", type=int, default=12)
    arguments.add_argument("--copies", type=int, default=4)
    arguments.add_argument("--share", type=float, default=0.4)
    given = arguments.parse_args()
    day = day_input(START, given.copies, given.share)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        calm = by_hand(Day(root / "calm", day, steps=given.steps, start=START))
        stormy = through_airflow(
            Day(root / "stormy", day, steps=given.steps, start=START),
            root / "airflow",
            kills=given.kills,
        )
    keys = calm.events.keys() | stormy.events.keys()
    differing = sum(calm.events.get(key) != stormy.events.get(key) for key in keys)
    passed = (
        differing == 0 and calm.kept == stormy.kept and set(stormy.night.values()) == {"success"}
    )
    text = (
        "# Soak: a day through Airflow\n\n"
        f"`make soak`, last run {datetime.now(UTC).date()}: `airflow standalone` with SQLite and "
        f"the LocalExecutor, the embedded store, a day in {given.steps} steps, {stormy.kills} "
        f"kills (-9) of commands and of tasks' processes, {stormy.seconds:.0f} s. Posts and "
        f"reports kept {stormy.kept} against {calm.kept} undisturbed; {len(calm.events)} events, "
        f"{differing} differing. The night's work and the report made twice: "
        f"{', '.join(f'{name} {state}' for name, state in stormy.night.items())}. "
        f"{stormy.alerts} alerts kept. {'Passed' if passed else 'FAILED'}.\n"
    )
    DOC.write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
