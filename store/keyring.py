"""The key of pseudonyms and seals, held against the store that it is used with."""

from __future__ import annotations

import logging

from core.errors import SettingsError, StoreAwayError
from core.sealing import fingerprint
from core.settings import PSEUDONYM_KEY, PSEUDONYM_VARIABLE, Settings, pseudonym_key
from store.protocol import Store

log = logging.getLogger(__name__)
NOTE = "pseudonym_key"


def key_of(store: Store, settings: Settings) -> bytes:
    """The key; raises SettingsError when the store was written with another one.

    Two machines with a key each would give one author two pseudonyms, and neither could open what
    the other sealed. While the store is away its note cannot be asked; the next start does.
    """
    key = pseudonym_key(settings)
    mark = fingerprint(key)
    try:
        kept = store.note(NOTE) or store.put_note_once(NOTE, mark)
    except StoreAwayError as error:
        log.warning("the key could not be held against the store's: %s", error)
        return key
    if kept != mark:
        raise SettingsError(
            f"the store was written with another key than {settings.under_home(PSEUDONYM_KEY)} "
            f"or {PSEUDONYM_VARIABLE} holds; bring that key to this machine"
        )
    return key
