"""The API as it describes itself, fuzzed: whatever is sent, the server never fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance

from console.web import SESSION_COOKIE
from core.records import Role

EXAMPLES = 6


@pytest.fixture
def described(app: FastAPI, person: Callable[[Role], Any]) -> Any:
    """The API's description, asked for as a supervisor asks for it."""
    who = person(Role.SUPERVISOR)
    headers = {
        "Cookie": f"{SESSION_COOKIE}={who.client.cookies[SESSION_COOKIE]}",
        "X-CSRF-Token": who.csrf,
    }
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", app, headers=headers)
    return schema.exclude(path="/api/stream"), headers


def test_every_endpoint_is_described(app: FastAPI) -> None:
    described = app.openapi()["paths"]
    for route in app.routes:
        if isinstance(route, APIRoute) and route.path.startswith("/api/"):
            if route.path == "/api/openapi.json":
                continue
            for method in route.methods:
                operation = described[route.path][method.lower()]
                assert operation["description"], route.path


def test_nothing_that_is_sent_makes_the_server_fail(described: Any) -> None:
    schema, headers = described
    tried = 0

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    def send(case: Any) -> None:
        nonlocal tried
        tried += 1
        case.call_and_validate(
            headers=headers, checks=[not_a_server_error, response_schema_conformance]
        )

    for found in schema.get_all_operations():
        operation = found.ok()
        given(case=operation.as_strategy())(send)()
    assert tried > 10 * EXAMPLES
