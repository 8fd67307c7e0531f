"""Every route for every role: who is answered, who is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from core.records import Role

READERS = {Role.SPECIALIST, Role.SUPERVISOR, Role.ANALYST, Role.INTERNAL_SECURITY}
WORKERS = READERS - {Role.ANALYST}
LEADERS = {Role.SUPERVISOR, Role.INTERNAL_SECURITY}
AUDITORS = LEADERS | {Role.ADMINISTRATOR}
ADMINISTRATORS = {Role.ADMINISTRATOR}
ALL = set(Role)

# method and path -> who may; a form of a person without the right is refused before it is read
MATRIX: dict[tuple[str, str], set[Role]] = {
    ("GET", "/login"): ALL,
    ("GET", "/healthz"): ALL,
    ("GET", "/"): ALL,
    ("GET", "/account"): ALL,
    ("GET", "/api/openapi.json"): ALL,
    ("GET", "/queue"): READERS,
    ("GET", "/api/queue"): READERS,
    ("GET", "/api/queue/index"): READERS,
    ("GET", "/api/queue/rows"): READERS,
    ("GET", "/search"): READERS,
    ("GET", "/api/search"): READERS,
    ("GET", "/api/places"): READERS,
    ("GET", "/api/views"): READERS,
    ("GET", "/events/{event_id}"): READERS,
    ("GET", "/api/events/{event_id}"): READERS,
    ("GET", "/api/events/{event_id}/neighbours"): READERS,
    ("GET", "/events/{event_id}/card"): READERS,
    ("GET", "/api/events/{event_id}/card.json"): READERS,
    ("GET", "/api/events/{event_id}/card.cap"): READERS,
    ("GET", "/api/feeds/events.geojson"): READERS,
    ("GET", "/api/feeds/events.atom"): READERS,
    ("GET", "/api/feeds/cap.atom"): READERS,
    ("GET", "/api/feeds/cap/{event_id}.xml"): READERS,
    ("GET", "/handles"): WORKERS,
    ("GET", "/supervisor"): LEADERS,
    ("GET", "/api/supervisor"): LEADERS,
    ("GET", "/alerts"): LEADERS,
    ("GET", "/audit"): AUDITORS,
    ("GET", "/api/audit"): AUDITORS,
    ("GET", "/reports"): READERS - {Role.SPECIALIST},
    ("GET", "/sample"): {Role.SPECIALIST, Role.SUPERVISOR},
    ("GET", "/admin"): ADMINISTRATORS,
    ("PUT", "/api/views"): READERS,
    ("POST", "/preferences"): ALL,
    ("POST", "/account/password"): ALL,
    ("POST", "/account/factor"): ALL,
    ("POST", "/account/sessions"): ALL,
    ("POST", "/api/events/{event_id}/decisions"): WORKERS,
    ("POST", "/api/decisions"): WORKERS,
    ("POST", "/api/events/{event_id}/claim"): WORKERS,
    ("POST", "/api/events/{event_id}/beat"): WORKERS,
    ("POST", "/api/events/{event_id}/release"): WORKERS,
    ("POST", "/api/events/{event_id}/break-claim"): LEADERS,
    ("POST", "/api/events/{event_id}/reveal"): WORKERS,
    ("POST", "/handles"): WORKERS,
    ("POST", "/handles/{request_id}/show"): WORKERS,
    ("POST", "/handles/{request_id}/answer"): LEADERS,
    ("POST", "/alerts/{delivery_id}/again"): LEADERS,
    ("POST", "/supervisor/budget"): LEADERS,
    ("POST", "/admin/retention"): ADMINISTRATORS,
    ("POST", "/admin/accounts"): ADMINISTRATORS,
    ("POST", "/admin/accounts/{name}/password"): ADMINISTRATORS,
    ("POST", "/admin/accounts/{name}/change"): ADMINISTRATORS,
    ("POST", "/logout"): ALL,
}
ELSEWHERE = {
    ("POST", "/login"),
    ("GET", "/login/oidc"),
    ("GET", "/login/oidc/callback"),
    ("GET", "/api/stream"),
    ("GET", "/tiles/map.pmtiles"),
    ("GET", "/reports/{copy}/{name}"),
}
"""Tested in test_security.py, test_oidc.py, test_stream.py, test_account.py and test_filed.py."""
BODIES: dict[str, dict[str, Any]] = {
    "/api/events/{event_id}/decisions": {"kind": "note", "words": "заметка"},
    "/api/decisions": {"wish": {"kind": "confirm"}, "items": [{"event": "x", "version": 1}]},
    "/api/events/{event_id}/reveal": {"subject": "x", "reason": "нужен номер"},
    "/api/views": {"name": "мои", "query": "view=todo"},
}


def test_the_matrix_names_every_route(app: FastAPI) -> None:
    routes = {
        (method, route.path)
        for route in app.routes
        if isinstance(route, APIRoute)
        for method in route.methods - {"HEAD"}
    }
    assert routes == set(MATRIX) | ELSEWHERE


@pytest.mark.parametrize("role", list(Role))
def test_every_route_answers_by_role(
    person: Callable[[Role], Any], filled: Any, role: Role
) -> None:
    event = filled.confidential if role is Role.INTERNAL_SECURITY else filled.crash
    wrong = []
    for (method, pattern), roles in MATRIX.items():
        who = person(role)
        path = pattern.format(event_id=event, name="analyst", request_id="x", delivery_id="x")
        if pattern == "/api/queue/rows":
            path += f"?id={event}"
        if method == "GET":
            answer = who.get(path)
        elif path.startswith("/api/"):
            answer = who.post(path, BODIES.get(pattern), method)
        else:
            answer = who.form(path)
        refused = answer.status_code in (401, 403)
        if pattern == "/queue" and role is Role.ADMINISTRATOR:
            refused = answer.status_code == 303  # to the page where this role begins
        if role is Role.ADMINISTRATOR and "{event_id}" in pattern:
            refused = refused or answer.status_code == 404  # events do not exist for this role
        if refused == (role in roles) or answer.status_code >= 500:
            wrong.append((method, pattern, answer.status_code))
    assert wrong == []
