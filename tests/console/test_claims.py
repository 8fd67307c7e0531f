"""Claims: one person an event, kept by a heartbeat, breakable by a supervisor."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from console.claims import LASTS, Claims, HeldError
from core.clock import FixedClock
from core.records import Audience, Role
from store.protocol import ALL, OPEN
from tests.console.conftest import NOW


def test_of_many_at_once_one_gets_it(filled: Any) -> None:
    event = filled.store.event(filled.crash, OPEN)
    won: list[str] = []
    ready = threading.Barrier(8)

    def take(name: str) -> None:
        claims = Claims(filled.store, FixedClock(NOW))
        ready.wait()
        with contextlib.suppress(HeldError):
            won.append(claims.take(event, name).by)

    people = [threading.Thread(target=take, args=(f"p{n}",)) for n in range(8)]
    for one in people:
        one.start()
    for one in people:
        one.join()
    assert len(won) == 1
    held = Claims(filled.store, FixedClock(NOW)).of(event.id)
    assert held is not None
    assert held.by == won[0]


def test_a_claim_lives_by_its_heartbeat(filled: Any) -> None:
    event = filled.store.event(filled.crash, OPEN)

    def at(seconds: float) -> Claims:
        return Claims(filled.store, FixedClock(NOW + timedelta(seconds=seconds)))

    at(0).take(event, "ann")
    assert at(30).beat(event, "ann") is not None
    with pytest.raises(HeldError):
        at(80).take(event, "bob")
    later = 31 + LASTS.total_seconds()
    assert at(later).of(event.id) is None
    assert at(later).living() == {}
    assert filled.store.notes("claim:") == {}  # the dead are cleared away
    assert at(later).beat(event, "ann") is None
    assert at(later).take(event, "bob").by == "bob"
    assert not at(later).release(event.id, "ann")
    assert at(later).release(event.id, "bob")


def test_others_see_it_and_cannot_decide(person: Callable[[Role], Any], filled: Any) -> None:
    one, two = person(Role.SPECIALIST), person(Role.SUPERVISOR)
    assert one.post(f"/api/events/{filled.crash}/claim").json()["by"] == "specialist"
    index = two.get("/api/queue/index").json()
    assert index["claims"] == {filled.crash: "specialist"}
    refused = two.decide(filled.crash, kind="confirm", version=2)
    assert refused.status_code == 409
    assert refused.json()["held_by"] == "specialist"
    assert two.post(f"/api/events/{filled.crash}/claim").status_code == 409
    mine = one.get("/api/queue?owner=me").json()["events"]
    assert [event["id"] for event in mine] == [filled.crash]
    free = {event["id"] for event in two.get("/api/queue?owner=free").json()["events"]}
    assert filled.crash not in free
    assert one.decide(filled.crash, kind="confirm", version=2).status_code == 200
    assert filled.store.notes("claim:") == {}  # who decided is done with it


def test_a_supervisor_breaks_it_and_that_is_written_down(
    person: Callable[[Role], Any], filled: Any
) -> None:
    one, two = person(Role.SPECIALIST), person(Role.SUPERVISOR)
    one.post(f"/api/events/{filled.crash}/claim")
    assert one.post(f"/api/events/{filled.crash}/break-claim").status_code == 403
    assert two.post(f"/api/events/{filled.crash}/break-claim").json() == {"was": "specialist"}
    assert two.post(f"/api/events/{filled.crash}/break-claim").json() == {"was": None}
    assert one.post(f"/api/events/{filled.crash}/beat").status_code == 409
    (entry, *_) = filled.store.audit(ALL)
    assert (entry.action, entry.by, entry.detail) == ("break_claim", "supervisor", "specialist")


def test_a_claim_of_a_confidential_event_is_of_its_audience(
    person: Callable[[Role], Any], filled: Any
) -> None:
    who = person(Role.INTERNAL_SECURITY)
    who.post(f"/api/events/{filled.confidential}/claim")
    other = person(Role.SUPERVISOR)
    assert other.get("/api/queue/index?view=all").json()["claims"] == {}
    assert filled.confidential not in other.get("/supervisor").text
    who.post(f"/api/events/{filled.confidential}/break-claim")
    (entry,) = [e for e in filled.store.audit(ALL) if e.action == "break_claim"]
    assert entry.audience is Audience.CONFIDENTIAL


def test_taking_and_leaving_reaches_open_pages_at_once(
    person: Callable[[Role], Any], stream: Callable[..., Any], filled: Any
) -> None:
    one, two = person(Role.SPECIALIST), person(Role.SUPERVISOR)
    listening = stream(two)
    listening.next("pulse")
    one.post(f"/api/events/{filled.crash}/claim")
    assert listening.next("claim")["data"] == {"id": filled.crash, "by": "specialist"}
    one.post(f"/api/events/{filled.crash}/release")
    said = listening.next("claim")["data"]
    while said["by"] is not None:  # the poll may tell of the claim once more
        said = listening.next("claim")["data"]
    assert said == {"id": filled.crash, "by": None}
