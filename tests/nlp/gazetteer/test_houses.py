from __future__ import annotations

import pytest

from core.geo import distance_m
from nlp.gazetteer.find import find
from nlp.gazetteer.index import Gazetteer


@pytest.mark.parametrize(
    ("text", "house"),
    [
        ("Толе би 15", "15"),
        ("Толе би, дом 15", "15"),
        ("Толе би, 577/89.", "577/89"),
        ("Толе би 14Г, прорвало трубу", "14Г"),
        ("Толе би 18N темно", "18N"),
        ("Толе би, 16-й дом", "16"),
        ("Возле дома 32 на Толе би темно", "32"),
        ("темно у дома 3А по улице Толе би", "3А"),
        ("яма возле дома 3, улица Толе би", "3"),
        ("Толе би вдоль дома 11 яма", "11"),
        ("Толе би, в районе домов 5 и 6", "5"),
        ("Толе би 15 и Абая 20", "15"),
    ],
)
def test_a_house_beside_its_street(gazetteer: Gazetteer, text: str, house: str) -> None:
    places, _ = find(gazetteer, text, "Алматы")
    houses = [p for p in places if p.kind == "house"]
    assert houses, places
    assert houses[0].name.endswith(f", {house}"), houses[0].name
    assert house in houses[0].text


@pytest.mark.parametrize(
    "text",
    [
        "На Толе би 15 человек дерутся",
        "На Толе би 5 и 6 апреля перекроют дорогу",
        "На Толе би 3-й час пробка",
        "На Толе би 18:30 авария",
        "На Толе би сгорело 15 машин",
        "На Толе би возле 15 школы авария",
    ],
)
def test_a_count_beside_a_street_is_no_house(gazetteer: Gazetteer, text: str) -> None:
    places, _ = find(gazetteer, text, "Алматы")
    assert "house" not in [p.kind for p in places]


def test_two_houses_on_two_streets_are_each_its_own(gazetteer: Gazetteer) -> None:
    places, _ = find(gazetteer, "Байзакова, дом 3 и дом 5 на Гоголя", "Алматы")
    assert [p.name for p in places] == ["Байзакова, 3", "Гоголя, 5"]
    assert [p.text for p in places] == ["Байзакова, дом 3", "дом 5 на Гоголя"]


@pytest.mark.parametrize(
    "text",
    [
        "Гоголя от Байзакова до Муканова перекрыта",
        "на участке от Байзакова до Муканова по улице Гоголя темно",
        "Гоголя, южная сторона между Байзакова и Муканова",
        "Гоголя көшесінде Байзаков пен Мұқанов арасында жарық жоқ",
    ],
)
def test_a_section_of_a_street_lies_between_its_crossings(gazetteer: Gazetteer, text: str) -> None:
    ends = [
        gazetteer.crossing("kz/almaty/street/gogolya", f"kz/almaty/street/{name}")
        for name in ("baizakova", "mukanova")
    ]
    a, b = ends
    assert a is not None
    assert b is not None
    places, location = find(gazetteer, text, "Алматы")
    point = location.point
    assert point is not None
    assert "section_of_street" in location.reasons
    assert distance_m(*a, point.lat, point.lon) < point.radius_m
    assert distance_m(*b, point.lat, point.lon) < point.radius_m
    assert point.radius_m < distance_m(*a, *b) + 150
    assert [p.kind for p in places] == ["street", "street"]


@pytest.mark.parametrize(
    "text",
    ["ехали от Алматы до Талгара", "автобус от Гоголя до Абая опоздал", "от Байзакова до драки"],
)
def test_from_to_without_a_street_is_no_section(gazetteer: Gazetteer, text: str) -> None:
    _, location = find(gazetteer, text, "Алматы")
    assert "section_of_street" not in location.reasons


def test_a_park_named_after_somebody(gazetteer: Gazetteer) -> None:
    for text in ("В парке им. Ганди темно", "Парк имени Ганди", "Ганди атындағы саябағында өрт"):
        places, _ = find(gazetteer, text, "Алматы")
        assert [p.kind for p in places] == ["landmark"], text
