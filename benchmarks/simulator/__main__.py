"""``python -m benchmarks.simulator MODELS``: all sweeps, tables printed, charts into ``docs/``."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.simulator.figures import section

if __name__ == "__main__":
    sys.stdout.write("\n".join(section(Path(sys.argv[1]))) + "\n")
