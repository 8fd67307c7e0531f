"""Kilometres of numbered roads, by stones and by towns."""

from __future__ import annotations

from pathlib import Path

import osmium
import pytest

from core.geo import distance_m
from core.records import Point
from nlp.gazetteer.entries import Entry, Milestone
from nlp.gazetteer.find import find
from nlp.gazetteer.importers import import_osm
from nlp.gazetteer.index import Gazetteer
from nlp.gazetteer.milestones import Milestones, road_number
from nlp.gazetteer.osm_milestones import kilometre_of

STONES = Milestones(
    [
        Milestone("М-32", 34, 50.00, 60.00),
        Milestone("М-32", 35, 50.00, 60.014),
        Milestone("М-32", 45, 50.00, 60.15),
        Milestone("М-32", 300, 50.00, 64.00),
        Milestone("А-1", 10, 50.00, 60.00),
        Milestone("А-1", 10, 51.00, 60.00),
        Milestone("А-2", 100, 43.00, 75.00, 60),
        Milestone("А-2", 200, 43.00, 76.00, 60),
    ]
)


def home_at(lat: float, lon: float) -> Entry:
    return Entry("kz/x", "city", "X", ("X",), "kz", lat, lon, 5_000, None, "own")


def point_of(road: str, km: float, home: Entry | None = None) -> Point:
    found = STONES.at(road, km, home)
    assert found is not None
    return found[0]


@pytest.mark.parametrize("text", ["М-32", "М32", "м 32", "M-32", "m32", "М-032"])
def test_spellings_of_a_number(text: str) -> None:
    assert road_number(text) == "М-32"


@pytest.mark.parametrize("text", ["32", "М", "М-0", "М-1234", "трасса", ""])
def test_what_is_no_number_of_a_road(text: str) -> None:
    assert road_number(text) is None


@pytest.mark.parametrize(
    ("text", "km"),
    [("35", 35), ("35 km", 35), ("35,5 км", 35.5), ("mile 3", None), ("", None)],
)
def test_kilometre_of_a_stone(text: str, km: float | None) -> None:
    assert kilometre_of(text) == km


def test_a_stone_is_exact_and_between_two_is_not_far() -> None:
    assert point_of("М-32", 35) == Point(lat=50.0, lon=60.014, radius_m=1_000)
    between = point_of("М-32", 40)
    assert 60.07 < between.lon < 60.09
    assert between.radius_m == 1_000


def test_nothing_between_stones_far_apart_and_behind_the_last() -> None:
    assert STONES.at("М-32", 200) is None
    assert STONES.at("М-32", 400) is None
    assert STONES.at("М-51", 10) is None


def test_of_two_counts_the_home_tells_or_the_radius_covers_both() -> None:
    assert point_of("А-1", 10, home_at(51.1, 60)).lat == 51.0
    both = point_of("А-1", 10)
    for lat in (50.0, 51.0):
        assert distance_m(both.lat, both.lon, lat, 60.0) <= both.radius_m


def test_towns_along_the_road_with_what_the_count_may_be_off() -> None:
    middle = point_of("А-2", 150)
    assert (middle.lat, middle.lon, middle.radius_m) == (43.0, 75.5, 70_000)
    assert point_of("А-2", 50).lon == 75.0  # before the first town: at it
    assert STONES.at("А-2", 20) is None
    assert STONES.at("А-2", 300) is None


@pytest.mark.parametrize(
    "text",
    [
        "трасса М-32, 35 км, перевернулась фура",
        "на 35 км трассы М32 столкнулись две машины",
        "M-32 трассасының 35-шақырымында апат болды",
        "М-32, 35 км",
    ],
)
def test_the_projects_roads_give_a_wide_radius(gazetteer: Gazetteer, text: str) -> None:
    """Nobody told us whether the signs count from the border or from Samara: both are covered."""
    places, location = find(gazetteer, text)
    assert location.reasons == ("road_number",)
    assert location.point is not None
    assert 200_000 < location.point.radius_m < 250_000
    uralsk = gazetteer.home("Уральск")
    assert uralsk is not None
    assert distance_m(uralsk.lat, uralsk.lon, location.point.lat, location.point.lon) < 10_000
    road = next(p for p in places if p.kind == "highway")
    assert (road.name, text[road.start : road.end]) == ("М-32", road.text)


@pytest.mark.parametrize(
    "text",
    ["ауди А3 на 35 км трассы", "дом А-3, квартира 5", "авария на трассе М-32", "М-32, 90 км/ч"],
)
def test_no_kilometre_of_a_road(gazetteer: Gazetteer, text: str) -> None:
    assert find(gazetteer, text)[1].point is None


def test_a_town_that_is_named_says_more_than_a_wide_radius(gazetteer: Gazetteer) -> None:
    _, location = find(gazetteer, "Хромтау, трасса М-32, 700 км, авария")
    assert location.point is not None
    assert location.point.radius_m < 10_000


def write_osm(path: Path) -> None:
    """A road with two stones, one of which only its way numbers, and a stone without kilometre."""
    stones = {
        1: (70.00, 50.0, {"highway": "milestone", "distance": "35", "ref": "M-32;E 38"}),
        2: (70.05, 50.0, {"highway": "milestone", "distance": "39 km"}),
        3: (70.06, 50.0, {"highway": "milestone"}),
        4: (70.07, 50.0, {"highway": "milestone", "distance": "41"}),
        5: (70.10, 50.0, {}),
    }
    with osmium.SimpleWriter(str(path)) as writer:
        for number, (lon, lat, tags) in stones.items():
            writer.add_node(osmium.osm.mutable.Node(id=number, location=(lon, lat), tags=tags))
        tags = {"highway": "trunk", "ref": "М-32"}
        writer.add_way(osmium.osm.mutable.Way(id=9, nodes=[1, 2, 3, 5], tags=tags))


def test_milestones_of_an_extract(tmp_path: Path, gazetteer_file: Path) -> None:
    source, mine = tmp_path / "small.osm.pbf", tmp_path / "mine.sqlite"
    write_osm(source)
    seen: list[tuple[str, int]] = []
    assert import_osm(source, mine, lambda step, count: seen.append((step, count))) == 3
    assert ("milestones", 3) in seen  # node 4 is on no road, so it is found but not kept
    gazetteer = Gazetteer.load(gazetteer_file, mine)
    assert gazetteer.digest != Gazetteer.load(gazetteer_file).digest
    for text, lon in (
        ("трасса М-32, 35 км", 70.0),
        ("трасса M32, 39-й километр, авария", 70.05),
        ("на 37 км трассы М-32", 70.025),
    ):
        _, location = find(gazetteer, text)
        assert location.reasons == ("milestone",)
        assert location.point is not None
        assert (location.point.lat, round(location.point.lon, 3)) == (50.0, lon)
        assert location.point.radius_m == 1_000
    _, beyond = find(gazetteer, "трасса М-32, 700 км")
    assert beyond.reasons == ("road_number",)  # no stone there: as without the import
    assert import_osm(source, mine) == 3
    assert len(list(Gazetteer.load(mine).milestones)) == 3  # again: nothing twice


def test_a_file_from_before_milestones_is_read(tmp_path: Path) -> None:
    import sqlite3
    from contextlib import closing

    from nlp.gazetteer import storage

    path = tmp_path / "old.sqlite"
    with storage.opened(path) as db:
        storage.put_milestones(db, [Milestone("М-32", 1, 50, 60)])
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DROP TABLE milestone")
    assert list(Gazetteer.load(path).milestones) == []
