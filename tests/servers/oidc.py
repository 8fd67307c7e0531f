"""An OpenID Connect provider of our own on this machine: real keys, real tokens, PKCE checked.

``lie`` names one thing that it does wrong, so that each check of the console can be seen to fail.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CLIENT, SECRET = "oqiga-console", "client-secret"
FORM = """<!doctype html><html lang="en"><title>Provider</title>
<form method="post" action="/authorize?{query}"><button id="allow">Allow</button></form></html>"""


class OidcProvider:
    """One person, ``claims``, signs in here; ``codes`` are used once."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.claims: dict[str, Any] = {
            "sub": "42",
            "preferred_username": "aigerim",
            "realm_access": {"roles": ["staff", "duty"]},
        }
        self.lie = ""
        self.codes: dict[str, dict[str, str]] = {}
        self.asked: list[str] = []
        self.redirects: set[str] = set()
        self.new_key("first")
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider._get(self)

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                provider._post(self, self.rfile.read(length).decode())

            def log_message(self, *_: object) -> None:
                """Silence."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://{host}:{self.server.server_address[1]}"

    def new_key(self, kid: str) -> None:
        """Sign with another key from now on; only the newest is named."""
        self.kid = kid
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def allow(self, address: str) -> str:
        """Sign in at ``address`` as the browser would; the address that it is sent to."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        if query["redirect_uri"] not in self.redirects or query["client_id"] != CLIENT:
            raise AssertionError("this client and redirect are not known to the provider")
        if query["response_type"] != "code" or query["code_challenge_method"] != "S256":
            raise AssertionError("not the authorization code with PKCE")
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        answer = {"code": code, "state": query["state"], "iss": self.issuer}
        if self.lie == "refuse":
            answer = {"error": "access_denied", "state": query["state"]}
        elif self.lie == "state":
            answer["state"] = "another"
        elif self.lie == "mix-up":
            answer["iss"] = "https://other.example.org"
        return f"{query['redirect_uri']}?{urlencode(answer)}"

    def _get(self, request: BaseHTTPRequestHandler) -> None:
        path = urlsplit(request.path)
        self.asked.append(path.path)
        if path.path == "/.well-known/openid-configuration":
            self._send(request, self._discovery())
        elif path.path == "/keys":
            public = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
            self._send(request, {"keys": [{**public, "kid": self.kid, "alg": "RS256"}]})
        elif path.path == "/authorize":
            body = FORM.format(query=html.escape(path.query)).encode()
            request.send_response(200)
            request.send_header("Content-Type", "text/html; charset=utf-8")
            request.send_header("Content-Length", str(len(body)))
            request.end_headers()
            request.wfile.write(body)
        else:
            request.send_error(404)

    def _discovery(self) -> dict[str, Any]:
        issuer = "https://evil.example.org" if self.lie == "issuer" else self.issuer
        token = "http://evil.example.org/token" if self.lie == "plain" else f"{self.issuer}/token"
        return {
            "issuer": issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": token,
            "jwks_uri": f"{self.issuer}/keys",
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def _post(self, request: BaseHTTPRequestHandler, body: str) -> None:
        path = urlsplit(request.path)
        self.asked.append(path.path)
        if path.path == "/authorize":
            request.send_response(302)
            request.send_header("Location", self.allow(request.path))
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        form = {name: values[0] for name, values in parse_qs(body).items()}
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        asked = self.codes.pop(form.get("code", ""), None)
        verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).rstrip(b"=").decode()
        right = (
            asked is not None
            and form.get("grant_type") == "authorization_code"
            and request.headers.get("Authorization") == f"Basic {basic}"
            and form.get("redirect_uri") == asked["redirect_uri"]
            and challenge == asked["code_challenge"]
        )
        if not right or asked is None:
            self._send(request, {"error": "invalid_grant"}, 400)
            return
        self._send(request, {"token_type": "Bearer", "id_token": self.token(asked["nonce"])})

    def token(self, nonce: str) -> str:
        """An identity token, with the lie in it if there is one."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            **self.claims,
        }
        claims |= {
            "nonce": {"nonce": "another"},
            "audience": {"aud": "another-program"},
            "azp": {"aud": [CLIENT, "another-program"], "azp": "another-program"},
            "expired": {"iat": now - 900, "exp": now - 600},
            "token-issuer": {"iss": "https://evil.example.org"},
        }.get(self.lie, {})
        if self.lie == "no-sub":
            del claims["sub"]
        headers = {"kid": "unknown" if self.lie == "kid" else self.kid}
        if self.lie == "unsigned":
            return jwt.encode(claims, None, algorithm="none", headers=headers)
        if self.lie == "forged":
            other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            return jwt.encode(claims, other, algorithm="RS256", headers=headers)
        if self.lie == "confused":  # the public key as the secret of an HMAC
            public = self.key.public_key().public_bytes(
                Encoding.DER, PublicFormat.SubjectPublicKeyInfo
            )
            return jwt.encode(claims, public, algorithm="HS256", headers=headers)
        return jwt.encode(claims, self.key, algorithm="RS256", headers=headers)

    def _send(self, request: BaseHTTPRequestHandler, said: object, status: int = 200) -> None:
        body = json.dumps(said).encode()
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)


@contextmanager
def oidc_provider(host: str = "127.0.0.1") -> Iterator[OidcProvider]:
    """Serve until the block ends."""
    provider = OidcProvider(host)
    thread = threading.Thread(target=provider.server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield provider
    finally:
        provider.server.shutdown()
        provider.server.server_close()
        thread.join()
