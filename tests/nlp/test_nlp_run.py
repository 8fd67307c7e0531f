from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from core.clock import FixedClock
from core.records import Assessment, Audience, Category, Channel, Language, Post, Report, SetAside
from core.settings import NlpSettings, Settings
from nlp.reading import Subject
from nlp.run import assess_pending, audience_of

AT = datetime(2026, 3, 20, 14, 5, tzinfo=UTC)


def post(number: int, text: str = "текст") -> Post:
    return Post(
        id=f"p{number}", source="s", native_id=str(number), version=1, text=text, posted_at=AT,
        accepted_at=AT, content="c",
    )  # fmt: skip


def report(**more: Any) -> Report:
    values = {
        "id": "r1", "channel": Channel.APP_MESSAGE, "text": "текст", "received_at": AT,
        "accepted_at": AT, "content": "c",
    }  # fmt: skip
    return Report(**(values | more))


def assessment(
    subject: str = "p1", incident: float = 0.9, category: Category = Category.ROAD_CRASH,
    corruption: float = 0.0,
) -> Assessment:  # fmt: skip
    return Assessment(
        subject=subject, version=1, assessor="fake", language=Language.RU, incident=incident,
        category=category, urgency=0.5, categories={Category.POLICE_CORRUPTION: corruption},
    )  # fmt: skip


class FakeStore:
    """The part of the store's Protocol that this stage calls, in memory."""

    def __init__(self, pending: Sequence[Post | Report]) -> None:
        self.pending = list(pending)
        self.saved: list[tuple[Assessment, Audience]] = []
        self.aside: list[SetAside] = []

    def unassessed(self, limit: int) -> list[Post | Report]:
        return self.pending[:limit]

    def save_assessments(self, items: Sequence[tuple[Assessment, Audience]], at: datetime) -> None:
        self.saved += items
        done = {a.subject for a, _ in items}
        self.pending = [p for p in self.pending if p.id not in done]

    def set_aside(self, items: Sequence[SetAside]) -> None:
        self.aside += items


class FakeAssessor:
    """Fails on texts that say so."""

    id = "fake"

    def assess(self, items: Sequence[Subject]) -> list[Assessment]:
        if any("сломай" in item.text for item in items):
            raise ValueError("broken")
        return [assessment(item.id) for item in items]


def run(store: FakeStore, limit: int = 100) -> int:
    settings = Settings(nlp=NlpSettings(batch=4))
    return assess_pending(store, FakeAssessor(), settings, FixedClock(AT), limit)  # type: ignore[arg-type]


def test_all_pending_are_saved() -> None:
    store = FakeStore([post(n) for n in range(10)])
    assert run(store) == 10
    assert [a.subject for a, _ in store.saved] == [f"p{n}" for n in range(10)]
    assert run(store) == 0


def test_the_limit_holds() -> None:
    store = FakeStore([post(n) for n in range(10)])
    assert run(store, limit=3) == 3
    assert len(store.pending) == 7


def test_a_failing_item_is_set_aside_and_loses_nothing(caplog: pytest.LogCaptureFixture) -> None:
    store = FakeStore([post(n, "сломай меня" if n == 2 else "текст") for n in range(6)])
    assert run(store) == 6
    assert {a.subject for a, _ in store.saved} == {f"p{n}" for n in range(6)}
    failed = next(a for a, _ in store.saved if a.subject == "p2")
    assert failed.assessor == "fake failed"
    [aside] = store.aside
    assert aside.where == "post p2"
    assert "сломай" not in caplog.text  # no text of a post in a log
    assert run(store) == 0  # not tried for ever


@pytest.mark.parametrize(
    ("item", "found", "expected"),
    [
        (post(1), assessment(), Audience.OPEN),
        (post(1), assessment(category=Category.POLICE_CORRUPTION), Audience.CONFIDENTIAL),
        (post(1), assessment(corruption=0.11), Audience.CONFIDENTIAL),
        (post(1), assessment(corruption=0.09), Audience.OPEN),
        (post(1), assessment(incident=0.04, corruption=0.9), Audience.OPEN),
        (post(1), assessment(incident=0.06, corruption=0.9), Audience.CONFIDENTIAL),
        (report(), assessment(incident=0.1, corruption=0.9), Audience.CONFIDENTIAL),
        (report(channel=Channel.INTERNAL_SECURITY), assessment(), Audience.CONFIDENTIAL),
        (report(category=Category.POLICE_CORRUPTION), assessment(), Audience.CONFIDENTIAL),
        (report(category=Category.DRUGS), assessment(), Audience.OPEN),
    ],
)
def test_audience(item: Post | Report, found: Assessment, expected: Audience) -> None:
    assert audience_of(item, found, Settings()) is expected
