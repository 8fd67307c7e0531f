"""What is kept for how long: limits by kind of record, the oldest of each, and their removal.

On either store, in the store and in files. Repeating a run changes nothing; a kill leaves the
rest for the next one.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

from pydantic import Field

from core.clock import Clock
from core.records import AuditEntry, Record, UtcDatetime
from core.settings import Settings
from media.files import MEDIA_FOLDER, MediaFiles
from store.protocol import Store
from store.sqlite import SqliteStore

NOTE = "retention"
SETTLED = timedelta(hours=12)
"""A run is planned at least that long after the last one: a late one is not repeated at once."""
KINDS = ("no_incident", "raw", "media", "set_aside", "posts", "reports", "events")
FILES = ("media", "reports_filed", "dropped")


class LastRun(Record):
    """The last removal. ``removed``: how many of each kind; empty before the first run."""

    at: UtcDatetime
    by: str
    removed: dict[str, int] = Field(default_factory=dict)


@dataclass(frozen=True)
class Kept:
    """One kind of record. ``limit_days``: ``None`` keeps for ever; ``oldest``: ``None``: none."""

    kind: str
    limit_days: float | None
    oldest: datetime | None

    def over(self, now: datetime) -> bool:
        """Whether something of it has been kept longer than it may."""
        if self.limit_days is None or self.oldest is None:
            return False
        return now - self.oldest > timedelta(days=self.limit_days)


def retain(store: Store, settings: Settings, clock: Clock, by: str) -> dict[str, int]:
    """Remove what is over its limit; how many of each kind. Written into the audit trail."""
    now = clock.now()
    removed = _of_store(store, settings, now)
    for kind, folder in _folders(settings).items():
        removed[kind] = _old_files(folder, settings.retention.before(now, kind), now)
    MediaFiles(settings.under_home(MEDIA_FOLDER)).sweep()
    told = ", ".join(f"{kind} {n}" for kind, n in sorted(removed.items()) if n) or "nothing"
    store.add_audit(
        AuditEntry(at=now, by=by, action="retention_run", subject="retention", detail=told)
    )
    _note(store, LastRun(at=now, by=by, removed=removed))
    return removed


def kept(store: Store, settings: Settings) -> list[Kept]:
    """Every kind with its limit and its oldest record, what goes first above."""
    oldest = {**_oldest(store, settings), **_oldest_files(settings)}
    limits = limits_days(settings)
    return [Kept(kind, limits[kind], oldest.get(kind)) for kind in limits]


def limits_days(settings: Settings) -> dict[str, float | None]:
    """Days by kind, as the configured store applies them."""
    plain = settings.retention.model_dump()
    found: dict[str, float | None] = {
        kind: plain[f"{kind}_days"] for kind in dict.fromkeys((*KINDS, *FILES))
    }
    if settings.store.kind == "elasticsearch":
        cluster = settings.elasticsearch.model_dump()
        del found["set_aside"]  # the cluster keeps it until a person removes it
        found |= {
            kind: cluster[f"keep_{kind}_days"] for kind in found if f"keep_{kind}_days" in cluster
        }
    return found


def last_run(store: Store) -> LastRun | None:
    """The last removal, ``None`` before the first."""
    text = store.note(NOTE)
    return None if text is None else LastRun.model_validate_json(text)


def next_run(last: datetime, at: str, local: tzinfo) -> datetime:
    """When the live runtime removes next (UTC). ``at``: local time, as "02:30"."""
    hour, minute = (int(part) for part in at.split(":"))
    earliest = (last + SETTLED).astimezone(local)
    planned = earliest.replace(hour=hour, minute=minute, second=0, microsecond=0)
    if planned < earliest:
        planned += timedelta(days=1)
    return planned.astimezone(UTC)


def begin(store: Store, clock: Clock) -> LastRun:
    """The last removal; a new store's first one is counted from now."""
    known = last_run(store)
    if known is not None:
        return known
    made = LastRun(at=clock.now(), by="system")
    return LastRun.model_validate_json(store.put_note_once(NOTE, made.model_dump_json()))


def _note(store: Store, run: LastRun) -> None:
    store.put_note(NOTE, run.model_dump_json())


def _of_store(store: Store, settings: Settings, now: datetime) -> dict[str, int]:
    if isinstance(store, SqliteStore):
        return store.retain(now, settings.retention)
    # Imported here: the client costs 0.3 s that an embedded store has no use for.
    from store.elasticsearch import ElasticsearchStore

    return dict(store.retain(now).documents) if isinstance(store, ElasticsearchStore) else {}


def _oldest(store: Store, settings: Settings) -> Mapping[str, datetime]:
    if isinstance(store, SqliteStore):
        return store.oldest(settings.retention.incident_at)
    from store.elasticsearch import ElasticsearchStore

    return store.oldest() if isinstance(store, ElasticsearchStore) else {}


def _oldest_files(settings: Settings) -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    for kind, folder in _folders(settings).items():
        times = [path.stat().st_mtime for path in folder.rglob("*") if path.is_file()]
        if times:
            found[kind] = datetime.fromtimestamp(min(times), UTC)
    return found


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
