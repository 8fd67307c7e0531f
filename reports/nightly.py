"""Numbers of the nightly report, from a day's events. Pure: events in, numbers out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from statistics import median
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from core.masking import mask
from core.records import Category, Event, ReportState

GRAVEST = 10
INCIDENT_AT = 0.5


class Gravest(BaseModel):
    """One of the gravest events, in the terms of the report."""

    event_id: str
    category: Category
    report_state: ReportState
    priority: float
    started_at: datetime
    region: str
    posts: int
    reports: int
    decided: str | None
    headline: str


class NightlyNumbers(BaseModel):
    """The day in numbers. Leads are in seconds, over events where Oqiga was first."""

    day: date
    time_zone: str
    events: int
    incidents: int
    flagged_open: int
    confirmed: int
    rejected: int
    states: dict[str, int]
    categories: dict[str, dict[str, int]]
    regions: dict[str, int]
    lead_median_s: float | None
    lead_p90_s: float | None
    leads: int
    gravest: list[Gravest]


def bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """First moment of the local day and of the next one, in UTC (days may have 23 or 25 h)."""
    start = datetime(day.year, day.month, day.day, tzinfo=zone)
    following = day + timedelta(days=1)
    end = datetime(following.year, following.month, following.day, tzinfo=zone)
    return start.astimezone(UTC), end.astimezone(UTC)


def numbers(events: Sequence[Event], day: date, zone: ZoneInfo) -> NightlyNumbers:
    """Count the day's events. ``events``: newest versions that started on that local day."""
    incidents = [e for e in events if e.incident >= INCIDENT_AT or e.reports]
    leads = sorted(
        e.lead_s
        for e in incidents
        if e.report_state is ReportState.REPORTED_AFTER and e.lead_s is not None
    )
    categories = {
        category.value: dict(
            Counter(e.report_state.value for e in incidents if e.category is category)
        )
        for category in Category
        if any(e.category is category for e in incidents)
    }
    ranked = sorted(incidents, key=lambda e: (-e.priority, e.id))
    return NightlyNumbers(
        day=day,
        time_zone=zone.key,
        events=len(events),
        incidents=len(incidents),
        flagged_open=sum(e.flagged for e in incidents),
        confirmed=sum(e.decided == "confirm" for e in incidents),
        rejected=sum(e.decided == "reject" for e in incidents),
        states=dict(Counter(e.report_state.value for e in incidents)),
        categories=categories,
        regions=dict(Counter(region_of(e) for e in incidents).most_common()),
        lead_median_s=median(leads) if leads else None,
        lead_p90_s=leads[min(len(leads) - 1, int(0.9 * len(leads)))] if leads else None,
        leads=len(leads),
        gravest=[
            Gravest(
                event_id=e.id,
                category=e.category,
                report_state=e.report_state,
                priority=e.priority,
                started_at=e.started_at,
                region=region_of(e),
                posts=len(e.posts),
                reports=len(e.reports),
                decided=e.decided,
                headline=mask(e.headline),
            )
            for e in ranked[:GRAVEST]
        ],
    )


def region_of(event: Event) -> str:
    """Gazetteer id of the event's region or city of republican significance; "-" when unknown."""
    below_country = [step for step in event.location_path if step.count("/") == 1]
    return below_country[0] if below_country else "-"
