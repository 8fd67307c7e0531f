"""The live stream over real connections to a real server."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from console.web import attached
from core.records import Audience, Category, Heartbeat, Role
from store.protocol import CONFIDENTIAL, OPEN, EventWrite
from tests.console.conftest import NOW, make_assessment, make_event, make_post


def write(filled: Any, key: str, audience: Audience = Audience.OPEN) -> Any:
    """A new flagged event."""
    post = make_post(key, f"Драка у рынка {key}", NOW)
    filled.store.accept_posts([(post, None)])
    made = make_assessment(post, Category.VIOLENCE, None)
    filled.store.save_assessments([(made, audience)], NOW)
    event = make_event(key, [post], [], category=Category.VIOLENCE, audience=audience)
    filled.store.write_events([EventWrite(event, 0)])
    return event


def test_a_new_event_arrives_as_a_row_with_its_position(
    stream: Callable[..., Any], person: Callable[[Role], Any], filled: Any
) -> None:
    live = stream(person(Role.SPECIALIST))
    assert live.answer.headers["Content-Type"].startswith("text/event-stream")
    assert live.answer.headers["Cache-Control"] == "no-store"
    live.next("pulse")
    event = write(filled, "a")
    message = live.next("row")
    assert message["id"] == f"open:{filled.store.last_event_change(Audience.OPEN)}"
    assert message["data"]["id"] == event.id
    assert message["data"]["views"] == ["all", "todo"]
    assert "Драка у рынка a" in message["data"]["html"]


def test_what_stood_in_the_queue_is_noted_once_with_its_time(
    stream: Callable[..., Any], person: Callable[[Role], Any], filled: Any, app: Any
) -> None:
    who = person(Role.SPECIALIST)
    live = stream(who)
    live.next("pulse")
    event = write(filled, "a")
    live.next("row")
    console = attached(app)
    console.showing.flush()
    [post] = [link.id for link in event.posts]
    shown_at = filled.store.stages([post], OPEN)[post].shown_at
    assert shown_at is not None
    console.showing.note([event])
    console.showing.flush()
    assert filled.store.stages([post], OPEN)[post].shown_at == shown_at
    assert 'class="m-shown"' in who.get(f"/events/{event.id}").text
    assert 'class="m-assessed"' in who.get(f"/events/{event.id}").text


def test_after_a_break_it_goes_on_where_it_stopped(
    stream: Callable[..., Any], person: Callable[[Role], Any], filled: Any
) -> None:
    who = person(Role.SPECIALIST)
    live = stream(who)
    live.next("pulse")
    write(filled, "a")
    last = live.next("row")["id"]
    live.close()
    missed = [write(filled, key).id for key in "bc"]
    again = stream(who, **{"Last-Event-ID": last})
    assert [again.next("row")["data"]["id"] for _ in missed] == missed


def test_a_decision_reaches_the_other_screens_before_any_correlator(
    stream: Callable[..., Any], person: Callable[[Role], Any], filled: Any, served: Any
) -> None:
    live = stream(person(Role.SUPERVISOR))
    live.next("pulse")
    who = person(Role.SPECIALIST)
    assert who.decide(filled.crash, kind="confirm", version=2).status_code == 200
    data = live.next("row")["data"]
    assert (data["id"], data["views"]) == (filled.crash, ["all", "decided"])


def test_confidential_events_reach_internal_security_alone(
    stream: Callable[..., Any], person: Callable[[Role], Any], filled: Any
) -> None:
    everybody = stream(person(Role.SPECIALIST))
    officer = stream(person(Role.INTERNAL_SECURITY))
    # A position in the other audience's changes opens no door.
    prying = stream(person(Role.ANALYST), path="/api/stream?after=open:0,confidential:0")
    for live in (everybody, officer):
        live.next("pulse")
    secret = write(filled, "secret", Audience.CONFIDENTIAL)
    public = write(filled, "public")
    assert officer.next("row")["data"]["id"] == secret.id
    assert everybody.next("row", "gone")["data"]["id"] == public.id
    seen = set()
    while public.id not in seen:
        seen.add(prying.next("row", "gone")["data"]["id"])
    assert not seen & {secret.id, filled.confidential}
    actions = [(e.action, e.subject) for e in filled.store.audit(CONFIDENTIAL)]
    assert ("read_event", secret.id) in actions
    assert ("follow", "events") in actions


@pytest.mark.parametrize("role", [Role.ADMINISTRATOR])
def test_who_sees_no_events_gets_no_stream(person: Callable[[Role], Any], role: Role) -> None:
    assert person(role).get("/api/stream").status_code == 403


def test_the_pulse_tells_time_silent_feeds_and_counts(
    stream: Callable[..., Any], person: Callable[[Role], Any], filled: Any
) -> None:
    data = stream(person(Role.SPECIALIST)).next("pulse")["data"]
    assert data["silent"] == []
    assert data["counts"]["flagged"] == 30
    assert data["now"].startswith("2026-03-20T14:30")
    filled.store.beat(Heartbeat(feed="calls", at=NOW + timedelta(microseconds=1), limit_s=1e-9))
    assert stream(person(Role.SPECIALIST)).next("pulse")["data"]["silent"] == ["calls"]


def test_a_stream_ends_when_its_session_does(
    stream: Callable[..., Any],
    person: Callable[[Role], Any],
    app: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(app.state.console.hub, "_pulse_s", 0.1)
    who = person(Role.SPECIALIST)
    live = stream(who)
    live.next("pulse")
    who.client.post("/logout", data={"csrf": who.csrf}, follow_redirects=False)
    while live.answer.readline():
        continue


def test_an_event_that_left_the_queue_says_so(
    stream: Callable[..., Any], person: Callable[[Role], Any], filled: Any
) -> None:
    live = stream(person(Role.SPECIALIST))
    live.next("pulse")
    event = filled.store.event(filled.crash, OPEN)
    merged = event.model_copy(
        update={"version": 3, "merged_into": filled.quiet, "flagged": False, "posts": ()}
    )
    filled.store.write_events([EventWrite(merged, 2)])
    assert live.next("gone", "row") | {"id": ""} == {
        "id": "",
        "event": "gone",
        "data": {"id": filled.crash},
    }
