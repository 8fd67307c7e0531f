"""What is left of an event when a post of it is removed, and what a removal tells. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from core.records import Audience, Event


@dataclass(frozen=True)
class Removed:
    """What a removal took away. ``events``: ids of all events that spoke of the post.

    ``media``: digests of its files that no other kept post or report has.
    """

    audience: Audience
    versions: int
    events: tuple[str, ...]
    media: tuple[str, ...]


def without(event: Event, post_id: str) -> Event:
    """The version without the post, without its words: the headline may be its own."""
    return event.model_copy(
        update={
            "posts": tuple(link for link in event.posts if link.id != post_id),
            "candidates": tuple(link for link in event.candidates if link.id != post_id),
            "reports": tuple(
                link.model_copy(update={"to": None, "contributions": ()})
                if link.to == post_id
                else link
                for link in event.reports
            ),
            "headline": "",
        }
    )
