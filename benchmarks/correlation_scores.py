"""What the events of a labelled stream are worth: the figures of one row, and rows as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import prod

from core.records import Event, Report, ReportState
from core.settings import Settings
from correlator.correlate import at, correlate
from correlator.evaluation import Share, b_cubed, pairwise, partition_of, post_report
from correlator.freshness import Freshness
from correlator.model import PairModel
from learning.streams import Stream

END = datetime(2100, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Scores:
    """What the events of a stream are worth. ``state``: share of labelled incidents; ``queue``:
    mean precision of the flagged events in order of priority, down to each that is right.
    """

    b_cubed: Share
    pairs: Share
    post_report: Share
    state: float
    flagged: Share
    queue: float


def events_of(stream: Stream, model: PairModel, settings: Settings) -> list[Event]:
    """The events that a stream's records make, its feeds alive."""
    return correlate(
        stream.records,
        settings=settings.correlator,
        model=model,
        as_of=END,
        freshness=Freshness.always(),
        incident_at=settings.nlp.incident_at,
    )


def measure(stream: Stream, model: PairModel, settings: Settings) -> Scores:
    """Correlate a stream and compare with its labels."""
    events = events_of(stream, model, settings)
    found = partition_of(events)
    return Scores(
        b_cubed=b_cubed(found, stream.truth),
        pairs=pairwise(found, stream.truth),
        post_report=post_report(found, stream.truth, stream.reports()),
        state=_states(stream, events),
        flagged=_flags(stream, events),
        queue=_queue(stream, events),
    )


def _true_states(stream: Stream) -> dict[str, ReportState]:
    """Report state of each labelled event that some post calls an incident."""
    posted: dict[str, datetime] = {}
    told: dict[str, datetime] = {}
    incidents = {stream.truth[post] for post in stream.incidents}
    for record in stream.records:
        times = told if isinstance(record.subject, Report) else posted
        key = stream.truth[record.subject.id]
        times[key] = min(times.get(key, END), at(record))
    states = {}
    for key in incidents:
        if key not in told:
            states[key] = ReportState.UNREPORTED
        elif told[key] <= posted[key]:
            states[key] = ReportState.REPORTED_BEFORE
        else:
            states[key] = ReportState.REPORTED_AFTER
    return states


def _main_event(stream: Stream, events: Sequence[Event]) -> dict[str, Event]:
    """For each labelled event the found event that has most of its posts."""
    counts: dict[str, Counter[str]] = {}
    by_id = {event.id: event for event in events}
    for event in events:
        for link in event.posts:
            counts.setdefault(stream.truth[link.id], Counter())[event.id] += 1
    return {key: by_id[min(votes, key=lambda e: (-votes[e], e))] for key, votes in counts.items()}


def _states(stream: Stream, events: Sequence[Event]) -> float:
    states, mains = _true_states(stream), _main_event(stream, events)
    right = sum(mains[key].report_state is state for key, state in states.items())
    return right / len(states) if states else 1.0


def unreported(stream: Stream) -> set[str]:
    """The labelled incidents that 102 does not know of."""
    return {k for k, s in _true_states(stream).items() if s is ReportState.UNREPORTED}


def _flags(stream: Stream, events: Sequence[Event]) -> Share:
    wanted = unreported(stream)
    flagged = [event for event in events if event.flagged]
    right = [key for key in (_told_by(event, stream) for event in flagged) if key in wanted]
    return Share(
        len(right) / len(flagged) if flagged else 1.0,
        len(set(right)) / len(wanted) if wanted else 1.0,
    )


def _queue(stream: Stream, events: Sequence[Event]) -> float:
    """As a specialist meets them, all of them equally fresh; 1 when none is right."""
    wanted = unreported(stream)
    flagged = sorted((e for e in events if e.flagged), key=lambda e: (-_pressing(e), e.id))
    right = [_told_by(event, stream) in wanted for event in flagged]
    shares = [sum(right[:place]) / place for place in range(1, len(right) + 1) if right[place - 1]]
    return sum(shares) / len(shares) if shares else 1.0


def _pressing(event: Event) -> float:
    return prod(f.value for f in event.priority_factors if f.name != "freshness")


def _told_by(event: Event, stream: Stream) -> str:
    """The labelled event that most of its posts speak of."""
    votes = Counter(stream.truth[link.id] for link in event.posts)
    return min(votes, key=lambda key: (-votes[key], key))


def table(rows: dict[str, Scores]) -> str:
    """The scores as a table in Markdown."""
    lines = [
        "| stream | B-cubed P / R / F1 | pairs P / R / F1 | post-report F1 | report state | "
        "flagged P / R | queue |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, s in rows.items():
        cubed, pairs = s.b_cubed, s.pairs
        lines.append(
            f"| {name} | {cubed.precision:.3f} / {cubed.recall:.3f} / {cubed.f1:.3f} | "
            f"{pairs.precision:.3f} / {pairs.recall:.3f} / {pairs.f1:.3f} | "
            f"{s.post_report.f1:.3f} | {s.state:.3f} | "
            f"{s.flagged.precision:.3f} / {s.flagged.recall:.3f} | {s.queue:.3f} |"
        )
    return "\n".join(lines)
