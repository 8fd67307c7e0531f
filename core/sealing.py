"""Encryption at rest of what names a person: AES-256-GCM under a key derived from the pseudonyms'.

The nonce is an HMAC of what is sealed (as in RFC 5297's synthetic initialisation): the same text
in the same place is sealed alike, so that delivering a record again changes nothing, and two
different texts never share a nonce but by a collision of 96 bits.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import zlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.errors import InputError
from core.records import RawPost

NONCE_BYTES = 12
CANNOT_OPEN = "what was sealed cannot be opened: the key is another one, or the record was changed"


def seal(text: str, key: bytes, place: str) -> str:
    """``text`` encrypted, in base64. ``place``: what it belongs to; needed again to open it."""
    sealed = seal_bytes(text.encode("utf-8", "surrogatepass"), key, place)
    return base64.b64encode(sealed).decode("ascii")


def unseal(sealed: str, key: bytes, place: str) -> str:
    """What was sealed; raises InputError for another key, another place or a changed record."""
    try:
        data = base64.b64decode(sealed, validate=True)
    except ValueError as error:
        raise InputError(CANNOT_OPEN) from error
    return unseal_bytes(data, key, place).decode("utf-8", "surrogatepass")


def seal_bytes(data: bytes, key: bytes, place: str) -> bytes:
    """``data`` encrypted: nonce, ciphertext, tag."""
    bound = place.encode("utf-8", "surrogatepass")
    nonce = _derived(key, b"nonce", bound, data)[:NONCE_BYTES]
    return nonce + AESGCM(_derived(key, b"seal")).encrypt(nonce, data, bound)


def unseal_bytes(sealed: bytes, key: bytes, place: str) -> bytes:
    """What was sealed; raises InputError as ``unseal`` does."""
    bound = place.encode("utf-8", "surrogatepass")
    try:
        return AESGCM(_derived(key, b"seal")).decrypt(
            sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound
        )
    except (InvalidTag, ValueError) as error:
        raise InputError(CANNOT_OPEN) from error


def seal_payload(raw: RawPost, key: bytes) -> RawPost:
    """The record with payload and address encrypted, as every store keeps it."""
    place = _payload_place(raw)
    body = zlib.compress(raw.payload)
    url = None if raw.url is None else seal(raw.url, key, place)
    return raw.model_copy(update={"payload": seal_bytes(body, key, place), "url": url})


def open_payload(raw: RawPost, key: bytes) -> RawPost:
    """The record as the source served it; raises InputError as ``unseal`` does."""
    place = _payload_place(raw)
    body = zlib.decompress(unseal_bytes(raw.payload, key, place))
    url = None if raw.url is None else unseal(raw.url, key, place)
    return raw.model_copy(update={"payload": body, "url": url})


def _payload_place(raw: RawPost) -> str:
    return f"payload {raw.source} {raw.native_id}"


def _derived(key: bytes, purpose: bytes, *parts: bytes) -> bytes:
    hasher = hmac.new(key, b"oqiga sealing " + purpose, hashlib.sha256)
    for part in parts:
        hasher.update(len(part).to_bytes(8, "big"))
        hasher.update(part)
    return hasher.digest()
