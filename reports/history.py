"""The path of one event: published, accepted, on the screen, decided, known to 102."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel

from core.records import Decision, DecisionKind, Event, Post
from correlator.constraints import standing

VERDICTS = (DecisionKind.CONFIRM, DecisionKind.REJECT)


class History(BaseModel):
    """When what became known of an event. ``None``: it did not happen (yet).

    ``verdict``: confirm or reject as it stands; ``reason`` is the code of a rejection.
    """

    event: Event
    published_at: datetime | None = None
    accepted_at: datetime | None = None
    flagged_at: datetime | None = None
    decided_at: datetime | None = None
    reported_at: datetime | None = None
    verdict: str | None = None
    reason: str | None = None
    sources: tuple[str, ...] = ()

    @property
    def ahead(self) -> bool:
        """Whether Oqiga's first post came before the first report."""
        return self.event.lead_s is not None and self.event.lead_s > 0

    @property
    def open(self) -> bool:
        """Whether it still waits for a person."""
        return self.event.flagged and self.verdict is None


def history(
    event: Event,
    versions: Sequence[Event],
    posts: Sequence[Post],
    decisions: Sequence[Decision],
) -> History:
    """Put an event's path together. ``posts``: first versions of its posts.

    ``versions``: all versions of the event; ``decisions``: those about it, in their order.
    """
    flags = [v.updated_at for v in versions if v.flagged]
    verdicts = [d for d in standing(decisions) if d.kind in VERDICTS]
    last = verdicts[-1] if verdicts else None
    reason = None if last is None or last.reason is None else last.reason.partition(":")[0]
    return History(
        event=event,
        published_at=min((p.posted_at for p in posts), default=None),
        accepted_at=min((p.accepted_at for p in posts), default=None),
        flagged_at=min(flags, default=None),
        decided_at=None if last is None else last.at,
        reported_at=min((link.at for link in event.reports), default=None),
        verdict=event.decided if last is None else last.kind.value,
        reason=reason,
        sources=tuple(sorted({p.source for p in posts})),
    )
