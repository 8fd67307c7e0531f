"""Reading events."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from core.folding import fold_words
from core.records import Event
from store.protocol import Audiences, EventQuery
from store.sqlite.database import Database, across, kept, listed
from store.times import us

MAX_WORDS = 64
"""Words of a search that are looked at; FTS5 refuses queries nested deeper than 256."""


class EventQueries(Database):
    """What the console asks."""

    def event(
        self, event_id: str, audiences: Audiences, version: int | None = None
    ) -> Event | None:
        """See Protocol."""
        query = (
            "SELECT body FROM event_@audience WHERE id = :id AND newest"
            if version is None
            else "SELECT body FROM event_@audience WHERE id = :id AND version = :version"
        )
        found = self._events(query, audiences, {"id": event_id, "version": version})
        return found[0] if found else None

    def event_versions(self, event_id: str, audiences: Audiences) -> list[Event]:
        """See Protocol."""
        query = "SELECT body FROM event_@audience WHERE id = :id"
        found = self._events(query, audiences, {"id": event_id})
        return sorted(found, key=lambda event: event.version)

    def events(self, query: EventQuery, audiences: Audiences) -> list[Event]:
        """See Protocol. ``since`` and ``until`` (not included) bound the event's start."""
        order = "started_us DESC, id" if query.order == "time" else "priority DESC, id"
        conditions, values = conditions_of(query)
        if query.text is not None:
            values["words"] = match(query.text)
            if values["words"] is None:
                return []
        found = self._events(
            "SELECT body FROM event_@audience WHERE @conditions ORDER BY @order "
            "LIMIT :limit".replace("@conditions", conditions).replace("@order", order),
            audiences,
            {**values, "limit": query.limit},
        )
        if query.order == "time":
            found.sort(key=lambda event: (-us(event.started_at), event.id))
        else:
            found.sort(key=lambda event: (-event.priority, event.id))
        return found[: query.limit]

    def open_events(self, since: datetime, audiences: Audiences) -> list[Event]:
        """See Protocol."""
        query = (
            "SELECT body FROM event_@audience "
            "WHERE newest AND NOT merged AND last_us >= :since ORDER BY last_us, id"
        )
        return self._events(query, audiences, {"since": us(since)})

    def events_of(self, subjects: Collection[str], audiences: Audiences) -> dict[str, str]:
        """See Protocol."""
        query = (
            "SELECT subject, event FROM member_@audience "
            "WHERE subject IN (SELECT value FROM json_each(?))"
        )
        with self._reading() as db:
            rows = across(db, kept(audiences), query, (listed(subjects),))
            return {subject: event for _, (subject, event) in rows}

    def events_with(self, subjects: Collection[str], audiences: Audiences) -> list[Event]:
        """See Protocol."""
        query = (
            "SELECT body FROM event_@audience WHERE newest AND id IN (SELECT event "
            "FROM member_@audience WHERE subject IN (SELECT value FROM json_each(:subjects)))"
        )
        found = self._events(query, audiences, {"subjects": listed(subjects)})
        return sorted(found, key=lambda event: event.id)

    def _events(self, query: str, audiences: Audiences, values: dict[str, Any]) -> list[Event]:
        with self._reading() as db:
            return [
                Event.model_validate_json(body)
                for _, (body,) in across(db, kept(audiences), query, values)
            ]


def match(text: str) -> str | None:
    """An FTS5 query for all words as prefixes; ``None`` when the text has no word."""
    words = list(dict.fromkeys(fold_words(text)))[:MAX_WORDS]
    return " AND ".join(f'"{word}"*' for word in words) if words else None


def conditions_of(query: EventQuery) -> tuple[str, dict[str, Any]]:
    """SQL conditions of a query and their values; that of ``:words`` is the caller's."""
    conditions, values = ["newest", "NOT merged"], dict[str, Any]()
    if query.flagged is not None:
        conditions.append("flagged" if query.flagged else "NOT flagged")
    if query.undecided is not None:
        conditions.append("NOT decided" if query.undecided else "decided")
    if query.categories is not None:
        conditions.append("category IN (SELECT value FROM json_each(:categories))")
        values["categories"] = listed([category.value for category in query.categories])
    if query.states is not None:
        conditions.append("state IN (SELECT value FROM json_each(:states))")
        values["states"] = listed([state.value for state in query.states])
    if query.since is not None:
        conditions.append("started_us >= :since")
        values["since"] = us(query.since)
    if query.until is not None:
        conditions.append("started_us < :until")
        values["until"] = us(query.until)
    if query.min_incident is not None:
        conditions.append("incident >= :incident")
        values["incident"] = query.min_incident
    if query.bbox is not None:
        conditions.append(
            "position IN (SELECT key FROM event_box_@audience WHERE east >= :west "
            "AND west <= :east AND north >= :south AND south <= :north)"
        )
        values.update(zip(("west", "south", "east", "north"), query.bbox, strict=True))
    if query.text is not None:
        conditions.append(
            "id IN (SELECT event FROM member_@audience JOIN words_key_@audience "
            "ON post = subject WHERE key IN (SELECT rowid FROM words_@audience "
            "WHERE words_@audience MATCH :words))"
        )
    return " AND ".join(conditions), values
