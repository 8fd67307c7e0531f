"""An OpenID Connect provider: discovery, the authorization code with PKCE, and its identity token.

OpenID Connect Core 1.0 and Discovery 1.0, RFC 7636 (PKCE), RFC 9207 (the issuer in the answer).
Tokens are signed by the provider's own keys (RS256, PS256, ES256); nothing else is accepted.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import jwt

from core.clock import Clock
from core.errors import OqigaError, SettingsError
from core.records import Record, Role, UtcDatetime
from core.settings import OidcSettings

WELL_KNOWN = "/.well-known/openid-configuration"
ALGORITHMS = ("RS256", "PS256", "ES256")
CLAIMS = ("iss", "sub", "aud", "exp", "iat", "nonce")
LEEWAY_S = 60.0
"""How far the provider's clock may be off."""
FRESH_S = 3_600.0
"""How long what the provider says of itself is believed."""
KEYS_AGAIN_S = 30.0
"""An unknown key is asked for at most that often, so that nobody makes us ask without end."""
ANSWERED_WITHIN = timedelta(minutes=10)
MAX_NAME_CHARS = 100


class ProviderError(OqigaError):
    """The provider did not answer, or what it says cannot be believed; the text holds no secret."""


class Attempt(Record):
    """A sign-in under way, as the browser carries it (sealed) to the provider and back."""

    state: str
    nonce: str
    verifier: str
    target: str
    until: UtcDatetime


class Identity(Record):
    """Whom the provider vouches for. ``role``: ``None`` when none of the claim's values maps."""

    subject: str
    name: str
    role: Role | None


class Provider:
    """One provider; what it says of itself is read when it is first needed."""

    def __init__(self, settings: OidcSettings, clock: Clock, secret: str | None) -> None:
        """``secret``: the client's, ``None`` for a public client, which PKCE protects alone."""
        self._settings = settings
        self._clock = clock
        self._secret = secret
        self._lock = threading.Lock()
        self._said: tuple[float, dict[str, Any]] | None = None
        self._keys: dict[str, jwt.PyJWK] = {}
        self._keys_at = -KEYS_AGAIN_S

    def begin(self, target: str) -> Attempt:
        """A new attempt; ``target`` is where the person wanted to go."""
        return Attempt(
            state=secrets.token_urlsafe(24),
            nonce=secrets.token_urlsafe(24),
            verifier=secrets.token_urlsafe(48),
            target=target,
            until=self._clock.now() + ANSWERED_WITHIN,
        )

    def address(self, attempt: Attempt, redirect_uri: str) -> str:
        """Where the browser signs in; raises ProviderError."""
        challenge = hashlib.sha256(attempt.verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": redirect_uri,
            "scope": self._settings.scope,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        endpoint = self._endpoint("authorization_endpoint")
        return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(query)}"

    def identity(self, attempt: Attempt, answer: Mapping[str, str], redirect_uri: str) -> Identity:
        """Who signed in, by the answer that the browser brought; raises ProviderError."""
        self._check_answer(attempt, answer)
        token = self._exchange(attempt, answer["code"], redirect_uri)
        return self._identity(self._claims(token, attempt))

    def _check_answer(self, attempt: Attempt, answer: Mapping[str, str]) -> None:
        if not hmac.compare_digest(attempt.state.encode(), answer.get("state", "").encode()):
            raise ProviderError("the answer belongs to another sign-in")
        if self._clock.now() > attempt.until:
            raise ProviderError("the sign-in took too long; begin anew")
        if answer.get("error"):
            raise ProviderError(f"the provider refused ({answer['error'][:60]!r})")
        if answer.get("iss", self._settings.issuer) != self._settings.issuer:
            raise ProviderError("the answer comes from another provider")
        if not answer.get("code"):
            raise ProviderError("the answer has no code")

    def _exchange(self, attempt: Attempt, code: str, redirect_uri: str) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "client_id": self._settings.client_id,
            "code_verifier": attempt.verifier,
        }
        basic = None
        if self._secret is not None:
            basic = httpx.BasicAuth(self._settings.client_id, self._secret)
        said = self._ask("POST", self._endpoint("token_endpoint"), data=form, auth=basic)
        token = said.get("id_token")
        if not isinstance(token, str):
            raise ProviderError("the provider gave no identity token")
        return token

    def _claims(self, token: str, attempt: Attempt) -> dict[str, Any]:
        try:
            kid = str(jwt.get_unverified_header(token).get("kid", ""))
            claims: dict[str, Any] = jwt.decode(
                token,
                self._key(kid),
                algorithms=list(ALGORITHMS),
                audience=self._settings.client_id,
                issuer=self._settings.issuer,
                leeway=LEEWAY_S,
                options={"require": list(CLAIMS)},
            )
        except jwt.PyJWTError as error:
            raise ProviderError(f"its token cannot be believed ({type(error).__name__})") from error
        audience = claims["aud"]
        alone = isinstance(audience, str) or len(audience) == 1
        if claims.get("azp", self._settings.client_id if alone else None) != (
            self._settings.client_id
        ):
            raise ProviderError("its token was made for another program")
        if not hmac.compare_digest(str(claims["nonce"]).encode(), attempt.nonce.encode()):
            raise ProviderError("its token belongs to another sign-in")
        return claims

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        name = str(claims.get(self._settings.name_claim) or "").strip()
        if not 1 <= len(name) <= MAX_NAME_CHARS or not name.isprintable():
            raise ProviderError(f"its token has no usable name in {self._settings.name_claim!r}")
        subject = f"{self._settings.issuer} {claims['sub']}"
        return Identity(subject=subject, name=name, role=self._role(claims))

    def _role(self, claims: Mapping[str, Any]) -> Role | None:
        """The first role of the settings that the claim has; a dot leads into an object."""
        found: Any = claims
        for part in self._settings.role_claim.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        values = {found} if isinstance(found, str) else set(map(str, found or ()))
        return next((role for name, role in self._settings.roles.items() if name in values), None)

    # -- what the provider says of itself --------------------------------------------------

    def _endpoint(self, name: str) -> str:
        said = self._discovered()
        endpoint = str(said.get(name, ""))
        if not trusted(endpoint):
            raise ProviderError(f"its {name} is no https address")
        return endpoint

    def _discovered(self) -> dict[str, Any]:
        with self._lock:
            if self._said is not None and time.monotonic() - self._said[0] < FRESH_S:
                return self._said[1]
        said = self._ask("GET", self._settings.issuer.rstrip("/") + WELL_KNOWN)
        if said.get("issuer") != self._settings.issuer:
            raise ProviderError(f"it calls itself {str(said.get('issuer'))[:200]!r}")
        with self._lock:
            self._said = (time.monotonic(), said)
        return said

    def _key(self, kid: str) -> jwt.PyJWK:
        """The provider's key of that name; asked for anew when it is unknown."""
        with self._lock:
            known = self._keys.get(kid)
            again = time.monotonic() - self._keys_at >= KEYS_AGAIN_S
        if known is not None:
            return known
        if again:
            said = self._ask("GET", self._endpoint("jwks_uri"))
            keys = jwt.PyJWKSet.from_dict(said).keys
            with self._lock:
                self._keys = {str(key.key_id or ""): key for key in keys}
                self._keys_at = time.monotonic()
                known = self._keys.get(kid)
        if known is None:
            raise ProviderError("its token is signed with a key that it does not name")
        return known

    def _ask(self, method: str, url: str, **more: Any) -> dict[str, Any]:
        try:
            answer = httpx.request(
                method, url, timeout=self._settings.timeout_s, follow_redirects=False, **more
            )
            said = answer.json() if answer.is_success else None
        except (httpx.HTTPError, httpx.InvalidURL, json.JSONDecodeError) as error:
            raise ProviderError(f"no answer that can be read ({type(error).__name__})") from error
        if not isinstance(said, dict):
            raise ProviderError(f"it answered {answer.status_code}")
        return said


def make_provider(settings: OidcSettings, clock: Clock, secret: str | None) -> Provider | None:
    """The provider of the settings, ``None`` when there is none; raises SettingsError."""
    if not settings.issuer:
        return None
    mistakes = []
    if not trusted(settings.issuer):
        mistakes.append("oidc.issuer: an https address is needed")
    if not settings.client_id:
        mistakes.append("oidc.client_id: the provider's name for this console is needed")
    if not settings.roles:
        mistakes.append('oidc.roles: say which value is which role, as "duty" = "specialist"')
    if mistakes:
        raise SettingsError("\n".join(mistakes))
    return Provider(settings, clock, secret)


def trusted(address: str) -> bool:
    """Whether an address is https, or http on this very machine."""
    parts = urlsplit(address)
    if parts.scheme == "https":
        return bool(parts.netloc)
    return parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")
