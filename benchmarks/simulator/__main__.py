"""``python -m benchmarks.simulator MODELS``: all sweeps, tables printed, charts into ``docs/``."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.corpus import ROOT
from benchmarks.simulator.figures import SWEEPS, chart, sweep, table
from benchmarks.simulator.world import Reader
from correlator.model import PairModel
from nlp.assessor import Assessor

DOCS = ROOT / "docs"


def main(models: Path) -> None:
    """Run every sweep."""
    reader, model = Reader(Assessor.load(models)), PairModel.load()
    for name, field, axis, values in SWEEPS:
        rows = sweep(field, values, reader=reader, model=model)
        (DOCS / f"simulator_{name}.svg").write_text(chart(axis, rows), encoding="utf-8")
        sys.stdout.write(f"{table(axis, rows)}\n\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
