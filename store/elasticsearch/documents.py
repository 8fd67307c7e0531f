"""Records as documents that people can search. Pure.

Each document carries its records whole, as JSON text (``body``, ``versions``, ``assessments``):
what is read back is exactly what was kept. The fields beside it are for searching alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from core.folding import fold_words
from core.records import Assessment, Decision, Event, Link, Post, Report
from core.versions import newest, speaking
from store.elasticsearch.keys import with_keys

Source = dict[str, Any]
EXACT_M, STREET_M, TOWN_M = 300.0, 2_000.0, 30_000.0


def post_document(
    versions: Sequence[Post],
    assessments: Mapping[int, Assessment],
    *,
    accepted_at: datetime,
    assessed_at: datetime,
    vector_dims: int,
) -> Source:
    """A post as it stands, all its versions and assessments (by number of version) with it."""
    post, last = speaking(versions), newest(versions)
    first = next((v for v in versions if v.version == 1), None)
    plain = first is not None and first.edited_at is None and first.deleted_at is None
    return _findable(
        {
            "id": post.id,
            "source": post.source,
            "native_id": post.native_id,
            "version": post.version,
            "text": post.text,
            "words": " ".join(fold_words(post.text)),
            "url": post.url,
            "author": post.author,
            "home": post.home,
            "reply_to": post.reply_to,
            "forwarded_from": post.forwarded_from,
            "media": [name for m in post.media for name in (m.digest, m.url) if name],
            "posted_at": last.posted_at.isoformat(),
            "edited_at": iso(last.edited_at),
            "deleted_at": iso(last.deleted_at),
            "accepted_at": accepted_at.isoformat(),
            "assessed_at": assessed_at.isoformat(),
            "accept_lag_s": (first.accepted_at - first.posted_at).total_seconds()
            if plain and first is not None
            else None,
            "assess_lag_s": (assessed_at - accepted_at).total_seconds(),
            "platform_point": point(post.lat, post.lon),
            **judged(assessments[post.version], vector_dims),
            "versions": [v.model_dump_json() for v in sorted(versions, key=lambda v: v.version)],
            "assessments": [assessments[n].model_dump_json() for n in sorted(assessments)],
        }
    )


def report_document(
    report: Report, assessment: Assessment, *, assessed_at: datetime, vector_dims: int
) -> Source:
    """A report with its assessment."""
    return _findable(
        {
            "id": report.id,
            "channel": report.channel.value,
            "text": report.text,
            "words": " ".join(fold_words(report.text)),
            "received_at": report.received_at.isoformat(),
            "accepted_at": report.accepted_at.isoformat(),
            "assessed_at": assessed_at.isoformat(),
            "assess_lag_s": (assessed_at - report.accepted_at).total_seconds(),
            "reported_category": report.category.value if report.category else None,
            "reported_point": point(report.lat, report.lon),
            "accuracy_m": report.accuracy_m,
            "media": [name for m in report.media for name in (m.digest, m.url) if name],
            **judged(assessment, vector_dims),
            "versions": [report.model_dump_json()],
            "assessments": [assessment.model_dump_json()],
        }
    )


def judged(found: Assessment, vector_dims: int) -> Source:
    """What the assessor said."""
    place = found.location
    return {
        "assessor": found.assessor,
        "language": found.language.value,
        "incident": found.incident,
        "category": found.category.value,
        "categories": {c.value: p for c, p in found.categories.items() if p > 0.0},
        "urgency": found.urgency,
        "event_at": iso(found.event_at),
        "location": None if place is None else point(place.lat, place.lon),
        "radius_m": None if place is None else place.radius_m,
        "precision": None if place is None else precision(place.radius_m),
        "location_path": list(found.location_path),
        "places": list(dict.fromkeys(p.name for p in found.places)),
        "concepts": list(found.concepts),
        "vector": vector(found.vector, vector_dims),
    }


def event_document(event: Event, *, position: int, suffix: str, sources: Sequence[str]) -> Source:
    """An event's newest version."""
    place = event.location
    return known(
        {
            "id": event.id,
            "version": event.version,
            "position": position,
            "period": suffix,
            "category": event.category.value,
            "incident": event.incident,
            "urgency": event.urgency,
            "location": None if place is None else point(place.lat, place.lon),
            "radius_m": None if place is None else place.radius_m,
            "precision": None if place is None else precision(place.radius_m),
            "location_path": list(event.location_path),
            "started_at": event.started_at.isoformat(),
            "last_at": event.last_at.isoformat(),
            "updated_at": event.updated_at.isoformat(),
            "first_post_at": earliest(event.posts),
            "first_report_at": earliest(event.reports),
            "posts": [link.id for link in event.posts],
            "reports": [link.id for link in event.reports],
            "candidates": [link.id for link in event.candidates],
            "n_posts": len(event.posts),
            "n_reports": len(event.reports),
            "sources": sorted(set(sources)),
            "report_state": event.report_state.value,
            "lead_s": event.lead_s,
            "flagged": event.flagged,
            "priority": event.priority,
            "headline": event.headline,
            "decided": event.decided,
            "undecided": event.decided is None,
            "aliases": list(event.aliases),
            "merged_into": event.merged_into,
            "merged": event.merged_into is not None,
            "body": event.model_dump_json(),
        }
    )


def version_document(event: Event, *, position: int) -> Source:
    """An earlier version of an event."""
    return {
        "id": event.id,
        "version": event.version,
        "position": position,
        "updated_at": event.updated_at.isoformat(),
        "names": sorted({link.id for link in (*event.posts, *event.reports, *event.candidates)}),
        "body": event.model_dump_json(),
    }


def decision_document(decision: Decision, *, position: int) -> Source:
    """A decision, with its place among all changes."""
    where = decision.point
    return known(
        {
            "id": decision.id,
            "event": decision.event,
            "event_version": decision.event_version,
            "kind": decision.kind.value,
            "by": decision.by,
            "at": decision.at.isoformat(),
            "reason": decision.reason,
            "names": [*decision.members, *([decision.anchor] if decision.anchor else [])],
            "point": None if where is None else point(where.lat, where.lon),
            "until": iso(decision.until),
            "undoes": decision.undoes,
            "position": position,
            "body": decision.model_dump_json(),
        }
    )


def precision(radius_m: float) -> str:
    """How exactly a place is known: ``exact``, ``street``, ``settlement`` or ``region``."""
    if radius_m <= EXACT_M:
        return "exact"
    if radius_m <= STREET_M:
        return "street"
    return "settlement" if radius_m <= TOWN_M else "region"


def vector(values: Sequence[float], dims: int) -> list[float] | None:
    """The vector if it can be compared: of the right length, finite, not zero."""
    if len(values) != dims or not all(map(math.isfinite, values)):
        return None
    return list(values) if any(values) else None


def point(lat: float | None, lon: float | None) -> dict[str, float] | None:
    """A geo_point."""
    return None if lat is None or lon is None else {"lat": lat, "lon": lon}


def iso(time: datetime | None) -> str | None:
    """A time as text."""
    return None if time is None else time.isoformat()


def earliest(links: Sequence[Link]) -> str | None:
    """When the first of the links came."""
    return min(link.at for link in links).isoformat() if links else None


def _findable(source: Source) -> Source:
    return with_keys(known(source))


def known(source: Source) -> Source:
    """Without what is not known."""
    return {name: value for name, value in source.items() if value is not None and value != []}
