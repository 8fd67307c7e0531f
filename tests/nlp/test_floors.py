"""Quality does not fall below what was measured last: see ``benchmarks/floors.py``."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks import floors
from nlp.assessor import DEFAULT_MODELS, Assessor
from nlp.external import external_figures
from nlp.figures import Figure


@pytest.fixture(scope="module")
def shipped() -> Assessor:
    """The models that ``make setup`` trained."""
    return Assessor.load(DEFAULT_MODELS)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_test_part_is_judged_no_worse_than_before(shipped: Assessor) -> None:
    data, limits = floors.read_floors()
    assert data == floors.test_part_digest(), (
        "the posts of the test part changed; measure anew with `python -m benchmarks.floors`"
    )
    own = [f for f in limits if not f.external]
    assert len(own) >= 20
    assert floors.fallen(own, floors.figures_of_gate(shipped)) == []


@pytest.mark.slow
@pytest.mark.external
@pytest.mark.skipif(not floors.EXTERNAL.exists(), reason="the external test sets are not here")
def test_external_sets_are_judged_no_worse_than_before(shipped: Assessor) -> None:
    _, limits = floors.read_floors()
    others = [f for f in limits if f.external]
    assert {f.name for f in others} >= {"mention F1", "language accuracy"}
    assert floors.fallen(others, external_figures(shipped, floors.EXTERNAL, 0)) == []


def test_a_fallen_figure_is_told() -> None:
    better = Figure("incident F1", "all", 0.90, 0.88, 0.92, 500)
    less = Figure("Brier", "all", 0.060, 0.050, 0.070, 500)
    limits = [floors.floor_of(f, external=False) for f in (better, less)]
    assert [f.limit for f in limits] == [0.88, 0.07]
    assert floors.fallen(limits, [better, less]) == []
    assert floors.fallen(limits, [replace(better, value=0.881), less]) == []
    told = floors.fallen(limits, [replace(better, value=0.87), replace(less, value=0.08)])
    assert told == [
        "incident F1, all: 0.870 is below its floor 0.880",
        "Brier, all: 0.080 is above its ceiling 0.070",
    ]
    assert floors.fallen(limits, [better]) == ["Brier, all: not measured"]


def test_no_miss_so_far_is_no_promise() -> None:
    none = Figure("politics flagged", "all", 0.0, 0.0, 0.0, 500)
    every = Figure("language accuracy", "translit", 1.0, 1.0, 1.0, 300)
    assert [floors.floor_of(f, external=False).limit for f in (none, every)] == [3.0, 0.99]
