"""Each stage once over the store, for a scheduler: started, run to its end, done.

All may be repeated, run beside the live runtime, or be killed: the store makes that safe.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from core.records import Source
from core.settings import load_sources
from crawlers.timing import next_wait_s
from intake.drop import SETTLED_S
from oqiga.context import Context
from store.coverage import ledger_of

T = TypeVar("T")
LOOK_S = 0.5
MOST_AT_ONCE = 10_000
"""Records or changes that one run handles at most; what is left has the next run."""

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


def due_sources(context: Context, group: str) -> list[str]:
    """Names of the group's sources whose time has come, those that waited longest first."""
    now = context.clock.now()
    waiting: list[tuple[datetime, str]] = []
    for source in load_sources(context.settings.crawlers.sources_file):
        if group_of(source) != group:
            continue
        tried = context.store.note(_tried_key(source.name))
        last = datetime.fromisoformat(tried) if tried else datetime.min.replace(tzinfo=now.tzinfo)
        failures = ledger_of(context.store, source.name).failures
        if (now - last) >= timedelta(seconds=next_wait_s(source.interval_s, failures)):
            waiting.append((last, source.name))
    return [name for _, name in sorted(waiting)]


def waited(look: Callable[[], T], wait_s: float) -> T:
    """What ``look`` finds: at once, or as soon as there is something, or nothing after a while."""
    until = time.monotonic() + wait_s
    while not (found := look()) and time.monotonic() < until:
        time.sleep(LOOK_S)
    return found


def gaps(context: Context) -> list[str]:
    """Names of the Telegram sources of which some messages were not reached."""
    return [
        source.name
        for source in load_sources(context.settings.crawlers.sources_file)
        if source.kind in GAP_KINDS and ledger_of(context.store, source.name).gaps
    ]


def mark_tried(context: Context, name: str) -> None:
    """Note that a source is being read, before it is: one that hangs is not tried at once."""
    context.store.put_note(_tried_key(name), context.clock.now().isoformat())


def assess(context: Context, linger_s: float = 0.0) -> int:
    """Assess what waits, and what comes while it lingers; how many records.

    Lingering keeps the models in memory: what is accepted meanwhile is assessed at once.
    """
    from media.shelving import Shelving
    from nlp.run import assess_pending
    from oqiga.places import assessor_of

    store, settings = context.store, context.settings
    if not linger_s and not store.unassessed(1):
        return 0
    assessor = assessor_of(context)
    shelving = Shelving(store, settings)

    def some() -> int:
        return assess_pending(
            store, assessor, settings, context.clock, settings.nlp.batch, on_saved=shelving.settle
        )

    return _until_nothing(context, some, linger_s)


def correlate(context: Context, linger_s: float = 0.0, part: int = 0, parts: int = 1) -> int:
    """Bring the events up to date, and keep them so while it lingers; how many changes.

    ``part`` of ``parts``: of several that run at once, each with the changes of some regions.
    """
    from correlator.run import LiveCorrelator
    from correlator.sharing import Share

    live = LiveCorrelator(
        context.store, context.settings, context.pair_model, context.clock, Share(part, parts)
    )
    live.start()
    return _until_nothing(context, live.step, linger_s)


def _until_nothing(context: Context, some: Callable[[], int], linger_s: float) -> int:
    """Work in parts until nothing is left and the time to linger is over; how much was done.

    Ends early when models or the replay's clock are not those any more with which it began.
    """
    began = (context.models_in_use, context.replay_plan())
    until, done = time.monotonic() + linger_s, 0
    while done < MOST_AT_ONCE:
        if (context.models_in_use, context.replay_plan()) != began:
            break
        part = some()
        done += part
        if not part:
            if time.monotonic() >= until:
                break
            time.sleep(LOOK_S)
    return done


def drop(context: Context, wait_s: float = 0.0) -> int:
    """Read what lies complete in the drop folder; how many files.

    A file counts as complete when it has rested for a moment, so each is looked at twice.
    """
    from intake.drop import DropFolder

    folder = DropFolder(context.store, context.settings, context.clock)
    return waited(lambda: len(folder.scan_once()), wait_s + SETTLED_S + LOOK_S)


def _tried_key(name: str) -> str:
    return f"tried:{name}"
