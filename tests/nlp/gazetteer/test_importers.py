from __future__ import annotations

import json
from pathlib import Path

import osmium
import pytest

from core.errors import InputError, ModelError
from core.geo import distance_m
from nlp.gazetteer.find import find
from nlp.gazetteer.importers import import_csv, import_geojson, import_osm
from nlp.gazetteer.index import Gazetteer

HEADER = "id,kind,name_ru,name_kk,names_other,parent,lat,lon,radius_m,population,source\n"


def write_osm(path: Path) -> None:
    """A town with two streets that cross, a school, and a village."""
    with osmium.SimpleWriter(str(path)) as writer:
        nodes = {
            1: (70.000, 50.000, {"place": "town", "name": "Тестоград", "name:kk": "Тестқала",
                                 "population": "12 000"}),
            2: (70.100, 50.100, {"place": "village", "name": "Пробное"}),
            3: (70.001, 50.002, {"amenity": "school", "name": "Школа имени Пробы"}),
            10: (69.990, 50.001, {}), 11: (70.000, 50.001, {}), 12: (70.010, 50.001, {}),
            13: (70.000, 49.991, {}), 14: (70.000, 50.011, {}),
        }  # fmt: skip
        for number, (lon, lat, tags) in nodes.items():
            writer.add_node(osmium.osm.mutable.Node(id=number, location=(lon, lat), tags=tags))
        for number, refs, name in (
            (100, [10, 11], "улица Широкая"),
            (101, [11, 12], "улица Широкая"),
            (102, [13, 11, 14], "улица Узкая"),
        ):
            tags = {"highway": "residential", "name": name}
            writer.add_way(osmium.osm.mutable.Way(id=number, nodes=refs, tags=tags))


def test_osm(tmp_path: Path, gazetteer_file: Path) -> None:
    source, mine = tmp_path / "small.osm.pbf", tmp_path / "mine.sqlite"
    write_osm(source)
    seen: list[tuple[str, int]] = []
    assert import_osm(source, mine, lambda step, count: seen.append((step, count))) == 5
    assert {step for step, _ in seen} == {"milestones", "ways", "places", "streets"}
    gazetteer = Gazetteer.load(gazetteer_file, mine)
    places, location = find(gazetteer, "угол Широкая и Узкая, драка", "Тестоград")
    assert places[0].kind == "crossing"
    assert location.point is not None
    assert distance_m(50.001, 70.0, location.point.lat, location.point.lon) < 20
    street = next(e for e in gazetteer.entries.values() if e.name == "улица Широкая")
    assert 600 < street.radius_m < 900  # both ways, 1.4 km together
    assert gazetteer.home("Тестқала") is not None
    assert import_osm(source, mine) == 5  # again: nothing twice
    assert len(Gazetteer.load(gazetteer_file, mine).entries) == len(gazetteer.entries)


def test_no_osm(tmp_path: Path) -> None:
    broken = tmp_path / "broken.osm.pbf"
    broken.write_bytes(b"no map")
    with pytest.raises(InputError, match="OpenStreetMap"):
        import_osm(broken, tmp_path / "mine.sqlite")
    with pytest.raises(InputError, match="no such file"):
        import_osm(tmp_path / "absent.osm.pbf", tmp_path / "mine.sqlite")


def test_csv_adds_but_own_entries_win(tmp_path: Path, gazetteer_file: Path) -> None:
    table, mine = tmp_path / "mine.csv", tmp_path / "mine.sqlite"
    table.write_text(
        HEADER
        + "my/quarter,microdistrict,Сказочный,,,kz/kostanay/kostanai,53.2,63.6,700,,operator\n"
        + "my/kaskelen,city,Каскелен,,,kz,43.1966,76.6310,100,5,operator\n",
        encoding="utf-8",
    )
    assert import_csv(table, mine) == 2
    gazetteer = Gazetteer.load(gazetteer_file, mine)
    assert "my/quarter" in gazetteer.entries
    assert "my/kaskelen" not in gazetteer.entries  # the project's own is there
    _, location = find(gazetteer, "мкр Сказочный, горит дом", "Костанай")
    assert location.path[0] == "my/quarter"


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("x,castle,Замок,,,,43,76,10,,", "kind"),
        ("x,city,Город,,,,143,76,10,,", "outside"),
        ("x,city,,,,,43,76,10,,", "empty"),
        ("x,city,Город,,,,north,76,10,,", "line 2"),
    ],
)
def test_a_wrong_row_is_named_and_nothing_kept(tmp_path: Path, row: str, problem: str) -> None:
    table, mine = tmp_path / "mine.csv", tmp_path / "mine.sqlite"
    table.write_text(HEADER + row + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=problem):
        import_csv(table, mine)
    assert Gazetteer.load(mine).entries == {}


def test_geojson(tmp_path: Path, gazetteer_file: Path) -> None:
    file, mine = tmp_path / "mine.geojson", tmp_path / "mine.sqlite"
    square = [[[63.60, 53.20], [63.61, 53.20], [63.61, 53.21], [63.60, 53.20]]]
    file.write_text(
        json.dumps(
            {
                "type": "FeatureCollection",
                "features": [
                    {
                        "type": "Feature",
                        "properties": {"name": "Сказочный парк", "parent": "kz/kostanay/kostanai"},
                        "geometry": {"type": "Polygon", "coordinates": square},
                    }
                ],
            }
        ),
        encoding="utf-8",
    )
    assert import_geojson(file, mine) == 1
    entry = Gazetteer.load(gazetteer_file, mine).entries["import/mine/1"]
    assert (round(entry.lat, 3), round(entry.lon, 3)) == (53.205, 63.605)
    assert 600 < entry.radius_m < 700


@pytest.mark.parametrize("text", ["", "[]", '{"features": [{"properties": {}}]}'])
def test_broken_geojson(tmp_path: Path, text: str) -> None:
    file = tmp_path / "mine.geojson"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError):
        import_geojson(file, tmp_path / "mine.sqlite")


def test_no_gazetteer(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="oqiga train"):
        Gazetteer.load(tmp_path / "absent.sqlite")
    wrong = tmp_path / "wrong.sqlite"
    wrong.write_text("no database, but long enough to be read as one" * 50)
    with pytest.raises(ModelError, match="is no gazetteer"):
        Gazetteer.load(wrong)
