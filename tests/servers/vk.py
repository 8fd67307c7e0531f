"""VK's API in its real shapes: wall.get and wall.getComments, paging, errors, limits."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from tests.servers.http import Asked, HttpServer, Reply

TOKEN = "vk1.a.synaq"


@dataclass
class Vk:
    """Walls by the community's name. ``errors``: the code that a wall is answered with."""

    server: HttpServer
    walls: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    comments: dict[tuple[int, int], list[dict[str, Any]]] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.server.routes["/method/wall.get"] = self._wall
        self.server.routes["/method/wall.getComments"] = self._comments

    @property
    def api(self) -> str:
        """Address of the API."""
        return f"{self.server.address}/method"

    def post(self, name: str, number: int, text: str, **more: Any) -> dict[str, Any]:
        """A new post on a wall."""
        item = {
            "id": number,
            "owner_id": -77,
            "from_id": -77,
            "date": 1_774_000_000 + number,
            "text": text,
            "post_type": "post",
            "attachments": [],
            "comments": {"count": 0, "can_post": 0},
            "views": {"count": 10},
            **more,
        }
        self.walls.setdefault(name, []).append(item)
        return item

    def comment(self, item: dict[str, Any], number: int, text: str, **more: Any) -> None:
        """A comment under a post."""
        comment = {
            "id": number,
            "from_id": 501,
            "date": item["date"] + number,
            "text": text,
            "owner_id": item["owner_id"],
            "post_id": item["id"],
            "thread": {"count": 0, "items": []},
            **more,
        }
        self.comments.setdefault((item["owner_id"], item["id"]), []).append(comment)
        item["comments"]["count"] += 1

    def _fault(self, asked: Asked) -> Reply | None:
        if asked.header.get("authorization") != f"Bearer {TOKEN}":
            return _error(5, "User authorization failed")
        if asked.query.get("v") is None:
            return _error(8, "Invalid request: v is required")
        code = self.errors.get(asked.query.get("domain", ""))
        return None if code is None else _error(code, "fault")

    def _wall(self, asked: Asked) -> Reply:
        fault = self._fault(asked)
        if fault is not None:
            return fault
        wall = self.walls.get(asked.query.get("domain", ""))
        if wall is None:
            return _error(100, "One of the parameters specified was missing or invalid")
        ordered = sorted(wall, key=lambda i: (not i.get("is_pinned"), -i["id"]))
        return _page(ordered, asked)

    def _comments(self, asked: Asked) -> Reply:
        fault = self._fault(asked)
        if fault is not None:
            return fault
        key = (int(asked.query["owner_id"]), int(asked.query["post_id"]))
        return _page(sorted(self.comments.get(key, []), key=lambda i: -i["id"]), asked)


def _page(items: list[dict[str, Any]], asked: Asked) -> Reply:
    start, count = int(asked.query.get("offset", 0)), min(int(asked.query["count"]), 100)
    body = {"response": {"count": len(items), "items": items[start : start + count]}}
    return _json(body)


def _error(code: int, text: str) -> Reply:
    """VK answers errors with 200."""
    return _json({"error": {"error_code": code, "error_msg": text, "request_params": []}})


def _json(value: Any) -> Reply:
    return Reply(json.dumps(value).encode(), kind="application/json; charset=utf-8")
