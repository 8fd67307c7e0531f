"""The Elasticsearch backend on a real server: the contract, and what only a cluster can suffer."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from core.records import Outcome
from core.settings import load_settings
from store.elasticsearch import ElasticsearchStore
from store.open import open_store
from tests.elastic import Elastic
from tests.store.contract import StoreContract, a_post, accept


class TestElasticsearchStore(StoreContract):
    """The contract on Elasticsearch."""

    @pytest.fixture
    def store(self, elastic_store: ElasticsearchStore) -> ElasticsearchStore:
        return elastic_store


def test_processes_share_what_waits_and_leave_nothing_lying(
    elastic: Elastic, elastic_store: ElasticsearchStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    posts = [a_post(str(i)) for i in range(40)]
    accept(elastic_store, *posts)
    prefix = elastic_store._names.prefix
    two = [elastic.open(prefix, assess_part=part, assess_parts=2) for part in range(2)]
    shares = [{record.id for record in store.unassessed(100)} for store in two]
    assert shares[0].isdisjoint(shares[1])
    assert shares[0] | shares[1] == {post.id for post in posts}
    assert min(map(len, shares)) > 10
    monkeypatch.setattr("store.elasticsearch.inputs.LEFT_LYING_S", 0)
    assert len(two[0].unassessed(100)) == 40, "the other is gone"
    assert {record.id for record in two[0].unassessed(5)} <= shares[0], "our own come first"
    for store in two:
        store.close()


def test_the_settings_choose_the_store(elastic: Elastic, elastic_store: ElasticsearchStore) -> None:
    environment = elastic.environment(elastic_store._names.prefix, elastic.home)
    store = open_store(load_settings(environment))
    accept(store, a_post())
    assert [record.id for record in elastic_store.unassessed(5)] == [a_post().id]
    store.close()


def test_a_cluster_that_is_away_at_the_start_holds_up_no_reader(
    elastic: Elastic, tmp_path: Path
) -> None:
    environment = {
        **elastic.environment("away", tmp_path),
        "OQIGA_ELASTICSEARCH__HOSTS": f'["{urlsplit(elastic.url).scheme}://127.0.0.1:1"]',
    }
    store = open_store(load_settings(environment))
    assert accept(store, a_post()) == [Outcome.ACCEPTED]
    assert isinstance(store, ElasticsearchStore)
    assert store.waiting() == 1
    store.close()
