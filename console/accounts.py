"""Accounts and sessions: argon2id, lock-out, and cookies whose digest alone is stored."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from console.provider import Identity
from console.totp import matching_step
from core.clock import Clock
from core.errors import InputError
from core.records import AuditEntry, Role, Session, User
from store.protocol import Store

MAX_WRONG = 10
LOCK_WINDOW = timedelta(minutes=10)
MAX_NAME_CHARS = 100
MAX_PASSWORD_CHARS = 1_000
MIN_PASSWORD_CHARS = 8
_REMEMBERED_NAMES = 10_000
_HASHINGS_AT_ONCE = 2
"""One hash takes 64 MiB (RFC 9106, second recommended option): a flood must not eat the machine."""

_hasher = PasswordHasher()
NEVER_MATCHES = "none"
"""Of accounts that a provider vouches for: no password has this hash."""
_NOBODY = (  # the hash of a random password that nobody kept
    "$argon2id$v=19$m=65536,t=3,p=4$od3lzm1ASOI2j0CTGC4dyg$6NSHgs"
    "N6753aPpbSKkMrIwj7VIlkwfQHF34hPPKtVYg"
)
"""Verified for names that do not exist, so that the time of an answer tells nothing."""


@dataclass(frozen=True)
class SignedIn:
    """A live session with its account."""

    user: User
    session: Session


def ensure_account(
    store: Store, name: str, role: Role, password: str, clock: Clock, *, by: str = "system"
) -> User:
    """The account with this role and password, made or changed where needed.

    An account that is already so stays untouched, and so do its sessions. Raises InputError for a
    name or password that cannot be used.
    """
    if not 1 <= len(name) <= MAX_NAME_CHARS or not name.isprintable():
        raise InputError(f"an account's name has 1 to {MAX_NAME_CHARS} printable characters")
    check_password(password)
    known = store.user(name)
    if known is not None and known.subject is not None:
        raise InputError(f"{name!r} signs in by the provider, which keeps the password")
    same = known is not None and known.role is role and not known.disabled
    if known is not None and same and _matches(known.password_hash, password):
        return known
    now = clock.now()
    user = User(
        name=name,
        role=role,
        password_hash=_hasher.hash(password),
        created_at=known.created_at if known else now,
        totp=known.totp if known else None,
        totp_step=known.totp_step if known else None,
    )
    store.put_user(user)
    action = "account_changed" if known else "account_added"
    store.add_audit(AuditEntry(at=now, by=by, action=action, subject=name, detail=role))
    return user


def check_password(password: str) -> None:
    """Raises InputError for a password that is too short or too long."""
    if not MIN_PASSWORD_CHARS <= len(password) <= MAX_PASSWORD_CHARS:
        raise InputError(
            f"a password has {MIN_PASSWORD_CHARS} to {MAX_PASSWORD_CHARS} characters; "
            "choose another one"
        )


class Accounts:
    """Signing in and out. ``clock`` is real time (UTC), also while a replay runs."""

    def __init__(self, store: Store, clock: Clock, session_h: float) -> None:
        self._store = store
        self.clock = clock
        self._length = timedelta(hours=session_h)
        self._wrong: OrderedDict[str, list[datetime]] = OrderedDict()
        self._lock = threading.Lock()
        self._hashing = threading.BoundedSemaphore(_HASHINGS_AT_ONCE)

    def sign_in(self, name: str, password: str, code: str = "") -> str | None:
        """The new session's token for the cookie, ``None`` when it was refused.

        An account with a second factor needs its ``code``, each code once.

        After 10 wrong tries within 10 minutes a name is refused whatever the password; whether it
        exists makes no difference to answer or time.
        """
        name = name[: MAX_NAME_CHARS + 1]
        if self.locked(name):
            return None
        user = self._store.user(name) if name else None
        with self._hashing:
            expected = user.password_hash if user else _NOBODY
            right = _matches(expected, password[:MAX_PASSWORD_CHARS])
        if user is None or not right or user.disabled or not self._second_factor(user, code):
            self._count_wrong(name, known=user is not None)
            return None
        with self._lock:
            self._wrong.pop(name, None)
        return self._begin(user)

    def sign_in_vouched(
        self, who: Identity, *, trusted_factor: bool, factor_for: Collection[str]
    ) -> tuple[str, User]:
        """A session for whom a provider vouches for, and the account, made at the first time.

        The provider's word on the role counts each time. Raises InputError when no role is theirs,
        the role needs a second factor that the provider does not ask for, the account is disabled,
        or the name is another account's.
        """
        role = who.role
        if role is None or (role in factor_for and not trusted_factor):
            raise self._refused(who, "no role that may sign in this way")
        known = next((u for u in self._store.users() if u.subject == who.subject), None)
        if known is None:
            if self._store.user(who.name) is not None:
                raise self._refused(who, "the name is another account's")
            known = User(
                name=who.name,
                role=role,
                password_hash=NEVER_MATCHES,
                created_at=self.clock.now(),
                subject=who.subject,
            )
            self._store.put_user(known)
            self._audit("account_added", known.name, "provider", role)
        if known.disabled:
            raise self._refused(who, "the account is disabled")
        if known.role is not role:
            known = self.change(known.name, "provider", role=role)
        return self._begin(known, "provider"), known

    def _refused(self, who: Identity, why: str) -> InputError:
        self._audit("sign_in_refused", who.name, "provider", why)
        return InputError(why)

    def _begin(self, user: User, by: str | None = None) -> str:
        """A new session; its token."""
        now = self.clock.now()
        token = secrets.token_urlsafe(32)
        self._store.put_session(
            Session(
                id=_token_digest(token),
                user=user.name,
                created_at=now,
                expires_at=now + self._length,
                csrf=secrets.token_urlsafe(32),
            )
        )
        self._audit("sign_in", user.name, detail=f"by {by}" if by else "")
        return token

    def locked(self, name: str) -> bool:
        """Whether the name had too many wrong tries lately."""
        since = self.clock.now() - LOCK_WINDOW
        with self._lock:
            return sum(at > since for at in self._wrong.get(name, ())) >= MAX_WRONG

    def signed_in(self, token: str | None) -> SignedIn | None:
        """The session of a cookie, ``None`` when unknown, expired or its account is disabled."""
        if not token:
            return None
        session = self._store.session(_token_digest(token))
        if session is None:
            return None
        if session.expires_at <= self.clock.now():
            self._store.drop_session(session.id)
            return None
        user = self._store.user(session.user)
        if user is None or user.disabled:
            return None
        return SignedIn(user=user, session=session)

    def sessions(self, name: str | None = None) -> list[Session]:
        """Living sessions, of one account or of all, oldest first."""
        now = self.clock.now()
        found = [s for s in self._store.sessions() if s.expires_at > now]
        return [s for s in found if name is None or s.user == name]

    def revoke(self, session_id: str, by: str) -> bool:
        """End a session at once; whether there was one."""
        session = self._store.session(session_id)
        if session is None:
            return False
        self._store.drop_session(session_id)
        self._audit("session_revoked", session.user, by)
        return True

    def revoke_all(self, name: str, by: str, *, but: str | None = None) -> None:
        """End all sessions of an account, except ``but``."""
        for session in self.sessions(name):
            if session.id != but:
                self.revoke(session.id, by)

    def change_password(self, signed_in: SignedIn, old: str, new: str) -> None:
        """A person's own new password; other sessions end. Raises InputError."""
        check_password(new)
        if not _matches(signed_in.user.password_hash, old[:MAX_PASSWORD_CHARS]):
            raise InputError("the present password is wrong")
        changed = signed_in.user.model_copy(update={"password_hash": _hasher.hash(new)})
        self._store.put_user(changed)
        self._audit("password_changed", changed.name)
        self.revoke_all(changed.name, changed.name, but=signed_in.session.id)

    def set_factor(self, user: User, secret: str, code: str) -> None:
        """Turn the second factor on with a code that proves it works; raises InputError."""
        step = matching_step(secret, code, self.clock.now(), None)
        if step is None:
            raise InputError("the code does not fit; check the clock of the phone")
        self._store.put_user(user.model_copy(update={"totp": secret, "totp_step": step}))
        self._audit("second_factor_on", user.name)

    def drop_factor(self, user: User, by: str) -> None:
        """Turn the second factor off: by its owner, or by an administrator for a lost phone."""
        self._store.put_user(user.model_copy(update={"totp": None, "totp_step": None}))
        self._audit("second_factor_off", user.name, by)

    def change(
        self, name: str, by: str, *, role: Role | None = None, disabled: bool | None = None
    ) -> User:
        """Change an account's role or disable it; its sessions end. Raises InputError."""
        user = self._store.user(name)
        if user is None:
            raise InputError(f"there is no account {name!r}")
        changes = {"role": role, "disabled": disabled}
        given = {key: value for key, value in changes.items() if value is not None}
        changed = user.model_copy(update=given)
        self._store.put_user(changed)
        told = ", ".join(f"{key} {value}" for key, value in sorted(given.items()))
        self._audit("account_changed", name, by, told)
        self.revoke_all(name, by)
        return changed

    def _second_factor(self, user: User, code: str) -> bool:
        if user.totp is None:
            return True
        with self._lock:  # a code is used once, also when sent twice at once
            current = self._store.user(user.name) or user
            step = matching_step(user.totp, code, self.clock.now(), current.totp_step)
            if step is None:
                return False
            self._store.put_user(current.model_copy(update={"totp_step": step}))
        return True

    def sign_out(self, signed_in: SignedIn) -> None:
        """Revoke the session."""
        self._store.drop_session(signed_in.session.id)
        self._audit("sign_out", signed_in.user.name)

    def _count_wrong(self, name: str, *, known: bool) -> None:
        now = self.clock.now()
        with self._lock:
            tries = [at for at in self._wrong.get(name, ()) if at > now - LOCK_WINDOW]
            tries.append(now)
            self._wrong[name] = tries[-MAX_WRONG:]
            self._wrong.move_to_end(name)
            while len(self._wrong) > _REMEMBERED_NAMES:
                self._wrong.popitem(last=False)
            now_locked = len(tries) == MAX_WRONG
        # People type passwords into the name's field: an unknown name is not written down.
        subject = name if known else "unknown account"
        self._audit("sign_in_refused", subject)
        if now_locked:
            self._audit("account_locked", subject)

    def _audit(self, action: str, name: str, by: str | None = None, detail: str = "") -> None:
        self._store.add_audit(
            AuditEntry(
                at=self.clock.now(), by=by or name, action=action, subject=name, detail=detail
            )
        )


def _matches(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def _token_digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
