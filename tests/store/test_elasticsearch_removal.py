"""Removal on lawful demand, on a real server: nothing is found afterwards, the chains hold."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator
from datetime import timedelta

import pytest

from core.chain import first_break
from core.errors import StaleWriteError
from core.records import Outcome, RawPost, SetAside
from store.elasticsearch import ElasticsearchStore
from store.protocol import ALL, OPEN, EventWrite
from tests.elastic import Elastic, drop
from tests.store.contract import (
    NOW,
    a_decision,
    a_post,
    a_report,
    accept,
    an_event,
    assess,
    write,
)

MARK = "қызғылтжасыл"


@pytest.fixture
def own(elastic: Elastic) -> Iterator[ElasticsearchStore]:
    """A store whose indices the test may change."""
    store = elastic.open("removal")
    yield store
    drop(store)
    store.close()


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
    try:
        return zlib.decompress(base64.b64decode(str(value))).decode("utf-8", "replace")
    except (ValueError, zlib.error):
        return ""


def test_one_call_removes_a_post_everywhere(own: ElasticsearchStore) -> None:
    gone = a_post("1", f"{MARK} бір")
    edit = a_post("1", f"{MARK} екі", edited_at="2026-03-20T19:05:00+05:00")
    other, report = a_post("2", "апат"), a_report()
    raw = RawPost(
        id=gone.id, source="s", native_id="1", url=None, fetched_at=NOW,
        media_type="text/html", payload=MARK.encode(), parser="p1",
    )  # fmt: skip
    own.accept_posts([(gone, raw), (edit, None), (other, None)])
    own.accept_reports([report])
    for version in (1, 2):
        assess(own, gone.id, version=version)
    for subject in (other.id, report.id):
        assess(own, subject)
    own.set_aside(
        [
            SetAside(
                id="a", kind="post", where=f"post {gone.id}", problem=MARK, at=NOW,
                size_bytes=1, record=MARK.encode(),
            )
        ]
    )  # fmt: skip
    write(own, an_event("alone", 1, gone, headline=MARK))
    write(own, an_event("alone", 2, headline=""))
    write(own, an_event("shared", 1, gone, other, headline=MARK))
    write(own, an_event("shared", 2, gone, other, report, headline=MARK))
    own.add_decision(a_decision("d", "shared", 2))
    assert MARK in everything(own)
    told = own.last_change()
    removed = own.remove_post(gone.id, by="lawyer", demand="Н-17/2026", at=NOW)
    assert removed is not None
    assert (removed.versions, set(removed.events)) == (2, {"alone", "shared"})
    assert own.post_versions(gone.id, ALL) == own.search_posts(MARK, ALL) == []
    assert own.event("alone", ALL) is None
    shared = own.event_versions("shared", ALL)
    assert [[link.id for link in e.posts] for e in shared] == [[other.id], [other.id]]
    assert {change.id for change in own.changes(told)} == {other.id, report.id}
    assert own.set_aside_items() == []
    assert accept(own, gone) == [Outcome.REPEATED], "it is not taken in again"
    assert own.unassessed(9) == []
    with pytest.raises(StaleWriteError, match="was removed"):
        own.write_events([EventWrite(an_event("shared", 3, gone, other), 2)])
    entry = next(e for e in own.audit(OPEN) if e.action == "remove")
    assert (entry.by, entry.subject, entry.detail) == ("lawyer", gone.id, "Н-17/2026")
    for chain in ("evidence", "audit_open", "audit_confidential"):
        assert first_break(own.chain(chain)) is None
        assert own.broken_links(chain) == []
    assert own.remove_post(gone.id, by="lawyer", demand="Н-17/2026", at=NOW) is None
    assert MARK not in everything(own), "no index and no entry of the journal holds a word of it"
    assert own.maintain() == "ok"


def test_what_waits_to_be_assessed_is_removed_too(own: ElasticsearchStore) -> None:
    accept(own, a_post("1", MARK), a_post("2", "басқа"))
    removed = own.remove_post(a_post("1").id, by="l", demand="1", at=NOW)
    assert removed is not None
    assert [post.id for post in own.unassessed(9)] == [a_post("2").id]
    assert own.broken_links("evidence") == []
    assert MARK not in everything(own)


def test_any_other_change_is_still_found(own: ElasticsearchStore) -> None:
    """A removal vouches for itself alone."""
    accept(own, a_post("1"), a_post("2"), a_post("3"))
    own.remove_post(a_post("1").id, by="l", demand="1", at=NOW + timedelta(days=1))
    own.client.delete(index="removal-pipeline-pending", id=f"{a_post('2').id}:1")
    assert own.broken_links("evidence") == [2]
