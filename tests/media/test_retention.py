"""What is kept for how long: limits, the oldest of each kind, when it is removed."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from core.clock import FixedClock
from core.records import SetAside
from core.settings import ElasticsearchSettings, RetentionSettings, Settings, StoreSettings
from media.retention import begin, kept, last_run, limits_days, next_run, retain
from store.protocol import OPEN
from store.sqlite import SqliteStore
from tests.store.contract import a_post, assess

NOW = datetime(2026, 3, 20, 14, tzinfo=UTC)
LOCAL = ZoneInfo("Asia/Almaty")
OLD = NOW - timedelta(days=400)


def test_what_is_over_its_limit_is_seen_removed_and_written_down(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "o.db")
    settings = Settings(home=tmp_path, retention=RetentionSettings(reports_filed_days=None))
    post = a_post("old").model_copy(update={"posted_at": OLD, "accepted_at": OLD})
    store.accept_posts([(post, None)])
    assess(store, post.id)
    aside = SetAside(
        id="x", kind="post", where="f:1", problem="p", at=NOW, size_bytes=1, record=b"{"
    )
    store.set_aside([aside])
    photo = tmp_path / "media" / "open" / "photo"
    photo.parent.mkdir(parents=True)
    photo.write_bytes(b"x")
    long_ago = time.time() - 100 * 86_400
    os.utime(photo, (long_ago, long_ago))
    found = {one.kind: one for one in kept(store, settings)}
    assert found["posts"].oldest == OLD
    assert found["posts"].over(NOW)
    assert not found["set_aside"].over(NOW)
    assert (found["reports"].oldest, found["reports_filed"].limit_days) == (None, None)
    assert found["media"].oldest is not None
    assert last_run(store) is None
    removed = retain(store, settings, FixedClock(NOW), "admin")
    assert (removed["posts"], removed["media"], removed["set_aside"]) == (1, 1, 0)
    assert not photo.exists()
    assert {one.kind: one.oldest for one in kept(store, settings)}["posts"] is None
    run = last_run(store)
    assert run is not None
    assert (run.at, run.by, run.removed["posts"]) == (NOW, "admin", 1)
    (entry,) = [e for e in store.audit(OPEN) if e.action == "retention_run"]
    assert (entry.by, entry.detail) == ("admin", "media 1, posts 1")
    assert sum(retain(store, settings, FixedClock(NOW), "admin").values()) == 0
    store.close()


def test_the_next_run_is_at_its_hour_and_never_right_after_the_last() -> None:
    def hour(text: str) -> datetime:
        return datetime.fromisoformat(f"2026-03-{text}:00+05:00")

    for last, planned in (("20T02:30", "21T02:30"), ("20T14:00", "21T02:30"),
                          ("20T15:00", "22T02:30"), ("20T01:00", "21T02:30")):  # fmt: skip
        assert next_run(hour(last), "02:30", LOCAL) == hour(planned)


def test_a_new_store_is_not_emptied_at_its_first_start(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "o.db")
    first = begin(store, FixedClock(NOW))
    assert begin(store, FixedClock(NOW + timedelta(days=3))) == first
    assert next_run(first.at, "02:30", LOCAL) > NOW
    store.close()


def test_the_production_store_has_limits_of_its_own() -> None:
    settings = Settings(
        store=StoreSettings(kind="elasticsearch"),
        elasticsearch=ElasticsearchSettings(keep_posts_days=7, keep_raw_days=None),
    )
    found = limits_days(settings)
    assert (found["posts"], found["raw"], found["media"]) == (7, None, 90)
    assert "set_aside" not in found
