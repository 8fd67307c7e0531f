"""Search over posts and events by text, place and time. Never by author, number or plate."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import Response

from console.places import Places
from console.reading import Wanted
from console.routes.queue import row_json
from console.rows import Row
from console.times import zone
from console.web import (
    Console,
    CurrentReader,
    EventReader,
    Reader,
    console_of,
    language,
    render,
    words,
)
from core.masking import mask
from core.records import Point

router = APIRouter()
MAX_QUERY_CHARS = 200
RADII_KM = (1.0, 3.0, 10.0, 30.0, 100.0)

Words = Annotated[str, Query(max_length=MAX_QUERY_CHARS)]
Radius = Annotated[float, Query(gt=0, le=1_000)]
Day = Annotated[date | None, Query()]


@router.get("/api/search")
def search_json(
    request: Request,
    who: EventReader,
    q: Words = "",
    place: Words = "",
    km: Radius = 3.0,
    since: Day = None,
    until: Day = None,
) -> dict[str, Any]:
    """Events with a post that has all the words, at a place, in a span of days (both included)."""
    console = console_of(request)
    rows, problem = _search(console, who, q, place, km, since, until)
    if problem:
        raise HTTPException(422, words(request)(problem))
    lang = language(request)
    return {"count": len(rows), "events": [row_json(row, lang) for row in rows]}


@router.get("/search", include_in_schema=False)
def search_page(
    request: Request,
    who: CurrentReader,
    q: Words = "",
    place: Words = "",
    km: Radius = 3.0,
    since: str = "",
    until: str = "",
) -> Response:
    """The search's result as a list. A date that is none counts as not given."""
    if not who.audiences:
        raise HTTPException(403)
    console = console_of(request)
    rows, problem = _search(console, who, q, place, km, _day(since), _day(until))
    return render(
        request,
        "search.html",
        who=who,
        rows=rows,
        query=q,
        place=place,
        km=km,
        radii=RADII_KM,
        since=since,
        until=until,
        asked=bool(q.strip() or place.strip() or since or until),
        problem=problem,
    )


@router.get("/api/places")
def places_near(request: Request, who: EventReader) -> list[list[Any]]:
    """Named places for the map without tiles: Russian and Kazakh name, kind, lat, lon, radius."""
    return console_of(request).places.table


def _search(
    console: Console,
    who: Reader,
    text: str,
    place: str,
    km: float,
    since: date | None,
    until: date | None,
) -> tuple[list[Row], str | None]:
    """Rows, or the key of what is wrong."""
    text, place = text.strip(), place.strip()
    if mask(text) != text or mask(place) != place:  # that would be a search for a person
        return [], "search.refused"
    near = _near(console.places, place, km) if place else None
    if place and near is None:
        return [], "search.no_place"
    wanted = Wanted(
        text=text,
        near=near,
        since=_midnight(console, since),
        until=_midnight(console, until + timedelta(days=1)) if until else None,
    )
    rows = console.reading.search(wanted, who.audiences)
    if not wanted.empty:
        console.reading.audit(who.name, who.audiences, "search", [row.event.id for row in rows])
    return rows, None


def _near(places: Places, name: str, km: float) -> Point | None:
    found = places.find(name)
    return None if found is None else Point(lat=found.lat, lon=found.lon, radius_m=km * 1000)


def _midnight(console: Console, day: date | None) -> datetime | None:
    if day is None:
        return None
    return datetime.combine(day, time(), zone(console.settings.console.time_zone))


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
