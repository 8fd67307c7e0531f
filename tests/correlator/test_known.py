"""The chance that 102 knows of an event that no report is in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.records import Assessed, Event, ReportState
from core.settings import CorrelatorSettings
from correlator.correlate import correlate
from correlator.freshness import Freshness
from correlator.items import make_item
from correlator.known import NAMES, SIGNS, chance_known, evidence
from correlator.model import PairModel
from correlator.train_known import train_known

Make = Callable[..., Assessed]
WEIGHTS = dict(zip(NAMES, (3.3, 0.6, -1.0, -0.4, -1.4, -0.5), strict=True))
chances = st.floats(0, 1)


@given(incident=chances, low=chances, high=chances)
def test_a_further_report_never_makes_it_less_known(
    post: Make, incident: float, low: float, high: float
) -> None:
    posts = [make_item(post("a", "ужас что там такое"), {})]
    low, high = sorted((low, high))
    one = chance_known(WEIGHTS, posts, incident, low)
    assert low <= one <= chance_known(WEIGHTS, posts, incident, high) <= 1.0


def test_the_more_it_says_the_less_102_knows(post: Make) -> None:
    short = make_item(post("a", "горит там"), {})
    long = make_item(post("b", "горит балкон на пятом этаже напротив школы дети кричат"), {})
    alone = chance_known(WEIGHTS, [short], 0.6, 0.1)
    assert chance_known(WEIGHTS, [long], 0.6, 0.1) < alone
    assert chance_known(WEIGHTS, [short, long], 0.6, 0.1) < alone
    assert chance_known(WEIGHTS, [short], 0.95, 0.1) < alone


def test_without_weights_or_posts_the_report_alone_counts(post: Make) -> None:
    assert chance_known({}, [make_item(post("a", "горит"), {})], 0.9, 0.3) == 0.3
    assert chance_known(WEIGHTS, [], 0.9, 0.3) == 0.3
    assert len(evidence([make_item(post("a", "горит"), {})], 0.9, 0.3)) == len(NAMES)


@pytest.fixture
def run(model: PairModel, at: Callable[[float], datetime]) -> Callable[..., Event]:
    def first(records: list[Assessed], bias: float) -> Event:
        events = correlate(
            records,
            settings=CorrelatorSettings(),
            model=replace(model, known={**dict.fromkeys(NAMES, 0.0), "bias": bias}),
            as_of=at(120),
            freshness=Freshness.always(),
        )
        (found,) = [e for e in events if e.posts]
        return found

    return first


def test_what_102_probably_knows_stays_in_the_queue_but_sinks(
    run: Callable[..., Event], post: Make
) -> None:
    records = [post("p", "там горит что-то", 0)]
    open_one, known = run(records, -2.0), run(records, 2.0)
    assert open_one.flagged
    assert known.flagged
    assert known.priority < open_one.priority
    assert known.report_state is open_one.report_state is ReportState.UNREPORTED
    factors = {f.name: f.value for f in known.priority_factors}
    assert factors["unknown_to_102"] == pytest.approx(1 / (1 + 2.718281828**2), abs=1e-3)


def test_training_gives_every_weight_its_side(
    model: PairModel, world: list[Assessed], post: Make
) -> None:
    records = [*world, post("x1", "ужас там", 14, town=None, incident=0.7)]
    labels = {r.subject.id: r.subject.id[0] for r in records} | {"ra": "a", "x1": "a", "rf": "f"}
    trained = train_known(
        records, labels, model=model, settings=CorrelatorSettings(), incident_at=0.5
    )
    assert set(trained.known) == set(NAMES)
    for name, sign in SIGNS.items():
        assert trained.known[name] * sign >= 0.0
    again = train_known(
        records, labels, model=model, settings=CorrelatorSettings(), incident_at=0.5
    )
    assert again == trained
