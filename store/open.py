"""The store that the settings name."""

from __future__ import annotations

import logging

from core.errors import StoreAwayError
from core.settings import Settings
from store.protocol import Store
from store.sqlite import SqliteStore

log = logging.getLogger(__name__)


def open_store(settings: Settings) -> Store:
    """Open the configured store; raises SettingsError or StoreError."""
    if settings.store.kind == "elasticsearch":
        # Imported here: the client costs 0.3 s that an embedded store has no use for.
        from store.elasticsearch import ElasticsearchStore

        store = ElasticsearchStore(settings.elasticsearch, settings.home)
        try:
            store.prepare()
        except StoreAwayError as error:
            # Readers go on without it, into the outbox; whoever has to read finds out by itself.
            log.warning("%s", error)
        return store
    return SqliteStore(settings.under_home(settings.store.path))
