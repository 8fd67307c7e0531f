"""Templates on a real server: strict, of one mind with the records, searched in two languages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import BadRequestError

from core.records import (
    Assessment,
    Audience,
    Category,
    Decision,
    Event,
    Language,
    Post,
    RawPost,
    Record,
    Report,
)
from core.settings import ElasticsearchSettings
from store.elasticsearch import ElasticsearchStore
from store.elasticsearch.names import Names
from store.elasticsearch.saved import load_query, run_query
from store.elasticsearch.templates import FOLDER, kinds, mapping_of, templates
from store.protocol import OPEN
from tests.elastic import Elastic
from tests.store.contract import (
    NOW,
    a_decision,
    a_post,
    a_report,
    accept,
    an_assessment,
    an_event,
    write,
)

SEARCH_SET = Path(__file__).with_name("search_set.txt")
RECALL_FLOOR, PRECISION_FLOOR = 0.95, 0.95
SETTINGS = ElasticsearchSettings()

ELSEWHERE: dict[type[Record], set[str]] = {
    # In the body alone: nobody searches by it.
    Post: {"extra", "content", "lat", "lon", "handle", "sealed_url"},
    Report: {"extra", "content", "category", "lat", "lon"},
    Assessment: {"subject", "version", "cues", "language_parts", "location_reasons"},
    Event: {"audience", "priority_factors"},
    Decision: {"audience", "anchor", "members", "staying", "batch", "category"},
    RawPost: {"source", "native_id", "url", "fetched_at", "media_type", "payload", "parser"},
}


def properties(kind: str) -> dict[str, Any]:
    found: dict[str, Any] = mapping_of(kind, SETTINGS)["mappings"]["properties"]
    return found


@pytest.mark.parametrize(
    ("records", "kind"),
    [
        ((Post, Assessment), "posts"),
        ((Report, Assessment), "reports"),
        ((Event,), "events"),
        ((Decision,), "decisions"),
        ((RawPost,), "raw"),
    ],
)
def test_every_field_of_a_record_has_its_place(
    records: tuple[type[Record], ...], kind: str
) -> None:
    """A new field of a record has to be mapped, or to be said to lie in the body alone."""
    mapped = set(properties(kind))
    for record in records:
        named = set(record.model_fields) - ELSEWHERE[record]
        assert named <= mapped, f"{record.__name__}: not in the template {kind}"
        assert ELSEWHERE[record] <= set(record.model_fields), "the exceptions are out of date"


def test_all_templates_are_strict_and_tell_what_they_are_for() -> None:
    for kind in kinds():
        given = mapping_of(kind, SETTINGS)
        assert given["mappings"]["dynamic"] == "strict", kind
        assert given["_meta"]["about"], kind
    assert set(properties("posts")["categories"]["properties"]) == {c.value for c in Category}
    vector = properties("posts")["vector"]
    assert (vector["type"], vector["index_options"]["type"]) == ("dense_vector", "int8_hnsw")


def test_no_name_of_an_open_index_leads_to_what_is_confidential() -> None:
    names = Names("oqiga")
    for name, body in templates(names, SETTINGS):
        aliases = set(body["template"]["aliases"])
        if name.startswith("oqiga-confidential"):
            assert all(alias.startswith("oqiga-confidential-") for alias in aliases)
            assert aliases
        elif name.startswith("oqiga-pipeline"):
            assert aliases == set()
        else:
            assert aliases == {f"oqiga-{name.split('-')[2]}"}


def full_store(store: ElasticsearchStore) -> None:
    """One of everything, with every field."""
    post = a_post(
        lat=43.25, lon=76.9, author="n", home="Алматы", media=["https://example.org/1"], x=[1],
        url="https://example.org/p", reply_to="r", forwarded_from="f",
        edited_at="2026-03-20T19:05:00+05:00",
    )  # fmt: skip
    raw = RawPost(
        id=post.id, source=post.source, native_id="1", url=None, fetched_at=NOW,
        media_type="text/html", payload=b"<p>", parser="p1",
    )  # fmt: skip
    report = a_report(lat=43.2, lon=76.8, accuracy_m=5, category="road_crash", media=["u"])
    store.accept_posts([(post, raw)])
    store.accept_reports([report])
    rich: dict[str, Any] = {
        "location": {"lat": 43.2, "lon": 76.8, "radius_m": 100.0},
        "location_path": ("kz/almaty", "kz"),
        "categories": dict.fromkeys(Category, 0.1),
        "event_at": NOW.replace(year=1941),
        "vector": (0.1,) * SETTINGS.vector_dims,
        "concepts": ("fire",),
        "places": (
            {"text": "Абая", "start": 0, "end": 4, "name": "Абая", "kind": "street", "score": 0.9},
        ),
    }
    judged = [an_assessment(name, **rich) for name in (post.id, report.id)]
    store.save_assessments([(one, Audience.OPEN) for one in judged], NOW)
    first = an_event("e", 1, post, report, aliases=("x",), lead_s=1.5, headline="өрт")
    write(store, first, an_event("e", 2, post, report, decided="confirm", merged_into="z"))
    store.add_decision(
        a_decision(
            "d", "e", version=2, reason="r", anchor=post.id, members=(report.id,), undoes="c",
            until=NOW, point={"lat": 43.2, "lon": 76.8, "radius_m": 10},
        )
    )  # fmt: skip


def test_every_document_that_we_write_is_accepted_and_searchable(
    elastic_store: ElasticsearchStore,
) -> None:
    full_store(elastic_store)
    client, prefix = elastic_store._client, elastic_store._names.prefix
    client.indices.refresh(index=f"{prefix}-open-*")
    for kind in ("posts", "reports", "events", "versions", "decisions", "audit", "raw"):
        hits = client.search(index=f"{prefix}-open-{kind}*", size=5)["hits"]["hits"]
        assert hits, kind
        assert all("unsearchable" not in hit["_source"] for hit in hits), kind
        unknown = {name for hit in hits for name in hit["_source"]} - set(properties(kind))
        assert unknown == set()


def test_a_document_with_an_unknown_field_is_refused(elastic_store: ElasticsearchStore) -> None:
    full_store(elastic_store)
    index = f"{elastic_store._names.prefix}-open-posts-2026.03"
    with pytest.raises(BadRequestError, match="strict_dynamic_mapping"):
        elastic_store._client.index(index=index, document={"nickname": "x"})


def test_what_the_mapping_refuses_is_kept_all_the_same(
    elastic: Elastic, elastic_store: ElasticsearchStore
) -> None:
    """It cannot be searched, but nothing is lost and nothing else waits for it."""
    other = elastic.open(elastic_store._names.prefix, vector_dims=3)  # another model's vectors
    post, plain = a_post(), a_post("2")
    accept(other, post, plain)
    odd = an_assessment(post.id, vector=(0.1, 0.2, 0.3))
    judged = [(odd, Audience.OPEN), (an_assessment(plain.id), Audience.OPEN)]
    other.save_assessments(judged, NOW)
    assert [p.text for p in elastic_store.post_versions(post.id, OPEN)] == [post.text]
    assert elastic_store.assessments([post.id], OPEN) == {post.id: odd}
    index = f"{elastic_store._names.prefix}-open-posts-2026.03"
    source = elastic_store._connection.get(index, post.id)
    assert source is not None
    assert "document_parsing_exception" in source["unsearchable"]
    assert [item.where for item in elastic_store.set_aside_items()] == [f"posts {post.id}"]
    assert [p.id for p in elastic_store.search_posts("өрт", OPEN)] == [plain.id]
    other.close()


# -- search in two languages ----------------------------------------------------------------------


def search_set() -> list[tuple[str, list[str], list[str]]]:
    """Queries with the texts that have to be found and those that must not be."""
    found: list[tuple[str, list[str], list[str]]] = []
    for line in SEARCH_SET.read_text(encoding="utf-8").splitlines():
        mark, text = line[:1], line[2:]
        if mark == "?":
            found.append((text, [], []))
        elif mark == "+":
            found[-1][1].append(text)
        elif mark == "-":
            found[-1][2].append(text)
    return found


def search_figures(store: ElasticsearchStore) -> tuple[float, float, list[str]]:
    """Recall, precision (each query against all its own texts), and what went wrong."""
    queries = search_set()
    texts = [(text, n) for n, (_, yes, no) in enumerate(queries) for text in (*yes, *no)]
    posts = [a_post(str(i), text) for i, (text, _) in enumerate(texts)]
    accept(store, *posts)
    judged = [an_assessment(post.id, language=Language.RU) for post in posts]
    store.save_assessments([(one, Audience.OPEN) for one in judged], NOW)
    store._journal.refresh("open-posts")
    hits = misses = false = 0
    wrong: list[str] = []
    for number, (query, yes, no) in enumerate(queries):
        rows = run_query(
            store._connection,
            store._settings,
            load_query("words"),
            {"text": query, "since": "2026-01-01", "until": "2027-01-01", "limit": "1000"},
        )
        found = {row["text"] for row in rows}
        own = {text for text, n in texts if n == number}
        hits += len(found & set(yes))
        misses += len(set(yes) - found)
        false += len(found & own & set(no))
        wrong += [f"{query}: not found: {text}" for text in set(yes) - found]
        wrong += [f"{query}: found: {text}" for text in found & set(no)]
    return hits / (hits + misses), hits / (hits + false), wrong


def test_the_search_set(elastic_store: ElasticsearchStore) -> None:
    recall, precision, wrong = search_figures(elastic_store)
    assert recall >= RECALL_FLOOR, wrong
    assert precision >= PRECISION_FLOOR, wrong


def test_the_analysers_are_written_down_as_json() -> None:
    text = (FOLDER / "analysis.json").read_text(encoding="utf-8")
    assert set(json.loads(text)["analyzer"]) == {"oqiga_ru", "oqiga_kk", "oqiga_words"}
