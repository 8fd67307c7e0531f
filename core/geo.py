"""Distances on the Earth."""

from __future__ import annotations

from math import asin, cos, degrees, radians, sin, sqrt

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius (IUGG)."""


def distance_m(lat_a: float, lon_a: float, lat_b: float, lon_b: float) -> float:
    """Great-circle distance in metres between two points in degrees (haversine)."""
    phi_a, phi_b = radians(lat_a), radians(lat_b)
    half_phi = sin((phi_b - phi_a) / 2) ** 2
    half_lambda = sin(radians(lon_b - lon_a) / 2) ** 2
    chord = half_phi + cos(phi_a) * cos(phi_b) * half_lambda
    return 2 * EARTH_RADIUS_M * asin(sqrt(min(1.0, chord)))


def bounding_box(lat: float, lon: float, radius_m: float) -> tuple[float, float, float, float]:
    """West, south, east, north in degrees of a box that holds the circle; not past the poles.

    Near the 180th meridian the box reaches beyond it; Kazakhstan ends at 88° east.
    """
    d_lat = degrees(radius_m / EARTH_RADIUS_M)
    d_lon = d_lat / max(cos(radians(min(89.0, abs(lat) + d_lat))), 0.01)
    return lon - d_lon, lat - d_lat, lon + d_lon, lat + d_lat
