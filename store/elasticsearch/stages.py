"""When each post and report passed the stages, and that events stood in the queue."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime

from store.elasticsearch.base import kept
from store.elasticsearch.connection import Key
from store.elasticsearch.registry import Subject, head_of, subject_of
from store.elasticsearch.transaction import Transaction
from store.elasticsearch.withholding import Withholding
from store.protocol import Audiences, Stages
from store.times import time_of, us


class StageTimes(Withholding):
    """Time stamps that belong to no version of a record."""

    def mark_shown(self, events: Mapping[str, datetime]) -> None:
        """See Protocol. One transaction for all of them; none when nothing is new."""
        if not events:
            return

        def build(tx: Transaction) -> None:
            tx.fetch([self._event_key(event_id) for event_id in events])
            newest: dict[Key, str] = {}
            for event_id in events:
                head = head_of(tx.get(self._event_key(event_id)))
                if head is not None:
                    newest[self._newest_key(head, event_id)] = event_id
            tx.fetch(newest)
            members = {
                name: event_id
                for key, event_id in newest.items()
                if (source := tx.get(key)) is not None
                for name in (*source.get("posts", ()), *source.get("reports", ()))
            }
            for key, event_id in zip(tx.subjects(members), members.values(), strict=True):
                state, at_us = subject_of(tx.get(key)), us(events[event_id])
                if state.event == event_id and not state.shown_us and state.correlated_us <= at_us:
                    tx.put(key, replace(state, shown_us=at_us).to_json())

        self._journal.write(build)

    def stages(self, subjects: Collection[str], audiences: Audiences) -> dict[str, Stages]:
        """See Protocol."""
        rows = self._connection.get_many(self._subject(name) for name in subjects)
        states = {name: subject_of(rows.get(self._subject(name))) for name in subjects}
        keys = {
            (self._names.of(state.audience, f"{state.kind}s", state.period), name): state
            for name, state in states.items()
            if state.kind is not None and state.audience in kept(audiences)
        }
        documents = self._connection.get_many(keys, ["assessed_at"])
        return {
            key[1]: Stages(
                assessed_at=datetime.fromisoformat(document["assessed_at"]),
                correlated_at=_time(state.correlated_us, state, audiences),
                shown_at=_time(state.shown_us, state, audiences),
            )
            for key, state in keys.items()
            if (document := documents.get(key)) is not None
        }


def _time(at_us: int, state: Subject, audiences: Audiences) -> datetime | None:
    """A time of the event that the subject is in, if its reader may know that event."""
    return time_of(at_us) if at_us and state.event_audience in audiences else None
