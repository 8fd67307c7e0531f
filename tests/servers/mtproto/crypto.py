"""The server's half of MTProto's cryptography: RSA, Diffie-Hellman, AES-IGE, SRP.

core.telegram.org/mtproto/auth_key, /mtproto/description and /api/srp.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha1, sha256

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from telethon import helpers
from telethon import password as srp
from telethon.crypto import AES, AuthKey
from telethon.crypto.rsa import _compute_fingerprint, get_byte_array
from telethon.tl import types

PRIME = bytes.fromhex(
    "C71CAEB9C6B1C9048E6C522F70F13F73980D40238E3E21C14934D037563D930F"
    "48198A0AA7C14058229493D22530F4DBFA336F6E0AC925139543AED44CCE7C37"
    "20FD51F69458705AC68CD4FE6B6B13ABDC9746512969328454F18FAF8C595F64"
    "2477FE96BB2A941D5BCD1D4AC8CC49880708FA9B378E3C4F3A9060BEE67CF9A4"
    "A4A695811051907E162753B56B0F6B410DBA74D8A84B2A14B3144E0EF1284754"
    "FD17ED950D5965B4B9DD46582DB1178D169C6BC465B0D6FF9CA3928FEF5B9AE4"
    "E418FC15E83EBEA0F87FA9FF5EED70050DED2849F47BF959D956850CE929851F"
    "0D8115F635B105EE2E4E15D04B2454BF6F4FADF034B10403119CD8E3B92FCC5B"
)
"""The safe prime that clients know as good, with the generator 3."""
GENERATOR = 3
P, Q = 500_009, 1_000_003
"""Small primes, as the proof of work is no part of the tests; the client reads pq as signed."""


@dataclass(frozen=True)
class ServerKey:
    """An RSA key of 2,048 bits and its public half as the client wants it (PKCS#1, PEM)."""

    private: rsa.RSAPrivateKey
    pem: str
    fingerprint: int

    def decrypt(self, block: bytes) -> bytes:
        """Raw RSA: 255 bytes of SHA-1, data and padding."""
        numbers = self.private.private_numbers()
        plain = pow(int.from_bytes(block, "big"), numbers.d, numbers.public_numbers.n)
        return plain.to_bytes(255, "big")


@lru_cache(maxsize=1)
def server_key() -> ServerKey:
    """One key a process: making it takes a tenth of a second."""
    private = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    public = private.public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.PKCS1)
    return ServerKey(private, pem.decode(), _compute_fingerprint(public.public_numbers()))


@dataclass
class Handshake:
    """The making of one authorization key, seen from the server."""

    nonce: int = 0
    server_nonce: int = field(default_factory=lambda: _random_int(16))
    new_nonce: int = 0
    secret: int = 0

    def pq(self, nonce: int) -> types.ResPQ:
        """Step 1."""
        self.nonce = nonce
        return types.ResPQ(
            nonce=nonce,
            server_nonce=self.server_nonce,
            pq=get_byte_array(P * Q),
            server_public_key_fingerprints=[server_key().fingerprint],
        )

    def dh_params(self, encrypted: bytes, server_time: int) -> types.ServerDHParamsOk:
        """Step 2: the client's new nonce, our half of the exchange."""
        from telethon.extensions import BinaryReader

        plain = server_key().decrypt(encrypted)
        with BinaryReader(plain[20:]) as reader:
            inner = reader.tgread_object()
        if (
            sha1(bytes(inner), usedforsecurity=False).digest() != plain[:20]
            or inner.server_nonce != self.server_nonce
        ):
            raise ValueError("the client's inner data is damaged")
        self.new_nonce = inner.new_nonce
        self.secret = int.from_bytes(os.urandom(256), "big")
        answer = bytes(
            types.ServerDHInnerData(
                nonce=self.nonce,
                server_nonce=self.server_nonce,
                g=GENERATOR,
                dh_prime=PRIME,
                g_a=get_byte_array(pow(GENERATOR, self.secret, _prime())),
                server_time=server_time,
            )
        )
        answer = sha1(answer, usedforsecurity=False).digest() + answer
        answer += os.urandom(-len(answer) % 16)
        key, iv = helpers.generate_key_data_from_nonce(self.server_nonce, self.new_nonce)
        return types.ServerDHParamsOk(
            nonce=self.nonce,
            server_nonce=self.server_nonce,
            encrypted_answer=AES.encrypt_ige(answer, key, iv),
        )

    def finish(self, encrypted: bytes) -> tuple[AuthKey, types.DhGenOk]:
        """Step 3: the key both sides have now."""
        from telethon.extensions import BinaryReader

        key, iv = helpers.generate_key_data_from_nonce(self.server_nonce, self.new_nonce)
        with BinaryReader(AES.decrypt_ige(encrypted, key, iv)[20:]) as reader:
            inner = reader.tgread_object()
        shared = pow(int.from_bytes(inner.g_b, "big"), self.secret, _prime())
        auth_key = AuthKey(get_byte_array(shared))
        done = types.DhGenOk(
            nonce=self.nonce,
            server_nonce=self.server_nonce,
            new_nonce_hash1=auth_key.calc_new_nonce_hash(self.new_nonce, 1),
        )
        return auth_key, done


def encrypt(auth_key: AuthKey, data: bytes) -> bytes:
    """A message of the server, MTProto 2.0. ``data``: salt, session, message."""
    padded = data + os.urandom(-(len(data) + 12) % 16 + 12)
    msg_key = sha256(auth_key.key[96:128] + padded).digest()[8:24]
    key, iv = _aes(auth_key.key, msg_key, 8)
    sealed: bytes = AES.encrypt_ige(padded, key, iv)
    return struct.pack("<Q", auth_key.key_id) + msg_key + sealed


def decrypt(auth_key: AuthKey, packet: bytes) -> bytes:
    """A message of the client; raises ValueError when its key does not fit."""
    msg_key = packet[8:24]
    key, iv = _aes(auth_key.key, msg_key, 0)
    plain: bytes = AES.decrypt_ige(packet[24:], key, iv)
    if sha256(auth_key.key[88:120] + plain).digest()[8:24] != msg_key:
        raise ValueError("the message's key does not fit")
    return plain


class PasswordCheck:
    """The server's half of the secure remote password protocol."""

    def __init__(self, password: str) -> None:
        self.algo = types.PasswordKdfAlgoSHA256SHA256PBKDF2HMACSHA512iter100000SHA256ModPow(
            salt1=os.urandom(16), salt2=os.urandom(16), g=GENERATOR, p=PRIME
        )
        self._verifier = int.from_bytes(srp.compute_digest(self.algo, password), "big")
        self._b = int.from_bytes(os.urandom(256), "big")
        k = int.from_bytes(
            srp.sha256(PRIME, srp.big_num_for_hash(GENERATOR)),
            "big",
        )
        self._public = (k * self._verifier + pow(GENERATOR, self._b, _prime())) % _prime()
        self.id = 102

    def asked(self) -> types.account.Password:
        """What account.getPassword answers."""
        return types.account.Password(
            new_algo=self.algo,
            new_secure_algo=types.SecurePasswordKdfAlgoUnknown(),
            secure_random=b"",
            has_password=True,
            current_algo=self.algo,
            srp_B=srp.big_num_for_hash(self._public),
            srp_id=self.id,
            hint=None,
        )

    def fits(self, given: types.InputCheckPasswordSRP) -> bool:
        """Whether the client knows the password."""
        a_bytes, b_bytes = given.A, srp.big_num_for_hash(self._public)
        u = int.from_bytes(srp.sha256(a_bytes, b_bytes), "big")
        a = int.from_bytes(a_bytes, "big")
        shared = pow(a * pow(self._verifier, u, _prime()), self._b, _prime())
        proof = srp.sha256(
            srp.xor(srp.sha256(PRIME), srp.sha256(srp.big_num_for_hash(GENERATOR))),
            srp.sha256(self.algo.salt1),
            srp.sha256(self.algo.salt2),
            a_bytes,
            b_bytes,
            srp.sha256(srp.big_num_for_hash(shared)),
        )
        return bool(proof == given.M1)


def _aes(auth_key: bytes, msg_key: bytes, x: int) -> tuple[bytes, bytes]:
    a = sha256(msg_key + auth_key[x : x + 36]).digest()
    b = sha256(auth_key[x + 40 : x + 76] + msg_key).digest()
    return a[:8] + b[8:24] + a[24:32], b[:8] + a[8:24] + b[24:32]


def _prime() -> int:
    return int.from_bytes(PRIME, "big")


def _random_int(n_bytes: int) -> int:
    return int.from_bytes(os.urandom(n_bytes), "big", signed=True)
