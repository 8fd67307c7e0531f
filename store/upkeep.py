"""What a store can tell and do beside the pipeline: volumes by source.

Apart from ``store.protocol``, as no stage but reports and the operator's commands needs it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from core.records import Post
from store.protocol import Audiences, Store


@dataclass(frozen=True)
class SourceVolume:
    """Posts of one source in a period. ``newest``: when the last of them was posted (UTC)."""

    source: str
    posts: int
    newest: datetime


@runtime_checkable
class CountsBySource(Protocol):
    """A store that counts posts by source itself."""

    def volumes(self, since: datetime, until: datetime, audiences: Audiences) -> list[SourceVolume]:
        """Posts (not versions) by source, posted in [since, until)."""
        ...


def volumes(
    store: Store, since: datetime, until: datetime, audiences: Audiences
) -> list[SourceVolume]:
    """Posts by source, posted in [since, until), by name; on any store."""
    if isinstance(store, CountsBySource):
        return store.volumes(since, until, audiences)
    posts: dict[str, int] = {}
    newest: dict[str, datetime] = {}
    for record in store.window(since, audiences):
        post = record.subject
        if isinstance(post, Post) and post.posted_at < until:
            posts[post.source] = posts.get(post.source, 0) + 1
            newest[post.source] = max(newest.get(post.source, post.posted_at), post.posted_at)
    return [SourceVolume(name, posts[name], newest[name]) for name in sorted(posts)]
