"""The embedded store: one SQLite file in WAL mode, shared by several processes and threads.

Tables come once for each audience, so that no query can forget to leave confidential records
out. Records are kept as JSON beside the columns that queries need. Times are microseconds UTC.
What turns confidential is overwritten where it lay (``secure_delete``, also in the full-text
index); older copies in the write-ahead log go with the next checkpoint.
"""

from __future__ import annotations

from store.sqlite.accounts import Accounts
from store.sqlite.assessing import Assessing
from store.sqlite.chains import Chains
from store.sqlite.decisions import Decisions
from store.sqlite.events import Events
from store.sqlite.inputs import Inputs
from store.sqlite.queries import EventQueries
from store.sqlite.reading import Reading
from store.sqlite.removal import Removal
from store.sqlite.retention import Retention
from store.sqlite.sealing import Sealing
from store.sqlite.stages import StageTimes
from store.sqlite.statistics import Statistics
from store.sqlite.volumes import Volumes

__all__ = ["SqliteStore"]


class SqliteStore(
    Inputs,
    Assessing,
    Reading,
    Events,
    EventQueries,
    Decisions,
    Chains,
    Accounts,
    StageTimes,
    Statistics,
    Volumes,
    Retention,
    Removal,
    Sealing,
):
    """Store on one SQLite file; see ``store.protocol.Store`` for what the methods promise.

    Safe to share between threads: each has a connection of its own. A process that forks opens
    its own store afterwards.
    """
