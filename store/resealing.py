"""Sealing what was kept before sealing was there: what of a record changes, and the count. Pure.

A record that is sealed already stays as it is, so that repeating changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, fields

from core.errors import InputError
from core.links import kept_link, kept_origin, kept_reference
from core.records import Post, RawPost, Report
from core.sealing import SEALED, open_payload, seal_extra, seal_payload, unseal

ACTION = "seal"
Channels = Callable[[str], Collection[str]]
"""Names by which a source's own addresses call it, by the source's name."""


@dataclass
class Sealed:
    """How many records were sealed afterwards, by kind."""

    posts: int = 0
    reports: int = 0
    payloads: int = 0
    set_aside: int = 0

    def add(self, more: Sealed) -> None:
        """Count what another step did."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(more, field.name))

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) for field in fields(self))

    def __str__(self) -> str:
        return ", ".join(
            f"{f.name.replace('_', ' ')} {getattr(self, f.name)}" for f in fields(self)
        )


def sealed_post(post: Post, key: bytes, channels: Channels, *, crawled: bool) -> Post:
    """A post as it would be kept today. ``crawled``: a reader made it, and knew all its fields."""
    own = channels(post.source)
    url, sealed_url = post.url, post.sealed_url
    if sealed_url is None:
        author = None if post.handle is None else unseal(post.handle, key, post.id)
        url, sealed_url = kept_link(url, key=key, place=post.id, channels=own, author=author)
    made = post.model_copy(
        update={
            "url": url,
            "sealed_url": sealed_url,
            "reply_to": kept_reference(post.reply_to, key, own),
            "forwarded_from": kept_origin(post.forwarded_from, key, own, platform=crawled),
        }
    )
    return made if crawled or SEALED in post.extra else seal_extra(made, key)


def sealed_report(report: Report, key: bytes) -> Report:
    """A report as it would be kept today."""
    return report if SEALED in report.extra else seal_extra(report, key)


def sealed_payload(raw: RawPost, key: bytes) -> RawPost:
    """A payload as it would be kept today; what the key opens is sealed already."""
    try:
        open_payload(raw, key)
    except InputError:
        return seal_payload(raw, key)
    return raw
