"""Accounts, sessions and the lock-out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from console.accounts import _NOBODY, MAX_WRONG, Accounts, ensure_account
from core.clock import FixedClock
from core.errors import InputError
from core.records import Role
from store.protocol import OPEN
from store.sqlite import SqliteStore

START = datetime(2026, 3, 20, 9, tzinfo=UTC)
PASSWORD = "tikhaya-smena-3"


@dataclass
class MovedClock:
    """A clock that the test moves."""

    at: datetime = START

    def now(self) -> datetime:
        """The time it was moved to."""
        return self.at


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    """An empty store with one specialist."""
    store = SqliteStore(tmp_path / "oqiga.db")
    ensure_account(store, "aigul", Role.SPECIALIST, PASSWORD, FixedClock(START))
    return store


def test_the_password_is_kept_as_argon2id_and_the_cookie_as_a_digest(store: SqliteStore) -> None:
    user = store.user("aigul")
    assert user is not None
    assert user.password_hash.startswith("$argon2id$")
    accounts = Accounts(store, MovedClock(), 12)
    token = accounts.sign_in("aigul", PASSWORD)
    assert token is not None
    assert store.session(token) is None
    signed_in = accounts.signed_in(token)
    assert signed_in is not None
    assert token not in signed_in.session.model_dump_json()
    assert token not in (signed_in.session.id, signed_in.session.csrf)


def test_ensuring_twice_changes_nothing_and_ensuring_otherwise_does(store: SqliteStore) -> None:
    before = store.user("aigul")
    assert ensure_account(store, "aigul", Role.SPECIALIST, PASSWORD, FixedClock(START)) == before
    changed = ensure_account(store, "aigul", Role.SUPERVISOR, PASSWORD, FixedClock(START))
    assert changed.role is Role.SUPERVISOR
    assert store.user("aigul") == changed


@pytest.mark.parametrize(("name", "password"), [("", PASSWORD), ("a\n", PASSWORD), ("a", "short")])
def test_unusable_accounts_are_refused(store: SqliteStore, name: str, password: str) -> None:
    with pytest.raises(InputError):
        ensure_account(store, name, Role.ANALYST, password, FixedClock(START))


def test_a_session_ends_with_its_time_or_by_signing_out(store: SqliteStore) -> None:
    clock = MovedClock()
    accounts = Accounts(store, clock, 12)
    first, second = accounts.sign_in("aigul", PASSWORD), accounts.sign_in("aigul", PASSWORD)
    assert first != second
    signed_in = accounts.signed_in(first)
    assert signed_in is not None
    accounts.sign_out(signed_in)
    assert accounts.signed_in(first) is None
    clock.at = START + timedelta(hours=12)
    assert accounts.signed_in(second) is None
    assert accounts.signed_in("made up") is None
    assert accounts.signed_in(None) is None


def test_a_disabled_account_is_out_at_once(store: SqliteStore) -> None:
    accounts = Accounts(store, MovedClock(), 12)
    token = accounts.sign_in("aigul", PASSWORD)
    user = store.user("aigul")
    assert user is not None
    store.put_user(user.model_copy(update={"disabled": True}))
    assert accounts.signed_in(token) is None
    assert accounts.sign_in("aigul", PASSWORD) is None


@pytest.mark.parametrize("name", ["aigul", "nobody"])
def test_ten_wrong_tries_lock_a_name_for_ten_minutes_known_or_not(
    store: SqliteStore, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str] = []

    def count(password_hash: str, password: str) -> bool:
        checked.append(password_hash)
        return password == PASSWORD and name == "aigul"

    monkeypatch.setattr("console.accounts._matches", count)
    clock = MovedClock()
    accounts = Accounts(store, clock, 12)
    for _ in range(MAX_WRONG):
        assert not accounts.locked(name)
        assert accounts.sign_in(name, "wrong") is None
    assert len(checked) == MAX_WRONG  # a name that does not exist is hashed all the same
    assert accounts.locked(name)
    assert accounts.sign_in(name, PASSWORD) is None
    assert not accounts.locked("other")
    clock.at = START + timedelta(minutes=10, seconds=1)
    assert (accounts.sign_in(name, PASSWORD) is not None) == (name == "aigul")
    actions = [entry.action for entry in store.audit(OPEN)]
    assert actions.count("account_locked") == 1
    assert actions.count("sign_in_refused") >= MAX_WRONG


def test_a_name_that_does_not_exist_costs_the_same_hash(store: SqliteStore) -> None:
    user = store.user("aigul")
    assert user is not None
    settings = [text.split("$")[1:4] for text in (_NOBODY, user.password_hash)]
    assert settings[0] == settings[1]


def test_what_was_typed_for_a_name_is_not_written_down(store: SqliteStore) -> None:
    Accounts(store, MovedClock(), 12).sign_in("my-secret-password", "x")
    assert all("secret" not in entry.model_dump_json() for entry in store.audit(OPEN))
