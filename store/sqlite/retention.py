"""Removing what may be kept no longer; what is no incident goes first.

Digests stay: for each version that goes a tombstone tells the evidence chain that it was lawful.
Batches are transactions of their own: a kill leaves the rest for the next run, and nobody who
reads or writes waits for long.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta

import apsw

from core.records import Audience
from core.settings import RetentionSettings
from store.sqlite.burying import BATCH, bury_events, bury_posts, bury_reports
from store.sqlite.database import KEPT, Database, across, every, listed, per
from store.times import us

Bury = Callable[[apsw.Connection, Audience, Collection[str]], int]

_OVER: dict[str, tuple[str, Bury]] = {
    "posts": (
        "SELECT DISTINCT id FROM post_@audience WHERE posted_us < :before LIMIT :batch",
        bury_posts,
    ),
    "reports": (
        "SELECT id FROM report_@audience WHERE received_us < :before LIMIT :batch",
        bury_reports,
    ),
    "events": (
        "SELECT id FROM event_@audience WHERE newest AND last_us < :before LIMIT :batch",
        bury_events,
    ),
}
_NO_INCIDENT = (
    "SELECT id FROM event_@audience WHERE newest AND last_us < :before AND incident < :below "
    "AND NOT decided AND json_array_length(body, '$.reports') = 0 LIMIT :batch"
)
_POSTS_OF = (
    "SELECT subject FROM member_@audience WHERE event IN (SELECT value FROM json_each(?)) "
    "AND EXISTS (SELECT 1 FROM post_@audience WHERE id = subject)"
)
_OLDEST = {
    "posts": "SELECT min(posted_us) FROM post_@audience",
    "reports": "SELECT min(received_us) FROM report_@audience",
    "events": "SELECT min(last_us) FROM event_@audience WHERE newest",
    "raw": (
        "SELECT accepted_us FROM post_@audience AS post WHERE EXISTS (SELECT 1 FROM raw_@audience "
        "AS raw WHERE raw.post = post.id AND raw.version = post.version) "
        "ORDER BY accepted_us LIMIT 1"
    ),
    "no_incident": (
        "SELECT last_us FROM event_@audience WHERE newest AND incident < ? AND NOT decided "
        "AND json_array_length(body, '$.reports') = 0 ORDER BY last_us LIMIT 1"
    ),
}
_RAW = (
    "DELETE FROM raw_@audience WHERE rowid IN (SELECT raw_@audience.rowid FROM raw_@audience "
    "JOIN post_@audience ON post_@audience.id = post AND post_@audience.version = "
    "raw_@audience.version WHERE accepted_us < :before LIMIT :batch)"
)


class Retention(Database):
    """Limits by kind of record."""

    def retain(self, now: datetime, limits: RetentionSettings) -> dict[str, int]:
        """Remove what is over its limit; how many of each kind. Repeating changes nothing.

        The text of a removed post does not live on in an event: its headline goes, too.
        """
        removed = {
            "no_incident": self._no_incidents(limits.before(now, "no_incident"), limits),
            "raw": self._in_batches(_delete(_RAW), limits.before(now, "raw")),
        }
        for kind, (query, bury) in _OVER.items():
            removed[kind] = self._in_batches(_bury(query, bury), limits.before(now, kind))
        removed["headlines"] = self._headlines(limits.before(now, "posts"))
        removed["set_aside"] = self._old("set_aside", limits.before(now, "set_aside"))
        removed["sessions"] = self._expired(now)
        self.compact()
        return removed

    def oldest(self, incident_at: float) -> dict[str, datetime]:
        """Time of the oldest record of each kind that there is, as ``retain`` counts it."""
        found: dict[str, datetime] = {}
        with self._reading() as db:
            for kind, query in _OLDEST.items():
                values = (incident_at,) if kind == "no_incident" else ()
                times = [at for _, (at,) in across(db, KEPT, query, values) if at is not None]
                if times:
                    found[kind] = datetime.fromtimestamp(min(times) / 1e6, UTC)
            (aside,) = every(db, "SELECT min(at_us) FROM set_aside")
            if aside[0] is not None:
                found["set_aside"] = datetime.fromtimestamp(aside[0] / 1e6, UTC)
        return found

    def compact(self) -> None:
        """Empty the write-ahead log into the file, so that no older copy of a row is left in it."""
        with self._translated():
            self._connection().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def maintain(self) -> str:
        """Bring the file into shape: full-text index merged, statistics renewed; what SQLite says.

        A damaged file raises StoreError.
        """
        with self._writing() as db:
            for audience in KEPT:
                query = "INSERT INTO words_@audience (words_@audience) VALUES ('optimize')"
                db.execute(per(audience, query))
            db.execute("PRAGMA optimize").fetchall()
        self.compact()
        found = self._rows("PRAGMA quick_check")
        return str(found[0][0])

    def _in_batches(
        self, step: Callable[[apsw.Connection, Audience, int], int], before: datetime | None
    ) -> int:
        if before is None:
            return 0
        count = 0
        for audience in KEPT:
            while True:
                with self._writing() as db:
                    done = step(db, audience, us(before))
                count += done
                if done == 0:
                    break
        return count

    def _no_incidents(self, before: datetime | None, limits: RetentionSettings) -> int:
        def step(db: apsw.Connection, audience: Audience, before_us: int) -> int:
            values = {"before": before_us, "below": limits.incident_at, "batch": BATCH}
            events = [name for (name,) in every(db, per(audience, _NO_INCIDENT), values)]
            if not events:
                return 0
            posts = [row[0] for row in every(db, per(audience, _POSTS_OF), (listed(events),))]
            bury_posts(db, audience, posts)
            return bury_events(db, audience, events)

        return self._in_batches(step, before)

    def _headlines(self, before: datetime | None) -> int:
        """Events whose posts are gone keep times, places and counts, but none of the words."""

        def step(db: apsw.Connection, audience: Audience, before_us: int) -> int:
            query = (
                "UPDATE event_@audience SET body = json_set(body, '$.headline', '') "
                "WHERE position IN (SELECT position FROM event_@audience WHERE last_us < ? "
                "AND body ->> 'headline' <> '' LIMIT ?)"
            )
            db.execute(per(audience, query), (before_us, BATCH))
            return db.changes()

        return self._in_batches(step, before)

    def _old(self, table: str, before: datetime | None) -> int:
        if before is None:
            return 0
        with self._writing() as db:
            db.execute("DELETE FROM @table WHERE at_us < ?".replace("@table", table), (us(before),))
            return db.changes()

    def _expired(self, now: datetime) -> int:
        # A day of grace: who comes back is told that the session has ended, not that it is wrong.
        with self._writing() as db:
            db.execute(
                "DELETE FROM session WHERE julianday(body ->> 'expires_at') < julianday(?)",
                ((now - timedelta(days=1)).isoformat(),),
            )
            return db.changes()


def _bury(query: str, bury: Bury) -> Callable[[apsw.Connection, Audience, int], int]:
    def step(db: apsw.Connection, audience: Audience, before_us: int) -> int:
        values = {"before": before_us, "batch": BATCH}
        names = [name for (name,) in every(db, per(audience, query), values)]
        return bury(db, audience, names) if names else 0

    return step


def _delete(query: str) -> Callable[[apsw.Connection, Audience, int], int]:
    def step(db: apsw.Connection, audience: Audience, before_us: int) -> int:
        db.execute(per(audience, query), {"before": before_us, "batch": BATCH})
        return db.changes()

    return step
