"""Requests of the Telegram account: within its budget, never during a wait it has to keep."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import Any

from telethon import TelegramClient, errors

from core.clock import Clock
from crawlers.pacing import Budgets
from crawlers.telegram_media import PatienceError
from store.protocol import Store

log = logging.getLogger(__name__)

HOST = "telegram"
"""The account's name among the hosts' budgets."""
BACK_OFF_NOTE = "telegram:back_off"
LONG_WAIT_S = 30.0
ANSWER_S = 60.0
"""The client itself waits for ever for an answer that the network has swallowed."""


class Asking:
    """Makes the account's requests one after the other."""

    def __init__(
        self,
        client: TelegramClient,
        store: Store,
        clock: Clock,
        *,
        budget_per_hour: float,
        pause_s: float,
    ) -> None:
        self.client = client
        self._store = store
        self._clock = clock
        self._budgets = Budgets(lambda _: budget_per_hour, pause_s, time.monotonic)
        self.per_s = budget_per_hour / 3600

    async def ask(self, request: Any) -> Any:
        """One request within the budget; raises PatienceError when Telegram asks for a wait."""
        await self._patience()
        name = type(request).__name__.removesuffix("Request")
        return await self._guarded(self.client(request), name)

    def wait_s(self) -> float:
        """Seconds until a request may be made."""
        return self._budgets.wait_s(HOST)

    def recall(self) -> None:
        """A wait that Telegram asked for in an earlier run still holds."""
        note = self._store.note(BACK_OFF_NOTE)
        if note is None:
            return
        until = datetime.fromisoformat(note).astimezone(UTC)
        left_s = (until - self._clock.now()).total_seconds()
        if left_s > 0:
            self._budgets.hold(HOST, left_s)
            log.info("Telegram's wait of an earlier run holds for %.0f s more", left_s)

    async def _patience(self) -> None:
        while (wait_s := self.wait_s()) > 0:
            if wait_s > LONG_WAIT_S:
                raise PatienceError(wait_s, "requests")
            await asyncio.sleep(wait_s)
        self._budgets.spend(HOST)

    async def _guarded(self, call: Awaitable[Any], name: str) -> Any:
        try:
            return await asyncio.wait_for(call, ANSWER_S)
        except errors.FloodError as error:
            seconds = float(getattr(error, "seconds", 0) or 1)
            self._back_off(seconds)
            raise PatienceError(seconds, name) from error

    def _back_off(self, seconds: float) -> None:
        self._budgets.hold(HOST, seconds)
        until = self._clock.now() + timedelta(seconds=seconds)
        self._store.put_note(BACK_OFF_NOTE, until.isoformat())
        log.warning("Telegram asks for %.0f s without requests; it is obeyed", seconds)
