"""The peers: each learns, gives every record a cluster, and is better than leaving all alone."""

from __future__ import annotations

import pytest

from benchmarks.correlation_peers import chart, measure, table
from benchmarks.event_peers import (
    DbscanPeer,
    DedupePeer,
    MinHashPeer,
    Peer,
    SplinkPeer,
    best_of,
    blocked,
    joined,
)
from correlator.evaluation import b_cubed
from correlator.items import Item, make_item
from correlator.model import PairModel
from learning.streams import Stream


@pytest.fixture(scope="module")
def items(stream: Stream) -> list[Item]:
    idf = PairModel.load().idf
    return [make_item(record, idf) for record in stream.records]


@pytest.mark.parametrize("peer", [MinHashPeer(), DbscanPeer(), DedupePeer(), SplinkPeer()])
def test_each_peer_partitions_all_records_and_finds_some_events(
    peer: Peer, stream: Stream, items: list[Item]
) -> None:
    texts = {record.subject.id: record.subject.text for record in stream.records}
    peer.learn(items, texts, stream.truth)
    found = peer.cluster(items, texts)
    assert set(found) == set(stream.truth)
    alone = {record: record for record in stream.truth}
    assert b_cubed(found, stream.truth).f1 > b_cubed(alone, stream.truth).f1


def test_pairs_within_a_day_of_one_town_or_a_rare_word(items: list[Item]) -> None:
    pairs = blocked(items)
    assert len(pairs) == len(set(pairs)) > 100
    assert all(abs(items[a].at - items[b].at) <= 86_400.0 for a, b in pairs)


def test_components_and_the_best_value(items: list[Item]) -> None:
    few = items[:4]
    found = joined(few, [(0, 1), (1, 2)])
    assert found[few[0].id] == found[few[2].id] != found[few[3].id]
    truth = {item.id: "one" for item in few}
    apart = {item.id: item.id for item in few}
    assert best_of((1.0, 2.0), lambda v: truth if v == 2.0 else apart, truth) == 2.0


def test_table_and_chart_show_ours_and_the_peers(stream: Stream) -> None:
    found = measure(stream, stream, [MinHashPeer()], copies=1, runs=1)
    assert set(found) == {"Oqiga", MinHashPeer.name}
    assert table(found).count("\n") == 3
    assert chart(found).count("<circle") == 2
