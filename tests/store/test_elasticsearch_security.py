"""Least rights, with the server's security switched on: who can see what, by any way there is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from elasticsearch import AuthorizationException, Elasticsearch, NotFoundError

from core.errors import InputError, StoreError
from core.records import Audience
from store.elasticsearch import ElasticsearchStore
from store.elasticsearch.connection import connect
from store.elasticsearch.security import new_key, put_roles, roles
from store.elasticsearch.templates import VERSION
from tests.elastic import Elastic
from tests.secret_files import keep
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

SECRET = "жемкорлыкбелгиси"
PEOPLE = ("specialist", "analyst", "internal_security", "auditor")


@dataclass
class World:
    """A store with open and confidential records, and keys for each role."""

    elastic: Elastic
    store: ElasticsearchStore
    home: Path

    def key(self, role: str) -> Path:
        path = self.home / f"{role}.key"
        if not path.exists():
            keep(path, new_key(self.store.client, self.store.settings, role, [role]))
        return path

    def client(self, role: str) -> Elasticsearch:
        settings = self.elastic.settings(self.store.settings.prefix, api_key_file=self.key(role))
        return connect(settings, self.elastic.home)

    def part(self, role: str) -> ElasticsearchStore:
        settings = self.elastic.settings(self.store.settings.prefix, api_key_file=self.key(role))
        return ElasticsearchStore(settings, self.elastic.home)


@pytest.fixture
def world(elastic: Elastic, elastic_store: ElasticsearchStore, tmp_path: Path) -> World:
    if elastic.user is None:
        pytest.skip("needs Elasticsearch with security: name a user in the URL")
    store = elastic_store
    plain, secret = a_post("1", "өрт Сайында"), a_post("2", f"гаишник {SECRET}")
    accept(store, plain, secret)
    store.accept_reports([a_report("r1"), a_report("r2", f"пара {SECRET}", lat=43.2, lon=76.8)])
    assess(store, plain.id, "r1")
    judged = [an_assessment(name, concepts=(SECRET,)) for name in (secret.id, "r2")]
    store.save_assessments([(one, Audience.CONFIDENTIAL) for one in judged], NOW)
    hidden = Audience.CONFIDENTIAL
    write(
        store,
        an_event("e", 1, plain),
        an_event("s", 1, secret, headline=SECRET, audience=hidden),
        an_event("s", 2, secret, headline=SECRET, audience=hidden),
    )
    store.add_decision(a_decision("d", "e"))
    store.add_decision(a_decision("ds", "s", version=2, reason=SECRET))
    store.client.indices.refresh(index=f"{store.settings.prefix}-*")
    return World(elastic, store, tmp_path)


def test_roles_are_put_and_keys_need_one(world: World) -> None:
    names = put_roles(world.store.client, world.store.settings)
    assert set(names) == {f"shared_{role}" for role in roles(world.store.settings)}
    with pytest.raises(InputError, match="no role 'king'"):
        new_key(world.store.client, world.store.settings, "x", ["king"])


@pytest.mark.parametrize("role", [r for r in PEOPLE if r != "internal_security"])
def test_nothing_confidential_by_any_way(world: World, role: str) -> None:
    client, prefix = world.client(role), world.store.settings.prefix
    for index in ("*", f"{prefix}-*", f"{prefix}-events", f"{prefix}-confidential-*"):
        found = client.search(index=index, size=1000, ignore_unavailable=True)
        assert SECRET not in str(found), index
        assert all("confidential" not in hit["_index"] for hit in found["hits"]["hits"])
    for kind in ("posts", "reports", "events", "versions", "decisions", "audit", "raw"):
        with pytest.raises(AuthorizationException):
            client.count(index=f"{prefix}-confidential-{kind}")
        with pytest.raises(AuthorizationException):
            client.search(index=f"{prefix}-confidential-{kind}-all")
    for kind in ("journal", "registry", "pending", "aside", "feed_confidential"):
        with pytest.raises(AuthorizationException):
            client.get(index=f"{prefix}-pipeline-{kind}", id="1")
    with pytest.raises(AuthorizationException):
        client.index(index=f"{prefix}-open-audit", id="1", document={"by": "x"})


def test_shared_counts_suggestions_and_aliases_tell_nothing(world: World) -> None:
    client, prefix = world.client("analyst"), world.store.settings.prefix
    assert client.count(index=f"{prefix}-posts")["count"] == 1
    assert client.count(index=f"{prefix}-*")["count"] == 4, "a post, a report, an event, a decision"
    terms = client.terms_enum(index=f"{prefix}-*", field="concepts", string=SECRET[:3])
    assert terms["terms"] == []
    suggested = client.search(
        index=f"{prefix}-*",
        suggest={"text": SECRET[:-1], "s": {"term": {"field": "text", "suggest_mode": "always"}}},
    )
    assert SECRET not in str(suggested["suggest"])
    aliases = client.indices.get_alias(index=f"{prefix}-*")
    assert "confidential" not in str(aliases)
    assert "pipeline" not in str(aliases)
    assert "confidential" not in str(client.indices.get(index="*"))
    caps = client.field_caps(index=f"{prefix}-*", fields="*")
    assert "confidential" not in str(caps["indices"])


def test_internal_security_sees_both_and_changes_nothing(world: World) -> None:
    client, prefix = world.client("internal_security"), world.store.settings.prefix
    assert SECRET in str(client.search(index=f"{prefix}-confidential-posts-all"))
    assert client.count(index=f"{prefix}-posts")["count"] == 1
    with pytest.raises(AuthorizationException):
        client.delete(index=f"{prefix}-confidential-events-2026.03", id="s")


def test_auditors_see_who_did_what_and_no_text(world: World) -> None:
    client, prefix = world.client("auditor"), world.store.settings.prefix
    found = client.search(index=f"{prefix}-audit")
    assert [hit["_source"]["action"] for hit in found["hits"]["hits"]] == ["decide:confirm"]
    with pytest.raises(AuthorizationException):
        client.search(index=f"{prefix}-posts")


def test_a_reader_with_its_own_key_accepts_and_reads_nothing_else(world: World) -> None:
    part, prefix = world.part("acceptor"), world.store.settings.prefix
    part.prepare()
    accept(part, a_post("3", "ещё один пожар"))
    assert len(world.store.unassessed(10)) == 1
    for kind in ("posts", "reports", "events", "audit"):
        for audience in ("open", "confidential"):
            index = f"{prefix}-{audience}-{kind}*"
            with pytest.raises((AuthorizationException, NotFoundError)):
                part.client.search(index=index, allow_no_indices=False)
    with pytest.raises(StoreError, match="does not allow"):
        part.post_versions(a_post("1").id, [Audience.OPEN])
    part.close()


def test_the_pipelines_key_does_all_but_remove_indices(world: World) -> None:
    part, prefix = world.part("pipeline"), world.store.settings.prefix
    part.prepare()
    late = a_post("9", "орт").model_copy(update={"accepted_at": NOW.replace(year=2027)})
    accept(part, late)
    assess(part, late.id)
    write(part, an_event("n", 1, late))
    assert part.search_posts("орт", [Audience.OPEN])[0].id == late.id
    with pytest.raises(AuthorizationException):
        part.client.indices.delete(index=f"{prefix}-open-posts-2027.03-v{VERSION}")
    with pytest.raises(AuthorizationException):
        part.client.security.get_user()
    part.close()
    world.store.client.indices.delete(index=f"{prefix}-open-posts-2027.03-v{VERSION}")


def test_only_tls_is_spoken(elastic: Elastic) -> None:
    if elastic.node is None:
        pytest.skip("needs a server of our own")
    plain = Elasticsearch(elastic.url.replace("https", "http"), max_retries=0)
    with pytest.raises(Exception, match="Connection"):
        plain.info()
    plain.close()
