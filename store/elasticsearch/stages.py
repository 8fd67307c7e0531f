"""When each post and report passed the stages, and that it stood in the queue."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime

from store.elasticsearch.base import Base, kept
from store.elasticsearch.registry import Subject, subject_of
from store.elasticsearch.transaction import Transaction
from store.protocol import Audiences, Stages
from store.times import time_of, us


class StageTimes(Base):
    """Time stamps that belong to no version of a record."""

    def mark_shown(self, subjects: Mapping[str, datetime]) -> None:
        """See Protocol. One transaction for all of them; none when nothing is new."""
        if not subjects:
            return

        def build(tx: Transaction) -> None:
            for key, at in zip(tx.subjects(subjects), subjects.values(), strict=True):
                state = subject_of(tx.get(key))
                if state.event is not None and not state.shown_us:
                    shown_us = max(us(at), state.correlated_us)
                    tx.put(key, replace(state, shown_us=shown_us).to_json())

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
