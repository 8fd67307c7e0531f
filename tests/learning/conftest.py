"""A store of its own for each test, with posts and events as a pipeline would have left them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from core.inputs import make_post
from core.records import Audience, Event, Language, Link, Post
from store.protocol import EventWrite
from store.sqlite import SqliteStore
from tests.store.contract import an_assessment, an_event


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "o.db")
    yield store
    store.close()


def keep_post(
    store: SqliteStore,
    line: dict[str, Any],
    at: datetime,
    audience: Audience = Audience.OPEN,
    **judged: Any,
) -> Post:
    """A post of the input contract, published, accepted and assessed at a time."""
    post = make_post({"source": "s", "posted_at": at.isoformat(), **line}, now=at, key=b"k")
    store.accept_posts([(post, None)])
    values = {"assessor": "model=1", "language": Language.RU, "categories": {}, **judged}
    store.save_assessments([(an_assessment(post.id, **values), audience)], at)
    return post


def keep_event(
    store: SqliteStore, event_id: str, at: datetime, posts: Sequence[str], **changes: Any
) -> Event:
    """An event of posts, all at one time."""
    links = tuple(Link(kind="post", id=name, at=at) for name in posts)
    values = {"location": None, "started_at": at, "last_at": at, "updated_at": at, **changes}
    event = an_event(event_id, 1, posts=links, **values)
    store.write_events([EventWrite(event, 0)])
    return event
