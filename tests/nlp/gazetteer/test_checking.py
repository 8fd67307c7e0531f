from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import InputError
from nlp.gazetteer.checking import ALMATY, ASTANA, PLACES, check, table
from nlp.gazetteer.entries import Crossing, Entry
from nlp.gazetteer.index import Gazetteer


def entry(identifier: str, kind: str, name: str, lat: float, lon: float) -> Entry:
    parent = identifier.rsplit("/", 2)[0] if kind == "street" else "kz"
    return Entry(identifier, kind, name, (name,), parent, lat, lon, 1_000.0, None, "own")


@pytest.fixture
def small() -> Gazetteer:
    return Gazetteer(
        [
            entry("kz", "country", "Казахстан", 48, 67),
            entry("kz/almaty", "city", "Алматы", 43.24, 76.94),
            entry("kz/astana", "city", "Астана", 51.13, 71.43),
            entry("kz/test/village/sokolinoe", "village", "Соколиное", 50.0, 70.0),
            entry("kz/test/village/zateryannoe", "village", "Затерянное", 50.5, 70.0),
            entry("kz/almaty/street/jandosova", "street", "Жандосова", 43.22, 76.88),
            entry("kz/almaty/street/rozybakieva", "street", "Розыбакиева", 43.22, 76.89),
            entry("kz/astana/street/kenesary", "street", "Кенесары", 51.16, 71.43),
            entry("kz/astana/street/imanova", "street", "Иманова", 51.16, 71.44),
        ],
        [
            Crossing("kz/almaty/street/jandosova", "kz/almaty/street/rozybakieva", 43.22, 76.89),
            Crossing("kz/astana/street/imanova", "kz/astana/street/kenesary", 51.16, 71.44),
        ],
    )


def test_settlements_by_name_and_distance(small: Gazetteer, tmp_path: Path) -> None:
    (tmp_path / PLACES).write_text(
        "name,name_ru,name_kk,lat,lon\nСокол,Соколиное,Сұңқар,50.009,70.0\nСоколиное,,,44.0,80.0\n",
        encoding="utf-8",
    )
    villages = next(s for s in check(small, tmp_path) if s.kind == "village, own")
    assert (villages.compared, villages.missing) == (1, 1)
    assert 990 < villages.median_m < 1_010
    assert villages.worst.startswith("kz/test/village/sokolinoe")


def test_crossings_of_astana_by_their_nearest_node(small: Gazetteer, tmp_path: Path) -> None:
    (tmp_path / ASTANA).write_text(
        "street_a,street_b,lat,lon\n"
        "Иманов көшесі,Кенесары көшесі,51.1609,71.44\n"
        "улица Иманова,Кенесары,51.165,71.44\n"
        "Кенесары,Безымянная,51.2,71.4\n",
        encoding="utf-8",
    )
    (summary,) = check(small, tmp_path)
    assert (summary.kind, summary.compared, summary.missing) == ("crossing, astana", 1, 0)
    assert 99 < summary.median_m < 101


def test_crossings_of_almaty_where_sections_meet(small: Gazetteer, tmp_path: Path) -> None:
    (tmp_path / ALMATY).write_text(
        "street,name,name_local,section,length_m,west,south,east,north\n"
        "1,Zhandosov Street,улица Жандосова,up to Rozybakiev St,900,76.88,43.22,76.8912,43.222\n"
        "1,Zhandosov Street,улица Жандосова,from Rozybakiev St,900,76.8912,43.22,76.9,43.2199\n"
        "2,Rozybakiev Street,улица Розыбакиева,whole street,900,76.89,43.2,76.891,43.25\n",
        encoding="utf-8",
    )
    (summary,) = check(small, tmp_path)
    assert summary.compared == 1
    assert 95 < summary.median_m < 100
    assert "crossing, almaty" in table([summary])


def test_a_folder_without_references_is_an_error(small: Gazetteer, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none of"):
        check(small, tmp_path)


def test_a_broken_reference_is_an_error(small: Gazetteer, tmp_path: Path) -> None:
    (tmp_path / ASTANA).write_text("street_a,lat\nx,1\n", encoding="utf-8")
    with pytest.raises(InputError, match="lon, street_b"):
        check(small, tmp_path)
    (tmp_path / ASTANA).write_text("street_a,street_b,lat,lon\nx,y,1,east\n", encoding="utf-8")
    with pytest.raises(InputError, match="'east' in column lon"):
        check(small, tmp_path)
