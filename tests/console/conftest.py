"""A filled store, clients of every role, and a running server for the console's tests."""

from __future__ import annotations

import hashlib
import http.client
import itertools
import json
import re
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient

from console.accounts import ensure_account
from console.app import make_app
from console.assembly import make_console
from console.web import SESSION_COOKIE, attach
from core.clock import FixedClock, SystemClock
from core.ids import content_digest, digest
from core.records import (
    Assessment,
    Audience,
    Category,
    Channel,
    Contribution,
    Cue,
    Event,
    Heartbeat,
    Language,
    Link,
    Place,
    Point,
    Post,
    PriorityFactor,
    Report,
    ReportState,
    Role,
    Session,
)
from core.settings import ConsoleSettings, Settings
from store.protocol import EventWrite, Store
from store.sqlite import SqliteStore

NOW = datetime(2026, 3, 20, 14, 30, tzinfo=UTC)
PASSWORD = "verkhniy-kordon-7"

OPEN_EVENTS = Path(__file__).with_name("events.txt")
QUIET = "Всем спокойного вечера, завтра в парке концерт, вход свободный"
EDITED = (
    "На Саина – Толе би лобовое, женщина зажата, скорая уже подъехала. Телефон мужа 8 701 222 33 44"
)
BRIBE = "На посту у Капчагая инспектор прямым текстом просит 50 тысяч, иначе заберёт машину"
BRIBE_REPORT = "Сотрудник дорожной полиции требует деньги на трассе у Капчагая, видео есть"


def make_post(key: str, text: str, at: datetime, **more: object) -> Post:
    """A post as a reader would hand it over; ``more``: other fields of the record."""
    source = str(more.pop("source", "telegram:gorod_segodnya"))
    return Post.model_validate(
        {
            "id": digest("post", source, key),
            "source": source,
            "native_id": key,
            "version": 1,
            "text": text,
            "posted_at": at,
            "accepted_at": at + timedelta(seconds=2),
            "content": content_digest([text, str(more)]),
            **more,
        }
    )


def make_report(key: str, text: str, at: datetime, **more: object) -> Report:
    """A report of channel ``call_card`` unless said otherwise."""
    return Report.model_validate(
        {
            "id": key,
            "channel": Channel.CALL_CARD,
            "text": text,
            "received_at": at,
            "accepted_at": at + timedelta(seconds=1),
            "content": content_digest(text),
            **more,
        }
    )


def make_assessment(subject: Post | Report, category: Category, place: Place | None) -> Assessment:
    """An assessment whose cue is the text's first word."""
    first = subject.text.split()[0] if subject.text.split() else ""
    kazakh = any(sign in subject.text for sign in "әғқңөұүһі")
    ascii_only = subject.text.isascii()
    language = Language.KK if kazakh else Language.TRANSLIT if ascii_only else Language.RU
    return Assessment(
        subject=subject.id,
        version=subject.version if isinstance(subject, Post) else 1,
        assessor="test",
        language=language,
        incident=0.03 if category is Category.NONE else 0.91,
        category=category,
        categories={category: 0.8},
        urgency=0.6,
        places=(place,) if place else (),
        cues=(Cue(text=first, start=0, end=len(first), judgement="incident", weight=1.4),)
        if first
        else (),
    )


def make_event(key: str, posts: list[Post], reports: list[Report], **more: object) -> Event:
    """Version 1 of an event; ``more``: other fields of the record."""
    first = posts[0].posted_at if posts else reports[0].received_at
    return Event.model_validate(
        {
            "id": digest("event", key),
            "version": 1,
            "audience": Audience.OPEN,
            "category": Category.ROAD_CRASH,
            "incident": 0.91,
            "urgency": 0.6,
            "location": None,
            "started_at": first,
            "last_at": first,
            "posts": tuple(Link(kind="post", id=p.id, at=p.posted_at) for p in posts),
            "reports": tuple(
                Link(kind="report", id=r.id, at=r.received_at, probability=0.93, to=posts[0].id)
                if posts
                else Link(kind="report", id=r.id, at=r.received_at)
                for r in reports
            ),
            "report_state": ReportState.UNREPORTED,
            "flagged": True,
            "priority": 0.5,
            "headline": (posts[0].text if posts else reports[0].text)[:140],
            "updated_at": first + timedelta(seconds=3),
            **more,
        }
    )


WHY = (
    Contribution(
        feature="near",
        value=0.9,
        weight=2.6,
        sentence="между местами 140 м, общая неточность 300 м",
    ),
    Contribution(feature="soon", value=0.8, weight=1.2, sentence="между сообщениями 6 мин"),
    Contribution(feature="words", value=0.1, weight=-0.7, sentence="общие слова"),
    Contribution(
        feature="other_category", value=1, weight=-2.1, sentence="разные виды происшествия"
    ),
)


def _place(name: str, text: str, at: Point) -> Place:
    found = text.find(name)
    start, end = (found, found + len(name)) if found >= 0 else (0, 0)
    return Place(
        text=name,
        start=start,
        end=end,
        name=name,
        kind="street",
        lat=at.lat,
        lon=at.lon,
        radius_m=at.radius_m,
        score=0.9,
    )


@dataclass(frozen=True)
class Filled:
    """The store with the ids that tests speak of."""

    store: SqliteStore
    crash: str
    confidential: str
    quiet: str
    candidate: str
    confidential_report: str


def fill(store: Store) -> Filled:
    """About forty events over the whole country, in all states, one of them confidential."""
    crash = ""
    for number, line in enumerate(OPEN_EVENTS.read_text(encoding="utf-8").splitlines()[1:]):
        text, category, state, name, lat, lon, radius, ago, priority = line.split("|")
        at = NOW - timedelta(minutes=float(ago))
        event = _add_open(
            store,
            number,
            text,
            Category(category),
            ReportState(state),
            at,
            name,
            (lat, lon, radius),
            float(priority),
        )
        crash = crash or event.id
    _edit_first(store)
    quiet = make_post("quiet", QUIET, NOW - timedelta(minutes=8))
    store.accept_posts([(quiet, None)])
    store.save_assessments([(make_assessment(quiet, Category.NONE, None), Audience.OPEN)], NOW)
    silent = make_event(
        "quiet", [quiet], [], category="none", incident=0.03, flagged=False, priority=0.0
    )
    store.write_events([EventWrite(silent, 0)])
    bribe = make_post("bribe", BRIBE, NOW - timedelta(minutes=20), source="telegram:trassa_a3")
    secret = make_report(
        "r-secret",
        BRIBE_REPORT,
        NOW - timedelta(minutes=15),
        lat=43.87,
        lon=77.06,
        channel=Channel.INTERNAL_SECURITY,
    )
    store.accept_posts([(bribe, None)])
    store.accept_reports([secret])
    corrupt = Category.POLICE_CORRUPTION
    store.save_assessments(
        [
            (make_assessment(bribe, corrupt, None), Audience.CONFIDENTIAL),
            (make_assessment(secret, corrupt, None), Audience.CONFIDENTIAL),
        ],
        NOW,
    )
    hidden = make_event(
        "bribe",
        [bribe],
        [secret],
        category=corrupt,
        priority=0.6,
        audience=Audience.CONFIDENTIAL,
        location=Point(lat=43.87, lon=77.06, radius_m=3000),
    )
    store.write_events([EventWrite(hidden, 0)])
    for feed in ("app", "calls"):
        store.beat(Heartbeat(feed=feed, at=NOW, limit_s=300))
    return Filled(
        store=SqliteStore(store._path),  # type: ignore[attr-defined]
        crash=crash,
        confidential=hidden.id,
        quiet=silent.id,
        candidate="r-near-0",
        confidential_report=secret.id,
    )


def _add_open(
    store: Store,
    number: int,
    text: str,
    category: Category,
    state: ReportState,
    at: datetime,
    name: str,
    where: tuple[str, str, str],
    priority: float,
) -> Event:
    point = (
        Point(lat=float(where[0]), lon=float(where[1]), radius_m=float(where[2])) if name else None
    )
    posts = [make_post(str(number), text, at)]
    if number % 4 == 0:
        posts.append(
            make_post(
                f"{number}-b",
                f"Подтверждаю, я рядом: {text}",
                at + timedelta(seconds=70),
                source="telegram:ochevidec_kz",
                url=f"https://example.org/ochevidec_kz/{number}",
                media=({"url": "https://example.org/m.jpg"},),
            )
        )
    store.accept_posts([(post, None) for post in posts])
    reports: list[Report] = []
    lead = None
    if state in (ReportState.REPORTED_AFTER, ReportState.REPORTED_BEFORE) and point:
        lead = 540.0 if state is ReportState.REPORTED_AFTER else None
        reports.append(
            make_report(
                f"r-{number}",
                f"Сообщили: {text[:60]}",
                at + timedelta(seconds=lead or -300),
                lat=point.lat + 0.001,
                lon=point.lon,
                accuracy_m=80.0,
                category=category,
            )
        )
    candidates: tuple[Link, ...] = ()
    beside: list[Report] = []
    if number in (0, 1) and point:
        beside = [
            make_report(
                f"r-near-{number}",
                "Столкновение, одна полоса перекрыта, пострадавших нет",
                at - timedelta(minutes=6),
                lat=point.lat + 0.002,
                lon=point.lon + 0.003,
                accuracy_m=200.0,
                category=Category.ROAD_CRASH,
            ),
            make_report(
                f"r-far-{number}",
                "Мас адам көшеде ұйықтап жатыр, тел. 8 707 111 22 33",
                at - timedelta(minutes=31),
                lat=point.lat - 0.012,
                lon=point.lon + 0.01,
                accuracy_m=500.0,
                channel=Channel.APP_MESSAGE,
            ),
            make_report(
                f"r-other-{number}",
                "Шумят соседи после одиннадцати",
                at - timedelta(minutes=50),
                lat=point.lat + 0.011,
                lon=point.lon - 0.012,
                accuracy_m=30.0,
                channel=Channel.APP_VIDEO,
            ),
        ]
        candidates = tuple(
            Link(
                kind="report",
                id=r.id,
                at=r.received_at,
                to=posts[0].id,
                probability=p,
                contributions=WHY,
            )
            for r, p in zip(beside[:2], (0.41, 0.08), strict=True)
        )
    store.accept_reports([*reports, *beside])
    subjects = (*posts, *reports, *beside)
    items = [
        (
            make_assessment(s, category, _place(name, s.text, point) if point else None),
            Audience.OPEN,
        )
        for s in subjects
    ]
    store.save_assessments(items, at + timedelta(seconds=3))
    known = state in (ReportState.REPORTED_AFTER, ReportState.REPORTED_BEFORE)
    event = make_event(
        str(number),
        posts,
        reports,
        category=category,
        location=point,
        report_state=state,
        lead_s=lead,
        flagged=not known,
        priority=priority,
        candidates=candidates,
        last_at=posts[-1].posted_at,
        priority_factors=(
            PriorityFactor(name="severity", value=0.8),
            PriorityFactor(name="incident", value=0.91),
            PriorityFactor(name="unknown_to_102", value=0.1 if known else 0.98),
            PriorityFactor(name="freshness", value=0.95),
        ),
    )
    store.write_events([EventWrite(event, 0)])
    return event


def _edit_first(store: Store) -> None:
    """The first post was edited and the event got a second version for it."""
    at = NOW - timedelta(minutes=2)
    posted = NOW - timedelta(minutes=4)
    edited = make_post("0", EDITED, posted, edited_at=at)
    edited = edited.model_copy(update={"accepted_at": at + timedelta(seconds=2)})
    store.accept_posts([(edited, None)])
    place = _place("Саина – Толе би", EDITED, Point(lat=43.2383, lon=76.8425, radius_m=150))
    made = make_assessment(edited, Category.ROAD_CRASH, place).model_copy(update={"version": 2})
    store.save_assessments([(made, Audience.OPEN)], at + timedelta(seconds=3))
    old = store.event(digest("event", "0"), {Audience.OPEN})
    assert old is not None
    headline = EDITED[:140]
    new = old.model_copy(
        update={"version": 2, "headline": headline, "updated_at": at + timedelta(seconds=4)}
    )
    store.write_events([EventWrite(new, 1)])


@pytest.fixture(scope="session")
def filled_file(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Filled]:
    """A filled store's file with all accounts, made once; tests work on copies."""
    path = tmp_path_factory.mktemp("filled") / "oqiga.db"
    store = SqliteStore(path)
    filled = fill(store)
    filled.store.close()
    for role in Role:
        ensure_account(store, role.value, role, PASSWORD, FixedClock(NOW))
    store.close()
    return path, filled


@pytest.fixture
def filled(filled_file: tuple[Path, Filled], tmp_path: Path) -> Iterator[Filled]:
    """A filled store of the test's own."""
    path, made = filled_file
    copy = tmp_path / "oqiga.db"
    copy.write_bytes(path.read_bytes())
    store = SqliteStore(copy)
    yield Filled(
        store, made.crash, made.confidential, made.quiet, made.candidate, made.confidential_report
    )
    store.close()


class TickingClock:
    """Begins at the time of the invented events; no two moments are the same."""

    def __init__(self) -> None:
        self._ticks = itertools.count()

    def now(self) -> datetime:
        """A microsecond later each time it is asked."""
        return NOW + timedelta(microseconds=next(self._ticks))


@pytest.fixture
def clock() -> TickingClock:
    """The time of the invented events."""
    return TickingClock()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with a home of the test's own and any free port."""
    return Settings(home=tmp_path, console=ConsoleSettings(port=free_port()))


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@pytest.fixture(scope="session")
def routes() -> FastAPI:
    """The application without a console: making fifty routes takes longer than most tests."""
    return make_app(Settings())


@pytest.fixture
def app(
    routes: FastAPI, filled: Filled, settings: Settings, clock: TickingClock
) -> Iterator[FastAPI]:
    """The console on the filled store."""
    attach(routes, make_console(filled.store, settings, clock, SystemClock()))
    yield routes
    routes.dependency_overrides.clear()


class Person:
    """A signed-in client that sends the CSRF token where it is needed."""

    def __init__(self, client: TestClient) -> None:
        self.client = client
        page = client.get("/account")
        found = re.search(r'<meta name="csrf" content="([^"]+)"', page.text)
        self.csrf = found[1] if found else ""

    def get(self, path: str, **more: object) -> object:
        """GET without following redirects."""
        return self.client.get(path, follow_redirects=False, **more)

    def post(self, path: str, body: object = None, method: str = "POST") -> object:
        """Send JSON with the token."""
        headers = {"X-CSRF-Token": self.csrf}
        return self.client.request(
            method, path, json=body or {}, headers=headers, follow_redirects=False
        )

    def form(self, path: str, **fields: str) -> object:
        """Send a form with the token."""
        return self.client.post(path, data={"csrf": self.csrf, **fields}, follow_redirects=False)

    def decide(self, event_id: str, **body: object) -> object:
        """POST a decision."""
        return self.client.post(
            f"/api/events/{event_id}/decisions", json=body, headers={"X-CSRF-Token": self.csrf}
        )


def sign_in(client: TestClient, name: str, password: str = PASSWORD) -> object:
    """Sign in by the form, as a browser does."""
    form = client.get("/login")
    token = re.search(r'name="token" value="([^"]+)"', form.text)
    assert token is not None
    return client.post(
        "/login",
        data={"name": name, "password": password, "token": token[1]},
        follow_redirects=False,
    )


@pytest.fixture
def person(app: FastAPI, filled: Filled) -> Callable[[Role], Person]:
    """Makes a signed-in client of a role, without the hundred milliseconds of a password."""

    def make(role: Role) -> Person:
        client = TestClient(app)
        token = secrets.token_urlsafe()
        now = datetime.now(UTC)
        filled.store.put_session(
            Session(
                id=hashlib.sha256(token.encode()).hexdigest(),
                user=role.value,
                created_at=now,
                expires_at=now + timedelta(hours=1),
                csrf=secrets.token_urlsafe(),
            )
        )
        client.cookies.set(SESSION_COOKIE, token)
        return Person(client)

    return make


@dataclass(frozen=True)
class Served:
    """A console on a real port."""

    url: str
    host: str
    port: int
    filled: Filled


@pytest.fixture
def served(app: FastAPI, settings: Settings, filled: Filled) -> Iterator[Served]:
    """The console served by uvicorn in a thread."""
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=settings.console.port,
        log_config=None,
        ws="none",
        timeout_graceful_shutdown=3,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    yield Served(
        f"http://127.0.0.1:{settings.console.port}", "127.0.0.1", settings.console.port, filled
    )
    hub = app.state.console.hub
    hub._loop.call_soon_threadsafe(hub.close)
    server.should_exit = True
    thread.join(10)
    assert not thread.is_alive()


class Stream:
    """Reads a live stream over a real connection, message by message."""

    def __init__(self, served: Served, cookie: str, **headers: str) -> None:
        self._connection = http.client.HTTPConnection(served.host, served.port, timeout=10)
        path = headers.pop("path", "/api/stream")
        self._connection.request("GET", path, headers={"Cookie": cookie, **headers})
        self.answer = self._connection.getresponse()

    def next(self, *names: str) -> dict[str, object]:
        """The next message of one of these names: its id, event and data."""
        message: dict[str, object] = {}
        while True:
            raw = self.answer.readline()
            assert raw, "the stream ended"
            line = raw.decode().rstrip("\n")
            if line:
                key, _, value = line.partition(": ")
                message[key] = value
                continue
            if message.get("event") in names:
                return {**message, "data": json.loads(str(message["data"]))}
            message = {}

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


@pytest.fixture
def stream(served: Served) -> Iterator[Callable[..., Stream]]:
    """Opens live streams for a client and closes them at the end."""
    opened: list[Stream] = []

    def make(person: Person, **headers: str) -> Stream:
        cookie = "; ".join(f"{name}={value}" for name, value in person.client.cookies.items())
        opened.append(Stream(served, cookie, **headers))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[object]:
    """One browser for a file's tests; while it is open nobody else may run an event loop."""
    from tests.console.browser import launched

    with launched() as browser:
        yield browser


@pytest.fixture
def page_of(chromium: object, served: Served) -> Iterator[Callable[..., object]]:
    """Opens pages as a person of a role."""
    from tests.console.browser import pages

    with pages(chromium, served) as make:
        yield make
