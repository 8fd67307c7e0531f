"""Removal and late sealing on a real server: nothing is found afterwards, the chains hold."""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Iterator

import pytest

from store.elasticsearch import ElasticsearchStore
from tests.elastic import Elastic, drop, wipe
from tests.store.contract import a_post
from tests.store.removal_contract import RemovalContract


def everything(store: ElasticsearchStore) -> str:
    """All documents of all indices, the journal's writes unpacked."""
    store.client.indices.refresh(index="removal-*")
    hits = store.client.search(index="removal-*", size=10_000, sort=["_doc"])["hits"]["hits"]
    texts = []
    for hit in hits:
        source = hit["_source"]
        if "writes" in source:
            source["writes"] = zlib.decompress(base64.b64decode(source["writes"])).decode()
        for field in ("raw", "body", "record"):
            texts.append(_unpacked(source.get(field)))
        texts.append(json.dumps(source, ensure_ascii=False))
    return "\n".join(texts)


def _unpacked(value: object) -> str:
    """Base64, of a payload within a raw post too, deflated or not."""
    text = str(value)
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        return " ".join(_unpacked(part) for part in re.findall(r'"payload":"([^"]+)"', text))
    try:
        return f"{data!r} {_unpacked(zlib.decompress(data).decode())}"
    except (ValueError, zlib.error):
        return data.decode("utf-8", "replace")


@pytest.fixture(scope="module")
def own(elastic: Elastic) -> Iterator[ElasticsearchStore]:
    """Indices whose every document, and every entry of the journal, the tests may look at."""
    store = elastic.open("removal")
    yield store
    drop(store)
    store.close()


class TestElasticsearchRemoval(RemovalContract):
    """The contract on Elasticsearch."""

    @pytest.fixture
    def store(self, own: ElasticsearchStore) -> ElasticsearchStore:
        wipe(own)
        own._journal._forget(lambda operation: True)
        return own

    def traces(self, store: ElasticsearchStore) -> str:
        return everything(store)

    def lose_the_second(self, store: ElasticsearchStore) -> None:
        store.client.delete(index="removal-pipeline-pending", id=f"{a_post('2').id}:1")
