"""assess, correlate and pairs over files: the whole chain with no store."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from core.errors import InputError
from core.inputs import make_post, make_report, parse_object
from core.lines import Line, batches
from core.records import (
    Assessed,
    Assessment,
    Audience,
    Event,
    Outcome,
    Post,
    Report,
)
from core.settings import Settings
from core.versions import judge, speaking
from correlator.correlate import correlate
from correlator.freshness import Freshness
from correlator.model import PairModel
from correlator.pairs import score
from nlp.assessor import subject_of_post
from nlp.run import Assesses, audience_of, subject_of
from store.ingest import CONFLICT

log = logging.getLogger(__name__)
R = TypeVar("R")

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NO_KEY = b"offline: pseudonyms are not written"


@dataclass
class Reading:
    """What was read: the line number of each readable record, and what was wrong elsewhere."""

    numbers: list[int] = field(default_factory=list)
    problems: list[tuple[int, str]] = field(default_factory=list)

    @property
    def nothing(self) -> bool:
        """True when there were lines and not one was readable."""
        return not self.numbers and bool(self.problems)


def posts_of(lines: Iterable[Line], reading: Reading) -> Iterator[Post]:
    """The readable posts; problems go to ``reading``."""
    return _records(lines, reading, lambda v: make_post(v, now=EPOCH, key=NO_KEY))


def reports_of(lines: Iterable[Line], reading: Reading) -> Iterator[Report]:
    """The readable reports; problems go to ``reading``."""
    return _records(lines, reading, lambda v: make_report(v, now=EPOCH))


def assess_lines(
    lines: Iterable[Line], assessor: Assesses, reading: Reading, *, batch: int
) -> Iterator[str]:
    """One line of JSON a readable post, in the order of the input."""
    for posts in batches(posts_of(lines, reading), batch):
        for post, found in zip(
            posts, assessor.assess([subject_of_post(p) for p in posts]), strict=True
        ):
            yield json.dumps(assessment_row(post.native_id, found), ensure_ascii=False)


def assessment_row(record_id: str, found: Assessment) -> dict[str, Any]:
    """An assessment in the contract's form; a mixed text has its parts by language besides."""
    parts = [part.model_dump(mode="json") for part in found.language_parts]
    return {
        "id": record_id,
        "language": found.language.value,
        "incident": round(found.incident, 4),
        "category": found.category.value,
        "categories": {c.value: round(p, 4) for c, p in found.categories.items()},
        "urgency": round(found.urgency, 4),
        "places": [
            {
                "text": place.text,
                "start": place.start,
                "end": place.end,
                "name": place.name,
                "kind": place.kind,
                "lat": place.lat,
                "lon": place.lon,
                "radius_m": place.radius_m,
                "score": round(place.score, 4),
            }
            for place in found.places
        ],
        "location": None if found.location is None else found.location.model_dump(),
        "event_at": None if found.event_at is None else found.event_at.isoformat(),
        "assessor": found.assessor,
        **({"language_parts": parts} if parts else {}),
    }


def one_version_each(posts: Sequence[Post], as_of: datetime | None, reading: Reading) -> list[Post]:
    """The speaking version of each post as known at ``as_of``, by the order of first mention.

    A version edited after ``as_of`` speaks only where no earlier one is known.
    """
    versions: dict[str, list[Post]] = {}
    for number, post in zip(reading.numbers, posts, strict=True):
        known = versions.setdefault(post.id, [])
        outcome = judge(known, post)
        if outcome is Outcome.CONFLICT:
            reading.problems.append((number, f"{post.native_id}: {CONFLICT}"))
        elif outcome is Outcome.ACCEPTED:
            known.append(post)
    chosen = []
    for known in versions.values():
        then = [v for v in known if as_of is None or v.known_at <= as_of]
        if as_of is None or known[0].posted_at <= as_of:
            chosen.append(speaking(then or known))
    return chosen


def one_report_each(
    reports: Sequence[Report], as_of: datetime | None, reading: Reading
) -> list[Report]:
    """Each report once, received by ``as_of``."""
    kept: dict[str, Report] = {}
    for number, report in zip(reading.numbers, reports, strict=True):
        first = kept.setdefault(report.id, report)
        if first.content != report.content:
            reading.problems.append((number, f"{report.id}: {CONFLICT}"))
    return [r for r in kept.values() if as_of is None or r.received_at <= as_of]


def correlate_all(
    posts: Sequence[Post],
    reports: Sequence[Report],
    *,
    assessor: Assesses,
    model: PairModel,
    settings: Settings,
    as_of: datetime | None,
    advance: Callable[[int], None],
) -> list[Event]:
    """Events of a whole day at once; ``as_of`` defaults to the latest time in the input.

    ``advance`` is told how many more records were assessed.
    """
    records: list[Post | Report] = [*posts, *reports]
    assessed: list[Assessed] = []
    for batch in batches(records, settings.nlp.batch):
        assessed += assess_records(batch, assessor, settings)
        advance(len(batch))
    times = [r.known_at if isinstance(r, Post) else r.received_at for r in records]
    return correlate(
        assessed,
        settings=settings.correlator,
        model=model,
        as_of=as_of or max(times, default=EPOCH),
        freshness=Freshness.always(),
        incident_at=settings.nlp.incident_at,
    )


def assess_records(
    records: Sequence[Post | Report], assessor: Assesses, settings: Settings
) -> list[Assessed]:
    """Records with their assessment and audience."""
    subjects = [subject_of(record) for record in records]
    return [
        Assessed(subject=record, assessment=found, audience=audience_of(record, found, settings))
        for record, found in zip(records, assessor.assess(subjects), strict=True)
    ]


def event_row(event: Event, native_ids: dict[str, str]) -> dict[str, Any]:
    """An event in the contract's form; ``native_ids``: the input's id of each post."""
    return {
        "event_id": event.id,
        "category": event.category.value,
        "incident": round(event.incident, 4),
        "location": None if event.location is None else event.location.model_dump(),
        "started_at": event.started_at.isoformat(),
        "posts": [native_ids[link.id] for link in event.posts],
        "reports": [
            {"id": link.id, "probability": round(link.probability, 4)} for link in event.reports
        ],
        "report_state": event.report_state.value,
        "lead_s": event.lead_s,
        "flagged": event.flagged,
        "priority": round(event.priority, 4),
        "confidential": event.audience is Audience.CONFIDENTIAL,
    }


def pair_rows(
    lines: Iterable[Line],
    *,
    assessor: Assesses,
    model: PairModel,
    settings: Settings,
    reading: Reading,
) -> Iterator[str]:
    """``same`` and ``why`` of each readable pair, in the order of the input."""
    pairs = _records(lines, reading, _pair)
    for batch in batches(pairs, settings.nlp.batch):
        found = assess_records([r for pair in batch for r in pair], assessor, settings)
        for left, right in zip(found[::2], found[1::2], strict=True):
            judged = score(left, right, model)
            why = {c.feature: round(c.weight, 4) for c in judged.contributions}
            yield json.dumps({"same": round(judged.same, 4), "why": why}, ensure_ascii=False)


def _pair(value: dict[str, Any]) -> tuple[Post | Report, Post | Report]:
    sides = []
    for side in ("left", "right"):
        given = value.get(side)
        if not isinstance(given, dict):
            raise InputError(f"{side} is missing or no object; each line has left and right")
        try:
            sides.append(_either(given))
        except InputError as error:
            raise InputError(f"{side}: {error}") from error
    return sides[0], sides[1]


def _either(value: dict[str, Any]) -> Post | Report:
    if "received_at" in value and "posted_at" not in value:
        return make_report(value, now=EPOCH)
    return make_post(value, now=EPOCH, key=NO_KEY)


def _records(
    lines: Iterable[Line], reading: Reading, make: Callable[[dict[str, Any]], R]
) -> Iterator[R]:
    for line in lines:
        try:
            record = make(parse_object(line.data))
        except InputError as error:
            reading.problems.append((line.number, str(error)))
        else:
            reading.numbers.append(line.number)
            yield record
