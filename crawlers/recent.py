"""Deletions, noticed by what is missing from a listing that is newest first. Pure."""

from __future__ import annotations

from collections.abc import Mapping

KEPT = 200


def gone_since(
    progress: dict[str, object], shown: Mapping[int, str], *, unreadable: bool = False
) -> tuple[str, ...]:
    """Native ids that stood between others at the last pass and do not now.

    ``shown``: number to native id of the items of the newest page. An item that could not be read
    may still be there, so a page with ``unreadable`` ones tells nothing.
    """
    kept = progress.get("recent")
    before: dict[str, str] = dict(kept) if isinstance(kept, dict) else {}
    if not shown or unreadable:
        return ()
    newest = sorted(shown)[-KEPT:]
    progress["recent"] = {str(number): shown[number] for number in newest}
    return tuple(
        name
        for number, name in before.items()
        if min(shown) < int(number) < max(shown) and int(number) not in shown
    )
