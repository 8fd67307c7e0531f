"""Encryption at rest of what names a person: AES-256-GCM under a key derived from the pseudonyms'.

The nonce is an HMAC of what is sealed (as in RFC 5297's synthetic initialisation): the same text
in the same place is sealed alike, so that delivering a record again changes nothing, and two
different texts never share a nonce but by a collision of 96 bits.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import zlib
from typing import Any, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.errors import InputError
from core.records import Post, RawPost, Report, SetAside

R = TypeVar("R", Post, Report)

NONCE_BYTES = 12
SEALED = "sealed"
"""The one entry of ``extra`` when the unknown fields of an input record are sealed."""
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


def seal_extra(record: R, key: bytes) -> R:
    """The record with the unknown fields of its input encrypted: nobody knows what they name."""
    if not record.extra:
        return record
    text = json.dumps(record.extra, ensure_ascii=False)
    return record.model_copy(update={"extra": {SEALED: seal(text, key, _extra_place(record))}})


def open_extra(record: Post | Report, key: bytes) -> dict[str, Any]:
    """The unknown fields as they came; raises InputError as ``unseal`` does."""
    sealed = record.extra.get(SEALED)
    if not isinstance(sealed, str):
        return record.extra
    found: dict[str, Any] = json.loads(unseal(sealed, key, _extra_place(record)))
    return found


def seal_aside(item: SetAside, key: bytes) -> SetAside:
    """What was set aside, with the refused bytes encrypted; what is sealed stays as it is."""
    if item.sealed or not item.record:
        return item
    record = seal_bytes(item.record, key, _aside_place(item))
    return item.model_copy(update={"record": record, "sealed": True})


def open_aside(item: SetAside, key: bytes) -> SetAside:
    """What was set aside, with the bytes as they came; raises InputError as ``unseal`` does."""
    if not item.sealed:
        return item
    record = unseal_bytes(item.record, key, _aside_place(item))
    return item.model_copy(update={"record": record, "sealed": False})


def fingerprint(key: bytes) -> str:
    """What tells two keys apart and gives neither away."""
    return _derived(key, b"fingerprint").hex()[:16]


def _extra_place(record: Post | Report) -> str:
    return f"extra {record.id}"


def _aside_place(item: SetAside) -> str:
    return f"set aside {item.id}"


def _payload_place(raw: RawPost) -> str:
    return f"payload {raw.source} {raw.native_id}"


def _derived(key: bytes, purpose: bytes, *parts: bytes) -> bytes:
    hasher = hmac.new(key, b"oqiga sealing " + purpose, hashlib.sha256)
    for part in parts:
        hasher.update(len(part).to_bytes(8, "big"))
        hasher.update(part)
    return hasher.digest()
