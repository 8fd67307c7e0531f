"""Blocking on the cluster finds what the embedded index finds, as far as it matters."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.correlation_stream import Stream
from benchmarks.elasticsearch_bench import operation
from benchmarks.elasticsearch_proof import AS_OF, accept, batches, beat, recorded
from benchmarks.harness import final_events
from core.clock import FixedClock
from core.records import Assessed, Audience
from core.settings import Settings
from correlator.blocking import Index, comparable, within_s
from correlator.correlate import correlate
from correlator.freshness import Freshness
from correlator.items import Item, make_item
from correlator.model import PairModel
from correlator.run import LiveCorrelator
from correlator.surroundings import sought
from nlp.assessor import Assessor
from nlp.run import assess_pending
from oqiga.context import PROJECT_MODELS
from store.elasticsearch import ElasticsearchStore
from store.elasticsearch.bulk import write_bulk
from store.protocol import ALL, CONFIDENTIAL
from store.sqlite import SqliteStore

SETTINGS = Settings()
RECORDS = 240
RESTARTED = 160
FLOOR_PAIRS, FLOOR_LINKS = 0.98, 0.995
"""Of the pairs that are proposed to be compared, and of those that end in one event: .997 and 1."""
LIFE, ASKED, FLOOR_LIFE = 1_500, 40, 0.97
"""Of 10,000 posts like life .993 of the pairs, and .997 of those that have even odds."""
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


def neighbours(store: ElasticsearchStore, world: Sequence[Assessed]) -> dict[str, set[str]]:
    """What the store finds around each record, asked for as the correlator asks."""
    idf = PairModel.load().idf
    asked = [sought(record, make_item(record, idf), SETTINGS.correlator) for record in world]
    found = store.neighbours(asked)
    return {record.subject.id: ids for record, ids in zip(world, found, strict=True)}


def test_it_finds_what_the_embedded_index_finds(
    elastic_store: ElasticsearchStore, world: list[Assessed]
) -> None:
    model = PairModel.load()
    dims = {len(record.assessment.vector) for record in world}
    assert dims == {SETTINGS.elasticsearch.vector_dims}, "the default is that of our model"
    items = [make_item(record, model.idf) for record in world]
    near = neighbours(elastic_store, world)
    pairs = {frozenset((a, b)) for a, others in near.items() for b in others}
    wanted = embedded_pairs(items)
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


def test_in_an_ordinary_hour_it_finds_what_the_embedded_index_finds(
    elastic_store: ElasticsearchStore,
) -> None:
    """Most posts name no place but that of their channel, or only towns."""
    stream, model = Stream(), PairModel.load()
    stored = stream.ordinary(LIFE)
    posts = elastic_store._names.of(Audience.OPEN, "posts", "2026.03")
    elastic_store._indices.ensure({posts})
    assert write_bulk(elastic_store.client, (operation(record, posts) for record in stored)) == []
    index = Index()
    by_id = {record.subject.id: make_item(record, model.idf) for record in stored}
    for item in by_id.values():
        index.add(item)
    asked = stream.incidents(ASKED)
    near = neighbours(elastic_store, asked)
    wanted = {
        (item.id, other)
        for item in (make_item(record, model.idf) for record in asked)
        for other in index.candidates(item, 12 * HOURS)
        if comparable(item, by_id[other], within_s(item, by_id[other], SETTINGS.correlator))
    }
    found = {(one, other) for one, other in wanted if other in near[one]}
    assert len(wanted) > 300
    assert len(found) / len(wanted) >= FLOOR_LIFE, len(found) / len(wanted)


def test_confidential_records_meet_each_other_alone(
    elastic_store: ElasticsearchStore, world: list[Assessed]
) -> None:
    hidden = {r.subject.id for r in elastic_store.window(AS_OF.replace(year=2020), CONFIDENTIAL)}
    assert hidden
    near = neighbours(elastic_store, world)
    for record in world:
        found = near[record.subject.id]
        if record.audience is Audience.CONFIDENTIAL:
            assert found <= hidden
        else:
            assert not found & hidden


def test_restarted_again_and_again_it_ends_as_one_that_reads_the_window(
    elastic_store: ElasticsearchStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process a batch, as a scheduler starts them; every record comes late."""
    assessor, model = Assessor.load(PROJECT_MODELS), PairModel.load()
    embedded = SqliteStore(tmp_path / "oqiga.db")
    read: list[bool] = []
    window = elastic_store.window
    monkeypatch.setattr(elastic_store, "window", lambda *a: read.append(True) or window(*a))
    for store in (embedded, elastic_store):
        beat(store)
        for part in range(0, RESTARTED, 40):
            for batch in batches(recorded(RESTARTED)[part : part + 40]):
                accept(store, batch)
            while assess_pending(store, assessor, SETTINGS, FixedClock(AS_OF), 512):
                pass
            live = LiveCorrelator(store, SETTINGS, model, FixedClock(AS_OF))
            while live.step():
                pass
    expected, found = final_events(embedded), final_events(elastic_store)
    embedded.close()
    assert len(expected) > 40
    assert [key for key in expected | found if expected.get(key) != found.get(key)] == []
    assert len(read) == 1, "at the very first start, when nothing is noted"
