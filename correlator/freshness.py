"""Whether the report feeds are alive, so that "nothing was reported" can be believed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.records import Heartbeat


@dataclass(frozen=True)
class Freshness:
    """``silent``: names of the feeds that are silent for longer than their limit."""

    silent: tuple[str, ...] = ()

    @property
    def live(self) -> bool:
        """True when every feed is alive: an event without report may be ``unreported``."""
        return not self.silent

    @classmethod
    def always(cls) -> Freshness:
        """For whole files: what is not in them was not reported."""
        return cls()

    @classmethod
    def of(cls, heartbeats: Iterable[Heartbeat], feeds: Iterable[str], now: datetime) -> Freshness:
        """Judge the feeds that ought to beat; one that never did is silent."""
        beats = {beat.feed: beat for beat in heartbeats}
        silent = [
            feed
            for feed in feeds
            if feed not in beats or now - beats[feed].at > timedelta(seconds=beats[feed].limit_s)
        ]
        return cls(silent=tuple(sorted(silent)))
