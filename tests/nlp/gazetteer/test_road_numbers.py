"""Roads by number without a kilometre. The sentences are made for these tests."""

from __future__ import annotations

import pytest

from core.geo import distance_m
from core.records import Point
from nlp.gazetteer.entries import Entry, Milestone
from nlp.gazetteer.find import find
from nlp.gazetteer.index import Gazetteer
from nlp.gazetteer.locating import SEVERAL
from nlp.gazetteer.milestones import Milestones
from nlp.gazetteer.road_numbers import NumberedRoad, find_road, near_home, near_place
from nlp.words import words_of

ROADS = Milestones(
    [
        Milestone("А-1", 0, 50.0, 70.0, 15),
        Milestone("А-1", 200, 52.0, 70.0, 15),
        Milestone("М-5", 10, 50.0, 71.0),
        Milestone("М-5", 11, 50.01, 71.0),
    ]
)
SAID = NumberedRoad("А-1", 0, 0)


def a_place(lat: float, lon: float, kind: str = "village", radius_m: float = 2_000) -> Entry:
    return Entry("kz/x", kind, "X", ("X",), "kz", lat, lon, radius_m, None, "own")


def town(gazetteer: Gazetteer, name: str) -> Entry:
    entry = gazetteer.home(name)
    assert entry is not None
    return entry


@pytest.mark.parametrize(
    ("text", "road"),
    [
        ("на трассе Р-18 лежит мотоцикл", "Р-18"),
        ("А-2 тас жолында тұман", "А-2"),
        ("дорога ТК-12 вся в ямах", "ТК-12"),
        ("trassa M-38, kolik tur", "М-38"),
        ("лобовое на М-36", "М-36"),
        ("на М36 три фуры в кювете", "М-36"),
    ],
)
def test_a_road_is_said(gazetteer: Gazetteer, text: str, road: str) -> None:
    found = find_road(words_of(text), gazetteer.milestones)
    assert found is not None
    assert found.road == road


@pytest.mark.parametrize(
    "text",
    [
        "распечатай на А3 и повесь",
        "Ауди А-3 стоит поперёк двора",
        "участковый пришёл за 10 минут",
        "на 37 минуте матча",
        "квартира А-2, третий этаж",
        "шаг до 5 машин",
    ],
)
def test_no_road_is_said(gazetteer: Gazetteer, text: str) -> None:
    assert find_road(words_of(text), gazetteer.milestones) is None


def test_beside_a_settlement_it_is_at_best_five_kilometres() -> None:
    found = near_place(SAID, a_place(51.0, 70.05), ROADS)
    assert found.point == Point(lat=51.0, lon=70.05, radius_m=5_000)
    city = near_place(SAID, a_place(51.0, 70.05, "city", 16_000), ROADS)
    assert city.point is not None
    assert city.point.radius_m == 16_000


def test_a_stone_of_an_import_is_where_the_road_passes() -> None:
    found = near_place(NumberedRoad("М-5", 0, 0), a_place(50.011, 71.05), ROADS)
    assert found.point is not None
    assert (found.point.lat, found.point.lon) == (50.01, 71.0)
    far = near_place(NumberedRoad("М-5", 0, 0), a_place(50.0, 71.9), ROADS)
    assert far.point is not None
    assert far.point.lon == 71.9, "a stone sixty kilometres off is not the place's"


def test_in_an_area_it_is_the_roads_nearest_point_unless_that_says_nothing() -> None:
    inside = near_place(SAID, a_place(51.2, 70.4, "district", 60_000), ROADS)
    assert inside.point is not None
    assert inside.point.lon == pytest.approx(70.0, abs=1e-4)
    assert inside.point.lat == pytest.approx(51.2, abs=0.01)
    assert inside.point.radius_m == 60_000
    assert near_place(SAID, a_place(51.0, 70.4, "region", 330_000), ROADS).point is None
    assert near_place(SAID, a_place(51.0, 75.0, "district", 60_000), ROADS).point is None


def test_of_the_home_it_is_the_part_that_passes_it() -> None:
    near = near_home(SAID, a_place(51.0, 70.3), ROADS)
    assert near.point is not None
    assert near.point.lon == pytest.approx(70.0, abs=1e-4)
    assert near.point.radius_m == 40_000
    assert near_home(SAID, a_place(44.0, 52.0), ROADS).point is None
    unknown = near_home(NumberedRoad("Р-200", 0, 0), a_place(51.0, 70.3), ROADS)
    assert unknown.point == Point(lat=51.0, lon=70.3, radius_m=40_000)


@pytest.mark.parametrize(
    ("text", "home", "near", "radius_m"),
    [
        ("трасса А-1, у поворота на Макинск сбили лося", None, "Макинск", 5_000),
        ("М-38 трассасында, Курчатов жақта, фура жанып жатыр", None, "Курчатов", 5_000),
        ("na trasse A-3 vozle Ayagoza perevernulas gazel", None, "Аягоз", 5_000),
        ("трасса Р-7 возле Мамлютки, мост обледенел, едем шагом", None, "Мамлютка", 5_000),
        ("на А-1 буксируют бензовоз, полоса закрыта", "Кокшетау", "Кокшетау", 40_000),
        ("А-3 тас жолында апат болды", "Талдыкорган", "Талдыкорган", 40_000),
        ("A-2 trassasynda apat, ekі mashina", "Тараз", "Тараз", 40_000),
    ],
)
def test_the_location_of_a_text(
    gazetteer: Gazetteer, text: str, home: str | None, near: str, radius_m: float
) -> None:
    places, location = find(gazetteer, text, home)
    entry = town(gazetteer, near)
    assert location.point is not None
    assert distance_m(entry.lat, entry.lon, location.point.lat, location.point.lon) < 20_000
    assert location.point.radius_m >= radius_m
    assert any(p.kind == "highway" and p.radius_m == location.point.radius_m for p in places)


@pytest.mark.parametrize(
    ("text", "home"),
    [
        ("столкнулись две легковые на М-36, подробности позже", None),
        ("М-32 трассасында боран, көліктер тұр", None),
        ("перевернулась фура на А-1", "Актау"),
    ],
)
def test_a_road_alone_is_no_pin_and_not_at_a_home_far_from_it(
    gazetteer: Gazetteer, text: str, home: str | None
) -> None:
    places, location = find(gazetteer, text, home)
    assert location.point is None
    assert SEVERAL in location.reasons, "nor is it put at the home later"
    assert [p.kind for p in places] == ["highway"]


def test_something_finer_wins(gazetteer: Gazetteer) -> None:
    _, location = find(gazetteer, "угол Абая и Саина, фура шла на М-36", "Алматы")
    assert location.point is not None
    assert location.point.radius_m < 500


def test_the_ends_of_a_road_give_the_way_between(gazetteer: Gazetteer) -> None:
    _, location = find(gazetteer, "трасса А-17 Кызылорда — Жезказган занесена, фуры стоят")
    assert location.reasons == ("between",)
