"""What Prometheus scrapes: open records only, nothing that tells of confidential ones. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from store.protocol import OPEN, Store


def exposition(store: Store, now: datetime) -> str:
    """Metrics in the text exposition format 0.0.4."""
    return "".join(f"{line}\n" for line in _lines(store, now))


def _lines(store: Store, now: datetime) -> Iterator[str]:
    stats = store.stats(OPEN)
    gauges = {
        "posts": ("open posts kept", stats.posts),
        "reports": ("open reports kept", stats.reports),
        "events": ("open events", stats.events),
        "flagged": ("events in the queue", stats.flagged),
        "decisions": ("decisions on open events", stats.decisions),
        "set_aside": ("inputs set aside", stats.set_aside),
        "backlog": ("accepted, not yet assessed", stats.backlog),
        "waiting": ("accepted into the outbox while the cluster was away", _waiting(store)),
    }
    for name, (about, value) in gauges.items():
        yield f"# HELP oqiga_{name} {about}"
        yield f"# TYPE oqiga_{name} gauge"
        yield f"oqiga_{name} {value}"
    yield "# HELP oqiga_latency_seconds time between stages, newest 1,000 records"
    yield "# TYPE oqiga_latency_seconds gauge"
    for stage, latency in stats.latencies.items():
        for quantile, seconds in (("0.5", latency.p50_s), ("0.95", latency.p95_s)):
            if seconds is not None:
                labels = f'stage="{stage}",quantile="{quantile}"'
                yield f"oqiga_latency_seconds{{{labels}}} {seconds}"
    yield "# HELP oqiga_feed_age_seconds since a report feed's last sign of life"
    yield "# TYPE oqiga_feed_age_seconds gauge"
    for beat in store.heartbeats():
        yield f'oqiga_feed_age_seconds{{feed="{beat.feed}"}} {(now - beat.at).total_seconds()}'


def _waiting(store: Store) -> int:
    waiting = getattr(store, "waiting", None)
    return int(waiting()) if callable(waiting) else 0
