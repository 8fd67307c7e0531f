"""Moves: measured, proposed as places by several persons, accepted by an administrator."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.clock import FixedClock
from core.errors import InputError
from core.records import (
    Audience,
    Decision,
    DecisionKind,
    Point,
)
from learning.place_run import PROPOSALS, Places, accept, corrections, propose
from learning.places import Correction, Text, proposals
from nlp.assessor import DEFAULT_MODELS
from nlp.gazetteer.find import find
from nlp.gazetteer.index import Gazetteer
from nlp.labelled import DEFAULT_CORPUS
from nlp.train import GAZETTEER_FILE
from store.sqlite import SqliteStore
from tests.learning.conftest import keep_event, keep_post

NOW = datetime(2026, 3, 20, 13, tzinfo=UTC)
SPOT = Point(lat=43.3005, lon=76.8505, radius_m=100)
TEXTS = ("Пожар на улице Жаңабастауова, горит гараж", "ДТП на улице Жаңабастауова возле рынка")


@pytest.fixture(scope="module")
def gazetteer() -> Gazetteer:
    return Gazetteer.load(DEFAULT_MODELS / GAZETTEER_FILE)


def moved(number: int, by: str, to: Point = SPOT, text: str = TEXTS[0]) -> Correction:
    return Correction(f"e{number}", by, to, None, (Text(text, "Алматы"),))


def test_two_persons_and_two_events_that_agree(gazetteer: Gazetteer) -> None:
    [found] = proposals([moved(1, "s1"), moved(2, "s2", text=TEXTS[1])], gazetteer)
    assert (found.kind, found.events, found.persons) == ("street", 2, 2)
    assert found.point.lat == pytest.approx(SPOT.lat)
    assert gazetteer.settlement_of(found.parent) == found.parent, "it lies in the channel's town"
    assert 100 <= found.point.radius_m <= 1_500


def test_one_person_one_event_or_scattered_moves_propose_nothing(gazetteer: Gazetteer) -> None:
    far = Point(lat=43.2, lon=76.9, radius_m=100)
    farther = Point(lat=43.1, lon=77.0, radius_m=100)
    assert proposals([moved(1, "s1"), moved(2, "s1")], gazetteer) == []
    assert proposals([moved(1, "s1"), moved(1, "s2")], gazetteer) == []
    assert (
        proposals([moved(1, "s1"), moved(2, "s2", far), moved(3, "s3", farther)], gazetteer) == []
    )
    house = "Пожар, Жаңабастауова 15, горит дом"
    assert proposals([moved(1, "s1", text=house), moved(2, "s2", text=house)], gazetteer) == []


def test_from_moves_in_the_store_to_the_gazetteer(store: SqliteStore, tmp_path: Path) -> None:
    for number, text in enumerate(TEXTS):
        move(store, str(number), text, by=f"s{number}")
    places = Places(DEFAULT_MODELS / GAZETTEER_FILE, tmp_path / "own.sqlite", DEFAULT_CORPUS)
    assert [c.by for c in corrections(store)] == ["s0", "s1"]
    told, [proposal] = propose(store, places, tmp_path)
    assert (told.moves, told.texts, told.right) == (2, 2, 0)
    assert told.median_m is not None
    assert told.median_m > 1_000
    assert (proposal.right, proposal.of) == ((0, 2), 2)
    assert proposal.gate[1] >= proposal.gate[0] - 0.005
    with pytest.raises(InputError, match="is proposed"):
        accept(store, FixedClock(NOW), places, tmp_path, "kz/moves/none", "admin")
    accept(store, FixedClock(NOW), places, tmp_path, proposal.id, "admin")
    _, location = find(places.gazetteer(), "Горит склад на улице Жаңабастауова", "Алматы")
    assert location.point is not None
    assert location.point.lat == pytest.approx(SPOT.lat)
    [entry] = [e for e in store.audit({Audience.OPEN}) if e.action == "place_accepted"]
    assert (entry.by, entry.subject) == ("admin", proposal.id)
    told, left = propose(store, places, tmp_path)
    assert (told.right, left) == (2, []), "what was accepted is not proposed again"


def test_a_place_that_harms_is_refused(store: SqliteStore, tmp_path: Path) -> None:
    places = Places(DEFAULT_MODELS / GAZETTEER_FILE, tmp_path / "own.sqlite", DEFAULT_CORPUS)
    for number, text in enumerate(TEXTS):
        move(store, str(number), text, by=f"s{number}")
    _, [proposal] = propose(store, places, tmp_path)
    for harm, why in (({"right": (2, 2)}, "no moved event"), ({"gate": (0.8, 0.7)}, "fewer texts")):
        bad = proposal.model_copy(update=harm)
        (tmp_path / PROPOSALS).write_text(bad.model_dump_json() + "\n", "utf-8")
        with pytest.raises(InputError, match=why):
            accept(store, FixedClock(NOW), places, tmp_path, proposal.id, "admin")
    assert not places.own.exists()
    assert replace(places).gazetteer().digest == places.gazetteer().digest


def move(store: SqliteStore, name: str, text: str, by: str) -> None:
    """A post whose event was shown in the middle of the town and moved to the spot."""
    post = keep_post(store, {"id": name, "text": text, "home": "Алматы"}, NOW)
    shown = Point(lat=43.24, lon=76.9, radius_m=8_000)
    event = keep_event(store, f"e-{name}", NOW, [post.id], location=shown)
    decision = Decision(
        id=f"d-{name}", event=event.id, event_version=1, kind=DecisionKind.MOVE, by=by, at=NOW,
        point=SPOT,
    )  # fmt: skip
    store.add_decision(decision)
