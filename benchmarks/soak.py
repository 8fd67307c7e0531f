"""The long proof: fifty kills during the demonstration's replay; ``make soak``.

Writes ``docs/soak.md``. ``make test`` holds the short version, five kills.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.harness import (
    Running,
    counts,
    final_events,
    plan_demo,
    settings_for,
    wait_settled,
)
from store.open import open_store

DOC = Path(__file__).resolve().parent.parent / "docs" / "soak.md"
REPLAY_S = 10_800.0
"""Length of the demonstration in simulated seconds."""


@dataclass(frozen=True)
class KillProof:
    """Outcome of one proof: counts of (posts, reports) and whether the events are the same.

    ``differences``: members, and what is said of them, of each event that only one run has.
    """

    kills: int
    seconds: float
    undisturbed: tuple[int, int]
    disturbed: tuple[int, int]
    events: int
    differing: int
    differences: tuple[str, ...] = ()


def undisturbed_run(home: Path, speed: float) -> None:
    """One whole replay without a fault."""
    plan_demo(home, speed=speed)
    _finish(home, speed)


def kill_proof(undisturbed: Path, home: Path, *, kills: int, speed: float, seed: int) -> KillProof:
    """Replay the same input with ``kills`` kills at random moments and compare the outcome."""
    random_ = random.Random(seed)  # noqa: S311 - moments of kills, no secret
    started = time.monotonic()
    plan_demo(home, speed=speed, like=undisturbed)
    for _ in range(kills):
        running = Running.start(home, "--demo", "--speed", str(speed))
        # Some kills fall into starting, most into the work after it.
        time.sleep(random_.uniform(0.5, 14.0))
        running.kill()
    _finish(home, speed)
    left, right = open_store(settings_for(undisturbed)), open_store(settings_for(home))
    try:
        before, after = final_events(left), final_events(right)
        differing = [
            key for key in before.keys() | after.keys() if before.get(key) != after.get(key)
        ]
        return KillProof(
            kills=kills,
            seconds=time.monotonic() - started,
            undisturbed=counts(left),
            disturbed=counts(right),
            events=len(before),
            differing=len(differing),
            differences=tuple(
                f"{sorted(posts)} {sorted(reports)}: undisturbed {before.get((posts, reports))}, "
                f"disturbed {after.get((posts, reports))}"
                for posts, reports in differing
            ),
        )
    finally:
        left.close()
        right.close()


def _finish(home: Path, speed: float) -> None:
    running = Running.start(home, "--demo", "--speed", str(speed))
    try:
        running.wait_ready()
        store = open_store(settings_for(home))
        try:
            wait_settled(store, quiet_s=6.0, limit_s=REPLAY_S / speed + 180.0)
        finally:
            store.close()
    finally:
        running.stop()


def main() -> int:
    """Run the proof and write its outcome down; exit code 1 when it fails."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--kills", type=int, default=50)
    arguments.add_argument("--speed", type=float, default=30.0)
    arguments.add_argument("--seed", type=int, default=102)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder, "undisturbed"), Path(folder, "disturbed")
        undisturbed_run(first, speed=600.0)
        proof = kill_proof(first, second, kills=given.kills, speed=given.speed, seed=given.seed)
    sys.stdout.write(f"{proof}\n")
    passed = proof.differing == 0 and proof.undisturbed == proof.disturbed
    DOC.write_text(
        "# Soak: kill -9 during the replay\n\n"
        f"`make soak`, last run {datetime.now(UTC).date()}: {proof.kills} kills at random "
        f"moments (seed {given.seed}, speed {given.speed:g}), {proof.seconds:.0f} s. Posts and "
        f"reports kept {proof.disturbed} against {proof.undisturbed} undisturbed; "
        f"{proof.events} events, {proof.differing} differing. "
        f"{'Passed' if passed else 'FAILED'}.\n",
        encoding="utf-8",
    )
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
