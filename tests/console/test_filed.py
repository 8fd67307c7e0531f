"""Filed reports and the audit sample: each role sees its own, and nothing else exists."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core import filing
from core.records import Audience, Role
from store.protocol import CONFIDENTIAL


@pytest.fixture
def filed(person: Callable[[Role], Any], settings: Any) -> Path:
    """A report of each audience."""
    folder: Path = settings.under_home(settings.reports.folder)
    for audience, copy in (("open", "country"), ("confidential", "own")):
        filing.put(
            folder / audience / copy,
            audience,
            {
                "nightly-2026-03-20.html": f"<p>{copy}</p>".encode(),
                "nightly-2026-03-20.kk.pdf": b"%PDF-1.7",
            },
        )
    return folder


def test_each_reader_sees_the_own_copies(person: Callable[[Role], Any], filed: Path) -> None:
    for role, copy, other in (
        (Role.SUPERVISOR, "country", "own"),
        (Role.ANALYST, "country", "own"),
        (Role.INTERNAL_SECURITY, "own", "country"),
    ):
        client = person(role)
        page = client.get("/reports").text
        assert f"/reports/{copy}/nightly-2026-03-20.html" in page
        assert f"/reports/{other}/" not in page
        answer = client.get(f"/reports/{copy}/nightly-2026-03-20.html")
        assert answer.text == f"<p>{copy}</p>"
        assert "script" not in answer.headers["content-security-policy"]
        assert client.get(f"/reports/{other}/nightly-2026-03-20.html").status_code == 404
        pdf = client.get(f"/reports/{copy}/nightly-2026-03-20.kk.pdf")
        assert pdf.headers["content-type"] == "application/pdf"


@pytest.mark.parametrize("role", [Role.SPECIALIST, Role.ADMINISTRATOR])
def test_others_see_none(person: Callable[[Role], Any], filed: Path, role: Role) -> None:
    client = person(role)
    assert client.get("/reports").status_code == 403
    assert client.get("/reports/country/nightly-2026-03-20.html").status_code == 403


@pytest.mark.parametrize(
    "path", ["/reports/country/accounts.txt", "/reports/..%2Fconfidential%2Fown/x.html"]
)
def test_no_other_file(person: Callable[[Role], Any], filed: Path, path: str) -> None:
    assert person(Role.SUPERVISOR).get(path).status_code == 404


def test_reading_a_confidential_report_is_logged(
    person: Callable[[Role], Any], filed: Path, filled: Any
) -> None:
    person(Role.INTERNAL_SECURITY).get("/reports/own/nightly-2026-03-20.html")
    found = [e for e in filled.store.audit(CONFIDENTIAL) if e.action == "read:report"]
    assert [(e.subject, e.audience) for e in found] == [
        ("own/nightly-2026-03-20.html", Audience.CONFIDENTIAL)
    ]


def test_the_audit_sample(person: Callable[[Role], Any], filled: Any) -> None:
    filled.store.put_note("learning:sample", json.dumps([filled.quiet, "nothing"]))
    page = person(Role.SPECIALIST).get("/sample")
    assert f"/events/{filled.quiet}" in page.text
    for role in (Role.ANALYST, Role.INTERNAL_SECURITY, Role.ADMINISTRATOR):
        assert person(role).get("/sample").status_code == 403
