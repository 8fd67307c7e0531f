"""A whole batch at once: pure, and independent of the order of the input."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from core.ids import digest
from core.records import Assessed, Decision, Event, Post
from core.settings import CorrelatorSettings
from correlator.constraints import constraints
from correlator.freshness import Freshness
from correlator.graph import Graph
from correlator.items import make_item
from correlator.judging import Judge, Known, Rulings
from correlator.model import PairModel


def correlate(
    records: Sequence[Assessed],
    *,
    settings: CorrelatorSettings,
    model: PairModel,
    as_of: datetime,
    freshness: Freshness,
    decisions: Sequence[Decision] = (),
    incident_at: float = 0.5,
) -> list[Event]:
    """The events of all records posted or received up to ``as_of``, by their start.

    Every such record is in exactly one event. ``incident_at``: probability from which an event
    counts as an incident (``nlp.incident_at`` of the settings).
    """
    chosen = {r.subject.id: r for r in records if at(r) <= as_of}
    graph = Graph(settings, model)
    graph.constrain(constraints(decisions))
    for record in sorted(chosen.values(), key=lambda r: (at(r), r.subject.id)):
        graph.put(make_item(record, model.idf))
    judge = Judge(model, incident_at, settings.known_at)
    rulings = Rulings(decisions)
    events = []
    for members in graph.clusters_around(chosen):
        event_id = first_id(members, graph)
        events.append(
            judge.event(
                members,
                graph=graph,
                records=chosen,
                known=Known(event_id),
                marks=rulings.marks([event_id], members),
                freshness=freshness,
                now=as_of,
            )
        )
    return sorted(events, key=lambda e: (e.started_at, e.id))


def at(record: Assessed) -> datetime:
    """When a record was posted or received (UTC)."""
    subject = record.subject
    return subject.posted_at if isinstance(subject, Post) else subject.received_at


def first_id(members: Iterable[str], graph: Graph, *more: str) -> str:
    """Id of a new event: digest of its earliest member; ``more`` tells namesakes apart."""
    earliest = min(members, key=lambda m: (graph.items[m].at, m))
    return digest("event", earliest, *more)
