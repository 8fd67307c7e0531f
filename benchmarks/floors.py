"""The floors that ``make test`` holds: the last measured figures less their intervals.

``python -m benchmarks.floors MODELS EXTERNAL`` measures anew and writes ``docs/floors.json``, a
deliberate act. What is learned is measured on the test part by a model of every second post of the
other parts (the whole takes two minutes, see docs/evaluation.md for it); places, and the external
sets where they are there, by the models as trained in the folder MODELS.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.corpus import ROOT
from nlp.assessor import Assessor
from nlp.evaluate import figures, held_out_assessor, judged_by, parts_figure
from nlp.external import external_figures
from nlp.figures import RESAMPLES, Figure
from nlp.labelled import DEFAULT_CORPUS, part_of, read_corpus, texts_digest
from nlp.placing import place_figures, placed_alone
from nlp.train import Grounds

FILE = ROOT / "docs" / "floors.json"
EXTERNAL = ROOT.parent / "shared" / "data" / "external"
LOWER_IS_BETTER = frozenset({"Brier", "politics flagged"})
UNHELD = frozenset({"category F1", "category accuracy"})
"""Of single categories, and twice told: too few posts, or held by another figure."""
STEP = 0.001
RULE_OF_THREE = 3.0
"""Events that may yet come where none was seen, at 95 % (Hanley and Lippman-Hand 1983)."""
COUNTED = frozenset({"politics flagged"})
"""Figures that are numbers of posts; the others are means."""


@dataclass(frozen=True)
class Floor:
    """A figure and what it may not fall below; ``ceiling``: nor rise above, where less is better.

    ``external``: of a set that is not in the project.
    """

    name: str
    group: str
    value: float
    limit: float
    ceiling: bool
    external: bool

    def holds(self, figure: Figure) -> bool:
        """Whether a new figure is good enough."""
        if self.ceiling:
            return figure.value <= self.limit + STEP / 2
        return figure.value >= self.limit - STEP / 2


def figures_of_gate(assessor: Assessor, resamples: int = 0) -> list[Figure]:
    """Figures on the project's test part."""
    posts = read_corpus(DEFAULT_CORPUS)
    test = [p for p in posts if part_of(p) == "test"]
    learned = [p for p in posts if part_of(p) != "test"][::2]
    grounds = Grounds(assessor.gazetteer, assessor.vectors)
    judge = held_out_assessor(learned, grounds)
    found = figures(judged_by(judge, test), resamples)
    found.append(parts_figure(judge, test, resamples))
    found += place_figures(placed_alone(test, assessor.gazetteer), "places alone", resamples)
    return [f for f in found if f.name not in UNHELD]


def floor_of(figure: Figure, *, external: bool) -> Floor:
    """The floor of a figure with an interval; without a single miss by the rule of three."""
    ceiling = figure.name in LOWER_IS_BETTER
    limit = figure.high if ceiling else figure.low
    if figure.low == figure.high:
        slack = RULE_OF_THREE / (1 if figure.name in COUNTED else figure.count)
        limit += slack if ceiling else -slack
    return Floor(
        figure.name, figure.group, round(figure.value, 3), round(limit, 3), ceiling, external
    )


def read_floors() -> tuple[str, list[Floor]]:
    """Digest of the test part that they were measured on, and the floors."""
    kept = json.loads(FILE.read_text(encoding="utf-8"))
    return kept["data"], [Floor(**row) for row in kept["floors"]]


def test_part_digest() -> str:
    """Digest of the posts and labels of the test part."""
    return texts_digest(p for p in read_corpus(DEFAULT_CORPUS) if part_of(p) == "test")


def fallen(floors: Sequence[Floor], found: Sequence[Figure]) -> list[str]:
    """What is worse than its floor, or was not measured, said in words."""
    known = {(f.name, f.group): f for f in found}
    problems = []
    for floor in floors:
        figure = known.get((floor.name, floor.group))
        side = "above its ceiling" if floor.ceiling else "below its floor"
        if figure is None:
            problems.append(f"{floor.name}, {floor.group}: not measured")
        elif not floor.holds(figure):
            problems.append(
                f"{floor.name}, {floor.group}: {figure.value:.3f} is {side} {floor.limit:.3f}"
            )
    return problems


def main(model_dir: Path, external: Path) -> None:
    """Measure and write."""
    assessor = Assessor.load(model_dir)
    own = figures_of_gate(assessor, RESAMPLES)
    others = external_figures(assessor, external)
    floors = [floor_of(f, external=False) for f in own]
    floors += [floor_of(f, external=True) for f in others]
    rows = ",\n  ".join(json.dumps(vars(f), ensure_ascii=False) for f in floors)
    FILE.write_text(
        f'{{"data": "{test_part_digest()}",\n "floors": [\n  {rows}\n ]}}\n', encoding="utf-8"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
