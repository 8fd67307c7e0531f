"""When a mass event is worth a new version: not for each of its thousands of posts. Pure.

Each version is written whole, 1.3 MB with 5,000 posts, and the console reads it. What only got a
few posts more waits until it has grown by some, until nothing comes, or for some seconds (see
``LiveCorrelator``); whatever a specialist acts on is written at once.
"""

from __future__ import annotations

from core.records import Event, Point
from correlator.items import distance_m, site_of
from correlator.judging import PRIORITY_STEP

MASS = 300
"""Posts from which growth alone is no news."""
GROWTH = 0.05
"""Share by which it has to grow to be news again: 58 versions from 300 posts to 5,000."""
MOVED = 0.1
"""A place that moved by less than this share of its radius, or whose radius changed by less, is
the same: each of hundreds of witnesses moves the middle by metres."""


def merely_grown(old: Event, new: Event) -> bool:
    """Whether a mass event got posts and nothing else, too few of them to be news."""
    had = len(old.posts)
    return (
        had >= MASS
        and had <= len(new.posts) < (1.0 + GROWTH) * had
        and _told(old) == _told(new)
        and abs(old.priority - new.priority) <= PRIORITY_STEP
        and _same_place(old.location, new.location)
        and {link.id for link in old.posts} <= {link.id for link in new.posts}
    )


def _told(event: Event) -> tuple[object, ...]:
    """What is news whenever it changes."""
    return (
        event.audience,
        event.category,
        event.report_state,
        event.lead_s,
        event.flagged,
        event.decided,
        event.started_at,
        event.aliases,
        event.merged_into,
        {link.id for link in event.reports},
        {link.id for link in event.candidates},
    )


def _same_place(old: Point | None, new: Point | None) -> bool:
    if old is None or new is None:
        return old is new
    limit_m = MOVED * old.radius_m
    return (
        abs(old.radius_m - new.radius_m) <= limit_m
        and distance_m(site_of(old), site_of(new)) <= limit_m
    )
