"""A person's own account: second factor, sessions, password, views; and the administrator's."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from console import totp
from console.accounts import Accounts, ensure_account
from console.app import create_app
from core.clock import FixedClock
from core.errors import InputError
from core.records import Role
from core.settings import ConsoleSettings, Settings
from store.protocol import OPEN
from tests.console.conftest import NOW, PASSWORD, sign_in

RFC_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    # RFC 6238, appendix B, the last six figures
    at = datetime.fromtimestamp(seconds, UTC)
    assert totp.code(RFC_SECRET, totp.step_of(at)) == code
    assert totp.matching_step(RFC_SECRET, code, at, None) == totp.step_of(at)
    assert totp.matching_step(RFC_SECRET, code, at + timedelta(seconds=29), None) is not None
    assert totp.matching_step(RFC_SECRET, code, at + timedelta(seconds=90), None) is None
    assert totp.matching_step(RFC_SECRET, code, at, totp.step_of(at)) is None  # used before
    assert totp.matching_step(RFC_SECRET, "ы", at, None) is None


def test_a_second_factor_is_needed_once_it_is_on_and_each_code_once(filled: Any) -> None:
    user = ensure_account(filled.store, "ann", Role.SPECIALIST, PASSWORD, FixedClock(NOW))
    accounts = Accounts(filled.store, FixedClock(NOW), 12)
    secret = totp.new_secret()
    with pytest.raises(InputError):
        accounts.set_factor(user, secret, "000000x")
    accounts.set_factor(user, secret, totp.code(secret, totp.step_of(NOW)))
    later = Accounts(filled.store, FixedClock(NOW + timedelta(seconds=60)), 12)
    code = totp.code(secret, totp.step_of(NOW) + 2)
    assert later.sign_in("ann", PASSWORD) is None
    assert later.sign_in("ann", PASSWORD, "123456") is None
    assert later.sign_in("ann", PASSWORD, code) is not None
    assert later.sign_in("ann", PASSWORD, code) is None
    kept = filled.store.user("ann")
    ensure_account(filled.store, "ann", Role.SPECIALIST, "another-password", FixedClock(NOW))
    assert filled.store.user("ann").totp == kept.totp  # a new password leaves it on


def test_turning_it_on_and_off_on_the_page(person: Callable[[Role], Any], filled: Any) -> None:
    who = person(Role.SPECIALIST)
    page = who.get("/account").text
    (secret,) = re.findall(r'name="secret" value="(\w+)"', page)
    assert who.form("/account/factor", secret=secret, code="1").status_code == 422
    code = totp.code(secret, totp.step_of(datetime.now(UTC)))
    assert who.form("/account/factor", secret=secret, code=code).status_code == 303
    assert filled.store.user("specialist").totp == secret
    assert secret not in who.get("/account").text
    assert who.form("/account/factor", code=code).status_code == 422  # was used
    admin = person(Role.ADMINISTRATOR)
    done = admin.form("/admin/accounts/specialist/change", do="factor")
    assert done.status_code == 303
    assert filled.store.user("specialist").totp is None
    actions = [e.action for e in filled.store.audit(OPEN)]
    assert actions[:2] == ["second_factor_off", "second_factor_on"]


def test_a_role_that_needs_it_does_nothing_without(filled: Any, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, console=ConsoleSettings(factor_for=(Role.SUPERVISOR,)))
    client = TestClient(create_app(filled.store, settings, FixedClock(NOW)))
    assert sign_in(client, "supervisor").headers["location"] == "/account"  # type: ignore[attr-defined]
    assert client.get("/queue").status_code == 403
    assert client.get("/api/queue").status_code == 403
    assert client.get("/account").status_code == 200


def test_sessions_are_listed_and_revoked(person: Callable[[Role], Any], filled: Any) -> None:
    one, two = person(Role.SPECIALIST), person(Role.SPECIALIST)
    ids = re.findall(r'name="session" value="(\w+)"', one.get("/account").text)
    assert len(ids) == 1  # one's own session is not offered
    assert one.form("/account/sessions", session=ids[0]).status_code == 303
    assert two.get("/api/queue").status_code == 401
    other = person(Role.ANALYST)
    (foreign,) = [s.id for s in filled.store.sessions() if s.user == "analyst"]
    assert one.form("/account/sessions", session=foreign).status_code == 404
    assert other.get("/api/queue").status_code == 200


def test_a_new_password_ends_other_sessions(person: Callable[[Role], Any], app: FastAPI) -> None:
    one, two = person(Role.SPECIALIST), person(Role.SPECIALIST)
    assert one.form("/account/password", old="wrong", new="neu-und-lang").status_code == 422
    assert one.form("/account/password", old=PASSWORD, new="kurz").status_code == 422
    assert one.form("/account/password", old=PASSWORD, new="neu-und-lang").status_code == 200
    assert one.get("/api/queue").status_code == 200
    assert two.get("/api/queue").status_code == 401
    answer: Any = sign_in(TestClient(app), "specialist", "neu-und-lang")
    assert answer.status_code == 303


def test_the_administrator_makes_changes_and_disables_accounts(
    person: Callable[[Role], Any], app: FastAPI, filled: Any
) -> None:
    admin = person(Role.ADMINISTRATOR)
    made = admin.form("/admin/accounts", name="новый сотрудник", role="specialist")
    (password,) = re.findall(r"<code>([\w-]+)</code>", made.text)
    answer: Any = sign_in(TestClient(app), "новый сотрудник", password)
    assert answer.status_code == 303
    assert password not in admin.get("/admin").text
    assert admin.form("/admin/accounts", name="новый сотрудник", role="analyst").status_code == 422
    assert admin.form("/admin/accounts", name="x", role="king").status_code == 422
    someone = person(Role.ANALYST)
    path = "/admin/accounts/analyst/change"
    assert admin.form(path, do="role", role="supervisor").status_code == 303
    assert someone.get("/api/queue").status_code == 401  # sessions end with the role
    assert filled.store.user("analyst").role is Role.SUPERVISOR
    assert admin.form(path, do="disable").status_code == 303
    refused: Any = sign_in(TestClient(app), "analyst")
    assert refused.status_code == 401
    assert admin.form(path, do="enable").status_code == 303
    assert admin.form(path, do="nonsense").status_code == 422
    assert admin.form("/admin/accounts/nobody/change", do="enable").status_code == 404
    own = admin.form("/admin/accounts/administrator/change", do="disable")
    assert own.status_code == 422
    fresh = admin.form("/admin/accounts/analyst/password")
    (password,) = re.findall(r"<code>([\w-]+)</code>", fresh.text)
    answer = sign_in(TestClient(app), "analyst", password)
    assert answer.status_code == 303
    entries = [e for e in filled.store.audit(OPEN) if e.action == "account_changed"]
    assert {e.by for e in entries} == {"administrator"}


def test_saved_views_are_a_persons_own(person: Callable[[Role], Any]) -> None:
    one, two = person(Role.SPECIALIST), person(Role.SUPERVISOR)
    assert one.post("/api/views", {"name": "Пожары", "query": "view=todo"}, "PUT").json() == {
        "Пожары": "view=todo"
    }
    assert one.get("/api/views").json() == {"Пожары": "view=todo"}
    assert two.get("/api/views").json() == {}
    assert one.post("/api/views", {"name": "Пожары", "query": None}, "PUT").json() == {}
    for number in range(30):
        one.post("/api/views", {"name": str(number), "query": ""}, "PUT")
    assert one.post("/api/views", {"name": "zu viel", "query": ""}, "PUT").status_code == 422


def test_tiles_are_served_in_parts_from_the_operators_file(filled: Any, tmp_path: Path) -> None:
    (tmp_path / "land.pmtiles").write_bytes(b"PMTiles" + bytes(range(100)))
    settings = Settings(home=tmp_path, console=ConsoleSettings(tiles="land.pmtiles"))
    client = TestClient(create_app(filled.store, settings, FixedClock(NOW)))
    path = "/tiles/map.pmtiles"
    assert client.get(path, follow_redirects=False).status_code == 303
    sign_in(client, "specialist")
    assert 'data-tiles="/tiles/map.pmtiles"' in client.get("/queue").text
    part = client.get(path, headers={"Range": "bytes=0-6"})
    assert (part.status_code, part.content) == (206, b"PMTiles")


def test_without_a_tile_file_there_is_none(person: Callable[[Role], Any]) -> None:
    assert person(Role.SPECIALIST).get("/tiles/map.pmtiles").status_code == 404


def test_a_tile_server_that_the_operator_chose_is_allowed_and_no_other(
    filled: Any, tmp_path: Path
) -> None:
    tiles = "https://tiles.example.org/{z}/{x}/{y}.png"
    settings = Settings(home=tmp_path, console=ConsoleSettings(tiles=tiles))
    client = TestClient(create_app(filled.store, settings, FixedClock(NOW)))
    policy = client.get("/login").headers["content-security-policy"]
    assert "img-src 'self' https://tiles.example.org data:" in policy
    assert "connect-src 'self';" in policy


def test_retention_is_shown_and_run_by_an_administrator_alone(
    person: Callable[[Role], Any], filled: Any, settings: Any
) -> None:
    admin = person(Role.ADMINISTRATOR)
    page = admin.get("/admin").text
    assert "365 дн." in page
    assert "Ещё ничего не удалялось." in page
    assert person(Role.SUPERVISOR).form("/admin/retention").status_code == 403
    assert admin.client.post("/admin/retention", data={"csrf": "x"}).status_code == 403
    assert admin.form("/admin/retention").status_code == 303
    page = admin.get("/admin").text
    assert "запустил administrator" in page
    assert "Следующее по расписанию" in page
    told = [e.by for e in filled.store.audit(OPEN) if e.action == "retention_run"]
    assert told == ["administrator"]
