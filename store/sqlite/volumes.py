"""Posts by source."""

from __future__ import annotations

from datetime import UTC, datetime

from store.protocol import Audiences
from store.sqlite.database import Database, across
from store.times import us
from store.upkeep import SourceVolume


class Volumes(Database):
    """How much each source brings."""

    def volumes(self, since: datetime, until: datetime, audiences: Audiences) -> list[SourceVolume]:
        """See ``store.upkeep.CountsBySource``."""
        query = (
            "SELECT body ->> 'source', count(*), max(posted_us) FROM post_@audience "
            "WHERE posted_us >= ? AND posted_us < ? AND version = 1 GROUP BY 1"
        )
        posts: dict[str, int] = {}
        newest: dict[str, int] = {}
        with self._reading() as db:
            for _, (source, count, last) in across(
                db, sorted(set(audiences)), query, (us(since), us(until))
            ):
                posts[source] = posts.get(source, 0) + count
                newest[source] = max(newest.get(source, last), last)
        return [
            SourceVolume(name, posts[name], datetime.fromtimestamp(newest[name] / 1e6, UTC))
            for name in sorted(posts)
        ]
