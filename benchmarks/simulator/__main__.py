"""``python -m benchmarks.simulator MODELS``: all sweeps, tables printed, charts into ``docs/``."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.corpus import ROOT
from benchmarks.simulator.figures import SWEEPS, chart, measured, table
from benchmarks.simulator.world import Reader
from correlator.model import PairModel
from nlp.assessor import Assessor

DOCS = ROOT / "docs"


def main(models: Path) -> None:
    """Run every sweep."""
    reader, model = Reader(Assessor.load(models)), PairModel.load()
    for sweep in SWEEPS:
        rows = measured(sweep, reader=reader, model=model)
        drawn = chart(sweep.axis, rows)
        (DOCS / f"simulator_{sweep.name}.svg").write_text(drawn, encoding="utf-8")
        sys.stdout.write(f"{table(sweep.axis, rows)}\n\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
