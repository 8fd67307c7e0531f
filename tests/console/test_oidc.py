"""Signing in by a provider of our own that speaks real OpenID Connect on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from console.assembly import make_console
from console.provider import make_provider, trusted
from console.web import SESSION_COOKIE, attach
from core.clock import SystemClock
from core.errors import SettingsError
from core.records import Role
from core.settings import ConsoleSettings, OidcSettings, Settings
from store.protocol import OPEN
from tests.console.browser import marked
from tests.secret_files import keep
from tests.servers.oidc import CLIENT, SECRET, OidcProvider, oidc_provider

BASE = "http://testserver"
ROLES = {"chief": Role.SUPERVISOR, "duty": Role.SPECIALIST}


@pytest.fixture
def provider() -> Iterator[OidcProvider]:
    with oidc_provider() as made:
        made.redirects.add(f"{BASE}/login/oidc/callback")
        yield made


def settings_for(home: Path, issuer: str, **more: Any) -> Settings:
    """A console with local accounts and this provider."""
    keep(home / "client-secret", SECRET + "\n")
    given = {
        "issuer": issuer,
        "client_id": CLIENT,
        "client_secret_file": Path("client-secret"),
        "base_url": BASE,
        "role_claim": "realm_access.roles",
        "roles": ROLES,
        **more,
    }
    return Settings(home=home, oidc=OidcSettings(**given))


@pytest.fixture
def console(
    routes: FastAPI, filled: Any, clock: Any, provider: OidcProvider, tmp_path: Path
) -> Any:
    settings = settings_for(tmp_path, provider.issuer)
    made = make_console(filled.store, settings, clock, SystemClock())
    attach(routes, made)
    return made


@pytest.fixture
def client(routes: FastAPI, console: Any) -> TestClient:
    return TestClient(routes, base_url=BASE, follow_redirects=False)


def begin(client: TestClient, next: str = "") -> str:
    """The address of the provider that the console sends the browser to."""
    answer = client.get("/login/oidc", params={"next": next})
    assert answer.status_code == 303
    address: str = answer.headers["location"]
    return address


def come_back(client: TestClient, address: str) -> Any:
    """The console's answer when the browser comes back."""
    return client.get(address)


def test_a_person_signs_in_gets_an_account_and_goes_where_they_wanted(
    client: TestClient, provider: OidcProvider, filled: Any
) -> None:
    assert "/login/oidc?next=/search" in client.get("/login?next=/search").text
    address = begin(client, "/search?q=би")
    query = parse_qs(urlsplit(address).query)
    assert query["scope"] == ["openid profile"]
    answer = come_back(client, provider.allow(address))
    assert answer.status_code == 200
    assert 'content="0;url=/search?q=' in answer.text
    (cookie,) = [c for c in answer.headers.get_list("set-cookie") if SESSION_COOKIE in c]
    assert "samesite=strict" in cookie.lower()
    assert "HttpOnly" in cookie
    assert client.get("/queue").status_code == 200
    user = filled.store.user("aigerim")
    assert (user.role, user.subject) == (Role.SPECIALIST, f"{provider.issuer} 42")
    told = [(e.action, e.by) for e in filled.store.audit(OPEN) if e.subject == "aigerim"]
    assert told[-1] == ("account_added", "provider")
    assert told[0][0] == "sign_in" or told[1][0] == "sign_in"
    account = client.get("/account").text
    assert "хранит организация" in account
    assert 'name="old"' not in account


def test_local_accounts_go_on_beside_it(client: TestClient, console: Any) -> None:
    from tests.console.conftest import sign_in

    assert sign_in(client, "specialist").status_code == 303


def test_the_providers_word_on_the_role_counts_each_time(
    client: TestClient, provider: OidcProvider, filled: Any
) -> None:
    come_back(client, provider.allow(begin(client)))
    provider.claims["realm_access"] = {"roles": ["duty", "chief"]}
    provider.claims["preferred_username"] = "renamed"
    old = client.cookies[SESSION_COOKIE]
    come_back(client, provider.allow(begin(client)))
    assert filled.store.user("aigerim").role is Role.SUPERVISOR, "the first of the settings fits"
    assert filled.store.user("renamed") is None, "the subject is the person, not the name"
    assert client.get("/supervisor").status_code == 200
    client.cookies.set(SESSION_COOKIE, old)
    fresh = TestClient(client.app, base_url=BASE, follow_redirects=False)
    fresh.cookies.set(SESSION_COOKIE, old)
    assert fresh.get("/queue").status_code == 303, "sessions of the old role have ended"


@pytest.mark.parametrize(
    "claims",
    [
        {"realm_access": {"roles": ["staff"]}},
        {"realm_access": {}},
        {"realm_access": "duty"},
        {"preferred_username": ""},
        {"preferred_username": "a\nb"},
        {"preferred_username": "administrator"},
    ],
)
def test_who_has_no_role_no_name_or_anothers_name_stays_out(
    client: TestClient, provider: OidcProvider, filled: Any, claims: dict[str, Any]
) -> None:
    before = filled.store.user("administrator")
    provider.claims |= claims
    answer = come_back(client, provider.allow(begin(client)))
    assert answer.status_code == 401
    assert SESSION_COOKIE not in client.cookies
    assert filled.store.user("administrator") == before
    assert filled.store.user("aigerim") is None


def test_a_disabled_account_and_a_role_that_needs_a_factor_stay_out(
    client: TestClient, provider: OidcProvider, console: Any, routes: FastAPI, filled: Any,
    clock: Any, tmp_path: Path,
) -> None:  # fmt: skip
    come_back(client, provider.allow(begin(client)))
    console.accounts.change("aigerim", "administrator", disabled=True)
    assert come_back(client, provider.allow(begin(client))).status_code == 401
    console.accounts.change("aigerim", "administrator", disabled=False)
    for factor, status in ((False, 401), (True, 200)):
        settings = settings_for(tmp_path, provider.issuer, factor=factor).model_copy(
            update={"console": ConsoleSettings(factor_for=(Role.SPECIALIST,))}
        )
        attach(routes, make_console(filled.store, settings, clock, SystemClock()))
        assert come_back(client, provider.allow(begin(client))).status_code == status
    assert client.get("/queue").status_code == 200


LIES = ("refuse", "state", "mix-up", "issuer", "plain", "nonce", "audience", "azp", "expired",
        "token-issuer", "no-sub", "kid", "unsigned", "forged", "confused")  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_what_cannot_be_believed_signs_nobody_in(
    client: TestClient, provider: OidcProvider, filled: Any, caplog: Any, lie: str
) -> None:
    provider.lie = lie
    answer = client.get("/login/oidc")
    if answer.status_code == 303:
        answer = come_back(client, provider.allow(answer.headers["location"]))
    assert answer.status_code == 401
    assert "не удался" in answer.text
    assert SESSION_COOKIE not in client.cookies
    assert filled.store.user("aigerim") is None
    assert SECRET not in caplog.text


def test_a_code_is_good_once_and_for_its_own_browser_alone(
    client: TestClient, provider: OidcProvider, routes: FastAPI
) -> None:
    back = provider.allow(begin(client))
    other = TestClient(routes, base_url=BASE, follow_redirects=False)
    assert come_back(other, back).status_code == 401, "no attempt of this browser"
    begin(other)
    assert come_back(other, back).status_code == 401, "another browser's attempt"
    attempt = client.cookies["oqiga_oidc"]
    assert come_back(client, back).status_code == 200
    client.cookies.set("oqiga_oidc", attempt)
    assert come_back(client, back).status_code == 401, "the code was used"
    assert client.get("/login/oidc/callback").status_code == 401


def test_the_verifier_never_leaves_in_the_open(client: TestClient, provider: OidcProvider) -> None:
    address = begin(client)
    state = parse_qs(urlsplit(address).query)["state"][0]
    assert state not in client.cookies["oqiga_oidc"]
    (query,) = [parse_qs(urlsplit(address).query)]
    assert "code_verifier" not in query
    spoilt = client.cookies["oqiga_oidc"][:-8] + "AAAAAAA="
    client.cookies.clear()
    client.cookies.set("oqiga_oidc", spoilt)
    assert come_back(client, provider.allow(address)).status_code == 401


def test_keys_may_change_and_a_provider_that_is_away_is_said(
    client: TestClient, provider: OidcProvider, console: Any
) -> None:
    come_back(client, provider.allow(begin(client)))
    asked = provider.asked.count("/keys")
    come_back(client, provider.allow(begin(client)))
    assert provider.asked.count("/keys") == asked, "known keys are not asked for again"
    provider.new_key("second")
    console.provider._keys_at -= 60
    assert come_back(client, provider.allow(begin(client))).status_code == 200
    address = provider.allow(begin(client))
    provider.server.shutdown()
    provider.server.server_close()
    assert come_back(client, address).status_code == 401


def test_no_open_redirect(client: TestClient, provider: OidcProvider) -> None:
    answer = come_back(client, provider.allow(begin(client, "https://evil.example.org/")))
    assert 'content="0;url=/queue"' in answer.text


def test_without_a_provider_there_is_no_button_and_no_route(
    routes: FastAPI, filled: Any, clock: Any, tmp_path: Path
) -> None:
    attach(routes, make_console(filled.store, Settings(home=tmp_path), clock, SystemClock()))
    plain = TestClient(routes)
    assert "/login/oidc" not in plain.get("/login").text
    assert plain.get("/login/oidc").status_code == 404
    assert plain.get("/login/oidc/callback").status_code == 404


def test_settings_that_cannot_work_are_told_together() -> None:
    with pytest.raises(SettingsError) as caught:
        make_provider(OidcSettings(issuer="http://id.example.org"), SystemClock(), None)
    for word in ("https", "client_id", "roles"):
        assert word in str(caught.value)
    assert trusted("https://id.example.org/realm")
    assert not trusted("ftp://id.example.org")
    assert not trusted("http://127.0.0.1.example.org/")


@pytest.mark.browser
@marked[1]
def test_in_a_browser_from_the_button_to_the_queue(
    chromium: Any, served: Any, routes: FastAPI, filled: Any, clock: Any, tmp_path: Path
) -> None:
    """The provider is another site (localhost), so that the strict cookie is put to the test."""
    with oidc_provider("localhost") as provider:
        provider.redirects.add(f"{served.url}/login/oidc/callback")
        settings = settings_for(tmp_path, provider.issuer, base_url=served.url)
        made = make_console(filled.store, settings, clock, SystemClock())
        routes.state.console = _with(routes.state.console, made)
        context = chromium.new_context()
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.goto(f"{served.url}/queue")
        page.click("a[href^='/login/oidc']")
        page.wait_for_url(f"{provider.issuer}/authorize**")
        page.click("#allow")
        page.wait_for_url(f"{served.url}/queue")
        page.wait_for_selector("html[data-ready]")
        assert page.inner_text(".who") == "aigerim"
        context.close()


def _with(running: Any, made: Any) -> Any:
    """The running console, with the other one's provider and settings."""
    from dataclasses import replace

    return replace(running, provider=made.provider, settings=made.settings)
