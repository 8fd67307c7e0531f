"""Every route for every role: what is confidential does not exist for anybody else."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from console.roles import RIGHTS, Action
from core.records import Audience, Role
from store.protocol import ALL, CONFIDENTIAL

OTHERS = [role for role in Role if role is not Role.INTERNAL_SECURITY]
READERS = [Role.SPECIALIST, Role.SUPERVISOR, Role.ANALYST]
DECIDERS = [Role.SPECIALIST, Role.SUPERVISOR, Role.INTERNAL_SECURITY]
UNKNOWN = "0" * 24
SECRET_WORDS = ("Капчагая", "инспектор", "police_corruption", "дорожной полиции")
OPEN_TO_ALL = {"/login", "/login/oidc", "/login/oidc/callback", "/healthz", "/preferences"}
CATEGORY_DIALOG = re.compile(r'<dialog id="category".*?</dialog>', re.DOTALL)
"""Handing an event over names the category that it then has."""


def shape(answer: Any) -> tuple[int, str]:
    """Status and text of an answer without what is new in each."""
    text = re.sub(r'(name="csrf" (?:content|value)|data-now)="[^"]*"', "", answer.text)
    return answer.status_code, text


def test_every_role_has_rights_and_only_one_sees_confidential() -> None:
    assert set(RIGHTS) == set(Role)
    for role, rights in RIGHTS.items():
        sees = Audience.CONFIDENTIAL in rights.audiences
        assert sees == (role is Role.INTERNAL_SECURITY)
        assert Audience.PENDING not in rights.audiences
    assert not RIGHTS[Role.ADMINISTRATOR].may(Action.SEE_EVENTS)


def test_without_signing_in_nothing_is_answered(app: FastAPI, filled: Any) -> None:
    client = TestClient(app, follow_redirects=False)
    for route in app.routes:
        if not isinstance(route, APIRoute) or route.path in OPEN_TO_ALL:
            continue
        path = route.path.format(
            event_id=filled.crash, name="analyst", request_id="x", delivery_id="x", copy="country"
        )
        for method in route.methods:
            answer = client.request(method, path, json={} if path.startswith("/api") else None)
            expected = 401 if path.startswith("/api") else 303
            assert answer.status_code == expected, (method, path)
            assert "Саина" not in answer.text


@pytest.mark.parametrize("role", OTHERS)
def test_a_confidential_event_answers_exactly_like_an_unknown_one(
    person: Callable[[Role], Any], role: Role, filled: Any
) -> None:
    who = person(role)
    for pattern in (
        "/events/{}",
        "/events/{}?version=1",
        "/api/events/{}",
        "/api/events/{}?version=1",
        "/events/{}/card",
        "/api/events/{}/card.json",
        "/api/events/{}/card.cap",
        "/api/events/{}/neighbours",
        "/api/feeds/cap/{}.xml",
    ):
        secret, unknown = (who.get(pattern.format(i)) for i in (filled.confidential, UNKNOWN))
        assert secret.status_code in (403, 404)
        mine, other = shape(secret), shape(unknown)
        assert (mine[0], mine[1].replace(filled.confidential, UNKNOWN)) == other
    for kind in ("confirm", "undo"):
        body = {"kind": kind, "version": 1}
        secret, unknown = who.decide(filled.confidential, **body), who.decide(UNKNOWN, **body)
        assert secret.status_code == 404
        assert shape(secret) == shape(unknown)
    for path in ("claim", "beat", "release", "break-claim", "reveal"):
        body = {"subject": "x", "reason": "нужен номер"} if path == "reveal" else {}
        answers = [
            who.post(f"/api/events/{i}/{path}", body) for i in (filled.confidential, UNKNOWN)
        ]
        assert answers[0].status_code in (403, 404)
        assert shape(answers[0]) == shape(answers[1])
    many = {
        "wish": {"kind": "confirm"},
        "items": [{"event": i, "version": 1} for i in (filled.confidential, UNKNOWN)],
    }
    answer = who.post("/api/decisions", many)
    if answer.status_code == 200:
        first, second = answer.json()["items"]
        assert {**first, "event": ""} == {**second, "event": ""}
    assert filled.store.decisions(ALL) == []
    assert filled.store.notes("claim:") == {}


@pytest.mark.parametrize("role", OTHERS)
def test_no_list_search_count_or_status_betrays_it(
    person: Callable[[Role], Any], role: Role, filled: Any
) -> None:
    who = person(role)
    paths = [
        "/queue",
        "/api/queue",
        "/admin",
        "/supervisor",
        "/alerts",
        "/audit",
        "/handles",
        "/api/queue/index",
        "/api/audit",
        "/api/supervisor",
        "/api/feeds/events.geojson",
        "/api/feeds/events.atom",
        "/api/feeds/cap.atom",
        "/account",
        "/reports",
        "/sample",
        "/api/search?q=инспектор",
        "/search?q=инспектор",
    ]
    paths += [
        f"{path}?view={view}"
        for path in ("/queue", "/api/queue")
        for view in ("todo", "known", "decided", "all")
    ]
    paths += [
        "/queue?view=all&category=police_corruption",
        "/api/queue?view=all&category=police_corruption",
        f"/events/{filled.crash}",
        f"/api/events/{filled.crash}",
    ]
    for path in paths:
        text = who.get(path).text.replace("q=инспектор", "").replace(">инспектор<", "")
        text = CATEGORY_DIALOG.sub("", text.replace('value="инспектор"', ""))
        assert filled.confidential not in text, path
        assert filled.confidential_report not in text, path
        for word in SECRET_WORDS:
            assert word not in text, (path, word)


@pytest.mark.parametrize("role", READERS)
def test_a_confidential_report_cannot_be_linked_or_told_from_an_unknown_one(
    person: Callable[[Role], Any], role: Role, filled: Any
) -> None:
    who = person(role)
    body = {"kind": "link", "version": 2}
    secret = who.decide(filled.crash, members=[filled.confidential_report], **body)
    unknown = who.decide(filled.crash, members=["no-such-report"], **body)
    assert secret.status_code == (403 if role is Role.ANALYST else 422)
    assert shape(secret) == shape(unknown)


@pytest.mark.parametrize("role", list(Role))
def test_an_open_event_answers_by_role(
    person: Callable[[Role], Any], role: Role, filled: Any
) -> None:
    who = person(role)
    sees = role in READERS
    assert who.get(f"/events/{filled.crash}").status_code == (200 if sees else 404)
    assert who.get(f"/api/events/{filled.crash}").status_code == (200 if sees else 404)
    decided = who.decide(filled.crash, kind="confirm", version=2).status_code
    expected = 404 if not sees else 200 if role in DECIDERS else 403
    assert decided == expected


def test_internal_security_sees_its_events_alone_and_every_reading_is_noted(
    person: Callable[[Role], Any], filled: Any
) -> None:
    who = person(Role.INTERNAL_SECURITY)
    listed = who.get("/api/queue?view=all").json()["events"]
    assert [event["id"] for event in listed] == [filled.confidential]
    assert "Капчагая" in who.get("/queue").text
    assert "Капчагая" in who.get(f"/events/{filled.confidential}").text
    assert who.get("/api/search?q=инспектор").json()["count"] == 1
    assert who.get("/api/search?q=Саина").json()["count"] == 0
    entries = [e for e in filled.store.audit(CONFIDENTIAL) if e.by == who_name(who)]
    assert {e.action for e in entries} >= {"read_queue", "read_event", "search"}
    assert any(e.subject == filled.confidential for e in entries if e.action == "read_event")
    assert who.decide(filled.confidential, kind="confirm", version=1).status_code == 200
    assert filled.store.decisions(CONFIDENTIAL)[0].audience is Audience.CONFIDENTIAL


def who_name(_: object) -> str:
    """The account's name: roles are the names here."""
    return Role.INTERNAL_SECURITY.value


def test_reading_open_events_is_not_noted_in_the_confidential_trail(
    person: Callable[[Role], Any], filled: Any
) -> None:
    before = len(filled.store.audit(ALL))
    who = person(Role.SPECIALIST)
    who.get("/queue")
    who.get(f"/events/{filled.crash}")
    after = filled.store.audit(ALL)[: len(filled.store.audit(ALL)) - before]
    assert after == []


def test_logs_hold_neither_texts_nor_ids(
    person: Callable[[Role], Any], filled: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    who = person(Role.INTERNAL_SECURITY)
    who.get(f"/events/{filled.confidential}")
    who.get("/queue")
    ours = [r.getMessage() for r in caplog.records if not r.name.startswith(("httpx", "httpcore"))]
    assert not any(filled.confidential in line or "Капчаг" in line for line in ours)
