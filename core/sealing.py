"""Encryption at rest of what names a person: AES-256-GCM under a key derived from the pseudonyms'.

The nonce is an HMAC of what is sealed (as in RFC 5297's synthetic initialisation): the same text
in the same place is sealed alike, so that delivering a record again changes nothing, and two
different texts never share a nonce but by a collision of 96 bits.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.errors import InputError

NONCE_BYTES = 12


def seal(text: str, key: bytes, place: str) -> str:
    """``text`` encrypted, in base64. ``place``: what it belongs to; needed again to open it."""
    data, bound = text.encode("utf-8", "surrogatepass"), place.encode()
    nonce = _derived(key, b"nonce", bound, data)[:NONCE_BYTES]
    sealed = AESGCM(_derived(key, b"seal")).encrypt(nonce, data, bound)
    return base64.b64encode(nonce + sealed).decode("ascii")


def unseal(sealed: str, key: bytes, place: str) -> str:
    """What was sealed; raises InputError for another key, another place or a changed record."""
    try:
        data = base64.b64decode(sealed, validate=True)
        opened = AESGCM(_derived(key, b"seal")).decrypt(
            data[:NONCE_BYTES], data[NONCE_BYTES:], place.encode()
        )
    except (InvalidTag, ValueError) as error:
        raise InputError(
            "what was sealed cannot be opened: the key is another one, or the record was changed"
        ) from error
    return opened.decode("utf-8", "surrogatepass")


def _derived(key: bytes, purpose: bytes, *parts: bytes) -> bytes:
    hasher = hmac.new(key, b"oqiga sealing " + purpose, hashlib.sha256)
    for part in parts:
        hasher.update(len(part).to_bytes(8, "big"))
        hasher.update(part)
    return hasher.digest()
