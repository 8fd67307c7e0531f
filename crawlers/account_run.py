"""Runs the reader of the Telegram account: one process a session file, connected anew when lost."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from telethon import TelegramClient

from core.errors import OqigaError, SettingsError, SourceError
from core.records import Source
from core.settings import Settings
from crawlers.keeper import Keeper, Reading
from crawlers.media_queue import MediaQueue
from crawlers.telegram_account import AccountReader
from crawlers.telegram_asking import HOST, Asking
from crawlers.telegram_session import LOST_ACCOUNT, SIGN_IN, Ask, open_client, sign_in
from crawlers.timing import next_wait_s
from store.protocol import Store

log = logging.getLogger(__name__)

CONNECT_S = 60.0
RETRY_S = 5.0
LONGEST_RETRY_S = 300.0


def lost_account(error: BaseException) -> str:
    """What to say when the account itself was refused."""
    return f"Telegram does not accept the account any more ({type(error).__name__}); {SIGN_IN}"


def login(settings: Settings, ask: Ask, ask_secret: Ask) -> str:
    """Sign in in the terminal; the end of the account's phone number."""

    async def work() -> str:
        client = open_client(settings)
        try:
            return await sign_in(client, ask, ask_secret)
        finally:
            await client.disconnect()

    with _only_one(settings):
        return asyncio.run(work())


def read_account_once(
    store: Store,
    keeper: Keeper,
    sources: Sequence[Source],
    settings: Settings,
    media: MediaQueue | None = None,
) -> list[Reading]:
    """Reconcile each source once; raises SourceError or SettingsError when nothing can be read."""

    async def work() -> list[Reading]:
        client = open_client(settings)
        try:
            await _connect(client)
            return await _reader(client, store, keeper, sources, settings, media).read_once()
        except LOST_ACCOUNT as error:
            raise SourceError(lost_account(error)) from error
        except (OSError, TimeoutError) as error:
            raise SourceError(
                f"Telegram cannot be reached ({type(error).__name__}); check the network"
            ) from error
        finally:
            await client.disconnect()

    with _only_one(settings):
        return asyncio.run(work())


def listen_account(
    store: Store,
    keeper: Keeper,
    sources: Sequence[Source],
    settings: Settings,
    stop: threading.Event,
    media: MediaQueue | None = None,
) -> None:
    """Read until ``stop``. A loss of the network or of the account is reported and tried again."""
    failures = 0
    while not stop.is_set():
        try:
            with _only_one(settings):
                asyncio.run(_listen(store, keeper, sources, settings, stop, media))
            return
        except LOST_ACCOUNT as error:
            problem = lost_account(error)
        except OqigaError as error:
            problem = str(error)
        except (OSError, TimeoutError) as error:
            problem = f"Telegram cannot be reached ({type(error).__name__}); it is tried again"
        except sqlite3.Error as error:
            problem = f"the session file cannot be used: {error}"
        failures += 1
        for source in sources:
            keeper.fail(keeper.start(source), problem)
        stop.wait(min(next_wait_s(RETRY_S, failures - 1), LONGEST_RETRY_S))


async def _listen(
    store: Store,
    keeper: Keeper,
    sources: Sequence[Source],
    settings: Settings,
    stop: threading.Event,
    media: MediaQueue | None = None,
) -> None:
    client = open_client(settings)
    try:
        await _connect(client)
        await _reader(client, store, keeper, sources, settings, media).listen(stop)
    finally:
        await client.disconnect()


async def _connect(client: TelegramClient) -> None:
    await asyncio.wait_for(client.connect(), CONNECT_S)
    if not await asyncio.wait_for(client.is_user_authorized(), CONNECT_S):
        raise SourceError(f"no account is signed in; {SIGN_IN}")


def _reader(
    client: TelegramClient,
    store: Store,
    keeper: Keeper,
    sources: Sequence[Source],
    settings: Settings,
    media: MediaQueue | None,
) -> AccountReader:
    crawlers = settings.crawlers
    asking = Asking(
        client,
        store,
        keeper,
        budget_per_hour=crawlers.budget_per_hour(HOST),
        pause_s=crawlers.delay_s,
    )
    return AccountReader(
        asking, keeper, sources, longest_s=crawlers.longest_interval_s, media=media
    )


@contextlib.contextmanager
def _only_one(settings: Settings) -> Iterator[None]:
    """Telegram revokes a session that is used twice at once: one process alone may hold it."""
    session = settings.under_home(settings.crawlers.telegram_session)
    path = Path(f"{session}.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        path.chmod(0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SettingsError(
                f"{session} is in use by another process; stop 'oqiga run' or 'oqiga listen' first"
            ) from error
        yield
