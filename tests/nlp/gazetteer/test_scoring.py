"""Which namesake a mention means. The sentences are made for these tests."""

from __future__ import annotations

import pytest

from nlp.gazetteer.find import find
from nlp.gazetteer.index import Gazetteer


def ids(gazetteer: Gazetteer, text: str, home: str | None = None) -> list[str]:
    return [place.path[0] for place in find(gazetteer, text, home)[0] if place.lat is not None]


@pytest.mark.parametrize(
    ("text", "street"),
    [
        ("Рыскуловтан өтіп бара жатыр едім, төбелес", "ryskulova"),
        ("Жандосовтың бойында мас жүргізуші", "jandosova"),
        ("Төле биден шыққан көлік адам қақты", "tole-bi"),
        ("Сәтпаевтың бойымен қашып барады", "satpaeva"),
        ("Абайға шыққан жерде апат", "abaya"),
        ("на Сатпаева 12 стрельба", "satpaeva"),
    ],
)
def test_a_street_at_home_before_a_far_settlement_of_its_name(
    gazetteer: Gazetteer, text: str, street: str
) -> None:
    assert ids(gazetteer, text, "Алматы") == [f"kz/almaty/street/{street}"]


@pytest.mark.parametrize(
    ("text", "home"),
    [
        ("ул. Джамбула 8, отравили собак", "Сарань"),
        ("на Панфилова дерутся", "Рудный"),
        ("Шевченко 14, второй подъезд, крики", "Экибастуз"),
    ],
)
def test_an_old_name_of_a_city_is_a_street(gazetteer: Gazetteer, text: str, home: str) -> None:
    settlement = gazetteer.home(home)
    assert settlement is not None
    assert all(settlement.id in gazetteer.path(i) for i in ids(gazetteer, text, home))


@pytest.mark.parametrize(
    ("text", "home"),
    [
        ("10 мкр, крыша поликлиники, подростки", "Экибастуз"),
        ("мкр Лесхоз, кто-то ходит с фонарями", "Атырау"),
        ("проспект Бауыржана Момышулы, драка", "Каскелен"),
    ],
)
def test_no_other_city_than_home(gazetteer: Gazetteer, text: str, home: str) -> None:
    settlement = gazetteer.home(home)
    assert settlement is not None
    location = find(gazetteer, text, home)[1]
    assert location.path[:1] == () or settlement.id in location.path


@pytest.mark.parametrize("text", ["на Камзина бьют окна", "мкр Кулагер, пожар", "ул. Гагарина, 5"])
def test_a_street_without_any_town_has_no_place(gazetteer: Gazetteer, text: str) -> None:
    assert find(gazetteer, text)[1].point is None


def test_a_crossing_in_one_city_is_enough(gazetteer: Gazetteer) -> None:
    assert find(gazetteer, "угол Розыбакиева и Жандосова")[1].path[0].startswith("kz/almaty/")


@pytest.mark.parametrize(
    "text",
    [
        "орал на весь подъезд",
        "астан кейін төбелес шықты",
        "мен ол жаққа барып жездем екеуміз",
        "бір тайынша жоғалды",
        "көші-қон қызметі",
        "суды шелекпен тасып жатыр",
        "родинка на щеке",
        "на Советской сидит дед",
        "«Алатау» выиграл вчера",
    ],
)
def test_no_settlement(gazetteer: Gazetteer, text: str) -> None:
    assert ids(gazetteer, text) == []


@pytest.mark.parametrize(
    "text", ["река Тобол вышла из берегов", "Тобыл өзені тасып жатыр", "Тобыл жағасында бала"]
)
def test_a_river_is_no_town(gazetteer: Gazetteer, text: str) -> None:
    assert not any(i.endswith("/tobyl") for i in ids(gazetteer, text))


def test_the_nearest_namesake(gazetteer: Gazetteer) -> None:
    found = ids(gazetteer, "в селе Каменка горит дом", "Алматы")
    assert found == [] or found[0].startswith("kz/almaty_region/")


def test_a_market_may_have_a_town_for_a_name(gazetteer: Gazetteer) -> None:
    assert ids(gazetteer, "Талғар базары жағында ұрлық", "Рудный") == []


def test_a_city_before_its_small_namesake(gazetteer: Gazetteer) -> None:
    assert ids(gazetteer, "в Актау шторм") == ["kz/mangystau/aktau"]


def test_in_the_vicinity_is_no_district(gazetteer: Gazetteer) -> None:
    places, location = find(gazetteer, "драка в районе Сатпаева", "Алматы")
    assert [p.kind for p in places] == ["street"]
    assert location.path[0] == "kz/almaty/street/satpaeva"
