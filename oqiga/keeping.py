"""Retention and removal: in the store and in files."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from pathlib import Path

from core.errors import InputError, SettingsError
from core.inputs import post_id
from core.settings import Settings
from media.files import MEDIA_FOLDER, MediaFiles, Shelf
from oqiga.context import Context
from store.elasticsearch import ElasticsearchStore
from store.removed import Removed
from store.sqlite import SqliteStore


def retain(context: Context) -> dict[str, int]:
    """Remove what is over its limit; how many of each kind. Repeating changes nothing."""
    settings, now = context.settings, context.clock.now()
    removed = sqlite_of(context).retain(now, settings.retention)
    for kind, folder in _folders(settings).items():
        removed[kind] = _old_files(folder, settings.retention.before(now, kind), now)
    MediaFiles(settings.under_home(MEDIA_FOLDER)).sweep()
    return removed


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


def removable(context: Context) -> SqliteStore | ElasticsearchStore:
    """The context's store as one that things can be removed from; raises SettingsError."""
    store = context.store
    if not isinstance(store, (SqliteStore, ElasticsearchStore)):
        raise SettingsError(f"store.kind is {context.settings.store.kind!r}: nothing is removed")
    return store


def sqlite_of(context: Context) -> SqliteStore:
    """The context's store, which has to be the embedded one; raises SettingsError."""
    store = context.store
    if not isinstance(store, SqliteStore):
        raise SettingsError(
            f"store.kind is {context.settings.store.kind!r}: this command is for 'sqlite'"
        )
    return store


def _folders(settings: Settings) -> dict[str, Path]:
    return {
        "media": settings.under_home(MEDIA_FOLDER),
        "reports_filed": settings.under_home(settings.reports.folder),
        "dropped": settings.under_home(settings.intake.drop_folder),
    }


def _old_files(folder: Path, before: datetime | None, now: datetime) -> int:
    """Remove files that were written before a time, by the store's clock; how many."""
    if before is None or not folder.is_dir():
        return 0
    limit = time.time() - (now - before) / timedelta(seconds=1)
    count = 0
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.stat().st_mtime < limit:
            path.unlink()
            count += 1
    return count
