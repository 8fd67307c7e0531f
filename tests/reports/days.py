"""Days of records to report on: made in a store as the pipeline would have left them."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from core.ids import digest
from core.inputs import make_post
from core.records import (
    Assessment,
    Audience,
    Category,
    Decision,
    DecisionKind,
    Event,
    Heartbeat,
    Language,
    Link,
    Point,
    Post,
    ReportState,
)
from core.settings import Settings
from store.protocol import EventWrite
from store.sqlite import SqliteStore

DAY = date(2026, 3, 20)
NOON = datetime(2026, 3, 20, 7, 0, tzinfo=UTC)
MORNING = datetime(2026, 3, 21, 1, 0, tzinfo=UTC)
KEY = b"tests"
PLACES = (
    (("kz/almaty/district/almaly", "kz/almaty", "kz"), 43.25, 76.91),
    (("kz/almaty/district/turksib", "kz/almaty", "kz"), 43.34, 76.99),
    (("kz/astana/district/esil", "kz/astana", "kz"), 51.12, 71.43),
    (("kz/shymkent", "kz"), 42.32, 69.59),
    (("kz/karaganda/temirtau", "kz/karaganda", "kz"), 50.06, 72.96),
    (("kz/aktobe/district/mugalzhar", "kz/aktobe", "kz"), 48.9, 58.4),
    (("kz/mangystau", "kz"), 43.65, 51.17),
    ((), 0.0, 0.0),
)
HEADLINES = (
    "Горит балкон на Абая, люди кричат, звоните 8 700 000 00 00",
    "Көшеде төбелес, ұрып жатыр, полиция қайда? Әйелдер айғайлап тұр",
    "ДТП на кольце, две машины, пробка",
    "Ит қаңғып жүр, балаларға шабады",
)


def event(event_id: str, **changes: Any) -> Event:
    """An open, flagged road crash in Almaty at noon."""
    values: dict[str, Any] = {
        "id": event_id,
        "version": 1,
        "audience": Audience.OPEN,
        "category": Category.ROAD_CRASH,
        "incident": 0.9,
        "urgency": 0.5,
        "location": None,
        "location_path": ("kz/almaty/street/abaya", "kz/almaty", "kz"),
        "started_at": NOON,
        "last_at": NOON,
        "posts": (Link(kind="post", id=f"p-{event_id}", at=NOON),),
        "report_state": ReportState.UNREPORTED,
        "flagged": True,
        "priority": 0.5,
        "headline": f"ДТП {event_id}, звонить 8 700 000 00 00",
        "updated_at": NOON,
    }
    return Event(**{**values, **changes})


def a_post(number: str, at: datetime, source: str, text: str) -> Post:
    """A post of a source, accepted half a minute later."""
    line = {"id": number, "text": text, "posted_at": at.isoformat(), "source": source}
    return make_post(line, now=at + timedelta(seconds=30), key=KEY)


def judged(post: Post, category: Category) -> Assessment:
    """An assessment of a post as an incident."""
    return Assessment(
        subject=post.id,
        version=post.version,
        assessor="tests model=1",
        language=Language.RU,
        incident=0.9,
        category=category,
        categories={category: 0.9},
        urgency=0.5,
    )


def fill(
    store: SqliteStore,
    count: int,
    *,
    day: date = DAY,
    seed: int = 1,
    audience: Audience = Audience.OPEN,
    silent_from_h: int | None = None,
    decided: float = 0.7,
) -> None:
    """``count`` events of a day with posts, versions, decisions and reports.

    ``silent_from_h``: local hour from which the report feeds are dead; ``decided``: share of the
    flagged events with a verdict.
    """
    rng = random.Random(f"{seed} {day} {audience}")
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=5)
    posts: list[Post] = []
    events: list[tuple[Event, Post]] = []
    for number in range(count):
        at = start + timedelta(seconds=rng.random() * 86_399)
        hour = int((at - start).total_seconds() // 3600)
        dead = silent_from_h is not None and hour >= silent_from_h
        category = rng.choices(
            list(Category)[:14], weights=[3, 9, 2, 5, 2, 1, 1, 0, 6, 4, 2, 1, 1, 4]
        )[0]
        if audience is Audience.CONFIDENTIAL:
            category = Category.POLICE_CORRUPTION
        path, lat, lon = rng.choice(PLACES)
        text = rng.choice(HEADLINES)
        post = a_post(f"{day}-{seed}-{number}-{audience}", at, f"channel-{rng.randrange(12)}", text)
        posts.append(post)
        state = rng.choice(
            [ReportState.UNREPORTED] * 3 + [ReportState.REPORTED_AFTER, ReportState.REPORTED_BEFORE]
        )
        if dead:
            state = ReportState.UNKNOWN
        lead = rng.expovariate(1 / 900) + 1 if state is ReportState.REPORTED_AFTER else None
        report_at = at + timedelta(seconds=lead or -60)
        known = state in (ReportState.REPORTED_AFTER, ReportState.REPORTED_BEFORE)
        made = event(
            digest("event", post.id),
            audience=audience,
            category=category,
            incident=0.5 + rng.random() / 2,
            location=Point(lat=lat + rng.gauss(0, 0.05), lon=lon + rng.gauss(0, 0.05), radius_m=500)
            if path
            else None,
            location_path=path,
            started_at=at,
            last_at=at,
            posts=(Link(kind="post", id=post.id, at=at),),
            reports=(Link(kind="report", id=f"r-{number}", at=report_at),) if known else (),
            report_state=state,
            lead_s=lead,
            flagged=not known,
            priority=rng.random(),
            headline=text,
            updated_at=at + timedelta(seconds=32),
        )
        events.append((made, post))
    for at in range(0, count, 500):
        part = events[at : at + 500]
        store.accept_posts([(post, None) for _, post in part])
        store.save_assessments(
            [(judged(post, made.category), audience) for made, post in part],
            part[0][0].updated_at,
        )
        store.write_events([EventWrite(made, 0) for made, _ in part])
    for made, _ in events:
        if made.flagged and rng.random() < decided:
            decide(store, made, rng)


def decide(store: SqliteStore, made: Event, rng: random.Random) -> None:
    """A person's verdict a few minutes later, and the correlator's next version."""
    at = made.updated_at + timedelta(seconds=rng.expovariate(1 / 180))
    right = rng.random() < 0.75
    store.add_decision(
        Decision(
            id=digest("decision", made.id),
            event=made.id,
            event_version=1,
            kind=DecisionKind.CONFIRM if right else DecisionKind.REJECT,
            by=f"specialist-{rng.randrange(4)}",
            at=at,
            reason=None if right else rng.choice(["not_incident", "old: вчера", "duplicate"]),
            audience=made.audience,
        )
    )
    changes = {
        "version": 2,
        "flagged": False,
        "decided": "confirm" if right else "reject",
        "updated_at": at,
    }
    store.write_events([EventWrite(made.model_copy(update=changes), 1)])


def alive(store: SqliteStore, at: datetime) -> None:
    """All report feeds beat."""
    for feed in ("app", "calls"):
        store.beat(Heartbeat(feed=feed, at=at, limit_s=300))


def settings_at(home: Path, **sections: dict[str, Any]) -> Settings:
    """Settings with data under ``home`` and no sources."""
    return Settings.model_validate(
        {"home": home, "crawlers": {"sources_file": home / "sources.toml"}, **sections}
    )
