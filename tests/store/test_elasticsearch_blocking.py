"""Blocking on the cluster finds what the embedded index finds, as far as it matters."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from benchmarks.elasticsearch_proof import AS_OF, accept, batches, recorded
from core.clock import FixedClock
from core.records import Assessed, Audience
from core.settings import Settings
from correlator.blocking import Index, comparable, within_s
from correlator.correlate import correlate
from correlator.freshness import Freshness
from correlator.items import Item, make_item
from correlator.model import PairModel
from nlp.assessor import Assessor
from nlp.run import assess_pending
from oqiga.context import PROJECT_MODELS
from store.elasticsearch import ElasticsearchStore
from store.protocol import ALL, CONFIDENTIAL

SETTINGS = Settings()
RECORDS = 240
FLOOR_PAIRS, FLOOR_LINKS = 0.88, 0.985
"""Of the pairs that are proposed to be compared, and of those that end in one event."""
HOURS = 3600.0


@pytest.fixture
def world(elastic_store: ElasticsearchStore) -> list[Assessed]:
    """The demonstration, assessed."""
    for batch in batches(recorded(RECORDS)):
        accept(elastic_store, batch)
    assessor = Assessor.load(PROJECT_MODELS)
    while assess_pending(elastic_store, assessor, SETTINGS, FixedClock(AS_OF), 512):
        pass
    return list(elastic_store.window(AS_OF.replace(year=2020), ALL))


def embedded_pairs(items: Sequence[Item]) -> set[frozenset[str]]:
    """Pairs that the embedded index proposes and that may be linked at all."""
    index, by_id = Index(), {item.id: item for item in items}
    found: set[frozenset[str]] = set()
    for item in items:
        for other in index.candidates(item, 12 * HOURS):
            pair = by_id[other]
            if comparable(item, pair, within_s(item, pair, SETTINGS.correlator)):
                found.add(frozenset((item.id, other)))
        index.add(item)
    return found


def test_it_finds_what_the_embedded_index_finds(
    elastic_store: ElasticsearchStore, world: list[Assessed]
) -> None:
    model = PairModel.load()
    dims = {len(record.assessment.vector) for record in world}
    assert dims == {SETTINGS.elasticsearch.vector_dims}, "the default is that of our model"
    near = {r.subject.id: elastic_store.neighbours(r, 12 * HOURS) for r in world}
    pairs = {frozenset((a, b)) for a, others in near.items() for b in others}
    wanted = embedded_pairs([make_item(record, model.idf) for record in world])
    events = correlate(
        world, settings=SETTINGS.correlator, model=model, as_of=AS_OF,
        freshness=Freshness.always(),
    )  # fmt: skip
    links = {
        frozenset((link.id, link.to))
        for event in events
        for link in (*event.posts, *event.reports)
        if link.to is not None
    }
    assert len(links) > 30
    recall = len(wanted & pairs) / len(wanted)
    linked = len(links & pairs) / len(links)
    assert recall >= FLOOR_PAIRS, recall
    assert linked >= FLOOR_LINKS, linked


def test_confidential_records_meet_each_other_alone(
    elastic_store: ElasticsearchStore, world: list[Assessed]
) -> None:
    hidden = {r.subject.id for r in elastic_store.window(AS_OF.replace(year=2020), CONFIDENTIAL)}
    assert hidden
    for record in world:
        found = elastic_store.neighbours(record, 12 * HOURS)
        if record.audience is Audience.CONFIDENTIAL:
            assert found <= hidden
        else:
            assert not found & hidden
