"""Cells of the map: two places that are near one another have one in common."""

from __future__ import annotations

from math import cos, radians

from hypothesis import given
from hypothesis import strategies as st

from core.grid import CLOSE, METRES_A_DEGREE, WIDE, Grid

lats, lons = st.floats(40.5, 55.5), st.floats(46.0, 87.5)
shares = st.floats(-0.7, 0.7)


def cells(grid: Grid, lat: float, lon: float, radius_m: float) -> set[tuple[int, int]]:
    return set(grid.touched(lat, lon, radius_m))


@given(lats, lons, shares, shares, st.floats(1.0, 2_000.0))
def test_circles_that_overlap_share_a_cell(
    lat: float, lon: float, north: float, east: float, radius_m: float
) -> None:
    for grid in (WIDE, CLOSE):
        reach = radius_m / METRES_A_DEGREE
        other = lat + north * reach, lon + east * reach / cos(radians(lat))
        assert cells(grid, lat, lon, radius_m) & cells(grid, *other, radius_m)


def test_a_region_has_no_cells_and_a_town_few() -> None:
    assert not cells(WIDE, 48.0, 67.0, WIDE.widest_m + 1)
    assert not cells(CLOSE, 48.0, 67.0, 2_001.0)
    assert 1 <= len(cells(WIDE, 43.25, 76.9, 10_000.0)) <= 9
    assert len(cells(CLOSE, 43.25, 76.9, 100.0)) <= 4
