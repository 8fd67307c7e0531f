"""The promises of the main job, each run on the real program. ``make soak`` runs the long forms."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmarks.harness import (
    DEMO,
    LONG_AGO,
    Running,
    counts,
    final_events,
    settings_for,
    wait_settled,
)
from benchmarks.soak import kill_proof, undisturbed_run
from core.inputs import make_post, make_report
from core.records import Event, Heartbeat, Post, Report, ReportState, Role
from correlator.model import PairModel
from correlator.run import LiveCorrelator
from nlp.assessor import Assessor
from nlp.run import assess_pending
from oqiga.context import PROJECT_MODELS
from store.open import open_store
from store.protocol import CONFIDENTIAL, OPEN, EventQuery, Store
from store.sqlite import SqliteStore

START = datetime(2026, 3, 20, 14, 0, tzinfo=UTC)
KEY = b"k" * 32


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which the demonstration was replayed whole, without a fault."""
    home = tmp_path_factory.mktemp("undisturbed")
    undisturbed_run(home, speed=900.0)
    return home


@pytest.fixture(scope="module")
def assessor() -> Assessor:
    return Assessor.load(PROJECT_MODELS)


@pytest.fixture
def kept(undisturbed: Path) -> Iterator[Store]:
    store = open_store(settings_for(undisturbed))
    yield store
    store.close()


def demo_posts() -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DEMO / "posts.jsonl").read_text("utf-8").splitlines()]


def demo_reports() -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DEMO / "reports.jsonl").read_text("utf-8").splitlines()]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_five_kills_lose_nothing_and_change_no_event(undisturbed: Path, tmp_path: Path) -> None:
    proof = kill_proof(undisturbed, tmp_path / "killed", kills=5, speed=240.0, seed=7)
    assert proof.disturbed == proof.undisturbed
    assert proof.differing == 0, proof
    assert proof.events > 100


def test_everything_accepted_is_there_once(kept: Store) -> None:
    assert counts(kept) == (len({p["id"] for p in demo_posts()}), len(demo_reports()))
    events = [*kept.open_events(LONG_AGO, OPEN), *kept.open_events(LONG_AGO, CONFIDENTIAL)]
    members = [link.id for event in events for link in (*event.posts, *event.reports)]
    assert len(members) == len(set(members)) == sum(counts(kept))
    for chain in ("evidence", "audit_open", "audit_confidential"):
        assert kept.broken_links(chain) == []


def test_politics_is_never_flagged(kept: Store) -> None:
    words = re.compile(r"митинг|выбор|депутат|сайлау|пикет|шествие|жиналыс|партия", re.IGNORECASE)
    texts = {}
    for event in kept.events(EventQuery(flagged=True, limit=10_000), OPEN):
        for link in event.posts:
            texts[link.id] = kept.post_versions(link.id, OPEN)[-1]
    wrong = [
        post.text
        for post in texts.values()
        if words.search(post.text) and post.extra.get("incident") is False
    ]
    assert wrong == []


def test_a_second_run_goes_on_and_repeats_nothing(undisturbed: Path) -> None:
    store = open_store(settings_for(undisturbed))
    try:
        before = final_events(store)
        running = Running.start(undisturbed, "--demo")
        try:
            running.wait_ready(times=2)
            wait_settled(store, quiet_s=3.0, limit_s=60.0)
        finally:
            assert running.stop() == 0, running.log
        assert final_events(store) == before
    finally:
        store.close()


@dataclass
class MovingClock:
    """A clock that the test moves."""

    at: datetime = START

    def now(self) -> datetime:
        return self.at


class Chain:
    """Assessment and correlation over a store of its own, both feeds alive at first."""

    def __init__(self, folder: Path, assessor: Assessor) -> None:
        folder.mkdir(exist_ok=True)
        self.settings = settings_for(folder)
        self.store = SqliteStore(folder / "oqiga.db")
        self.assessor = assessor
        self.clock = MovingClock()
        self.beat()
        self.live = LiveCorrelator(self.store, self.settings, PairModel.load(), self.clock)
        self.live.start()

    def beat(self) -> None:
        for feed in self.settings.intake.feeds:
            self.store.beat(Heartbeat(feed=feed, at=self.clock.at, limit_s=300))

    def accept(self, *records: Post | Report) -> None:
        self.store.accept_posts([(r, None) for r in records if isinstance(r, Post)])
        self.store.accept_reports([r for r in records if isinstance(r, Report)])

    def work(self) -> None:
        """Assess and correlate until nothing is left."""
        while assess_pending(self.store, self.assessor, self.settings, self.clock, 64):
            pass
        while self.live.step():
            pass


@pytest.fixture
def chain(tmp_path: Path, assessor: Assessor) -> Iterator[Chain]:
    made = Chain(tmp_path, assessor)
    yield made
    made.store.close()


def crash(minutes: float = 0.0) -> Post:
    at = START + timedelta(minutes=minutes)
    return make_post(
        {
            "id": "p1",
            "text": "На углу Абая и Саина только что столкнулись две машины, люди зажаты, "
            "скорой нет",
            "posted_at": at.isoformat(),
            "home": "Алматы",
        },
        now=at,
        key=KEY,
    )


def call(minutes: float) -> Report:
    at = START + timedelta(minutes=minutes)
    return make_report(
        {
            "id": "r1",
            "text": "ДТП, пр. Абая угол ул. Саина, два автомобиля, пострадавшие зажаты",
            "received_at": at.isoformat(),
            "channel": "call_card",
            "lat": 43.2199,
            "lon": 76.8511,
            "accuracy_m": 50,
        },
        now=at,
    )


def only_event(store: Store) -> Event:
    (event,) = store.open_events(LONG_AGO, OPEN)
    return event


def test_a_late_report_takes_the_event_from_the_queue(chain: Chain) -> None:
    chain.accept(crash())
    chain.work()
    before = only_event(chain.store)
    assert (before.report_state, before.flagged) == (ReportState.UNREPORTED, True)
    assert [e.id for e in chain.store.events(EventQuery(flagged=True), OPEN)] == [before.id]
    chain.clock.at = START + timedelta(minutes=12)
    chain.beat()
    chain.accept(call(12))
    chain.work()
    after = only_event(chain.store)
    assert after.id == before.id
    assert (after.report_state, after.flagged) == (ReportState.REPORTED_AFTER, False)
    assert after.lead_s == pytest.approx(720)
    assert chain.store.events(EventQuery(flagged=True), OPEN) == []
    assert chain.store.event(before.id, OPEN, version=before.version) == before


def test_an_earlier_report_that_arrives_later(chain: Chain) -> None:
    chain.accept(crash(5))
    chain.work()
    chain.accept(call(0))
    chain.work()
    event = only_event(chain.store)
    assert (event.report_state, event.flagged) == (ReportState.REPORTED_BEFORE, False)
    assert event.lead_s is None


def test_a_silent_feed_makes_unreported_unknown_and_back(chain: Chain) -> None:
    chain.accept(crash())
    chain.work()
    assert only_event(chain.store).report_state is ReportState.UNREPORTED
    chain.clock.at = START + timedelta(minutes=10)
    chain.work()
    assert only_event(chain.store).report_state is ReportState.UNKNOWN
    chain.beat()
    chain.work()
    assert only_event(chain.store).report_state is ReportState.UNREPORTED


def test_shuffled_within_an_hour_and_delivered_twice(tmp_path: Path, assessor: Assessor) -> None:
    """The same events whatever the order of arrival, exactly."""
    outcomes = []
    for seed in (None, 1, 2):
        outcomes.append(_streamed(tmp_path / str(seed), assessor, seed))
    first = outcomes[0]
    assert len(first) > 100
    for other in outcomes[1:]:
        differing = [key for key in first.keys() | other.keys() if first.get(key) != other.get(key)]
        assert differing == []


def _streamed(folder: Path, assessor: Assessor, seed: int | None) -> dict[Any, Any]:
    records: list[Post | Report] = [
        *(make_post(value, now=START, key=KEY) for value in demo_posts()),
        *(make_report(value, now=START) for value in demo_reports()),
    ]
    due = [r.known_at if isinstance(r, Post) else r.received_at for r in records]
    rounds = 1
    if seed is not None:
        random_ = random.Random(seed)
        due = [time + timedelta(minutes=random_.uniform(0, 60)) for time in due]
        rounds = 2
    order = sorted(range(len(records)), key=lambda i: due[i])
    chain = Chain(folder, assessor)
    try:
        for _ in range(rounds):
            for start in range(0, len(order), 40):
                batch = order[start : start + 40]
                chain.clock.at = max(chain.clock.at, *(due[i] for i in batch))
                chain.beat()
                chain.accept(*(records[i] for i in batch))
                chain.work()
        return final_events(chain.store)
    finally:
        chain.store.close()


OTHERS = [None, *(role for role in Role if role is not Role.INTERNAL_SECURITY)]
UNKNOWN_ID = "f" * 24
PATHS = (
    "/queue", "/search?q=гаишник", "/admin", "/api/queue", "/api/search?q=гаишник",
    "/api/openapi.json", "/healthz",
)  # fmt: skip


@pytest.mark.slow
def test_the_internal_security_event_is_invisible_to_every_other_role(undisturbed: Path) -> None:
    """At every URL, in the live stream and in the logs of the running program."""
    store = open_store(settings_for(undisturbed))
    try:
        (secret,) = [e for e in store.open_events(LONG_AGO, CONFIDENTIAL) if len(e.posts) > 1]
        versions = [v for link in secret.posts for v in store.post_versions(link.id, CONFIDENTIAL)]
        report_ids = [link.id for link in secret.reports]
    finally:
        store.close()
    assert len({v.id for v in versions}) == 2
    assert len(report_ids) == 1
    traces = [secret.id, *report_ids, *(v.id for v in versions), *(v.text[:30] for v in versions)]
    running = Running.start(undisturbed, "--demo")
    try:
        running.wait_ready(times=running.log.count("Oqiga is ready") + 1)
        base = f"http://127.0.0.1:{running.port}"
        seen_by_officer = _everything(base, undisturbed, Role.INTERNAL_SECURITY, secret.id)
        assert secret.id in seen_by_officer
        for role in OTHERS:
            shown = _everything(base, undisturbed, role, secret.id)
            assert [trace for trace in traces if trace in shown] == [], role
    finally:
        running.stop()
    assert [trace for trace in traces if trace in running.log] == []


def _everything(base: str, home: Path, role: Role | None, event_id: str) -> str:
    """All that a role is shown: pages, API, history, search, the stream from the beginning."""
    officer = role is Role.INTERNAL_SECURITY
    with httpx.Client(base_url=base, follow_redirects=True, timeout=20.0) as client:
        if role is not None:
            _sign_in(client, home, role)
        shown = "".join(client.get(path).text for path in PATHS)
        for path in (
            f"/events/{event_id}", f"/events/{event_id}?version=1", f"/api/events/{event_id}"
        ):  # fmt: skip
            answer = client.get(path)
            if not officer:
                unknown = client.get(path.replace(event_id, UNKNOWN_ID))
                assert answer.status_code == unknown.status_code, path
                # What was asked for may be repeated; all else must be as for an unknown event.
                assert _timeless(answer.text, event_id) == _timeless(unknown.text, UNKNOWN_ID)
            shown += answer.text if officer else answer.text.replace(event_id, "")
        return shown + _stream(client)


def _timeless(text: str, asked: str) -> str:
    """A page without the moment, the tokens of its forms and the id that was asked for."""
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.+]+", "", text.replace(asked, ""))
    return re.sub(r'name="token" value="[^"]+"', "", text)


def _stream(client: httpx.Client) -> str:
    heard = ""
    try:
        with client.stream("GET", "/api/stream?after=open:0,confidential:0", timeout=3.0) as answer:
            for piece in answer.iter_text():
                heard += piece
    except httpx.ReadTimeout:
        return heard  # the stream has said all it has; it stays open
    return heard


def _sign_in(client: httpx.Client, home: Path, role: Role) -> None:
    passwords = dict(
        line.split() for line in (home / "accounts.txt").read_text("utf-8").splitlines()
    )
    token = re.search(r'name="token" value="([^"]+)"', client.get("/login").text)
    assert token is not None
    answer = client.post(
        "/login",
        data={"token": token[1], "name": role.value, "password": passwords[role.value]},
        headers={"Origin": str(client.base_url)},
    )
    assert answer.status_code == 200, answer.text
    assert "/login" not in str(answer.url)
