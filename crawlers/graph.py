"""What Meta's Graph APIs share: errors, limits, pages. Pure.

developers.facebook.com/docs/graph-api: errors carry a code; 4, 17, 32 and 613 are limits, and the
header X-Business-Use-Case-Usage says in how many minutes access comes back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from core.errors import SourceError
from crawlers.articles import parse_time
from crawlers.slices import json_text
from crawlers.web import Answer, Ask, Pass

MAX_PAGES = 10
LIMIT_S = 3600.0
_LIMITS = (4, 17, 32, 613, 80001, 80002, 80004)


class Graph:
    """Requests to one API with one token, which stands in a header and never in an address."""

    def __init__(self, api: str, access_token: str) -> None:
        self.api = api.rstrip("/")
        self._header = {"Authorization": f"Bearer {access_token}"}

    def ask(
        self,
        path: str,
        step: str,
        values: Mapping[str, Any],
        *,
        optional: bool = False,
        **more: Any,
    ) -> Ask:
        """A request; ``more`` comes back as its context."""
        return Ask(
            f"{self.api}/{path}?{urlencode(values)}",
            step=step,
            context=more,
            header=self._header,
            optional=optional,
            any_status=True,
        )


def graph_body(turn: Pass, answer: Answer, platform: str) -> dict[str, Any]:
    """An answer's object; raises SourceError with the remedy, and sets what the platform asks."""
    try:
        body = json.loads(json_text(answer.body))
    except ValueError as error:
        raise SourceError(f"{platform} answered {answer.status} with what is no JSON") from error
    if not isinstance(body, dict):
        raise SourceError(f"{platform} answered {answer.status} in an unknown form")
    fault = body.get("error")
    if not isinstance(fault, dict):
        if answer.status >= 400:
            raise SourceError(f"{platform} answered {answer.status}; it is tried again")
        return body
    code = int(fault.get("code") or 0)
    if code in _LIMITS:
        turn.asked_s = _regain_s(answer) or LIMIT_S
        raise SourceError(f"{platform}'s limit of requests is reached (code {code})")
    if code == 190:
        raise SourceError(f"{platform}'s token has expired or was revoked; make a new one (190)")
    if code == 10 or 200 <= code < 300:
        raise SourceError(
            f"{platform}: the application lacks a permission (code {code}); see docs/sources.md"
        )
    if code in (100, 110):
        raise SourceError(
            f"{platform} knows no such public account or tag (code {code}); correct the address"
        )
    raise SourceError(f"{platform} refused the request (code {code}); it is tried again")


def after(turn: Pass, body: Mapping[str, Any], times: Sequence[datetime]) -> str | None:
    """The cursor of the next page while everything of this one is newer than the last pass."""
    turn.pages += 1
    kept = turn.progress.get("since")
    first = turn.state.setdefault("since", kept)
    if times:
        newest = max(time.isoformat() for time in times)
        turn.progress["since"] = max(newest, str(turn.progress.get("since") or ""))
    paging = body.get("paging") or {}
    cursor = (paging.get("cursors") or {}).get("after")
    if not cursor or not times or turn.pages >= MAX_PAGES or not isinstance(first, str):
        return None
    return None if min(time.isoformat() for time in times) <= first else str(cursor)


def graph_time(value: object) -> datetime | None:
    """``2026-03-20T14:05:00+0000`` as a time (UTC)."""
    return parse_time(value) if isinstance(value, str) else None


def _regain_s(answer: Answer) -> float | None:
    try:
        usage = json.loads(answer.header.get("x-business-use-case-usage", ""))
        minutes = [
            float(row.get("estimated_time_to_regain_access") or 0)
            for rows in usage.values()
            for row in rows
        ]
    except (ValueError, AttributeError, TypeError):
        return None
    return max(minutes, default=0.0) * 60.0 or None
