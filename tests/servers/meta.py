"""Meta's Graph APIs in their real shapes: Instagram and Threads, cursors, errors, usage header."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from tests.servers.http import Asked, HttpServer, Reply

TOKEN = "IGAA.synaq"
OWN_ID = "17841400000000001"


@dataclass
class Meta:
    """Accounts, tags, profiles and replies. ``errors``: an account's (status, code)."""

    server: HttpServer
    accounts: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    tags: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    profiles: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    replies: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    errors: dict[str, tuple[int, int]] = field(default_factory=dict)
    usage_min: int | None = None

    def __post_init__(self) -> None:
        routes = self.server.routes
        routes[f"/v23.0/{OWN_ID}"] = self._checked(self._discovery)
        routes["/v23.0/ig_hashtag_search"] = self._checked(self._tag)
        routes["/v1.0/profile_posts"] = self._checked(self._profile)
        routes["/v1.0/keyword_search"] = self._checked(self._search)

    @property
    def instagram(self) -> str:
        """Address of Instagram's API."""
        return f"{self.server.address}/v23.0"

    @property
    def threads(self) -> str:
        """Address of Threads' API."""
        return f"{self.server.address}/v1.0"

    def tag(self, name: str, items: list[dict[str, Any]]) -> None:
        """A hashtag with its recent posts."""
        self.tags[name] = items
        number = str(len(self.tags) + 9000)
        self.server.routes[f"/v23.0/{number}/recent_media"] = self._checked(
            lambda asked: _page(items, asked.query.get("after"), int(asked.query["limit"]))
        )

    def reply(self, parent: str, items: list[dict[str, Any]]) -> None:
        """Replies under a post of Threads."""
        self.server.routes[f"/v1.0/{parent}/replies"] = self._checked(
            lambda asked: _page(items, None, 50)
        )

    def _checked(self, route: Any) -> Any:
        def answer(asked: Asked) -> Reply:
            if asked.header.get("authorization") != f"Bearer {TOKEN}":
                return self._error(400, 190, "Invalid OAuth access token.")
            if "access_token" in asked.query:
                return self._error(400, 100, "a token in the address is written to logs")
            return route(asked)

        return answer

    def _error(self, status: int, code: int, text: str) -> Reply:
        body = {
            "error": {"message": text, "type": "OAuthException", "code": code, "fbtrace_id": "A"}
        }
        header = {}
        if self.usage_min is not None:
            row = {"type": "instagram", "call_count": 100, "total_time": 10}
            row["estimated_time_to_regain_access"] = self.usage_min
            header["X-Business-Use-Case-Usage"] = json.dumps({OWN_ID: [row]})
        return _json(body, status, header)

    def _discovery(self, asked: Asked) -> Reply:
        found = re.fullmatch(
            r"business_discovery\.username\(([\w.]+)\)\{username,media\.limit\((\d+)\)"
            r"(?:\.after\((\w+)\))?\{(.+)\}\}",
            asked.query["fields"],
        )
        if found is None:
            return self._error(400, 100, "(#100) Tried accessing nonexisting field")
        if found[1] in self.errors:
            return self._error(*self.errors[found[1]], "fault")
        items = self.accounts.get(found[1])
        if items is None:
            return self._error(400, 110, "Invalid user id")
        media = json.loads(_page(items, found[3], int(found[2])).body)
        return _json({"business_discovery": {"username": found[1], "media": media}, "id": OWN_ID})

    def _tag(self, asked: Asked) -> Reply:
        names = list(self.tags)
        if asked.query["q"] not in names or asked.query["user_id"] != OWN_ID:
            return self._error(400, 100, "The requested resource does not exist")
        return _json({"data": [{"id": str(names.index(asked.query["q"]) + 9001)}]})

    def _profile(self, asked: Asked) -> Reply:
        items = self.profiles.get(asked.query["username"])
        if items is None:
            return self._error(400, 100, "no such profile")
        return _page(items, asked.query.get("after"), int(asked.query["limit"]))

    def _search(self, asked: Asked) -> Reply:
        everything = [item for items in self.profiles.values() for item in items]
        found = [item for item in everything if asked.query["q"] in item.get("text", "")]
        return _page(found, asked.query.get("after"), int(asked.query["limit"]))


def _page(items: list[dict[str, Any]], after: str | None, limit: int) -> Reply:
    start = int(after.removeprefix("c")) if after else 0
    body: dict[str, Any] = {"data": items[start : start + limit]}
    if start + limit < len(items):
        cursors = {"before": f"c{start}", "after": f"c{start + limit}"}
        body["paging"] = {"cursors": cursors, "next": "https://graph.example/next?access_token=x"}
    return _json(body)


def _json(value: Any, status: int = 200, header: dict[str, str] | None = None) -> Reply:
    data = json.dumps(value).encode()
    return Reply(data, status, "application/json; charset=UTF-8", header or {})
