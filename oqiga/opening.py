"""What every command begins with: arguments read, settings loaded, logging set up."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import typer

from core.log import configure, new_run_id
from core.settings import Settings, load_settings

if TYPE_CHECKING:
    from oqiga.context import Context


def open_settings() -> Settings:
    """The settings, with logging as they say."""
    settings = load_settings()
    log_as(settings)
    return settings


def open_context() -> Context:
    """Settings, store, clock and models, opened when they are first asked for."""
    from oqiga.context import Context

    return Context(open_settings())


def log_as(settings: Settings) -> None:
    """Log with a run id of this process."""
    configure(new_run_id(datetime.now(UTC).isoformat(), os.getpid()), settings.log_level)


def parse_time(text: str) -> datetime:
    """A moment, ISO 8601 with offset, in UTC."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{error}; as 2026-03-20T19:05:00+05:00") from error
    if time.tzinfo is None:
        raise typer.BadParameter("has no offset from UTC; as 2026-03-20T19:05:00+05:00")
    return time.astimezone(UTC)


def parse_day(text: str) -> date:
    """A local day, ISO 8601."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{error}; as 2026-03-20") from error
