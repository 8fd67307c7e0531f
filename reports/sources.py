"""Sources: how much they bring, how often they are right, and where nobody looks."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from pydantic import BaseModel, Field

from core.coverage import BlindSpot
from reports.history import History
from reports.service import Share, share
from store.upkeep import SourceVolume

MOST_SHOWN = 40


class SourceRow(BaseModel):
    """One source. ``precision``: confirmed among its decided events."""

    source: str
    posts: int
    flagged: int
    confirmed: int
    precision: Share
    newest: datetime | None


class BlindSpots(BaseModel):
    """Where Oqiga saw nothing: silent sources, and regions without a single event.

    ``unread``: what the readers' ledgers tell when the report is made: gaps, failures, silence.
    """

    sources: list[str]
    regions: list[str]
    unread: list[BlindSpot] = Field(default_factory=list)


def source_rows(volumes: Sequence[SourceVolume], histories: Sequence[History]) -> list[SourceRow]:
    """A row a source, the busiest first."""
    known = {volume.source: volume for volume in volumes}
    names = known.keys() | {name for h in histories for name in h.sources}
    rows = []
    for name in names:
        mine = [h for h in histories if name in h.sources]
        confirmed = sum(h.verdict == "confirm" for h in mine)
        decided = sum(h.verdict is not None for h in mine)
        volume = known.get(name)
        rows.append(
            SourceRow(
                source=name,
                posts=0 if volume is None else volume.posts,
                flagged=sum(h.flagged_at is not None for h in mine),
                confirmed=confirmed,
                precision=share(confirmed, decided),
                newest=None if volume is None else volume.newest,
            )
        )
    return sorted(rows, key=lambda row: (-row.posts, -row.flagged, row.source))


def blind_spots(
    configured: Collection[str],
    volumes: Sequence[SourceVolume],
    regions: Collection[str],
    by_region: Mapping[str, int],
    unread: Sequence[BlindSpot] = (),
) -> BlindSpots:
    """Configured sources that brought no post, regions in which no event was seen, ledgers."""
    heard = {volume.source for volume in volumes}
    return BlindSpots(
        sources=sorted(name for name in configured if name not in heard),
        regions=sorted(region for region in regions if not by_region.get(region)),
        unread=list(unread),
    )
