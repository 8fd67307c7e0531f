"""Files that hold a secret: readable by their owner only, made whole, never quoted in an error."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from core.errors import SettingsError

CONTAINER_SECRETS = Path("/run/secrets")
"""Where container engines put secrets, readable by all within: the container is the boundary."""


def secret_text(path: Path, what: str, remedy: str) -> str:
    """The secret that ``path`` holds, without white space around it.

    Raises SettingsError for a file that is missing, empty, no text, or that others can read; it
    says ``what`` the secret is and the ``remedy``.
    """
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingsError(
            f"{what}: {path} cannot be read ({error.strerror}); {remedy}"
        ) from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{what}: {path} is no text; {remedy}") from error
    if CONTAINER_SECRETS not in path.parents:
        need_private(path, mode)
    if not text:
        raise SettingsError(f"{what}: {path} is empty; {remedy}")
    return text


def secret_key(path: Path, n_bytes: int = 32) -> bytes:
    """The key kept in ``path``, made on first use and readable by its owner only.

    Two processes that start at once end with the same key: the file appears whole, by a link.
    Raises SettingsError for a file that others can read or that holds no key.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(n_bytes))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):  # another process was first: its key is it
            os.link(draft, path)
        draft.unlink()
    return key_of(secret_text(path, "key", "restore it from your copy"), str(path), n_bytes)


def key_of(text: str, where: str, n_bytes: int = 32) -> bytes:
    """The key that hexadecimal text says; raises SettingsError naming ``where`` it came from."""
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != n_bytes:
        raise SettingsError(
            f"{where} holds no key ({2 * n_bytes} hexadecimal characters are expected); restore it "
            "from your copy, as what was sealed with it opens with no other"
        )
    return key


def need_private(path: Path, mode: int) -> None:
    """Raise SettingsError when a file's ``mode`` (``st_mode``) lets others read it."""
    if mode & 0o077:
        raise SettingsError(f"{path} can be read by others; run: chmod 600 {path}")
