"""A day that arrives in one piece, a day late, ends as the same day live."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.airflow_day import day_input
from benchmarks.harness import final_events
from core.inputs import make_post, make_report
from core.records import Assessed, Heartbeat, Post
from core.settings import Settings
from correlator.model import PairModel
from correlator.run import LiveCorrelator
from nlp.assessor import DEFAULT_MODELS, Assessor, subject_of_post, subject_of_report
from nlp.run import audience_of
from store.sqlite import SqliteStore
from tests.correlator.neighbourly import NeighbourlyStore

START = datetime.fromisoformat("2026-03-20T00:00:00+05:00")
SETTINGS = Settings()


@dataclass
class HandClock:
    """A clock that the test sets."""

    at: datetime

    def now(self) -> datetime:
        return self.at


def records() -> list[Assessed]:
    """The demonstration twice over a day, assessed, by time."""
    given = day_input(START, copies=2, share=0.3)
    subjects: list[Any] = [make_post(line, now=at, key=b"k") for at, _, line in given.posts]
    subjects += [make_report(line, now=at) for at, line in given.reports]
    found = Assessor.load(DEFAULT_MODELS).assess(
        [subject_of_post(s) if isinstance(s, Post) else subject_of_report(s) for s in subjects]
    )
    made = [
        Assessed(subject=s, assessment=a, audience=audience_of(s, a, SETTINGS))
        for s, a in zip(subjects, found, strict=True)
    ]
    return sorted(made, key=lambda r: r.subject.accepted_at)


def run(
    folder: Path,
    parts: Sequence[tuple[datetime, Sequence[Assessed]]],
    kind: type[SqliteStore] = SqliteStore,
) -> dict[Any, Any]:
    """What the store holds when each part came at its time, to a correlator started for it."""
    folder.mkdir()
    store = kind(folder / "o.db")
    for now, part in parts:
        for feed in SETTINGS.intake.feeds:
            store.beat(Heartbeat(feed=feed, at=now, limit_s=1e6))
        for record in part:
            if isinstance(record.subject, Post):
                store.accept_posts([(record.subject, None)])
            else:
                store.accept_reports([record.subject])
        store.save_assessments([(r.assessment, r.audience) for r in part], now)
        live = LiveCorrelator(store, SETTINGS, PairModel.load(), HandClock(now))
        while live.step():
            pass
    found = final_events(store)
    if isinstance(store, NeighbourlyStore):
        assert store.windows == 1, "at the very first start alone"
        assert store.asked
    store.close()
    return found


def test_a_day_in_one_piece_or_in_any_order_ends_as_the_live_one(tmp_path: Path) -> None:
    day = records()
    end = START + timedelta(days=1)
    steps = [
        (upto, [r for r in day if upto - timedelta(hours=2) < r.subject.accepted_at <= upto])
        for upto in (START + timedelta(hours=2 * n) for n in range(1, 13))
    ]
    steps[0] = (steps[0][0], [r for r in day if r.subject.accepted_at <= steps[0][0]])
    live = run(tmp_path / "live", [*steps, (end, [])])
    assert len(live) > 50
    shuffled = random.Random(4).sample(day, len(day))
    third = len(day) // 3
    late = {
        "one piece": [(end, day)],
        "two days later, in pieces": [
            (end + timedelta(days=2), shuffled[:third]),
            (end + timedelta(days=2, hours=1), shuffled[third : 2 * third]),
            (end + timedelta(days=4), shuffled[2 * third :]),
        ],
    }
    cases = [(name, kind) for name in late for kind in (SqliteStore, NeighbourlyStore)]
    late["live"] = [*steps, (end, [])]
    for name, kind in [*cases, ("live", NeighbourlyStore)]:
        found = run(tmp_path / f"{name}, {kind.__name__}", late[name], kind)
        differing = [key for key in live.keys() | found.keys() if live.get(key) != found.get(key)]
        assert differing == [], (name, kind)
