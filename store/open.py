"""The store that the settings name."""

from __future__ import annotations

from core.errors import SettingsError
from core.settings import Settings
from store.protocol import Store
from store.sqlite import SqliteStore


def open_store(settings: Settings) -> Store:
    """Open the configured store; raises SettingsError or StoreError."""
    if settings.store.kind != "sqlite":
        raise SettingsError(
            f"store.kind {settings.store.kind!r} cannot be used yet; set it to 'sqlite'"
        )
    return SqliteStore(settings.under_home(settings.store.path))
