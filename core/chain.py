"""Hash chains over digests: a later change, removal or insertion of a link is found.

They chain digests, never content, so a lawful removal of content leaves the chain intact.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from core.records import ChainLink

GENESIS = "0" * 64


def next_link(previous: ChainLink | None, subject: str, digest: str) -> ChainLink:
    """The link after ``previous`` (``None``: the chain's first)."""
    position = 1 if previous is None else previous.position + 1
    before = GENESIS if previous is None else previous.hash
    return ChainLink(
        position=position, subject=subject, digest=digest, hash=_hash(before, subject, digest)
    )


def first_break(links: Iterable[ChainLink]) -> int | None:
    """Position of the first link that does not follow from those before it, else ``None``."""
    before = GENESIS
    for position, link in enumerate(links, 1):
        if link.position != position or link.hash != _hash(before, link.subject, link.digest):
            return position
        before = link.hash
    return None


def _hash(before: str, subject: str, digest: str) -> str:
    return hashlib.sha256(f"{before}\n{subject}\n{digest}".encode()).hexdigest()
