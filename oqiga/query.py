"""``oqiga query``: saved queries for analysts, as a table, CSV, GeoJSON or a map."""

from __future__ import annotations

import csv
import html
import io
import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from core.errors import InputError
from core.masking import mask
from core.settings import Settings
from store.elasticsearch.connection import Connection, connect
from store.elasticsearch.saved import Row, SavedQuery, load_query, run_query, saved_queries

OUTLINE = Path(__file__).resolve().parent.parent / "console" / "static" / "kz_outline.json"
MAP_WIDTH = 1000
TEXTS = frozenset({"text", "headline", "reason"})


def rows_of(
    settings: Settings, name: str, given: Sequence[str], *, confidential: bool
) -> tuple[SavedQuery, list[Row]]:
    """Run a saved query with ``name=value`` parameters; raises InputError, StoreError."""
    query = load_query(name)
    texts: dict[str, str] = {}
    for part in given:
        key, equals, value = part.partition("=")
        if not equals:
            raise InputError(f"--param {part!r}: write it as NAME=VALUE")
        texts[key] = value
    client = connect(settings.elasticsearch, settings.home)
    try:
        rows = run_query(
            Connection(client), settings.elasticsearch, query, texts, confidential=confidential
        )
    finally:
        client.close()
    return query, [_masked(row) for row in rows]


def as_table(rows: Sequence[Row]) -> None:
    """Print a table."""
    names = _columns(rows)
    table = Table(*names)
    for row in rows:
        table.add_row(*(_text(row.get(name)) for name in names))
    console = Console()
    if not console.is_terminal:
        console.width = 200
    console.print(table, markup=False)


def as_csv(rows: Sequence[Row]) -> str:
    """CSV with a heading; a cell that a spreadsheet would calculate is quoted as text."""
    out = io.StringIO()
    names = _columns(rows)
    writer = csv.writer(out)
    writer.writerow(names)
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in names])
    return out.getvalue()


def as_geojson(rows: Sequence[Row]) -> str:
    """Points of the rows that have a place."""
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [row["lon"], row["lat"]]},
            "properties": {k: v for k, v in row.items() if k not in ("lat", "lon")},
        }
        for row in rows
        if row.get("lat") is not None
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)


def as_map(query: SavedQuery, rows: Sequence[Row], day: date) -> str:
    """A page with the rows on an outline map; it needs nothing from the network."""
    placed = [row for row in rows if row.get("lat") is not None]
    if not placed:
        raise InputError(f"query {query.name}: no row has a place; use --format table")
    west = min(row["lon"] for row in placed) - 0.2
    east = max(row["lon"] for row in placed) + 0.2
    south = min(row["lat"] for row in placed) - 0.15
    north = max(row["lat"] for row in placed) + 0.15
    scale = MAP_WIDTH / (east - west)
    tall = scale * 1.45  # a degree of latitude is that much longer at 46 degrees north

    def at(lon: float, lat: float) -> str:
        return f"{(lon - west) * scale:.1f},{(north - lat) * tall:.1f}"

    lines = "".join(
        f'<polyline points="{" ".join(at(*point[:2]) for point in ring)}"/>' for ring in _rings()
    )
    most = max((float(row.get("count") or 1) for row in placed), default=1.0)
    dots = "".join(
        f'<circle cx="{at(row["lon"], row["lat"]).split(",")[0]}" '
        f'cy="{at(row["lon"], row["lat"]).split(",")[1]}" '
        f'r="{4 + 14 * (float(row.get("count") or 1) / most) ** 0.5:.1f}">'
        f"<title>{html.escape(_title(row))}</title></circle>"
        for row in placed
    )
    height = (north - south) * tall
    return (
        f'<!doctype html><meta charset="utf-8"><title>{html.escape(query.about)}</title>'
        "<style>body{font:16px sans-serif;margin:1rem}svg{max-width:100%;border:1px solid #999}"
        "polyline{fill:none;stroke:#777}circle{fill:#c33;fill-opacity:.55;stroke:#711}</style>"
        f"<h1>{html.escape(query.about)}</h1><p>{html.escape(query.comment)} ({day}, "
        f"{len(placed)} places)</p>"
        f'<svg viewBox="0 0 {MAP_WIDTH} {height:.0f}">{lines}{dots}</svg>'
    )


def listing() -> list[tuple[str, str, str]]:
    """Name, meaning and parameters of every saved query."""
    found = []
    for name in saved_queries():
        query = load_query(name)
        parameters = ", ".join(
            p.name if p.default is None else f"{p.name}={p.default}" for p in query.parameters
        )
        found.append((name, query.about, parameters))
    return found


def _columns(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def _masked(row: Mapping[str, Any]) -> Row:
    return {
        name: mask(" ".join(str(value).split())) if name in TEXTS and value else value
        for name, value in row.items()
    }


def _text(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) and abs(value) < 1e4 else str(value)


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t"):
        return f"'{value}"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (list, dict)) else value


def _title(row: Row) -> str:
    return "; ".join(f"{k}: {v}" for k, v in row.items() if k not in ("lat", "lon") and v)


def _rings() -> list[list[list[float]]]:
    """Rings of the regions' outlines, in degrees."""
    outline = json.loads(OUTLINE.read_text(encoding="utf-8"))
    return [ring for region in outline["regions"] for ring in region["rings"]]
