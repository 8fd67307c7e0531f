"""Counts and latencies."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from core.records import Audience, Post
from store.elasticsearch.base import Base, groups, kept
from store.elasticsearch.inputs import record_of
from store.elasticsearch.registry import subject_of
from store.protocol import Audiences, Latency, Stats
from store.times import us

SAMPLE = 1_000
NOTHING = Latency(None, None)


class Statistics(Base):
    """What the status page shows."""

    def stats(self, audiences: Audiences) -> Stats:
        """See Protocol. Backlog and what was set aside are counted for whoever sees anything."""
        mine = kept(audiences)
        kinds = ("posts", "reports", "events", "decisions")
        self._journal.refresh(
            "pipeline-pending", "pipeline-aside", *(g for k in kinds for g in groups(k, mine))
        )
        standing = {"term": {"merged": False}}
        flagged = {"bool": {"filter": [standing, {"term": {"flagged": True}}]}}
        pipeline = self._names.pipeline
        return Stats(
            posts=self._count(mine, "posts"),
            reports=self._count(mine, "reports"),
            events=self._count(mine, "events", standing),
            flagged=self._count(mine, "events", flagged),
            decisions=self._count(mine, "decisions"),
            set_aside=self._connection.count(pipeline("aside")) if mine else 0,
            backlog=self._connection.count(pipeline("pending")) if mine else 0,
            latencies={
                "publish_to_accept": self._accepted(mine),
                "accept_to_assess": self._lag(
                    mine, ["posts", "reports"], "assess_lag_s", "assessed_at"
                ),
                **self._through(mine),
            },
        )

    # -- inside -----------------------------------------------------------------------------

    def _count(
        self, audiences: Sequence[Audience], kind: str, query: dict[str, Any] | None = None
    ) -> int:
        return sum(self._connection.count(self._names.all_of(a, kind), query) for a in audiences)

    def _lag(
        self, audiences: Sequence[Audience], kinds: Sequence[str], field: str, newest: str
    ) -> Latency:
        return _quantiles([lag_s for _, lag_s in self._lags(audiences, kinds, field, newest)])

    def _accepted(self, audiences: Sequence[Audience]) -> Latency:
        """From publishing to acceptance, of what waits to be assessed too: how long posts took
        says nothing of what they are."""
        if not audiences:
            return NOTHING
        hits = self._connection.search(
            self._names.pipeline("pending"),
            query={"bool": {"filter": [{"term": {"kind": "post"}}, {"term": {"version": 1}}]}},
            size=SAMPLE,
            sort=[{"accepted_at": "desc"}],
            source_includes=["kind", "body"],
        )
        posts = [(hit["sort"][0], record_of(hit["_source"])) for hit in hits]
        found = self._lags(audiences, ["posts"], "accept_lag_s", "accepted_at")
        found += [
            (at, (post.accepted_at - post.posted_at).total_seconds())
            for at, post in posts
            if isinstance(post, Post) and post.edited_at is None and post.deleted_at is None
        ]
        return _quantiles([lag_s for _, lag_s in sorted(found, reverse=True)[:SAMPLE]])

    def _lags(
        self, audiences: Sequence[Audience], kinds: Sequence[str], field: str, newest: str
    ) -> list[tuple[Any, float]]:
        """The values of a field of the newest documents, each with what it was sorted by."""
        if not audiences:
            return []
        hits = self._connection.search(
            ",".join(self._names.all_of(a, kind) for a in audiences for kind in kinds),
            query={"exists": {"field": field}},
            size=SAMPLE,
            sort=[{newest: {"order": "desc", "unmapped_type": "date_nanos"}}],
            source=False,
            docvalue_fields=[field],
        )
        return [(hit["sort"][0], hit["fields"][field][0]) for hit in hits]

    def _through(self, audiences: Sequence[Audience]) -> dict[str, Latency]:
        """From the assessment to the event, and from there to the queue.

        What was assessed again after it came into its event waited for nothing.
        """
        if not audiences:
            return {"assess_to_event": NOTHING, "event_to_show": NOTHING}
        hits = self._connection.search(
            ",".join(self._names.all_of(a, k) for a in audiences for k in ("posts", "reports")),
            query={"match_all": {}},
            size=SAMPLE,
            sort=[{"assessed_at": {"order": "desc", "unmapped_type": "date_nanos"}}],
            source_includes=["id", "assessed_at"],
        )
        rows = self._connection.get_many(self._subject(hit["_source"]["id"]) for hit in hits)
        waited: list[float] = []
        shown: list[float] = []
        for hit in hits:
            state = subject_of(rows.get(self._subject(hit["_source"]["id"])))
            since_us = us(datetime.fromisoformat(hit["_source"]["assessed_at"]))
            if state.event_audience in audiences and state.correlated_us >= since_us:
                waited.append((state.correlated_us - since_us) / 1e6)
            if state.event_audience in audiences and state.shown_us >= state.correlated_us > 0:
                shown.append((state.shown_us - state.correlated_us) / 1e6)
        return {"assess_to_event": _quantiles(waited), "event_to_show": _quantiles(shown)}


def _quantiles(values: Sequence[float]) -> Latency:
    if not values:
        return NOTHING
    sample = sorted(values)
    return Latency(*(sample[min(len(sample) - 1, int(len(sample) * q))] for q in (0.5, 0.95)))
