"""Headers, cookies, CSRF and sizes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from console.app import create_app
from console.security import POLICY
from core.errors import StoreError
from core.records import Role
from tests.console.conftest import PASSWORD, sign_in


@pytest.mark.parametrize(
    "path",
    [
        "/login",
        "/healthz",
        "/queue",
        "/nowhere",
        "/api/queue",
        "/static/console.css",
        "/static/nowhere.js",
    ],
)
def test_every_answer_carries_the_policy(app: FastAPI, path: str) -> None:
    headers = TestClient(app, follow_redirects=False).get(path).headers
    assert headers["content-security-policy"] == POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == ("no-cache" if "/static" in path else "no-store")


def test_the_policy_is_the_agreed_one() -> None:
    assert POLICY == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(app: FastAPI) -> None:
    answer: Any = sign_in(TestClient(app), "specialist")
    (cookie,) = [c for c in answer.headers.get_list("set-cookie") if "oqiga_session" in c]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert "secure" not in cookie.lower()
    safe: Any = sign_in(TestClient(app, base_url="https://testserver"), "specialist")
    assert any(
        "oqiga_session" in c and "secure" in c.lower() for c in safe.headers.get_list("set-cookie")
    )


def test_signing_in_needs_the_form_that_was_given(app: FastAPI) -> None:
    client = TestClient(app)
    data = {"name": "specialist", "password": PASSWORD, "token": "guess"}
    assert client.post("/login", data=data).status_code == 403
    client.get("/login")
    assert client.post("/login", data=data).status_code == 403
    assert client.post("/login", data={**data, "token": ""}).status_code == 403


def test_wrong_names_and_wrong_passwords_look_the_same(app: FastAPI) -> None:
    answers = []
    for name in ("specialist", "nobody-here"):
        answer: Any = sign_in(TestClient(app), name, "wrong-password")
        answers.append(
            (answer.status_code, re.sub(r'value="[^"]*"|data-now="[^"]*"', "", answer.text))
        )
    assert answers[0] == answers[1]
    assert answers[0][0] == 401


def test_every_write_of_a_signed_in_person_needs_the_token(
    person: Callable[[Role], Any], app: FastAPI, filled: Any
) -> None:
    who = person(Role.SPECIALIST)
    writes = [r for r in app.routes if isinstance(r, APIRoute) and r.methods - {"GET", "HEAD"}]
    assert len(writes) > 15
    admin = person(Role.ADMINISTRATOR)
    for route in writes:
        if route.path == "/login":
            continue
        path = route.path.format(
            event_id=filled.crash, name="analyst", request_id="x", delivery_id="x"
        )
        sender = admin if path.startswith("/admin") else person(Role.SUPERVISOR)
        for token in ("", "guess"):
            more = {"headers": {"X-CSRF-Token": token}, "follow_redirects": False}
            (method,) = route.methods
            if path.startswith("/api/"):
                answer = sender.client.request(method, path, json={}, **more)
            else:
                answer = sender.client.request(method, path, data={"csrf": token}, **more)
            assert answer.status_code == 403, (method, path)
    path = f"/api/events/{filled.crash}/decisions"
    body = {"kind": "confirm", "version": 2}
    for headers in ({}, {"X-CSRF-Token": "guess"}, {"X-CSRF-Token": "é"}):
        answer = who.client.post(
            path, json=body, headers={k: v.encode() for k, v in headers.items()}
        )
        assert answer.status_code == 403
    for path in ("/logout", "/preferences"):
        assert who.client.post(path, data={"csrf": "guess"}).status_code == 403
        assert who.client.post(path, data={}).status_code == 403
    assert who.get("/queue").status_code == 200
    assert filled.store.decisions({"open"}) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
def test_what_another_site_sends_is_refused(
    person: Callable[[Role], Any], filled: Any, headers: dict[str, str]
) -> None:
    who = person(Role.SPECIALIST)
    answer = who.client.post(
        f"/api/events/{filled.crash}/decisions",
        json={"kind": "confirm", "version": 2},
        headers={**headers, "X-CSRF-Token": who.csrf},
    )
    assert answer.status_code == 403


def test_signing_out_ends_the_session_in_the_store(person: Callable[[Role], Any]) -> None:
    who = person(Role.SPECIALIST)
    cookie = who.client.cookies["oqiga_session"]
    who.client.post("/logout", data={"csrf": who.csrf}, follow_redirects=False)
    who.client.cookies.set("oqiga_session", cookie)
    assert who.get("/queue").status_code == 303
    assert who.get("/api/queue").status_code == 401


def test_large_bodies_are_refused_before_they_are_read_in(
    person: Callable[[Role], Any], filled: Any
) -> None:
    who = person(Role.SPECIALIST)
    assert who.decide(filled.crash, kind="confirm", words="а" * 100_000).status_code == 413
    assert who.client.post("/login", data={"name": "а" * 100_000}).status_code == 413


def test_added_routers_keep_their_own_rules(filled: Any, settings: Any, clock: Any) -> None:
    router = APIRouter()

    @router.post("/api/reports")
    def accept() -> dict[str, str]:
        return {"outcome": "accepted"}

    client = TestClient(create_app(filled.store, settings, clock, [router]))
    answer = client.post("/api/reports", content=b"x" * 100_000)
    assert answer.json() == {"outcome": "accepted"}
    assert answer.headers["content-security-policy"] == POLICY


def test_a_store_that_fails_is_told_without_details(
    person: Callable[[Role], Any], filled: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = person(Role.SPECIALIST)

    def fail(*_: object) -> None:
        raise StoreError("disk full at /very/secret/path")

    monkeypatch.setattr(filled.store, "events", fail)
    for path in ("/queue", "/api/queue"):
        answer = who.get(path)
        assert answer.status_code == 503
        assert "secret" not in answer.text
        assert answer.headers["content-security-policy"] == POLICY
