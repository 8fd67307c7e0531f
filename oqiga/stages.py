"""Each stage once over the store, for a scheduler: started, run to its end, done.

All may be repeated, run beside the live runtime, or be killed: the store makes that safe.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from core.records import Source
from core.settings import load_sources
from crawlers.timing import next_wait_s
from intake.drop import SETTLED_S
from oqiga.context import Context

MOST_AT_ONCE = 10_000
"""Records that one run assesses at most; what is left has the next run."""

GROUPS = ("telegram", "platforms", "sites", "files")
"""Readers that ask the same hosts share a limit; each group is a pool of the scheduler."""
_GROUP_OF = {
    "telegram_preview": "telegram",
    "telegram": "telegram",
    "vk": "platforms",
    "instagram": "platforms",
    "threads": "platforms",
    "replay": "files",
    "telegram_export": "files",
}
GAP_KINDS = frozenset({"telegram_preview", "telegram"})


def group_of(source: Source) -> str:
    """The group whose limit a source's reading counts against."""
    return _GROUP_OF.get(source.kind, "sites")


def due_sources(context: Context) -> dict[str, list[str]]:
    """For each group the sources whose time has come, those that waited longest first."""
    now = context.clock.now()
    waiting: dict[str, list[tuple[datetime, str]]] = {group: [] for group in GROUPS}
    for source in load_sources(context.settings.crawlers.sources_file):
        tried = context.store.note(_tried_key(source.name))
        last = datetime.fromisoformat(tried) if tried else datetime.min.replace(tzinfo=now.tzinfo)
        failures = int(_state(context, source.name).get("failures") or 0)
        if (now - last) >= timedelta(seconds=next_wait_s(source.interval_s, failures)):
            waiting[group_of(source)].append((last, source.name))
    return {group: [name for _, name in sorted(found)] for group, found in waiting.items()}


def gaps(context: Context) -> list[str]:
    """Names of the Telegram sources of which some messages were not reached."""
    return [
        source.name
        for source in load_sources(context.settings.crawlers.sources_file)
        if source.kind in GAP_KINDS and _state(context, source.name).get("gap")
    ]


def mark_tried(context: Context, name: str) -> None:
    """Note that a source is being read, before it is: one that hangs is not tried at once."""
    context.store.put_note(_tried_key(name), context.clock.now().isoformat())


def assess(context: Context) -> int:
    """Assess what waits; how many records."""
    from nlp.assessor import Assessor
    from nlp.run import assess_pending
    from oqiga.shelving import Shelving

    store, settings = context.store, context.settings
    if not store.unassessed(1):
        return 0
    assessor = Assessor.load(context.model_dir, context.gazetteer_file)
    shelving = Shelving(store, settings)
    done = 0
    while done < MOST_AT_ONCE:
        some = assess_pending(
            store, assessor, settings, context.clock, settings.nlp.batch, on_saved=shelving.settle
        )
        if not some:
            break
        done += some
    return done


def correlate(context: Context) -> int:
    """Bring the events up to date; how many changes were handled."""
    from correlator.model import PairModel
    from correlator.run import LiveCorrelator

    live = LiveCorrelator(context.store, context.settings, PairModel.load(), context.clock)
    live.start()
    done = 0
    while some := live.step():
        done += some
    return done


def drop(context: Context) -> int:
    """Read what lies complete in the drop folder; how many files."""
    from intake.drop import DropFolder

    folder = DropFolder(context.store, context.settings, context.clock)
    done = len(folder.scan_once())
    time.sleep(SETTLED_S * 1.1)  # a file counts as complete when it has rested that long
    return done + len(folder.scan_once())


def verify(context: Context) -> Sequence[str]:
    """What is wrong with the hash chains; nothing when they hold."""
    from oqiga.verify import broken

    return [
        f"{chain}: {problem}"
        for chain, _, problems in broken(context.store)
        for problem in problems
    ]


def _tried_key(name: str) -> str:
    return f"tried:{name}"


def _state(context: Context, name: str) -> dict[str, Any]:
    note = context.store.note(f"source:{name}")
    return {} if note is None else dict(json.loads(note))
