from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.geo import distance_m
from nlp.gazetteer.find import find
from nlp.gazetteer.index import Gazetteer
from nlp.gazetteer.locating import SEVERAL, read_places
from nlp.reading import Subject
from nlp.words import words_of

ALMATY = (43.2364, 76.9457)


def near(gazetteer: Gazetteer, text: str, home: str | None, lat: float, lon: float) -> float:
    _, location = find(gazetteer, text, home)
    assert location.point is not None, text
    return distance_m(lat, lon, location.point.lat, location.point.lon)


@pytest.mark.parametrize(
    "text",
    [
        "авария Толе би - Байзакова",
        "угол Толе би и Байзакова",
        "Төле би мен Байзақовтың қиылысы",
        "Tole bi Baizakov",
        "Толе би/Байзакова",
    ],
)
def test_a_crossing_in_all_its_spellings(gazetteer: Gazetteer, text: str) -> None:
    places, location = find(gazetteer, text, "Алматы")
    known = gazetteer.crossing("kz/almaty/street/tole-bi", "kz/almaty/street/baizakova")
    assert known is not None
    assert location.point is not None
    assert distance_m(*known, location.point.lat, location.point.lon) < 1
    assert location.point.radius_m == 150
    assert "crossing" in location.reasons
    assert [p.kind for p in places] == ["crossing"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Қаскелеңнен шықты", "kaskelen"),
        ("в Шымкенте", "shymkent"),
        ("Шымкентте өрт", "shymkent"),
        ("в Караганде", "karaganda"),
        ("из Караганды", "karaganda"),
        ("Talgar qalasynda", "talgar"),
        ("в Петрапавловске", "petropavlovsk"),  # a letter wrong
    ],
)
def test_inflected_settlements(gazetteer: Gazetteer, text: str, name: str) -> None:
    places, _ = find(gazetteer, text)
    assert places
    assert name in places[0].path[0]


def test_a_street_lies_in_the_named_city_before_home(gazetteer: Gazetteer) -> None:
    places, location = find(gazetteer, "Астана, Кенесары 40, пожар", "Алматы")
    assert location.path[0].startswith("kz/astana/street/")
    assert places[-1].kind == "house"
    assert places[-1].name.endswith("40")


def test_a_street_lies_at_home(gazetteer: Gazetteer) -> None:
    _, location = find(gazetteer, "на Сатпаева сбили человека", "Алматы")
    assert location.path[0] == "kz/almaty/street/satpaeva"


def test_an_unknown_street_gives_its_city(gazetteer: Gazetteer) -> None:
    places, location = find(gazetteer, "ул. Неведомская 5, драка", "Костанай")
    assert places[0].kind == "house"
    assert places[0].lat is None
    assert location.path[0] == "kz/kostanay/kostanai"
    assert "city_of_unknown_street" in location.reasons


def test_platform_point_when_the_text_says_nothing_finer(gazetteer: Gazetteer) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    subject = Subject("1", 1, "в Алматы драка", at, None, 43.25, 76.95)
    location = read_places(words_of(subject.text), subject, gazetteer).location
    assert location.point is not None
    assert (location.point.lat, location.point.lon) == (43.25, 76.95)
    assert location.reasons == ("platform_point",)
    elsewhere = Subject("2", 1, "в Актау пожар", at, None, 43.25, 76.95)
    location = read_places(words_of(elsewhere.text), elsewhere, gazetteer).location
    assert location.point is not None
    assert distance_m(43.65, 51.16, location.point.lat, location.point.lon) < 20_000


def test_several_regions_give_no_location(gazetteer: Gazetteer) -> None:
    _, location = find(gazetteer, "Астана, Алматы, Шымкент: подорожал хлеб")
    assert location.point is None
    assert SEVERAL in location.reasons


@pytest.mark.parametrize("text", ["в Москве взрыв", "Ташкентте өрт шықты", "в России снег"])
def test_abroad_gives_no_location(gazetteer: Gazetteer, text: str) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    found = read_places(words_of(text), Subject("1", 1, text, at, "Алматы"), gazetteer)
    assert found.foreign
    assert found.location.point is None


@pytest.mark.parametrize(
    "text",
    [
        "есікті аша алмай жатыр",  # a door, not the town of Есик
        "весь мир смотрит",
        "хорошо бы встретить рассвет",
        "жаңа жыл құтты болсын",
        "у меня дома кот и собака",
        "мын тенге сұрады",
    ],
)
def test_common_words_are_no_places(gazetteer: Gazetteer, text: str) -> None:
    assert find(gazetteer, text)[0] == ()


def test_a_repeated_village_is_told_by_its_district(gazetteer: Gazetteer) -> None:
    namesakes = [
        e for e in gazetteer.entries.values() if e.kind == "village" and e.name == "Бирлик"
    ]
    if len(namesakes) < 2:
        pytest.skip("the tables have one Бирлик")
    places, _ = find(gazetteer, "в селе Бирлик горит дом")
    assert places[0].lat is None
    assert "namesakes" in places[0].reasons


def test_a_house_number_is_no_count(gazetteer: Gazetteer) -> None:
    places, _ = find(gazetteer, "на Сатпаева 2 человека дерутся", "Алматы")
    assert places[0].kind == "street"


def test_the_same_text_gives_the_same_places(gazetteer: Gazetteer) -> None:
    text = "Самал-2, угол Абая и Достык, Шымкент, ул. Мира 5"
    assert find(gazetteer, text) == find(gazetteer, text)
    assert near(gazetteer, "в Алматы", None, *ALMATY) < 3_000
