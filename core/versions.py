"""Versions of a post: which delivery is a repeat, which a new version, which a conflict."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from core.records import Outcome, Post


class Named(Protocol):
    """What tells versions apart: a Post has it."""

    @property
    def edited_at(self) -> datetime | None:
        """When it was edited (UTC)."""
        ...

    @property
    def deleted_at(self) -> datetime | None:
        """When it was deleted (UTC)."""
        ...

    @property
    def content(self) -> str:
        """Digest of what the source said."""
        ...


def judge(known: Sequence[Named], incoming: Named) -> Outcome:
    """What ``incoming`` is to the versions of the same id that are ``known``.

    A version is named by its (edited_at, deleted_at): the same name with the same content is a
    repeat, with other content a conflict; a new name is a new version, in whatever order the
    versions arrive.
    """
    for version in known:
        if (version.edited_at, version.deleted_at) == (incoming.edited_at, incoming.deleted_at):
            same = version.content == incoming.content
            return Outcome.REPEATED if same else Outcome.CONFLICT
    return Outcome.ACCEPTED


def newest(versions: Sequence[Post]) -> Post:
    """The version that was known last at the source; of equals the higher content digest."""
    return max(versions, key=_age)


def speaking(versions: Sequence[Post]) -> Post:
    """The newest version that is no deletion mark, or the mark where nothing else is known.

    A deletion does not unsay what a witness saw: the event keeps the post, marked as deleted.
    """
    said = [v for v in versions if v.deleted_at is None]
    return max(said or versions, key=_age)


def _age(version: Post) -> tuple[float, float, str]:
    edited = version.edited_at or version.posted_at
    return (version.known_at.timestamp(), edited.timestamp(), version.content)
