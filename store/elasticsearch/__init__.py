"""The production store: an Elasticsearch cluster, shared by any number of processes.

Every call is one transaction of the journal (``journal``): taken in whole or not at all, in one
order for all processes, and applied to the indices by whoever comes next when its writer was
killed. Documents lie in indices by audience; the registry says where each one lies, so that
reading by id is always up to date and never waits for a refresh.
"""

from __future__ import annotations

from store.elasticsearch.accounts import Accounts
from store.elasticsearch.assessing import Assessing
from store.elasticsearch.blocking import Blocking
from store.elasticsearch.chains import Chains
from store.elasticsearch.decisions import Decisions
from store.elasticsearch.events import Events
from store.elasticsearch.inputs import Inputs
from store.elasticsearch.migration import Migration
from store.elasticsearch.queries import EventQueries
from store.elasticsearch.reading import Reading
from store.elasticsearch.removal import Removal
from store.elasticsearch.retention import Retention
from store.elasticsearch.sealing import Sealing
from store.elasticsearch.snapshots import Snapshots
from store.elasticsearch.stages import StageTimes
from store.elasticsearch.statistics import Statistics

__all__ = ["ElasticsearchStore"]


class ElasticsearchStore(
    Inputs,
    Assessing,
    Reading,
    Events,
    EventQueries,
    Blocking,
    Decisions,
    Chains,
    Accounts,
    StageTimes,
    Statistics,
    Migration,
    Retention,
    Removal,
    Sealing,
    Snapshots,
):
    """Store on a cluster; see ``store.protocol.Store`` for what the methods promise.

    Safe to share between threads. A process that forks opens its own store afterwards.
    """
