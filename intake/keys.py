"""API keys of the systems that send reports: one ``name:sha256hex`` a line, never the key itself.

A key is 256 random bits, so a plain hash of it cannot be searched; passwords would need more.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path

from core.errors import InputError, SettingsError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_HASH = re.compile("[0-9a-f]{64}")


def new_key(path: Path, name: str) -> str:
    """Make a key for the sender ``name``, keep its hash, and return the key: it is shown once.

    Raises InputError for a name that is taken or has other characters than letters, digits,
    ``_.-``. The file is readable by its owner only and is replaced as a whole.
    """
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{name!r} cannot name an API key; use 1 to 64 letters, digits and _ . - "
            "and begin with a letter or digit"
        )
    known = load(path)
    if name in known:
        raise InputError(
            f"an API key named {name!r} exists in {path}; remove its line to withdraw it, "
            "or choose another name"
        )
    key = secrets.token_urlsafe(32)
    known[name] = _hash(key)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.writelines(f"{each}:{hashed}\n" for each, hashed in known.items())
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    return key


def load(path: Path) -> dict[str, str]:
    """Hash of each sender's key; an absent file has none. Raises SettingsError."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: the API keys cannot be read") from error
    keys: dict[str, str] = {}
    mistakes = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, hashed = line.strip().partition(":")
        if not _NAME.fullmatch(name) or not _HASH.fullmatch(hashed) or name in keys:
            mistakes.append(f"{path}, line {number}: not a new name:sha256hex")
        keys[name] = hashed
    if mistakes:
        raise SettingsError("\n".join(mistakes))
    return keys


def sender(keys: dict[str, str], key: str) -> str | None:
    """Name of the sender whose key this is; takes the same time wherever the key differs."""
    offered = _hash(key)
    found: str | None = None
    for name, hashed in keys.items():
        if hmac.compare_digest(offered, hashed):
            found = name
    return found


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
