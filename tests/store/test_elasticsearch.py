"""The Elasticsearch backend on a real server: the contract, and what only a cluster can suffer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from core.records import Audience, Outcome, Post, RawPost, Session
from core.settings import load_settings
from store.elasticsearch import ElasticsearchStore
from store.elasticsearch.connection import Connection, Key
from store.open import open_store
from store.protocol import ALL, CONFIDENTIAL, OPEN
from tests.elastic import Elastic
from tests.store.contract import (
    NOW,
    StoreContract,
    a_post,
    a_report,
    accept,
    an_event,
    assess,
    write,
)


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


def _raw(post: Post) -> RawPost:
    return RawPost(
        id=post.id, source=post.source, native_id=post.native_id, url=None, fetched_at=NOW,
        media_type="text/html", payload=b"<p>1</p>", parser="p/1",
    )  # fmt: skip


def test_many_records_take_no_more_requests_than_few(
    elastic_store: ElasticsearchStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From acceptance to the event, payloads too: a request a record would be most of the time."""
    asked: list[int] = []
    get_many = Connection.get_many

    def counted(connection: Connection, keys: Sequence[Key], *rest: Any) -> dict[Key, Any]:
        asked.append(len(keys))
        return get_many(connection, keys, *rest)

    monkeypatch.setattr(Connection, "get_many", counted)
    taken = []
    for start, count in ((0, 2), (100, 60)):
        asked.clear()
        posts = [a_post(str(start + n)) for n in range(count)]
        elastic_store.accept_posts([(post, _raw(post)) for post in posts])
        assess(elastic_store, *(post.id for post in posts))
        write(elastic_store, *(an_event(f"e{post.id}", 1, post) for post in posts))
        taken.append(len(asked))
    assert taken[1] == taken[0]


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


def test_payloads_come_back_untouched_and_go_with_their_post(
    elastic_store: ElasticsearchStore,
) -> None:
    def raw(payload: bytes) -> RawPost:
        return RawPost(
            id=payload.hex(), source="unnamed", native_id="1", url=None, fetched_at=NOW,
            media_type="text/html", payload=payload, parser="p/1",
        )  # fmt: skip

    first, edit = a_post(), a_post(text="Өрт", edited_at="2026-03-20T19:05:00+05:00")
    bare = a_post(text="Өр", edited_at="2026-03-20T19:06:00+05:00")
    payloads = [raw(b"<p>\xff\x00</p>"), raw(b"<p>2</p>")]
    elastic_store.accept_posts([(first, payloads[0]), (edit, payloads[1]), (bare, None)])
    assert elastic_store.raw_posts(first.id, ALL) == payloads
    assert elastic_store.raw_posts(first.id, OPEN) == []
    assess(elastic_store, first.id)
    assert elastic_store.raw_posts(first.id, OPEN) == payloads[:1]
    assess(elastic_store, first.id, version=2, audience=Audience.CONFIDENTIAL)
    assert elastic_store.raw_posts(first.id, CONFIDENTIAL) == payloads
    assert elastic_store.raw_posts(first.id, OPEN) == []


def test_notes_are_swapped_atomically(elastic_store: ElasticsearchStore) -> None:
    store = elastic_store
    assert store.swap_note("claim:1", None, "a")
    assert not store.swap_note("claim:1", None, "b")
    assert store.swap_note("claim:1", "a", "b")
    assert store.swap_note("claim:2", None, "x")
    store.put_note("claim_1", "no")
    assert store.notes("claim:") == {"claim:1": "b", "claim:2": "x"}
    assert store.swap_note("claim:1", "b", None)
    assert store.note("claim:1") is None
    assert store.notes("claim:1") == {}


def test_all_sessions(elastic_store: ElasticsearchStore) -> None:
    late, early = (
        Session(id=name, user="u", created_at=at, expires_at=at, csrf="c")
        for name, at in (("a", NOW.replace(hour=15)), ("b", NOW))
    )
    elastic_store.put_session(late)
    elastic_store.put_session(early)
    assert elastic_store.sessions() == [early, late]


def test_ids_that_elasticsearch_finds_too_long(elastic_store: ElasticsearchStore) -> None:
    """Ids of reports come from outside, up to 300 characters: 600 bytes in Cyrillic."""
    long, other = (a_report("ө" * 299 + end, lat=43.2, lon=76.8) for end in "аб")
    assert elastic_store.accept_reports([long, other]) == [Outcome.ACCEPTED] * 2
    assert elastic_store.accept_reports([long]) == [Outcome.REPEATED]
    assert {record.id for record in elastic_store.unassessed(5)} == {long.id, other.id}
    assess(elastic_store, long.id, other.id)
    write(elastic_store, an_event("e", 1, long))
    assert elastic_store.report(long.id, OPEN) == long
    assert elastic_store.events_of([long.id, other.id], OPEN) == {long.id: "e"}
    found = elastic_store.reports_near(43.2, 76.8, 500, NOW.replace(hour=0), OPEN)
    assert {report.id for report in found} == {long.id, other.id}
    assess(elastic_store, long.id, audience=Audience.CONFIDENTIAL)
    assert elastic_store.event("e", OPEN) is None
    assert elastic_store.report(long.id, CONFIDENTIAL) == long
    assert elastic_store.broken_links("evidence") == []
    assert elastic_store.stats(OPEN).reports == 1
