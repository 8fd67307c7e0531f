"""The Elasticsearch backend on a real server: the contract, and what only a cluster can suffer."""

from __future__ import annotations

import pytest

from store.elasticsearch import ElasticsearchStore
from tests.store.contract import StoreContract


class TestElasticsearchStore(StoreContract):
    """The contract on Elasticsearch."""

    @pytest.fixture
    def store(self, elastic_store: ElasticsearchStore) -> ElasticsearchStore:
        return elastic_store
