"""Numbers of a report, from the events of its period. Pure: records in, numbers out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from pydantic import BaseModel

from core.coverage import BlindSpot
from core.masking import mask
from core.records import Category, Event, ReportState
from reports.history import History
from reports.norms import FEWEST_DAYS, Cell, NormCell, compare, daily
from reports.periods import Period
from reports.places import PlaceNames, region_of, territory_of
from reports.service import Leads, Level, Share, leads, levels, share
from reports.sources import BlindSpots, SourceRow, blind_spots, source_rows
from store.upkeep import SourceVolume

GRAVEST = 10
OPEN_SHOWN = 20
INCIDENT_AT = 0.5


class Headline(BaseModel):
    """An event in the terms of a report; ``path`` of times that are ``None`` where not reached."""

    event_id: str
    category: Category
    report_state: ReportState
    priority: float
    territory: str
    posts: int
    reports: int
    verdict: str | None
    reason: str | None
    lead_s: float | None
    headline: str
    started_at: datetime
    published_at: datetime | None
    accepted_at: datetime | None
    flagged_at: datetime | None
    decided_at: datetime | None
    reported_at: datetime | None


class Spot(BaseModel):
    """An event on the map."""

    lat: float
    lon: float
    category: Category
    never_reported: bool


class ModelFigures(BaseModel):
    """How right the flags were. ``recall``: of the audit sample, as (estimate, low, high).

    ``audited``: posts of the sample that a person has judged.
    """

    assessors: list[str]
    precision: Share
    recall: tuple[float, float, float] | None
    audited: int


class Numbers(BaseModel):
    """A period in numbers, of one audience and one region (``None``: the whole country).

    ``norm_days``: days of the norm on which anything happened; with fewer than
    ``norms.FEWEST_DAYS`` no cell is marked.
    """

    span: str
    first: date
    last: date
    time_zone: str
    made_at: datetime
    audience: str
    region: str | None
    events: int
    flagged: int
    confirmed: int
    rejected: int
    reasons: dict[str, int]
    never_reported: int
    ahead: int
    waiting: int
    states: dict[str, int]
    silent_feeds: list[str]
    categories: dict[str, dict[str, int]]
    regions: dict[str, int]
    hours: list[int]
    days: dict[str, int]
    leads: Leads
    levels: list[Level]
    cells: list[NormCell]
    norm_days: int
    sources: list[SourceRow]
    blind: BlindSpots
    model: ModelFigures
    open: list[Headline]
    gravest: list[Headline]
    spots: list[Spot]


@dataclass(frozen=True)
class Material:
    """What a report is made of. ``histories``: of the period's events; ``norm``: events before.

    ``unread``: what the readers' ledgers tell. ``silent_feeds``: report feeds that are silent now;
    ``recall``: (estimate, low, high, audited).
    """

    histories: Sequence[History]
    norm: Sequence[Event] = ()
    volumes: Sequence[SourceVolume] = ()
    configured: Collection[str] = ()
    unread: Sequence[BlindSpot] = ()
    silent_feeds: Sequence[str] = ()
    assessors: Sequence[str] = ()
    recall: tuple[float, float, float, int] | None = None
    aims_s: dict[str, float] = field(default_factory=dict)


def is_incident(event: Event) -> bool:
    """Whether an event counts: probably an incident, known to 102, or judged by a person."""
    return event.incident >= INCIDENT_AT or bool(event.reports) or event.decided is not None


def numbers(
    material: Material,
    period: Period,
    places: PlaceNames,
    *,
    now: datetime,
    audience: str,
    region: str | None = None,
) -> Numbers:
    """Count. Only events of ``region`` when it is given."""

    def here(event: Event) -> bool:
        return is_incident(event) and (region is None or region_of(event) == region)

    histories = [h for h in material.histories if here(h.event)]
    norm = [event for event in material.norm if here(event)]
    events = [h.event for h in histories]
    confirmed = sum(h.verdict == "confirm" for h in histories)
    rejected = sum(h.verdict == "reject" for h in histories)
    by_region = dict(Counter(region_of(e) for e in events).most_common())
    ranked = sorted(histories, key=lambda h: (-h.event.priority, h.event.id))
    waiting = [h for h in ranked if h.open]
    return Numbers(
        span=period.span.value,
        first=period.first,
        last=period.last,
        time_zone=period.zone.key,
        made_at=now,
        audience=audience,
        region=region,
        events=len(events),
        flagged=sum(h.flagged_at is not None for h in histories),
        confirmed=confirmed,
        rejected=rejected,
        reasons=dict(
            Counter(h.reason or "none" for h in histories if h.verdict == "reject").most_common()
        ),
        never_reported=sum(e.report_state is ReportState.UNREPORTED for e in events),
        ahead=sum(h.ahead for h in histories),
        waiting=len(waiting),
        states={s.value: sum(e.report_state is s for e in events) for s in ReportState},
        silent_feeds=list(material.silent_feeds),
        categories=_categories(events),
        regions=by_region,
        hours=_hours(events, period),
        days=_days(events, period),
        leads=leads(histories),
        levels=levels(histories, material.aims_s),
        cells=_cells(events, norm, period, places),
        norm_days=_norm_days(norm, period),
        sources=source_rows(material.volumes, histories),
        blind=blind_spots(
            material.configured,
            material.volumes,
            places.regions if region is None else [],
            by_region,
            material.unread,
        ),
        model=ModelFigures(
            assessors=list(material.assessors),
            precision=share(confirmed, confirmed + rejected),
            recall=None if material.recall is None else material.recall[:3],
            audited=0 if material.recall is None else material.recall[3],
        ),
        open=[_headline(h, places) for h in waiting[:OPEN_SHOWN]],
        gravest=[_headline(h, places) for h in ranked[:GRAVEST]],
        spots=_spots(events),
    )


def _categories(events: Sequence[Event]) -> dict[str, dict[str, int]]:
    return {
        category.value: dict(
            Counter(e.report_state.value for e in events if e.category is category)
        )
        for category in Category
        if any(e.category is category for e in events)
    }


def _hours(events: Sequence[Event], period: Period) -> list[int]:
    counts = Counter(e.started_at.astimezone(period.zone).hour for e in events)
    return [counts[hour] for hour in range(24)]


def _days(events: Sequence[Event], period: Period) -> dict[str, int]:
    counts = Counter(period.day_of(e.started_at) for e in events)
    days = [period.first + timedelta(days=number) for number in range(period.days)]
    return {day.isoformat(): counts[day] for day in days}


def _cells(
    events: Sequence[Event], norm: Sequence[Event], period: Period, places: PlaceNames
) -> list[NormCell]:
    def cell(event: Event) -> Cell:
        return (event.category.value, territory_of(event, places))

    before = [(cell(e), period.day_of(e.started_at)) for e in norm]
    counts = Counter(cell(e) for e in events)
    cells = compare(counts, daily(before, period.day_of(period.norm_since)), period.days)
    if _norm_days(norm, period) >= FEWEST_DAYS:
        return cells
    return [found.model_copy(update={"mark": ""}) for found in cells]


def _norm_days(norm: Sequence[Event], period: Period) -> int:
    return len({period.day_of(event.started_at) for event in norm})


def _headline(history: History, places: PlaceNames) -> Headline:
    event = history.event
    return Headline(
        event_id=event.id,
        category=event.category,
        report_state=event.report_state,
        priority=event.priority,
        territory=territory_of(event, places),
        posts=len(event.posts),
        reports=len(event.reports),
        verdict=history.verdict,
        reason=history.reason,
        lead_s=event.lead_s,
        headline=mask(event.headline),
        started_at=event.started_at,
        published_at=history.published_at,
        accepted_at=history.accepted_at,
        flagged_at=history.flagged_at,
        decided_at=history.decided_at,
        reported_at=history.reported_at,
    )


def _spots(events: Sequence[Event]) -> list[Spot]:
    return [
        Spot(
            lat=round(event.location.lat, 2),
            lon=round(event.location.lon, 2),
            category=event.category,
            never_reported=event.report_state is ReportState.UNREPORTED,
        )
        for event in events
        if event.location is not None
    ]
