"""Migration, retention, and a snapshot that is restored, on a real server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from core.chain import first_break
from core.errors import StoreError
from core.records import Audience, Outcome, RawPost
from store.elasticsearch import ElasticsearchStore
from store.elasticsearch.names import Names
from store.elasticsearch.templates import VERSION
from store.protocol import ALL, CONFIDENTIAL, OPEN, EventQuery
from tests.elastic import Elastic, drop
from tests.store.contract import (
    NOW,
    a_decision,
    a_post,
    a_report,
    accept,
    an_assessment,
    an_event,
    assess,
    write,
)


@pytest.fixture
def own(elastic: Elastic) -> Iterator[ElasticsearchStore]:
    """A store whose indices the test may change."""
    store = elastic.open("upkeep")
    yield store
    drop(store)
    store.close()


def fill(store: ElasticsearchStore) -> None:
    """Some of everything."""
    posts = [a_post(str(i), f"өрт {i}") for i in range(5)]
    raw = RawPost(
        id=posts[0].id, source="s", native_id="0", url=None, fetched_at=NOW,
        media_type="text/html", payload=b"<p>", parser="p1",
    )  # fmt: skip
    store.accept_posts([(posts[0], raw), *((post, None) for post in posts[1:])])
    store.accept_reports([a_report()])
    assess(store, *(post.id for post in posts[:3]), "r1")
    assess(store, posts[3].id, audience=Audience.CONFIDENTIAL)
    write(store, an_event("e", 1, posts[0], a_report()), an_event("f", 1, posts[1]))
    write(store, an_event("e", 2, posts[0], a_report(), priority=0.9))
    store.add_decision(a_decision("d", "e", version=2))
    store.put_note("k", "v")


def seen(store: ElasticsearchStore) -> object:
    """What a reader sees of it."""
    return (
        store.stats(OPEN),
        store.stats(CONFIDENTIAL),
        store.unassessed(10),
        list(store.window(NOW - timedelta(days=1), ALL)),
        store.event_versions("e", OPEN),
        store.events(EventQuery(text="өрт"), ALL),
        store.decisions(ALL),
        store.changes(0),
        store.event_changes(Audience.OPEN, 0),
        store.note("k"),
        list(store.chain("evidence")),
        store.search_posts("өрт", ALL),
    )


def keyed(store: ElasticsearchStore) -> set[str]:
    """Ids of the posts and reports that blocking finds by what they seem to be."""
    found = store.client.search(
        index="upkeep-*-posts*,upkeep-*-reports*", query={"exists": {"field": "seems"}}, size=10_000
    )
    return {hit["_source"]["id"] for hit in found["hits"]["hits"]}


def need_whole(store: ElasticsearchStore) -> None:
    for name in ("evidence", "audit_open", "audit_confidential"):
        assert first_break(store.chain(name)) is None
        assert store.broken_links(name) == []


# -- migration ------------------------------------------------------------------------------------


def test_migration_while_writing_goes_on(
    own: ElasticsearchStore, elastic: Elastic, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:  # of a version that had no keys for blocking
        older.setattr("store.elasticsearch.documents.with_keys", lambda source: source)
        fill(own)
    before = seen(own)
    assert not keyed(own)
    monkeypatch.setattr("store.elasticsearch.templates.VERSION", VERSION + 1)
    writer = ElasticsearchStore(own.settings, elastic.home)
    writer._prepared = True  # it was started before the migration
    stop = threading.Event()
    written: list[int] = []
    failures: list[Exception] = []

    def go_on() -> None:
        number = 0
        while not stop.is_set():
            try:
                accept(writer, a_post(f"new-{number}", f"жаңа {number}"))
                assess(writer, a_post(f"new-{number}").id)
                assess(writer, a_post("0").id, audience=Audience.OPEN)
            except StoreError as error:
                failures.append(error)
                return
            written.append(number)
            number += 1

    with pytest.raises(StoreError, match="oqiga store migrate"):
        elastic.open("upkeep")
    thread = threading.Thread(target=go_on)
    thread.start()
    migrated = ElasticsearchStore(own.settings, elastic.home)
    made = migrated.migrate()
    stop.set()
    thread.join()
    assert failures == []
    assert len(written) > 3
    assert f"upkeep-open-posts-2026.03-v{VERSION + 1}" in made
    assert f"upkeep-pipeline-journal-v{VERSION + 1}" in made
    assert {"r1", *(a_post(str(number)).id for number in range(4))} <= keyed(migrated)
    assert migrated.waiting() == 0
    held = own.client.indices.get(index="upkeep-*")
    assert all(name.endswith(f"-v{VERSION + 1}") for name in held)
    for number in written:
        post = a_post(f"new-{number}", f"жаңа {number}")
        assert migrated.post_versions(post.id, OPEN) == [post]
        assert accept(migrated, post) == [Outcome.REPEATED]
    assert migrated.event_versions("e", OPEN) == before[4]  # type: ignore[index]
    assert migrated.migrate() == []
    need_whole(migrated)
    for store in (writer, migrated):
        store.close()


def test_a_newer_cluster_is_refused(
    own: ElasticsearchStore, elastic: Elastic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.elasticsearch.templates.VERSION", 0)
    with pytest.raises(StoreError, match="newer Oqiga"):
        elastic.open("upkeep")


# -- retention ------------------------------------------------------------------------------------


def test_periods_of_indices() -> None:
    assert Names("o").suffix(NOW) == "2026.03"
    assert Names("o", "day").suffix(NOW) == "2026.03.20"
    assert Names("o").of(Audience.OPEN, "posts", "2026.03") == "o-open-posts-2026.03"


def test_retention_removes_whole_indices_and_what_is_no_incident_first(
    own: ElasticsearchStore,
) -> None:
    fill(own)
    nothing = a_post("nothing", "доброе утро")
    accept(own, nothing)
    own.save_assessments([(an_assessment(nothing.id, incident=0.01), Audience.OPEN)], NOW)
    oldest = own.oldest()
    assert set(oldest) == {"posts", "reports", "events", "raw"}
    assert oldest["posts"] == a_post("0").posted_at
    removed = own.retain(NOW + timedelta(days=20))
    assert removed.indices == []
    assert removed.documents == {"no_incident": 0}
    removed = own.retain(NOW + timedelta(days=40))
    assert removed.documents["no_incident"] == 1
    assert own.post_versions(nothing.id, ALL) == []
    assert accept(own, nothing) == [Outcome.REPEATED], "a late repeat is known as one"
    assert own.stats(OPEN).posts == 3
    removed = own.retain(NOW + timedelta(days=130))
    assert removed.indices == ["upkeep-open-raw-2026.03"]
    removed = own.retain(NOW + timedelta(days=500))
    assert set(removed.indices) == {
        "upkeep-open-posts-2026.03",
        "upkeep-confidential-posts-2026.03",
    }
    assert own.stats(OPEN).posts == own.stats(CONFIDENTIAL).posts == 0
    assert own.stats(OPEN).reports == 1, "reports are kept longer"
    removed = own.retain(NOW + timedelta(days=1500))
    assert own.event("e", ALL) is None
    assert own.report("r1", ALL) is None
    need_whole(own)
    assert accept(own, a_post("0", "өрт 0")) == [Outcome.ACCEPTED]
    assess(own, a_post("0").id)
    assert own.stats(OPEN).posts == 1, "an index that was removed is made anew"


# -- snapshots ------------------------------------------------------------------------------------


def test_a_snapshot_taken_while_writing_is_restored(
    own: ElasticsearchStore, elastic: Elastic
) -> None:
    if elastic.node is None:
        pytest.skip("needs a server of our own: its path.repo is a folder of the test")
    own.register(Path("copies"))
    fill(own)
    stop = threading.Event()
    written = 0

    def go_on() -> None:
        nonlocal written
        while not stop.is_set():
            post = a_post(f"new-{written}", f"жаңа {written}")
            accept(own, post)
            assess(own, post.id)
            write(own, an_event(post.id, 1, post))
            written += 1

    thread = threading.Thread(target=go_on)
    thread.start()
    name = own.snapshot(NOW)
    stop.set()
    thread.join()
    assert own.snapshots() == [name]
    with pytest.raises(StoreError, match="stop all parts"):
        own.restore(name)
    own.client.indices.delete(index="upkeep-*")
    restored = ElasticsearchStore(own.settings, elastic.home)
    restored.restore(name)
    need_whole(restored)
    links = list(restored.chain("evidence"))
    posts = {r.subject.id for r in restored.window(NOW - timedelta(days=1), ALL)}
    waiting = {record.id for record in restored.unassessed(100)}
    assert {link.subject for link in links} == posts | waiting
    assert len(links) <= 6 + written
    assert [e.version for e in restored.event_versions("e", OPEN)] == [1, 2]
    accept(restored, a_post("later"))
    assess(restored, a_post("later").id)
    assert len(restored.search_posts("өрт", OPEN)) >= 4, "it goes on from there"
    need_whole(restored)
    restored.close()
