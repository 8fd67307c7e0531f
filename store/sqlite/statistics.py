"""Counts and latencies."""

from __future__ import annotations

from collections.abc import Sequence

import apsw

from core.records import Audience
from store.protocol import Audiences, Latency, Stats
from store.sqlite.database import Database, across, kept

SAMPLE = 1_000

# An edit's or a deletion's own time is in its body alone; the first versions tell enough.
_ACCEPTED = (
    "SELECT accepted_us, accepted_us - posted_us FROM post_@audience "
    "WHERE version = 1 AND body ->> 'edited_at' IS NULL AND body ->> 'deleted_at' IS NULL "
    "ORDER BY accepted_us DESC LIMIT ?"
)
_LATENCIES = {
    "accept_to_assess": (
        "SELECT assessed_us, assessed_us - accepted_us FROM assessment_@audience "
        "ORDER BY assessed_us DESC LIMIT ?"
    ),
    # What was assessed again after it came into its event waited for nothing.
    "assess_to_event": (
        "SELECT assessed_us, correlated_us - assessed_us FROM "
        "(SELECT subject, assessed_us FROM assessment_@audience "
        "ORDER BY assessed_us DESC LIMIT ?) "
        "JOIN member_@audience USING (subject) WHERE correlated_us >= assessed_us"
    ),
    "event_to_show": (
        "SELECT shown_us, shown_us - correlated_us FROM member_@audience "
        "WHERE shown_us IS NOT NULL ORDER BY shown_us DESC LIMIT ?"
    ),
}


class Statistics(Database):
    """What the status page shows."""

    def stats(self, audiences: Audiences) -> Stats:
        """See Protocol. Backlog and what was set aside are counted for whoever sees anything."""
        mine = kept(audiences)
        with self._reading() as db:
            return Stats(
                posts=_count(db, mine, "SELECT count(*) FROM words_key_@audience"),
                reports=_count(db, mine, "SELECT count(*) FROM report_@audience"),
                events=_count(
                    db, mine, "SELECT count(*) FROM event_@audience WHERE newest AND NOT merged"
                ),
                flagged=_count(
                    db,
                    mine,
                    "SELECT count(*) FROM event_@audience WHERE newest AND NOT merged AND flagged",
                ),
                decisions=_count(db, mine, "SELECT count(*) FROM decision_@audience"),
                set_aside=_count(db, mine[:1], "SELECT count(*) FROM set_aside"),
                backlog=_count(
                    db,
                    mine[:1],
                    "SELECT (SELECT count(*) FROM post_pending) "
                    "+ (SELECT count(*) FROM report_pending)",
                ),
                latencies={
                    # How long posts took says nothing of what they are: those that wait count too.
                    "publish_to_accept": _latency(
                        db, [*mine, Audience.PENDING] if mine else [], _ACCEPTED
                    ),
                    **{stage: _latency(db, mine, query) for stage, query in _LATENCIES.items()},
                },
            )


def _count(db: apsw.Connection, audiences: Sequence[Audience], query: str) -> int:
    return sum(int(n) for _, (n,) in across(db, audiences, query))


def _latency(db: apsw.Connection, audiences: Sequence[Audience], query: str) -> Latency:
    newest = sorted((row for _, row in across(db, audiences, query, (SAMPLE,))), reverse=True)
    sample = sorted(waited_us / 1e6 for _, waited_us in newest[:SAMPLE])
    if not sample:
        return Latency(None, None)
    return Latency(*(sample[min(len(sample) - 1, int(len(sample) * q))] for q in (0.5, 0.95)))
