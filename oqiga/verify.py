"""Checking the hash chains."""

from __future__ import annotations

from collections.abc import Iterator

from core.chain import first_break
from store.protocol import Store

CHAINS = ("evidence", "audit_open", "audit_confidential")


def broken(store: Store) -> Iterator[tuple[str, int, list[str]]]:
    """For each chain: its name, how many links it has, and what is wrong with it."""
    for name in CHAINS:
        links = list(store.chain(name))
        problems = []
        place = first_break(links)
        if place is not None:
            problems.append(f"link {place} does not follow from the links before it")
        problems += [
            f"link {position}: the kept record is not the one that was vouched for"
            for position in store.broken_links(name)
        ]
        yield name, len(links), problems
