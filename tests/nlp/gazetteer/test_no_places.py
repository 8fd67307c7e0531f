"""Names of places that stand for something else. The sentences are made for these tests."""

from __future__ import annotations

import pytest

from nlp.gazetteer.find import find
from nlp.gazetteer.index import Gazetteer


@pytest.mark.parametrize(
    ("text", "home"),
    [
        ("Тобол дома обыграл Ордабасы, вратарь молодец", "Костанай"),
        ("Кайрат — Астана 2:1, валидол мне", None),
        ("Шахтёр опять проиграл, не хожу больше", "Караганда"),
        ("Ақтөбе кеше ұтылды, қақпашы ұйықтап тұр", None),
        ("зашёл на сервер Шымкент, там одни читеры", None),
        ("С Наурызом вас, родные", None),
        ("ко Дню Победы красят бордюры", "Петропавловск"),
        ("Жеңіс күні құтты болсын", "Петропавловск"),
        ("я сам из Аксая, но давно уехал", None),
        ("бабушка родом из Семея, пекла шаньги", None),
        ("Гуляли по улице. Потом пошёл дождь", "Рудный"),
        ("kotoraya zvonila vchera, perezvonite", "Алматы"),
    ],
)
def test_it_is_no_place(gazetteer: Gazetteer, text: str, home: str | None) -> None:
    assert find(gazetteer, text, home)[1].point is None


@pytest.mark.parametrize(
    ("text", "home"),
    [
        ("в Астане после матча драка у стадиона", None),
        ("Актобе, на футбольном поле нашли гранату", None),
        ("на проспекте Победы сбили мальчика", "Астана"),
        ("сервер упал, а в Таразе ещё и свет моргнул", None),
        ("вышел из Аксая и пропал", None),
        ("в Наурызбайском районе горит гараж", "Алматы"),
        ("ул. Гоголя. Горит", "Караганда"),
    ],
)
def test_it_is_a_place(gazetteer: Gazetteer, text: str, home: str | None) -> None:
    assert find(gazetteer, text, home)[1].point is not None


@pytest.mark.parametrize(
    ("text", "home", "town"),
    [
        ("Волынов көшесінде төбелес", "Аркалык", "Аркалык"),
        ("на улице Баймагамбетова выбили витрину", "Лисаковск", "Лисаковск"),
        ("улица Чагано-Набережная 4, горит балкон", "Экибастуз", "Экибастуз"),
    ],
)
def test_a_street_of_another_city_is_not_where_its_namesake_is(
    gazetteer: Gazetteer, text: str, home: str, town: str
) -> None:
    """Only one city's table has the street; the channel speaks of its own."""
    location = find(gazetteer, text, home)[1]
    entry = gazetteer.home(town)
    assert entry is not None
    assert location.point is None or location.path[0] == entry.id
