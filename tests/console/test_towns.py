"""The map's data and what is said of a place."""

from __future__ import annotations

import json

from console.outline import regions
from console.towns import FILE, load_towns, nearest


def test_the_outline_is_small_complete_and_credited() -> None:
    assert FILE.stat().st_size < 150_000
    data = json.loads(FILE.read_text(encoding="utf-8"))
    assert len(data["regions"]) == 20
    assert len(data["towns"]) > 70
    credit = (FILE.parent / "README.md").read_text(encoding="utf-8")
    for name in ("arodionoff/geokz", "geonames.org", "CC BY 4.0"):
        assert name in credit


def test_the_nearest_town_is_told_and_none_in_the_steppe() -> None:
    towns = load_towns()
    at_sain = nearest(towns, 43.2383, 76.8425)
    assert at_sain is not None
    assert at_sain.names == {"ru": "Алматы", "kk": "Алматы", "en": "Almaty"}
    astana = nearest(towns, 51.1, 71.43)
    assert astana is not None
    assert astana.names["en"] == "Astana"
    assert nearest(towns, 46.0, 72.0) is None


def test_borders_of_neighbours_stay_the_same_line() -> None:
    left = [[[70, 50], [71, 50], [71, 50.5], [71.001, 51], [71, 52], [70, 52], [70, 50]]]
    right = [[[71, 50], [72, 50], [72, 52], [71, 52], [71.001, 51], [71, 50.5], [71, 50]]]
    names = {"ADM1_RU": "А", "ADM1_KK": "А", "ADM1_EN": "A"}
    found = regions(
        {
            "features": [
                {"properties": names, "geometry": {"type": "Polygon", "coordinates": ring}}
                for ring in (left, right)
            ]
        }
    )
    edges = []
    for region in found:
        (ring,) = region["rings"]  # type: ignore[misc]
        edges.append({tuple(at) for at in ring if 70.5 < at[0] < 71.5})
    assert edges[0] == edges[1]
