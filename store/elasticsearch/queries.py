"""Reading events."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from core.folding import fold_words
from core.records import Event
from store.elasticsearch.base import Base, groups, kept
from store.elasticsearch.connection import Key, Source
from store.elasticsearch.registry import Head, head_of, subject_of
from store.protocol import Audiences, EventQuery

MAX_WORDS = 64
MAX_TOKEN_CHARS = 255
"""The analyser cuts longer words."""
MOST = 10_000
"""Hits of one search; more are read page by page."""


class EventQueries(Base):
    """What the console asks."""

    def event(
        self, event_id: str, audiences: Audiences, version: int | None = None
    ) -> Event | None:
        """See Protocol."""
        self._journal.sync()
        head = self._head(event_id)
        if head is None:
            return None
        if version is None or version == head.version:
            if head.audience in kept(audiences):
                newest = (self._names.of(head.audience, "events", head.period), event_id)
                source = self._connection.get(*newest)
                return None if source is None else Event.model_validate_json(source["body"])
            if version is None:
                return None
        earlier = self._earlier(event_id, head, audiences, [version])
        return earlier[0] if earlier else None

    def event_versions(self, event_id: str, audiences: Audiences) -> list[Event]:
        """See Protocol."""
        self._journal.sync()
        head = self._head(event_id)
        if head is None:
            return []
        found = self._earlier(event_id, head, audiences, range(1, head.version + 1))
        newest = self.event(event_id, audiences)
        if newest is not None:
            found.append(newest)
        return sorted(found, key=lambda event: event.version)

    def events(self, query: EventQuery, audiences: Audiences) -> list[Event]:
        """See Protocol. ``since`` and ``until`` (not included) bound the event's start."""
        mine = kept(audiences)
        if not mine:
            return []
        conditions = conditions_of(query)
        self._journal.refresh(*groups("events", mine))
        if query.text is not None:
            posts = self._posts_with(query.text, audiences)
            if not posts:
                return []
            conditions.append({"terms": {"posts": posts}})
        field = "started_at" if query.order == "time" else "priority"
        return self._found(
            audiences, conditions, [{field: "desc"}, {"id": "asc"}], limit=query.limit
        )

    def open_events(self, since: datetime, audiences: Audiences) -> list[Event]:
        """See Protocol."""
        self._journal.refresh(*groups("events", kept(audiences)))
        conditions: list[dict[str, Any]] = [
            {"term": {"merged": False}},
            {"range": {"last_at": {"gte": since.isoformat()}}},
        ]
        return self._found(audiences, conditions, [{"last_at": "asc"}, {"id": "asc"}], limit=None)

    def events_of(self, subjects: Collection[str], audiences: Audiences) -> dict[str, str]:
        """See Protocol."""
        self._journal.sync()
        mine = kept(audiences)
        wanted = sorted(set(subjects))
        rows = self._connection.get_many(map(self._subject, wanted))
        found: dict[str, str] = {}
        for name in wanted:
            state = subject_of(rows.get(self._subject(name)))
            if state.event is not None and state.event_audience in mine:
                found[name] = state.event
        return found

    def events_with(self, subjects: Collection[str], audiences: Audiences) -> list[Event]:
        """See Protocol. Three requests, however many."""
        wanted = {self._event_key(i): i for i in self.events_of(subjects, audiences).values()}
        keys: list[Key] = []
        for row, source in self._connection.get_many(wanted).items():
            head = head_of(source)
            if head is not None and head.audience in kept(audiences):
                index = self._names.of(head.audience, "events", head.period)
                keys.append((index, wanted[row]))
        sources = self._connection.get_many(keys, ["body"])
        found = [Event.model_validate_json(source["body"]) for source in sources.values()]
        return sorted(found, key=lambda event: event.id)

    # -- inside -----------------------------------------------------------------------------

    def _head(self, event_id: str) -> Head | None:
        return head_of(self._connection.get(*self._event_key(event_id)))

    def _earlier(
        self, event_id: str, head: Head, audiences: Audiences, versions: Collection[int]
    ) -> list[Event]:
        keys = [
            (self._names.of(audience, "versions", head.period), f"{event_id}:{version}")
            for audience in kept(audiences)
            for version in versions
        ]
        sources = self._connection.get_many(keys, ["body"])
        return [Event.model_validate_json(source["body"]) for source in sources.values()]

    def _found(
        self,
        audiences: Audiences,
        conditions: list[dict[str, Any]],
        sort: list[dict[str, Any]],
        limit: int | None,
    ) -> list[Event]:
        index = ",".join(self._names.all_of(audience, "events") for audience in kept(audiences))
        if not index:
            return []
        query = {"bool": {"filter": conditions}}
        fields = {"source_includes": ["body"]}
        if limit is not None and limit <= MOST:
            hits = iter(
                self._connection.search(index, query=query, sort=sort, size=limit, **fields)
            )
        else:
            hits = self._connection.scan(index, query=query, sort=sort, **fields)
        found: list[Event] = []
        for hit in hits:
            found.append(Event.model_validate_json(hit["_source"]["body"]))
            if len(found) == limit:
                break
        return found

    def _posts_with(self, text: str, audiences: Audiences) -> list[str]:
        """Ids of the newest posts with all the words."""
        words = words_query(text)
        if words is None:
            return []
        mine = kept(audiences)
        self._journal.refresh(*groups("posts", mine))
        hits: list[Source] = self._connection.search(
            ",".join(self._names.all_of(audience, "posts") for audience in mine),
            query=words,
            sort=[{"posted_at": "desc"}, {"id": "asc"}],
            size=MOST,
            source=False,
        )
        return [hit["_id"] for hit in hits]


def words_query(text: str) -> dict[str, Any] | None:
    """All words as prefixes of the folded text; ``None`` when the text has no word."""
    words = list(dict.fromkeys(word[:MAX_TOKEN_CHARS] for word in fold_words(text)))[:MAX_WORDS]
    if not words:
        return None
    return {"bool": {"filter": [{"prefix": {"words": {"value": word}}} for word in words]}}


def conditions_of(query: EventQuery) -> list[dict[str, Any]]:
    """Filters of a query; that of its text is the caller's."""
    found: list[dict[str, Any]] = [{"term": {"merged": False}}]
    if query.flagged is not None:
        found.append({"term": {"flagged": query.flagged}})
    if query.undecided is not None:
        found.append({"term": {"undecided": query.undecided}})
    if query.categories is not None:
        found.append({"terms": {"category": sorted(c.value for c in query.categories)}})
    if query.states is not None:
        found.append({"terms": {"report_state": sorted(s.value for s in query.states)}})
    started = {
        name: time.isoformat()
        for name, time in (("gte", query.since), ("lt", query.until))
        if time is not None
    }
    if started:
        found.append({"range": {"started_at": started}})
    if query.min_incident is not None:
        found.append({"range": {"incident": {"gte": query.min_incident}}})
    if query.bbox is not None:
        west, south, east, north = query.bbox
        corners = {"left": west, "bottom": south, "right": east, "top": north}
        found.append({"geo_bounding_box": {"location": corners}})
    return found
