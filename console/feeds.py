"""Events for other systems: GeoJSON (RFC 7946) and Atom with GeoRSS-Simple."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from console.rows import Row
from console.texts import Translate

ATOM = "http://www.w3.org/2005/Atom"
GEORSS = "http://www.georss.org/georss"
CIRCLE_POINTS = 24
METRES_A_DEGREE = 111_195.0
ET.register_namespace("georss", GEORSS)


def geojson(rows: Sequence[Row], now: datetime, t: Translate) -> dict[str, Any]:
    """A FeatureCollection: each event as the circle that covers the truth, never a bare point."""
    return {
        "type": "FeatureCollection",
        "generated_at": now.isoformat(),
        "features": [
            {
                "type": "Feature",
                "id": row.event.id,
                "geometry": _circle(row),
                "properties": _properties(row, t),
            }
            for row in rows
        ],
    }


def atom(
    rows: Sequence[Row],
    now: datetime,
    t: Translate,
    *,
    address: str,
    link: Callable[[str], str],
    link_type: str = "text/html",
) -> str:
    """An Atom feed with GeoRSS points and radii. ``link``: an event's address by its id."""
    feed = ET.Element(f"{{{ATOM}}}feed")
    _add(feed, "id", address)
    _add(feed, "title", t("app.name"))
    newest = max((row.event.updated_at for row in rows), default=now)
    _add(feed, "updated", newest.isoformat())
    ET.SubElement(feed, f"{{{ATOM}}}link", {"rel": "self", "href": address})
    author = ET.SubElement(feed, f"{{{ATOM}}}author")
    _add(author, "name", t("app.name"))
    for row in rows:
        _entry(feed, row, t, link, link_type)
    ET.register_namespace("", ATOM)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(feed, encoding="unicode")


def _entry(
    feed: ET.Element, row: Row, t: Translate, link: Callable[[str], str], link_type: str
) -> None:
    event = row.event
    entry = ET.SubElement(feed, f"{{{ATOM}}}entry")
    _add(entry, "id", f"urn:oqiga:{event.id}")
    _add(entry, "title", f"{t(f'category.{row.category}')}: {t(f'state.{event.report_state}')}")
    _add(entry, "updated", event.updated_at.isoformat())
    _add(entry, "published", event.started_at.isoformat())
    _add(entry, "summary", row.headline or t("row.no_text"))
    ET.SubElement(entry, f"{{{ATOM}}}category", {"term": row.category.value})
    ET.SubElement(entry, f"{{{ATOM}}}link", {"href": link(event.id), "type": link_type})
    if event.location:
        at = event.location
        ET.SubElement(entry, f"{{{GEORSS}}}point").text = f"{at.lat:.5f} {at.lon:.5f}"
        ET.SubElement(entry, f"{{{GEORSS}}}radius").text = str(round(at.radius_m))


def _properties(row: Row, t: Translate) -> dict[str, Any]:
    event = row.event
    return {
        "version": event.version,
        "category": row.category.value,
        "category_name": t(f"category.{row.category}"),
        "severity": row.level.value,
        "probability": round(event.incident, 3),
        "priority": round(event.priority, 4),
        "report_state": event.report_state.value,
        "decided": row.standing.verdict.value if row.standing.verdict else None,
        "started_at": event.started_at.isoformat(),
        "updated_at": event.updated_at.isoformat(),
        "headline": row.headline,
        "place": row.place,
        "town": row.town.names[t.lang] if row.town else None,
        "lat": event.location.lat if event.location else None,
        "lon": event.location.lon if event.location else None,
        "radius_m": round(event.location.radius_m) if event.location else None,
        "posts": len(event.posts),
        "reports": len(event.reports),
        "sources": list(row.sources),
    }


def _circle(row: Row) -> dict[str, Any] | None:
    at = row.event.location
    if at is None:
        return None
    north = at.radius_m / METRES_A_DEGREE
    east = north / max(0.05, math.cos(math.radians(at.lat)))
    ring = []
    for step in range(CIRCLE_POINTS):  # counter-clockwise, as RFC 7946 wants outer rings
        angle = 2 * math.pi * step / CIRCLE_POINTS
        lon, lat = at.lon + east * math.cos(angle), at.lat + north * math.sin(angle)
        ring.append([round(lon, 6), round(max(-90.0, min(90.0, lat)), 6)])
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}


def _add(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, f"{{{ATOM}}}{name}").text = "".join(
        sign if sign.isprintable() or sign in "\n\t" else "\N{REPLACEMENT CHARACTER}"
        for sign in text
    )
