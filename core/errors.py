"""The errors of Oqiga.

OqigaError
├── SettingsError        a settings or sources file is wrong; lists every mistake
├── InputError           a record from outside cannot be accepted
│   └── ConflictError    an id used again with other content
├── StoreError           the store cannot do what was asked
│   ├── StaleWriteError  a write was based on a version that is no longer the newest
│   └── StoreAwayError   the store cannot be reached now; the same call later may succeed
├── ModelError           a model or the gazetteer is absent or unreadable
└── SourceError          a source cannot be read
"""


class OqigaError(Exception):
    """Base of all errors of Oqiga. The text says what, where and the remedy."""


class SettingsError(OqigaError):
    """A settings or sources file is wrong; the text lists every mistake."""


class InputError(OqigaError):
    """A record from outside cannot be accepted."""


class ConflictError(InputError):
    """An id that is known was used again with other content."""


class StoreError(OqigaError):
    """The store cannot do what was asked."""


class StaleWriteError(StoreError):
    """A write was based on a version that is no longer the newest: read again, then retry."""


class StoreAwayError(StoreError):
    """The store cannot be reached or takes no writes now; the same call later may succeed."""


class ModelError(OqigaError):
    """A model or the gazetteer is absent or unreadable."""


class SourceError(OqigaError):
    """A source cannot be read."""
