"""Records with made-up assessments: what the correlator sees of a world that we know."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from core.records import (
    Assessed,
    Assessment,
    Audience,
    Category,
    Channel,
    Decision,
    DecisionKind,
    Event,
    Language,
    Point,
    Post,
    Report,
)
from correlator.model import PairModel

START = datetime(2026, 3, 20, 14, 0, tzinfo=UTC)
TOWNS = {
    "almaty": (43.24, 76.92),
    "astana": (51.13, 71.43),
    "pavlodar": (52.29, 76.95),
}

Make = Callable[..., Assessed]


def _assessment(
    subject: str,
    *,
    category: Category,
    incident: float,
    point: Point | None,
    town: str | None,
    concepts: tuple[str, ...],
) -> Assessment:
    return Assessment(
        subject=subject,
        version=1,
        assessor="made-up",
        language=Language.RU,
        incident=incident,
        category=category if incident >= 0.3 else Category.NONE,
        categories={category: 0.9 if incident >= 0.3 else 0.05},
        urgency=0.5,
        location=point,
        location_path=(f"kz/region/{town}", "kz/region", "kz") if town else (),
        concepts=concepts,
    )


@pytest.fixture(scope="session")
def model() -> PairModel:
    """The shipped pair model."""
    return PairModel.load()


@pytest.fixture(scope="session")
def post() -> Make:
    """Makes an assessed post."""

    def make(
        name: str,
        text: str,
        minute: float = 0.0,
        *,
        town: str | None = "almaty",
        north_m: float = 0.0,
        radius_m: float = 200.0,
        category: Category = Category.ROAD_CRASH,
        incident: float = 0.9,
        audience: Audience = Audience.OPEN,
        source: str = "chat",
        author: str | None = None,
        reply_to: str | None = None,
        forwarded_from: str | None = None,
        version: int = 1,
        concepts: tuple[str, ...] = (),
    ) -> Assessed:
        at = START + timedelta(minutes=minute)
        point = None
        if town is not None:
            lat, lon = TOWNS[town]
            point = Point(lat=lat + north_m / 111_195.0, lon=lon, radius_m=radius_m)
        subject = Post(
            id=name,
            source=source,
            native_id=f"n-{name}",
            version=version,
            text=text,
            posted_at=at,
            accepted_at=at,
            author=author,
            reply_to=reply_to,
            forwarded_from=forwarded_from,
            content=f"{name}/{text}/{version}",
        )
        found = _assessment(
            name, category=category, incident=incident, point=point, town=town, concepts=concepts
        )
        return Assessed(subject=subject, assessment=found, audience=audience)

    return make


@pytest.fixture(scope="session")
def report() -> Make:
    """Makes an assessed report."""

    def make(
        name: str,
        text: str,
        minute: float = 0.0,
        *,
        town: str | None = "almaty",
        north_m: float = 0.0,
        accuracy_m: float = 100.0,
        category: Category = Category.ROAD_CRASH,
        audience: Audience = Audience.OPEN,
        channel: Channel = Channel.CALL_CARD,
        concepts: tuple[str, ...] = (),
    ) -> Assessed:
        at = START + timedelta(minutes=minute)
        lat, lon = TOWNS[town] if town else (None, None)
        subject = Report(
            id=name,
            channel=channel,
            text=text,
            received_at=at,
            accepted_at=at,
            category=category,
            lat=None if lat is None else lat + north_m / 111_195.0,
            lon=lon,
            accuracy_m=accuracy_m if lat is not None else None,
            content=f"{name}/{text}",
        )
        point = None
        if subject.lat is not None and subject.lon is not None:
            point = Point(lat=subject.lat, lon=subject.lon, radius_m=accuracy_m)
        found = _assessment(
            name, category=category, incident=0.9, point=point, town=town, concepts=concepts
        )
        return Assessed(subject=subject, assessment=found, audience=audience)

    return make


@pytest.fixture(scope="session")
def decision() -> Callable[..., Decision]:
    """Makes a decision; ``minute`` after the start of the world."""

    def make(name: str, kind: DecisionKind, minute: float = 60.0, **values: object) -> Decision:
        given: dict[str, object] = {
            "event": "none",
            "event_version": 1,
            "by": "aigerim",
            "at": START + timedelta(minutes=minute),
            **values,
        }
        return Decision.model_validate({"id": name, "kind": kind, **given})

    return make


@pytest.fixture(scope="session")
def parts() -> Callable[[list[Event]], set[frozenset[str]]]:
    """The partition of records that events are."""

    def of(events: list[Event]) -> set[frozenset[str]]:
        return {frozenset(k.id for k in (*e.posts, *e.reports)) for e in events}

    return of


@pytest.fixture(scope="session")
def at() -> Callable[[float], datetime]:
    """The time so many minutes after the start of the world."""
    return lambda minute: START + timedelta(minutes=minute)


@pytest.fixture(scope="session")
def world(post: Make, report: Make) -> list[Assessed]:
    """Two crashes on one street, a fire, comments, copies, a report of each state, and talk."""
    crash, fire = Category.ROAD_CRASH, Category.FIRE_EMERGENCY
    return [
        post("a1", "На Саина Абая столкнулись камри и ларгус, перекрыто", 0, category=crash),
        post("a2", "Саин Абай қиылысында авария, камри мен ларгус соғысты", 4, category=crash),
        post("a3", "ужас", 6, town=None, incident=0.05, reply_to="n-a1"),
        post(
            "a4",
            "На Саина Абая столкнулись камри и ларгус, перекрыто",
            9,
            source="reposts",
            forwarded_from="n-a1",
        ),
        report("ra", "ДТП Абая Саина, камри и ларгус", 12),
        post("b1", "Сбили пешехода на Саина ниже Толе би, прадо", 20, north_m=2500),
        post("b2", "пешеход сбит, прадо на Саина у Толе би", 24, north_m=2480),
        post("f1", "горит балкон на пятом этаже, Степной 3", 30, town="pavlodar", category=fire),
        report("rf", "Пожар, горит балкон, Степной 3", 28, town="pavlodar", category=fire),
        post("f2", "Степной-3 балкон жанып жатыр, өрт", 33, town="pavlodar", category=fire),
        post("n1", "Продам зимнюю резину недорого, самовывоз, торг", 5, incident=0.02),
        post("n2", "Ищу няню на полдня, район вокзала, писать в личку", 50, incident=0.03),
        post("n3", "Ищу няню на полдня, район вокзала, писать в личку", 55, incident=0.03),
        report(
            "rr",
            "Подозрительный мужчина у школы",
            40,
            town="astana",
            category=Category.SUSPICIOUS_PERSON,
        ),
        post("w1", "страшно как", 7, incident=0.2, town=None),
        post(
            "s1",
            "гаишник вымогает деньги на посту",
            15,
            town="astana",
            category=Category.POLICE_CORRUPTION,
            audience=Audience.CONFIDENTIAL,
        ),
        report(
            "rs",
            "сотрудник вымогал деньги на посту",
            10,
            town="astana",
            category=Category.POLICE_CORRUPTION,
            audience=Audience.CONFIDENTIAL,
        ),
    ]
