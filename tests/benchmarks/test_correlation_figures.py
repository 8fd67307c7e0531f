"""Figures beside the correlation table: right on cases that can be counted by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.correlation import details
from benchmarks.correlation_figures import (
    Costs,
    blocking_recall,
    by_language,
    calibration,
    cost_table,
    costs,
    proposed_pairs,
    threshold_of,
)
from benchmarks.correlation_scores import events_of, unreported
from core.settings import Settings
from correlator.evaluation import partition_of
from correlator.model import PairModel
from correlator.train import LabelledPair
from learning.streams import Stream


def test_threshold_follows_from_costs() -> None:
    assert threshold_of(1.0, 1.0) == 0.5
    assert threshold_of(9.0, 1.0) == pytest.approx(0.1)
    row = Costs(link_at=0.5, incident_at=0.3, missed=2, false=5, incidents=50)
    assert row.minutes(10.0, 1.0) == pytest.approx(50.0)
    assert "50 (2 missed, 5 false)" in cost_table([row])


def test_recall_of_blocking_counts_what_is_proposed_and_what_meets(
    stream: Stream, model: PairModel
) -> None:
    pairs = proposed_pairs(stream, model, Settings())
    full = blocking_recall(stream, pairs, model)
    assert 0.4 < full.proposed <= full.met <= full.telling <= 1.0
    nothing = blocking_recall(stream, [], model)
    assert (nothing.proposed, nothing.met, nothing.telling) == (0.0, 0.0, 0.0)
    assert nothing.pairs == full.pairs > 100


def test_calibration_of_turned_labels_is_bad(stream: Stream, model: PairModel) -> None:
    pairs = proposed_pairs(stream, model, Settings())
    found = calibration(pairs, model)
    assert sum(count for _, _, count in found.bins) == found.count == len(pairs)
    assert found.error < 0.15
    turned: list[LabelledPair] = [replace(pair, same=not pair.same) for pair in pairs]
    assert calibration(turned, model).error > 0.5


def test_languages_of_the_truth_itself_are_perfect(stream: Stream) -> None:
    shares = by_language(stream, stream.truth)
    assert {share.f1 for share in shares.values()} == {1.0}
    alone = {record: record for record in stream.truth}
    assert by_language(stream, alone)["across languages"].recall == 0.0


def test_costs_count_missed_and_false(stream: Stream, model: PairModel) -> None:
    events = events_of(stream, model, Settings())
    rows = costs(
        stream,
        lambda _: events,
        unreported(stream),
        link_ats=(0.5,),
        incident_ats=(0.0, 0.5, 1.1),
    )
    everything, shipped, nothing = rows
    assert nothing.missed == nothing.incidents > 0
    assert nothing.false == 0
    assert everything.missed <= shipped.missed < nothing.missed
    assert everything.false >= shipped.false


def test_details_print_every_aim(stream: Stream, model: PairModel) -> None:
    text = details(stream, model, Settings())
    for said in ("aim .99", "aim .03", "aim within .04", "within Kazakh"):
        assert said in text
    assert set(partition_of(events_of(stream, model, Settings()))) == set(stream.truth)
