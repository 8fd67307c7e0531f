"""One-time codes by time (RFC 6238: HMAC-SHA-1, 30 seconds, six figures)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from datetime import datetime
from urllib.parse import quote

STEP_S = 30
FIGURES = 6
DRIFT = 1
"""Steps that a phone's clock may be early or late, as RFC 6238 section 5.2 recommends."""
SECRET_BYTES = 20


def new_secret() -> str:
    """A random secret in base32, as authenticator programs take it."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode("ascii")


def address(secret: str, account: str, issuer: str = "Oqiga") -> str:
    """The otpauth address that an authenticator program reads."""
    return f"otpauth://totp/{quote(issuer)}:{quote(account)}?secret={secret}&issuer={quote(issuer)}"


def code(secret: str, step: int) -> str:
    """The code of one time step."""
    key = base64.b32decode(secret, casefold=True)
    mark = hmac.new(key, step.to_bytes(8, "big"), hashlib.sha1).digest()
    offset = mark[-1] & 0x0F
    number = int.from_bytes(mark[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**FIGURES:0{FIGURES}d}"


def step_of(now: datetime) -> int:
    """The time step that a moment is in."""
    return int(now.timestamp()) // STEP_S


def matching_step(secret: str, given: str, now: datetime, after: int | None) -> int | None:
    """The step whose code was given, ``None`` when none fits or its code was used before.

    ``after``: the step of the last code that was used.
    """
    given = "".join(given.split())
    current = step_of(now)
    try:
        for step in range(current - DRIFT, current + DRIFT + 1):
            fresh = after is None or step > after
            if fresh and hmac.compare_digest(code(secret, step), given):
                return step
    except (binascii.Error, TypeError):  # a code with other signs than figures
        return None
    return None
