"""The journal: killed, stopped and racing writers; a network cut; a cluster that is full."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from core.chain import first_break
from core.errors import StoreAwayError, StoreError
from core.records import Audience, AuditEntry, Outcome
from store.elasticsearch import ElasticsearchStore
from store.elasticsearch.bulk import Operation, write_bulk
from store.elasticsearch.connection import Key, Source
from store.protocol import CONFIDENTIAL, OPEN
from tests.elastic import Elastic, Proxy
from tests.store.contract import (
    NOW,
    a_post,
    a_report,
    accept,
    an_event,
    assess,
    need_whole,
    write,
)
from tests.store.processes import CHAIN, IMPORTS, killed, need_promised, write_at_once


def test_a_check_of_the_chains_is_not_misled_by_what_moves_meanwhile(
    elastic_store: ElasticsearchStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record is assessed, then withheld, between being looked up and being read."""
    posts = [a_post("1"), a_post("2")]
    accept(elastic_store, *posts)
    assess(elastic_store, posts[1].id)
    elastic_store.add_audit(AuditEntry(at=NOW, by="a", action="read", subject=posts[1].id))
    get_many = elastic_store._connection.get_many
    moves = [Audience.OPEN, Audience.CONFIDENTIAL]

    def meanwhile(keys: Iterable[Key], fields: Sequence[str] | None = None) -> dict[Key, Source]:
        found = get_many(keys, fields)
        if moves and any(name.startswith("subject:") for _, name in found):
            audience = moves.pop(0)
            with monkeypatch.context() as calm:
                calm.setattr(elastic_store._connection, "get_many", get_many)
                assess(elastic_store, posts[0].id, audience=audience)
        return found

    monkeypatch.setattr(elastic_store._connection, "get_many", meanwhile)
    assert elastic_store.broken_links("evidence") == []
    assert moves == [], "both moves fell into the check"
    scan = elastic_store._connection.scan
    secret = [posts[1].id]

    def scanned(index: str, **query: Any) -> Iterator[dict[str, Any]]:
        rows = list(scan(index, **query))
        if secret:
            assess(elastic_store, secret.pop(), audience=Audience.CONFIDENTIAL)
        return iter(rows)

    monkeypatch.setattr(elastic_store._connection, "scan", scanned)
    assert elastic_store.broken_links("audit_open") == []
    assert secret == []
    assert first_break(elastic_store.chain("audit_open")) is None


HEAD = (
    IMPORTS
    + """
from core.settings import ElasticsearchSettings
from store.elasticsearch import ElasticsearchStore
settings = ElasticsearchSettings.model_validate_json(sys.argv[1])
store = ElasticsearchStore(settings, Path(sys.argv[2]))
"""
)
STOPPED = """
import os, signal
journal = store._journal
apply = journal._apply_all
def stopped(first, rest):
    print("taken", flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)
    apply(first, rest)
accept(store, a_post("0"))
journal._apply_all = stopped
assess(store, a_post("0").id)
print("done", flush=True)
"""


def start(elastic: Elastic, prefix: str, script: str) -> subprocess.Popen[str]:
    settings = elastic.settings(prefix).model_dump_json()
    return subprocess.Popen(
        [sys.executable, "-c", HEAD + script, settings, str(elastic.home)],
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def another(
    elastic: Elastic, elastic_store: ElasticsearchStore
) -> Iterator[Callable[..., ElasticsearchStore]]:
    """Opens more stores on the same indices."""
    opened: list[ElasticsearchStore] = []

    def open_one(**changes: object) -> ElasticsearchStore:
        opened.append(elastic.open(elastic_store._names.prefix, **changes))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


def test_what_a_killed_writer_took_is_applied_by_the_next(
    elastic_store: ElasticsearchStore,
    another: Callable[..., ElasticsearchStore],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    killed = another()
    monkeypatch.setattr(killed._journal, "_apply_all", lambda first, rest: _die())
    with pytest.raises(KeyboardInterrupt):
        accept(killed, a_post(), a_post("2"))
    assert [p.id for p in elastic_store.unassessed(5)] == [a_post().id, a_post("2").id]
    assert accept(elastic_store, a_post()) == [Outcome.REPEATED]
    need_whole(elastic_store)


def _die() -> None:
    raise KeyboardInterrupt


def test_applying_again_and_late_changes_nothing(elastic_store: ElasticsearchStore) -> None:
    """What a stopped writer applies when it goes on was applied, and overtaken, long ago."""
    post = a_post()
    accept(elastic_store, post)
    assess(elastic_store, post.id)
    write(elastic_store, an_event("e", 1, post))
    journal = elastic_store._journal
    before = journal._position
    write(elastic_store, an_event("e", 2, post, priority=0.9))
    assess(elastic_store, post.id, audience=Audience.CONFIDENTIAL)
    for position in range(before - 2, journal._position + 1):
        journal._apply(position, journal._entry(position))
    assert elastic_store.event("e", OPEN) is None
    assert elastic_store.post_versions(post.id, OPEN) == []
    assert elastic_store.search_posts("өрт", OPEN) == []
    held = elastic_store.event("e", CONFIDENTIAL)
    assert held is not None
    assert (held.version, held.priority) == (2, 0.9)
    need_whole(elastic_store)


def test_an_entry_that_was_sent_twice_is_known_as_our_own(
    elastic_store: ElasticsearchStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer got lost, the client sent the request again and hears of a conflict."""
    create = elastic_store._client.create

    def twice(**request: object) -> object:
        create(**request)  # type: ignore[arg-type]
        return create(**request)  # type: ignore[arg-type]

    monkeypatch.setattr(elastic_store._client, "create", twice)
    assert accept(elastic_store, a_post()) == [Outcome.ACCEPTED]
    assert len(list(elastic_store.chain("evidence"))) == 1


def test_threads_and_processes_write_at_once(
    elastic: Elastic, elastic_store: ElasticsearchStore
) -> None:
    prefix = elastic_store._names.prefix
    write_at_once(lambda script: start(elastic, prefix, script), lambda: elastic_store)


def test_old_entries_become_stubs_and_who_is_far_behind_catches_up(
    elastic_store: ElasticsearchStore,
    another: Callable[..., ElasticsearchStore],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("store.elasticsearch.journal.TRIM_EVERY", 8)
    monkeypatch.setattr("store.elasticsearch.journal.KEEP", 8)
    behind = another()
    accept(behind, a_post("before"))
    for number in range(40):
        accept(elastic_store, a_post(str(number)))
    journal = elastic_store._journal
    stub = elastic_store._connection.get(journal._index, str(journal._position - 30))
    assert stub is not None
    assert "writes" not in stub, "confidential text does not stay in the journal"
    assert "writes" in journal._entry(journal._position - 3)
    assert accept(behind, a_post("0"), a_post("after")) == [Outcome.REPEATED, Outcome.ACCEPTED]
    assert len(behind.unassessed(100)) == 42
    fresh = another()
    assert accept(fresh, a_post("after")) == [Outcome.REPEATED]
    need_whole(fresh)


@pytest.mark.parametrize("seed", range(2))
def test_what_was_promised_survives_kill_9(
    elastic: Elastic, elastic_store: ElasticsearchStore, seed: int
) -> None:
    """Nothing that was said to be done is undone."""
    child = start(elastic, elastic_store._names.prefix, CHAIN)
    need_promised(elastic_store, killed(child, 20, seed))


def test_nobody_waits_for_a_writer_that_is_stopped(
    elastic: Elastic, elastic_store: ElasticsearchStore
) -> None:
    """SIGSTOP between taking and applying: others go on; what it does later changes nothing."""
    child = start(elastic, elastic_store._names.prefix, STOPPED)
    assert child.stdout is not None
    assert child.stdout.readline() == "taken\n"
    since = time.monotonic()
    post = a_post("0")
    assert elastic_store.post_versions(post.id, OPEN) == [post], "its transaction counts"
    assess(elastic_store, post.id, audience=Audience.CONFIDENTIAL)
    assert time.monotonic() - since < 20
    os.kill(child.pid, signal.SIGCONT)
    assert child.stdout.readline() == "done\n"
    child.wait(timeout=30)
    child.stdout.close()
    assert elastic_store.post_versions(post.id, OPEN) == []
    assert elastic_store.post_versions(post.id, CONFIDENTIAL) == [post]
    need_whole(elastic_store)


# -- while the cluster is away --------------------------------------------------------------------


@pytest.fixture
def proxied(
    elastic: Elastic, elastic_store: ElasticsearchStore, tmp_path: Path
) -> Iterator[tuple[ElasticsearchStore, Proxy]]:
    """A store behind a network that can be cut, with a home of its own."""
    proxy = Proxy(elastic.url)
    for name in ("password", "ca.crt"):
        if (elastic.home / name).exists():
            shutil.copy(elastic.home / name, tmp_path / name)
    settings = elastic.settings(elastic_store._names.prefix, hosts=[proxy.url], timeout_s=5)
    store = ElasticsearchStore(settings, tmp_path)
    yield store, proxy
    store.close()
    proxy.close()


def wait_delivered(store: ElasticsearchStore) -> None:
    until = time.monotonic() + 30
    while store.waiting():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_nothing_accepted_is_lost_while_the_cluster_is_away(
    proxied: tuple[ElasticsearchStore, Proxy], elastic_store: ElasticsearchStore, tmp_path: Path
) -> None:
    store, proxy = proxied
    accept(store, a_post("before"))
    proxy.cut()
    assert accept(store, a_post("1"), a_post("2")) == [Outcome.ACCEPTED] * 2
    assert accept(store, a_post("before", "другое")) == [Outcome.ACCEPTED]
    assert store.accept_reports([a_report()]) == [Outcome.ACCEPTED]
    with pytest.raises(StoreAwayError, match="cannot be reached"):
        store.unassessed(5)
    assert store.waiting() == 4
    assert (tmp_path / "outbox.db").stat().st_mode & 0o777 == 0o600
    store.close()
    again = ElasticsearchStore(store.settings, tmp_path)  # killed meanwhile, started again
    assert again.waiting() == 4
    proxy.heal()
    wait_delivered(again)
    again.close()
    ids = {a_post(n).id for n in ("before", "1", "2")} | {"r1"}
    assert {r.id for r in elastic_store.unassessed(10)} == ids
    (aside,) = elastic_store.set_aside_items()
    assert aside.where == "outbox"
    assert "другое" in aside.record.decode()
    need_whole(elastic_store)


def test_a_network_that_is_cut_in_the_middle_of_a_request(
    proxied: tuple[ElasticsearchStore, Proxy], elastic_store: ElasticsearchStore
) -> None:
    store, proxy = proxied
    accept(store, a_post("before"))
    words = random.Random(1)
    cuts = (3_000, 40_000, 150_000)  # before the transaction, while taking it, while applying it
    for number, cut in enumerate(cuts, 1):
        posts = [a_post(f"{cut}-{i}", f"{words.getrandbits(16_000):x}") for i in range(60)]
        store._away_until = 0.0
        proxy.cut_after(cut)
        assert set(accept(store, *posts)) == {Outcome.ACCEPTED}
        assert store.waiting() == 60
        proxy.heal()
        wait_delivered(store)
        assert len(elastic_store.unassessed(1_000)) == 60 * number + 1
    assert len(list(elastic_store.chain("evidence"))) == 181
    need_whole(elastic_store)


def test_an_outbox_that_is_full_refuses(
    proxied: tuple[ElasticsearchStore, Proxy], tmp_path: Path
) -> None:
    store, proxy = proxied
    proxy.cut()
    store._outbox._limit_bytes = 2_000
    assert accept(store, a_post("1")) == [Outcome.ACCEPTED]
    with pytest.raises(StoreAwayError, match="outbox_bytes"):
        accept(store, a_post("2", "ө" * 5_000))
    assert store.waiting() == 1


def write_on(store: ElasticsearchStore) -> None:
    """Write until something happens, a minute at most."""
    for number in range(300):
        store.put_note("n", str(number))
        time.sleep(0.2)


def test_a_full_cluster_says_so_loses_nothing_and_recovers(
    elastic: Elastic, elastic_store: ElasticsearchStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The flood stage for real: the marks are moved below what is free."""
    monkeypatch.setattr("store.elasticsearch.journal.PATIENCE_S", 0.5)
    client = elastic_store._client
    marks = "cluster.routing.allocation.disk.watermark"
    client.cluster.put_settings(
        persistent={
            "cluster.info.update.interval": "10s",
            f"{marks}.low": "1pb",
            f"{marks}.high": "1pb",
            f"{marks}.flood_stage": "1pb",
            f"{marks}.low.max_headroom": None,
        }
    )
    try:
        with pytest.raises(StoreAwayError, match="flood-stage"):
            write_on(elastic_store)
        assert accept(elastic_store, a_post()) == [Outcome.ACCEPTED]
        assert elastic_store.waiting() == 1
        assert elastic_store.note("k") is None, "readers go on"
    finally:
        client.cluster.put_settings(
            persistent={
                "cluster.info.update.interval": None,
                **{f"{marks}.{name}": None for name in ("low", "high", "flood_stage")},
            }
        )
    wait_delivered(elastic_store)
    assert [p.id for p in elastic_store.unassessed(5)] == [a_post().id]
    need_whole(elastic_store)


# -- bulk -----------------------------------------------------------------------------------------


def test_only_what_was_refused_is_sent_again(
    elastic_store: ElasticsearchStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, index = elastic_store._client, elastic_store._names.pipeline("tombstones")
    elastic_store._indices.ensure({index})
    bulk, sent = client.bulk, []

    def busy(**request: object) -> object:
        sent.append(len(request["operations"]) // 2)  # type: ignore[arg-type]
        answer = bulk(**request)  # type: ignore[arg-type]
        if len(sent) == 1:
            body = dict(answer.body, errors=True)
            for item in body["items"][::2]:
                item["index"] = {"status": 429, "error": {"type": "es_rejected", "reason": "full"}}
            return body
        return answer

    monkeypatch.setattr(client, "bulk", busy)
    monkeypatch.setattr("store.elasticsearch.bulk.REST_S", (0.0,))
    good = [Operation(index, str(i), f'{{"id": "{i}"}}') for i in range(10)]
    bad = Operation(index, "bad", '{"nickname": 1}')
    refused = write_bulk(client, [*good, bad])
    assert sent == [11, 5 + 1]
    assert [r.operation.id for r in refused] == ["bad"]
    assert "strict_dynamic_mapping" in refused[0].problem
    assert len(elastic_store._connection.get_many((index, str(i)) for i in range(10))) == 10


def test_memory_of_a_bulk_is_bounded(elastic_store: ElasticsearchStore) -> None:
    """The source is asked for no more than the chunks under way."""
    index = elastic_store._names.pipeline("tombstones")
    elastic_store._indices.ensure({index})
    ahead: list[int] = []
    done = 0

    def source() -> Iterator[Operation]:
        for i in range(9_000):
            ahead.append(i - done)
            yield Operation(index, str(i), f'{{"id": "{i}"}}')

    bulk = elastic_store._client.bulk

    def counted(**request: object) -> object:
        nonlocal done
        answer = bulk(**request)  # type: ignore[arg-type]
        done += len(request["operations"]) // 2  # type: ignore[arg-type]
        return answer

    elastic_store._client.bulk = counted  # type: ignore[method-assign,assignment]
    assert write_bulk(elastic_store._client, source(), threads=2) == []
    assert max(ahead) <= 3 * 2_000
    assert elastic_store._connection.get(index, "8999") is not None


def test_a_cluster_that_takes_nothing_is_named(elastic: Elastic, tmp_path: Path) -> None:
    settings = elastic.settings("nowhere", hosts=["http://127.0.0.1:1"], ca_file=None)
    store = ElasticsearchStore(settings, elastic.home)
    with pytest.raises(StoreAwayError, match="cannot be reached"):
        store.note("k")
    store.close()
    wrong = ElasticsearchStore(
        elastic.settings("nowhere", user="nobody", password_file="password"), elastic.home
    )
    with pytest.raises(StoreError, match="oqiga store key"):
        wrong.note("k")
    wrong.close()
