"""Following another system's index on a real server: late, changed, odd documents; read only."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from elasticsearch import AuthorizationException, Elasticsearch

from core.clock import FixedClock
from core.errors import InputError, SourceError
from core.records import Category, Channel
from core.sealing import open_extra
from core.settings import FollowSettings, Settings
from intake.elasticsearch import Follower, as_time, client_for, mapped, value_at
from store.elasticsearch.connection import connect
from store.protocol import ALL
from store.sqlite import SqliteStore
from tests.elastic import Elastic
from tests.secret_files import keep

NOW = datetime(2026, 3, 20, 14, 0, tzinfo=UTC)
FOLLOW: dict[str, Any] = {
    "fields": {
        "id": "card.number",
        "text": "card.text",
        "received_at": "card.at",
        "point": "place",
        "category": "card.kind",
    },
    "categories": {"пожар": "fire_emergency"},
    "channel": "call_card",
    "time_field": "card.at",
    "id_field": "card.number",
    "id_prefix": "102-",
    "overlap_s": 600.0,
    "page": 3,
    "feeds": ["calls"],
}


def card(number: int, at: str = "2026-03-20T18:50:00", **more: Any) -> Any:
    about = {"number": str(number), "at": at, "text": "горит гараж", "kind": "пожар"}
    return {"card": about, **more}


class Origin:
    """The other system's index."""

    def __init__(self, client: Elasticsearch) -> None:
        self.client = client
        client.options(ignore_status=404).indices.delete(index="cards-1")
        client.indices.create(
            index="cards-1",
            aliases={"cards": {}},
            mappings={
                "properties": {
                    "card": {
                        "properties": {
                            "number": {"type": "keyword"},
                            "at": {"type": "date"},
                            "text": {"type": "text"},
                        }
                    },
                    "place": {"type": "geo_point"},
                }
            },
            settings={"number_of_replicas": 0},
        )

    def put(self, *cards: Any) -> None:
        for one in cards:
            self.client.index(index="cards-1", id=f"doc-{one['card']['number']}", document=one)
        self.client.indices.refresh(index="cards-1")


@pytest.fixture
def origin(elastic: Elastic) -> Iterator[Origin]:
    client = connect(elastic.settings("x"), elastic.home)
    yield Origin(client)
    client.indices.delete(index="cards-1")
    client.close()


@pytest.fixture
def follower(
    elastic: Elastic, origin: Origin, store: SqliteStore, settings: Settings
) -> Iterator[Follower]:
    """It has a key that may read the alias and nothing else."""
    home = settings.home
    home.mkdir(exist_ok=True)
    changes: dict[str, Any] = {"index": "cards", "hosts": [elastic.url], **FOLLOW}
    if elastic.user is not None:
        key = origin.client.security.create_api_key(
            name="follower",
            role_descriptors={"r": {"indices": [{"names": ["cards"], "privileges": ["read"]}]}},
        )
        keep(home / "follow.key", key["encoded"])
        changes["api_key_file"] = "follow.key"
    if (elastic.home / "ca.crt").exists():
        (home / "ca.crt").write_bytes((elastic.home / "ca.crt").read_bytes())
        changes["ca_file"] = "ca.crt"
    settings = settings.model_copy(update={"follow": FollowSettings.model_validate(changes)})
    client = client_for(settings)
    yield Follower(store, client, settings, FixedClock(NOW))
    client.close()


def test_new_documents_page_by_page_and_again_nothing(
    follower: Follower, origin: Origin, store: SqliteStore
) -> None:
    origin.put(*(card(n, place={"lat": 43.2, "lon": 76.9}, shift="B") for n in range(8)))
    assert follower.round().accepted == 8
    again = follower.round()
    assert (again.accepted, again.repeated, again.changed) == (0, 8, 0)
    report = store.report("102-3", ALL)
    assert report is not None
    assert (report.text, report.lat, report.lon) == ("горит гараж", 43.2, 76.9)
    assert (report.category, report.channel) == (Category.FIRE_EMERGENCY, Channel.CALL_CARD)
    assert report.received_at == datetime(2026, 3, 20, 13, 50, tzinfo=UTC), "local time there"
    assert "shift" not in report.model_dump_json(), "what we do not know may name a person"
    assert open_extra(report, follower._key)["origin"]["shift"] == "B"
    assert [beat.feed for beat in store.heartbeats()] == ["calls"]


def test_what_comes_late_or_is_changed_is_picked_up(
    follower: Follower, origin: Origin, store: SqliteStore
) -> None:
    origin.put(card(1), card(2))
    follower.round()
    origin.put(card(3, at="2026-03-20T18:45:00"))  # written late, within the overlap
    origin.put(card(1, shift="C"))  # nothing that we use
    origin.put(card(2, place="43.2,76.9"))  # the operator has found the place
    found = follower.round()
    assert (found.accepted, found.repeated, found.changed) == (1, 1, 1)
    assert store.report("102-2", ALL) is not None
    (further,) = [r for r in store.unassessed(10) if r.id.startswith("102-2@")]
    assert (further.lat, further.lon) == (43.2, 76.9)
    assert open_extra(further, follower._key)["changes"] == "102-2"
    assert follower.round().changed == 1
    assert len(store.unassessed(10)) == 4, "the same change again changes nothing"


def test_very_late_documents_are_found_by_the_long_look(
    follower: Follower, origin: Origin, store: SqliteStore
) -> None:
    origin.put(card(1))
    follower.round()
    origin.put(card(2, at="2026-03-20T02:00:00"))
    assert follower.round().accepted == 0
    follower._clock = FixedClock(NOW + timedelta(hours=7))
    assert follower.round().accepted == 1


def test_one_from_the_future_hides_nothing(follower: Follower, origin: Origin) -> None:
    origin.put(card(1), card(2, at="2031-01-01T00:00:00"))
    assert follower.round().accepted == 2
    origin.put(card(3, at="2026-03-20T18:55:00"))
    assert follower.round().accepted == 1


def test_odd_documents_are_set_aside_and_the_rest_goes_on(
    follower: Follower, origin: Origin, store: SqliteStore
) -> None:
    odd = card(2)
    del odd["card"]["text"]
    origin.put(card(1), odd, card(3))
    found = follower.round()
    assert (found.accepted, found.refused) == (2, 1)
    follower.round()
    (aside,) = store.set_aside_items()
    assert aside.where.startswith("cards/doc-2@")
    assert "text" in aside.problem


def test_it_cannot_write(follower: Follower, elastic: Elastic) -> None:
    if elastic.user is None:
        pytest.skip("needs Elasticsearch with security: name a user in the URL")
    with pytest.raises(AuthorizationException):
        follower._client.index(index="cards-1", id="doc-1", document={})


def test_an_index_that_is_not_there(follower: Follower, origin: Origin, store: SqliteStore) -> None:
    origin.client.indices.delete(index="cards-1")
    with pytest.raises(SourceError, match="section follow"):
        follower.round()
    assert store.heartbeats() == [], "silence is no sign of life"
    origin.client.indices.create(index="cards-1")


# -- mapping --------------------------------------------------------------------------------------


def test_values_at_dotted_paths() -> None:
    source = {"a": {"b": {"c": 1}, "d.e": 2}, "f.g": 3}
    found = [value_at(source, path) for path in ("a.b.c", "a.d.e", "f.g", "a.x", "z")]
    assert found == [1, 2, 3, None, None]


def test_times() -> None:
    assert as_time(1774015200000, "Asia/Almaty") == NOW
    assert as_time("2026-03-20T19:00:00", "Asia/Almaty") == NOW
    assert as_time("2026-03-20T14:00:00Z", "Asia/Almaty") == NOW
    with pytest.raises(InputError, match="ISO 8601"):
        as_time("yesterday", "Asia/Almaty")


@pytest.mark.parametrize(
    "place",
    [{"lat": 43.2, "lon": 76.9}, "43.2,76.9", [76.9, 43.2],
     {"type": "Point", "coordinates": [76.9, 43.2]}],
)  # fmt: skip
def test_places_in_all_ways(place: object) -> None:
    value = mapped(
        card(1, place=place), FollowSettings.model_validate({"index": "x", **FOLLOW}), "d"
    )
    assert (value["lat"], value["lon"]) == (43.2, 76.9)


def test_a_place_that_is_none() -> None:
    with pytest.raises(InputError, match="no place"):
        mapped(card(1, place="here"), FollowSettings.model_validate(FOLLOW), "d")
