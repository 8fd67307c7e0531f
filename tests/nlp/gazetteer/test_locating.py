"""Where it happens, of all the places of a text. The sentences are made for these tests."""

from __future__ import annotations

import pytest

from core.geo import distance_m
from core.records import Point
from nlp.gazetteer.find import find
from nlp.gazetteer.index import Gazetteer
from nlp.gazetteer.locating import SEVERAL


def where(gazetteer: Gazetteer, text: str, home: str | None = None) -> Point | None:
    return find(gazetteer, text, home)[1].point


def is_at(gazetteer: Gazetteer, point: Point | None, town: str, within_m: float = 10_000) -> bool:
    entry = gazetteer.home(town)
    assert entry is not None
    return point is not None and distance_m(entry.lat, entry.lon, point.lat, point.lon) <= within_m


@pytest.mark.parametrize(
    ("text", "home", "town"),
    [
        ("в Каскелене стреляют, полиция едет из Алматы", None, "Каскелен"),
        ("на трассе за Балхашом лежит фура, водитель из Караганды", None, "Балхаш"),
        ("Степногорсктен шыққан жүргізуші Атбасарда ұсталды", None, "Атбасар"),
        ("поезд Астана — Алматы, драка в вагоне, стоим в Балхаше", None, "Балхаш"),
        ("Шымкентте дүкен өртеніп жатыр", None, "Шымкент"),
        ("Шымкенттің шетінде машина аударылды", None, "Шымкент"),
        ("Мартукке жетпей көлік аударылды", None, "Мартук"),
        ("Мерке бекетінде шабуыл", None, "Мерке"),
        ("в Семее горит рынок", None, "Семей"),
        ("Караганда, пьяный за рулём у цирка", None, "Караганда"),
        ("Аягоз маңында үлкен өрт, түтін көрінеді", "Семей", "Аягоз"),
    ],
)
def test_the_place_of_the_event(
    gazetteer: Gazetteer, text: str, home: str | None, town: str
) -> None:
    assert is_at(gazetteer, where(gazetteer, text, home), town)


@pytest.mark.parametrize(
    ("text", "home"),
    [
        ("родственники уже едут из Экибастуза", "Караганда"),
        ("вторая машина идёт из Шахтинска", "Караганда"),
        ("на выезде в сторону Талгара тормозят всех", "Алматы"),
        ("цистерна ушла на Кентау", "Туркестан"),
    ],
)
def test_a_place_that_is_only_passed_is_not_where_home_is_known(
    gazetteer: Gazetteer, text: str, home: str
) -> None:
    assert where(gazetteer, text, home) is None


@pytest.mark.parametrize(
    "text",
    [
        "между Щучинском и Кокшетау занесло автобус",
        "трасса Щучинск — Кокшетау, гололёд, три машины",
        "Щучинск пен Көкшетау арасында көлік аударылды",
        "автобус Щучинск-Кокшетау съехал в кювет",
        "ехали из Щучинска в сторону Кокшетау, кто-то стреляет",
    ],
)
def test_between_two_towns(gazetteer: Gazetteer, text: str) -> None:
    a, b = gazetteer.home("Щучинск"), gazetteer.home("Кокшетау")
    assert a is not None
    assert b is not None
    point = where(gazetteer, text)
    assert point is not None
    length = distance_m(a.lat, a.lon, b.lat, b.lon)
    for end in (a, b):
        away = distance_m(end.lat, end.lon, point.lat, point.lon)
        assert length * 0.45 < away < length * 0.55
        assert away <= point.radius_m


def test_a_kilometre_counts_from_the_end_that_is_named_first(gazetteer: Gazetteer) -> None:
    point = where(gazetteer, "на 30-м километре трассы Щучинск — Кокшетау горит фура")
    back = where(gazetteer, "на 30-м километре трассы Кокшетау — Щучинск горит фура")
    assert point is not None
    assert back is not None
    start = gazetteer.home("Щучинск")
    assert start is not None
    assert distance_m(start.lat, start.lon, point.lat, point.lon) < 32_000
    assert distance_m(start.lat, start.lon, back.lat, back.lon) > 35_000
    assert point.radius_m < 12_000


def test_kilometres_from_a_town(gazetteer: Gazetteer) -> None:
    point = where(gazetteer, "в 20 км от Атбасара перевернулся грузовик")
    assert is_at(gazetteer, point, "Атбасар")
    assert point is not None
    assert point.radius_m >= 20_000


def test_a_settlement_that_is_said_wins_over_the_road(gazetteer: Gazetteer) -> None:
    point = where(gazetteer, "трасса Караганда — Балхаш, не доезжая до Приозёрска пожар")
    assert point is not None
    point = where(gazetteer, "на трассе Астана — Караганда у Осакаровки сбили пешехода")
    assert is_at(gazetteer, point, "Осакаровка")


@pytest.mark.parametrize(
    "text",
    [
        "Ремонт окон: Караганда, Сарань, Шахтинск",
        "Рассрочка в Павлодаре, Семее и Уральске",
    ],
)
def test_a_list_of_towns_is_no_place(gazetteer: Gazetteer, text: str) -> None:
    _, location = find(gazetteer, text)
    assert location.point is None
    assert SEVERAL in location.reasons


def test_a_district_is_its_middle_and_extent(gazetteer: Gazetteer) -> None:
    _, location = find(gazetteer, "В Атбасарском районе ночью угнали табун")
    area = gazetteer.entries[location.path[0]]
    assert area.kind == "district"
    assert location.point is not None
    assert (location.point.lat, location.point.radius_m) == (area.lat, area.radius_m)


def test_a_region_alone_is_no_place(gazetteer: Gazetteer) -> None:
    assert where(gazetteer, "в Костанайской области всё спокойно") is None


def test_a_corner_of_two_streets_that_stand_apart(gazetteer: Gazetteer) -> None:
    text = "На Жандосова перекрыли полосу, бьют таксиста. Это угол Розыбакиева"
    _, location = find(gazetteer, text, "Алматы")
    known = gazetteer.crossing("kz/almaty/street/jandosova", "kz/almaty/street/rozybakieva")
    assert known is not None
    assert location.point is not None
    assert distance_m(*known, location.point.lat, location.point.lon) < 1


def test_abroad_with_someone_from_here(gazetteer: Gazetteer) -> None:
    assert where(gazetteer, "в Стамбуле сгорел отель, семья из Караганды цела") is None


def test_a_kilometre_follows_the_known_course(gazetteer: Gazetteer) -> None:
    almaty, bishkek = gazetteer.home("Алматы"), gazetteer.home("Бишкек")
    assert almaty is not None
    assert bishkek is not None
    course = gazetteer.course(almaty, bishkek)
    assert [p.km for p in course] == sorted(p.km for p in course)
    assert gazetteer.course(bishkek, almaty)[0].km == 0
    point = where(gazetteer, "175-й км трассы Алматы — Бишкек, фура на боку")
    assert point is not None
    assert distance_m(43.325, 75.025, point.lat, point.lon) < 15_000


def test_a_pass_is_known_by_itself(gazetteer: Gazetteer) -> None:
    point = where(gazetteer, "Қордай асуында тұман, көліктер соғысты")
    assert point is not None
    assert distance_m(43.325, 75.025, point.lat, point.lon) < 1_000
