"""Retention and removal: in the store and in files."""

from __future__ import annotations

import logging
import threading

from console.times import zone
from core.errors import InputError, SettingsError
from core.inputs import post_id
from core.links import channels_of
from core.records import AuditEntry, SetAside
from core.sealing import open_aside
from core.settings import load_sources
from media import retention
from media.files import MEDIA_FOLDER, MediaFiles, Shelf
from oqiga.context import Context
from store.elasticsearch import ElasticsearchStore
from store.removed import Removed
from store.resealing import Sealed
from store.sqlite import SqliteStore

log = logging.getLogger(__name__)
LOOK_S = 60.0


def retain(context: Context) -> dict[str, int]:
    """Remove what is over its limit; how many of each kind. Repeating changes nothing."""
    return retention.retain(context.store, context.settings, context.clock, "system")


def keep_limits(context: Context, stop: threading.Event) -> None:
    """Remove each night what is over its limit, for as long as the live runtime lives."""
    local = zone(context.settings.console.time_zone)
    while not stop.is_set():
        last = retention.begin(context.store, context.clock)
        due = retention.next_run(last.at, context.settings.retention.at, local)
        if context.clock.now() >= due:
            log.info("retention: %s", retain(context))
        stop.wait(LOOK_S)


def remove_post(context: Context, name: str, *, by: str, demand: str) -> Removed:
    """Remove a post everywhere; raises InputError when there is none of that name.

    ``name``: the post's id, or SOURCE:NATIVE_ID. Files that were its own go, and filed reports
    that spoke of its events are made again.
    """
    from reports.refiling import refile

    store, settings = removable(context), context.settings
    source, colon, native = name.rpartition(":")
    ids = [name, *([post_id(source, native)] if colon else [])]
    for each in ids:
        removed = store.remove_post(each, by=by, demand=demand, at=context.clock.now())
        if removed is None:
            continue
        files = MediaFiles(settings.under_home(MEDIA_FOLDER))
        for digest in removed.media:
            for shelf in Shelf:
                files.remove(digest, shelf)
        refile(store, settings, context.clock, removed.events)
        return removed
    raise InputError(f"no post {name!r} is kept; name its id, or SOURCE:NATIVE_ID")


def seal_old(context: Context, *, by: str) -> Sealed:
    """Seal what an earlier program kept in the open, in the store and on its disks."""
    sources = load_sources(context.settings.crawlers.sources_file)
    names = {source.name: channels_of(source.name, source.address) for source in sources}

    def channels(source: str) -> frozenset[str]:
        return names.get(source) or channels_of(source)

    store = removable(context)
    done = store.seal_old(context.key, channels, by=by, at=context.clock.now())
    store.maintain()
    return done


def set_aside(context: Context, limit: int, *, by: str) -> list[dict[str, object]]:
    """What was set aside, newest first, with the bytes as they came; reading it is written down.

    ``record`` is ``None`` where it was sealed with a key that is gone.
    """
    store, now = context.store, context.clock.now()
    items = store.set_aside_items(limit)
    detail = f"{len(items)} records"
    store.add_audit(AuditEntry(at=now, by=by, action="read", subject="set_aside", detail=detail))
    return [_opened(item, context.key) for item in items]


def _opened(item: SetAside, key: bytes) -> dict[str, object]:
    try:
        record = open_aside(item, key).record.decode("utf-8", "replace")
    except InputError as error:
        log.warning("%s: %s", item.where, error)
        record = None
    return {**item.model_dump(mode="json", exclude={"record", "sealed"}), "record": record}


def removable(context: Context) -> SqliteStore | ElasticsearchStore:
    """The context's store as one that things can be removed from; raises SettingsError."""
    store = context.store
    if not isinstance(store, (SqliteStore, ElasticsearchStore)):
        raise SettingsError(f"store.kind is {context.settings.store.kind!r}: nothing is removed")
    return store
