"""The card for 102 as a page, as JSON and as CAP 1.2; the feeds for other systems."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from lxml import etree

from console.cap import cap_alert
from console.card import make_card
from core.records import Audience, Category, Role
from intake.keys import new_key
from store.protocol import OPEN, EventWrite
from tests.console.conftest import NOW, make_assessment, make_event, make_post

CAP = "{urn:oasis:names:tc:emergency:cap:1.2}"
ATOM = "{http://www.w3.org/2005/Atom}"
GEORSS = "{http://www.georss.org/georss}"


@pytest.fixture(scope="module")
def schema() -> etree.XMLSchema:
    """The schema of CAP 1.2."""
    return etree.XMLSchema(etree.parse(Path(__file__).with_name("cap12.xsd")))


def alert(answer: Any) -> Any:
    """The alert of an answer."""
    return etree.fromstring(answer.content)


def test_the_schema_refuses_what_is_no_cap(
    schema: etree.XMLSchema, person: Any, filled: Any
) -> None:
    found = alert(person(Role.SPECIALIST).get(f"/api/events/{filled.crash}/card.cap"))
    assert schema.validate(found), schema.error_log
    found.find(f"{CAP}sent").text = "2026-03-20T14:30:00Z"
    assert not schema.validate(found)


def test_every_event_makes_a_valid_alert(
    person: Callable[[Role], Any], schema: etree.XMLSchema
) -> None:
    who = person(Role.SPECIALIST)
    events = who.get("/api/queue?view=all").json()["events"]
    categories = set()
    for event in events:
        answer = who.get(f"/api/events/{event['id']}/card.cap")
        assert answer.headers["content-type"].startswith("application/cap+xml")
        found = alert(answer)
        assert schema.validate(found), schema.error_log
        categories.add(found.findtext(f"{CAP}info/{CAP}category"))
        circle = found.findtext(f"{CAP}info/{CAP}area/{CAP}circle")
        assert (circle is None) == (event["location"] is None)
    assert {"Fire", "Transport", "Security", "Rescue"} <= categories


def test_the_alert_says_what_is_known(person: Callable[[Role], Any], filled: Any) -> None:
    who = person(Role.SPECIALIST)
    found = alert(who.get(f"/api/events/{filled.crash}/card.cap"))
    assert found.findtext(f"{CAP}identifier") == f"oqiga-{filled.crash}-2"
    assert found.findtext(f"{CAP}msgType") == "Update"
    assert found.findtext(f"{CAP}references").startswith(f"oqiga,oqiga-{filled.crash}-1,2026-")
    assert [i.findtext(f"{CAP}language") for i in found.findall(f"{CAP}info")] == ["ru-KZ", "kk-KZ"]
    info = found.find(f"{CAP}info")
    assert info.findtext(f"{CAP}certainty") == "Likely"
    assert info.findtext(f"{CAP}area/{CAP}circle") == "43.23830,76.84250 0.150"
    assert "222 33 44" not in info.findtext(f"{CAP}description")
    who.decide(filled.crash, kind="confirm", version=2)
    confirmed = alert(who.get(f"/api/events/{filled.crash}/card.cap"))
    assert confirmed.findtext(f"{CAP}info/{CAP}certainty") == "Observed"
    first = alert(who.get(f"/api/events/{filled.crash}/card.cap?version=1"))
    assert first.findtext(f"{CAP}msgType") == "Alert"


def test_no_text_breaks_the_alert(
    app: FastAPI, filled: Any, schema: etree.XMLSchema, person: Any
) -> None:
    hostile = "]]> <!-- & \u0001\u202e \ufffe \ud83d\ude00 <script>" + "ы" * 5_000
    clean = hostile.encode("utf-8", "ignore").decode()
    post = make_post("hostile", clean, NOW, url="javascript:alert(1)")
    filled.store.accept_posts([(post, None)])
    made = make_assessment(post, Category.WEAPON, None)
    filled.store.save_assessments([(made, Audience.OPEN)], NOW)
    event = make_event("hostile", [post], [], category=Category.WEAPON, headline=clean)
    filled.store.write_events([EventWrite(event, 0)])
    who = person(Role.SPECIALIST)
    found = alert(who.get(f"/api/events/{event.id}/card.cap"))
    assert schema.validate(found), schema.error_log
    assert found.find(f"{CAP}info/{CAP}web") is None
    page = who.get(f"/events/{event.id}/card").text
    assert "<script>" not in page.replace('<script type="module"', "")
    assert "javascript:" not in page


def test_the_card_to_print_and_as_json(person: Callable[[Role], Any], filled: Any) -> None:
    who = person(Role.SPECIALIST)
    who.decide(filled.crash, kind="note", words="Патруль в пути")
    who.decide(filled.crash, kind="confirm", version=2)
    page = who.get(f"/events/{filled.crash}/card").text
    assert "Карточка для 102" in page
    assert "Патруль в пути" in page
    assert "скорая уже подъехала" in page
    assert "222 33 44" not in page
    card = who.get(f"/api/events/{filled.crash}/card.json").json()
    assert card["category"] == "road_crash"
    assert card["confirmed_by"] == "specialist"
    assert card["place"]["radius_m"] == 150
    assert len(card["posts"]) == 2
    assert [e.action for e in filled.store.audit(OPEN)][:2] == ["card", "card"]


def test_every_feed_has_the_same_events(
    person: Callable[[Role], Any], app: FastAPI, settings: Any
) -> None:
    who = person(Role.ANALYST)
    ids = {e["id"] for e in who.get("/api/queue?view=all").json()["events"]}
    collection = who.get("/api/feeds/events.geojson?view=all")
    assert collection.headers["content-type"].startswith("application/geo+json")
    features = collection.json()["features"]
    assert {feature["id"] for feature in features} == ids
    placed = [feature for feature in features if feature["geometry"]]
    assert len(placed) > 20
    for feature in placed:
        (ring,) = feature["geometry"]["coordinates"]
        assert ring[0] == ring[-1]
        assert area(ring) > 0  # counter-clockwise, as RFC 7946 wants
    feed = etree.fromstring(who.get("/api/feeds/events.atom?view=all").content)
    entries = feed.findall(f"{ATOM}entry")
    assert {e.findtext(f"{ATOM}id").removeprefix("urn:oqiga:") for e in entries} == ids
    assert any(e.findtext(f"{GEORSS}point") == "43.23830 76.84250" for e in entries)
    assert any(e.findtext(f"{GEORSS}radius") == "150" for e in entries)
    index = etree.fromstring(who.get("/api/feeds/cap.atom?view=all").content)
    link = index.find(f"{ATOM}entry/{ATOM}link").get("href")
    found = alert(who.get(re.sub("^https?://[^/]+", "", link)))
    assert found.tag == f"{CAP}alert"


def area(ring: list[list[float]]) -> float:
    """Twice the signed area, positive for a counter-clockwise ring."""
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring, [*ring[1:], ring[0]], strict=True))


def test_other_systems_read_feeds_by_a_key_and_never_what_is_confidential(
    app: FastAPI, settings: Any, filled: Any
) -> None:
    key = new_key(settings.under_home(settings.console.feed_keys_file), "gis")
    client = TestClient(app)
    for given in (None, "guess"):
        headers = {"Authorization": f"Bearer {given}"} if given else {}
        answer = client.get("/api/feeds/events.geojson", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
    headers = {"Authorization": f"Bearer {key}"}
    text = client.get("/api/feeds/events.geojson?view=all", headers=headers).text
    assert filled.crash in text
    assert filled.confidential not in text
    assert (
        client.get(f"/api/feeds/cap/{filled.confidential}.xml", headers=headers).status_code == 404
    )
    assert client.get(f"/api/feeds/cap/{filled.crash}.xml", headers=headers).status_code == 200
    assert client.get("/api/queue", headers=headers).status_code == 401
    assert any(e.by == "feed gis" and e.action == "export" for e in filled.store.audit(OPEN))


def test_the_same_card_makes_the_same_alert(app: FastAPI, filled: Any) -> None:
    from console.routes.events import page_for

    console = app.state.console
    card = make_card(page_for(console, frozenset(OPEN), "x", filled.crash, None))
    texts = [console.texts["ru"]]
    assert cap_alert(card, NOW, texts) == cap_alert(card, NOW, texts)
