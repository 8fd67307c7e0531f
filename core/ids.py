"""Ids are digests of what identifies a thing."""

from __future__ import annotations

import hashlib
import hmac
import json

DIGEST_CHARS = 24
"""96 bits: among 10^12 records the chance of any collision is about 6e-6 (birthday bound)."""


def digest(*parts: str) -> str:
    """Hex digest (24 characters) of an ordered list of strings.

    The parts are length-prefixed, so that ("ab", "c") and ("a", "bc") differ.
    """
    hasher = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        hasher.update(len(data).to_bytes(8, "big"))
        hasher.update(data)
    return hasher.hexdigest()[:DIGEST_CHARS]


def content_digest(value: object) -> str:
    """Digest of a JSON-like value, independent of the order of keys."""
    return digest(json.dumps(value, sort_keys=True, ensure_ascii=False, default=str))


def pseudonym(handle: str, key: bytes) -> str:
    """Keyed pseudonym of an author's handle: HMAC-SHA256, 24 hex characters.

    Without the key nobody can test a guess; with a new key old and new no longer join.
    """
    return hmac.new(key, handle.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[
        :DIGEST_CHARS
    ]
