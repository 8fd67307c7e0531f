"""The Telegram account: its session file, signing in, connecting. Joins nothing, writes nothing."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from telethon import TelegramClient, errors
from telethon.crypto import rsa
from telethon.sessions import SQLiteSession

from core.errors import SettingsError, SourceError
from core.settings import Settings, token

TOKEN = "telegram"  # noqa: S105 - the token's name
MAX_TRIES = 3
DC_OF_TEST_SERVER = 2
SIGN_IN = "run 'oqiga telegram login' on this machine"
LOST_ACCOUNT = (
    errors.AuthKeyUnregisteredError,
    errors.AuthKeyDuplicatedError,
    errors.SessionExpiredError,
    errors.SessionRevokedError,
    errors.UserDeactivatedError,
    errors.UserDeactivatedBanError,
    errors.PhoneNumberBannedError,
)
"""What means that the account itself cannot be used any more."""

Ask = Callable[[str], str]


def open_client(settings: Settings) -> TelegramClient:
    """A client on the session file, not yet connected; raises SettingsError.

    Waits that Telegram asks for are ours to obey, so the client must not sleep them away. The file
    is made for its owner only before anything is written to it.
    """
    api_id, api_hash = _application(token(TOKEN, settings))
    path = settings.under_home(settings.crawlers.telegram_session)
    _private(path)
    session = SQLiteSession(str(path))
    logging.getLogger("telethon").setLevel(logging.WARNING)  # it tells of each connection
    server = settings.crawlers.telegram_server
    if server is not None:
        _trust(settings.crawlers.telegram_server_key)
        host, _, port = server.rpartition(":")
        session.set_dc(DC_OF_TEST_SERVER, host, int(port))
    return TelegramClient(
        session,
        api_id,
        api_hash,
        flood_sleep_threshold=0,
        connection_retries=2,
        retry_delay=1,
        request_retries=3,
        catch_up=True,
        raise_last_call_error=True,
        device_model="Oqiga reader",
        app_version="0.1",
        system_version="1",
    )


async def sign_in(client: TelegramClient, ask: Ask, ask_secret: Ask) -> str:
    """Sign in in the terminal, with the second step where the account has one; the phone's end.

    Raises SourceError with the remedy.
    """
    try:
        await client.connect()
    except (OSError, ConnectionError) as error:
        raise SourceError(f"Telegram cannot be reached: {error}; check the network") from error
    if await client.is_user_authorized():
        return await _who(client)
    phone = ask("phone number with country code: ").strip()
    try:
        await client.send_code_request(phone)
        await _code(client, phone, ask, ask_secret)
    except errors.PhoneNumberInvalidError as error:
        raise SourceError("Telegram does not know this phone number; check it") from error
    except errors.FloodError as error:
        seconds = getattr(error, "seconds", 0)
        raise SourceError(f"Telegram asks to wait {seconds} s before the next try") from error
    except LOST_ACCOUNT as error:
        raise SourceError(
            f"this account cannot be used ({type(error).__name__}); sign in with another"
        ) from error
    return await _who(client)


async def _code(client: TelegramClient, phone: str, ask: Ask, ask_secret: Ask) -> None:
    for _ in range(MAX_TRIES):
        try:
            await client.sign_in(phone, ask("code that Telegram has sent: ").strip())
            return
        except errors.SessionPasswordNeededError:
            await _password(client, ask_secret)
            return
        except (errors.PhoneCodeInvalidError, errors.PhoneCodeEmptyError):
            continue
        except errors.PhoneCodeExpiredError as error:
            raise SourceError("the code has expired; start again") from error
    raise SourceError(f"the code was wrong {MAX_TRIES} times; start again")


async def _password(client: TelegramClient, ask_secret: Ask) -> None:
    for _ in range(MAX_TRIES):
        try:
            await client.sign_in(password=ask_secret("password of the second step: "))
            return
        except errors.PasswordHashInvalidError:
            continue
    raise SourceError(f"the password was wrong {MAX_TRIES} times; start again")


async def _who(client: TelegramClient) -> str:
    me: Any = await client.get_me()
    return "…" + str(me.phone or "")[-2:]


def _application(text: str) -> tuple[int, str]:
    number, _, secret = text.partition(":")
    if not number.isdecimal() or not secret:
        raise SettingsError(
            f"the token {TOKEN!r} must be api_id:api_hash, as my.telegram.org gives them"
        )
    return int(number), secret


def _private(path: Path) -> None:
    if path.suffix != ".session":
        raise SettingsError(f"crawlers.telegram_session is {path}; its name must end in .session")
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    elif path.stat().st_mode & 0o077:
        raise SettingsError(f"{path} can be read by others; run: chmod 600 {path}")


def _trust(path: Path | None) -> None:
    if path is None:
        raise SettingsError(
            "crawlers.telegram_server needs crawlers.telegram_server_key, a PEM file"
        )
    rsa.add_key(path.read_text(encoding="utf-8"), old=False)
