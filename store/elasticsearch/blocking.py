"""Blocking on the cluster: which records are worth comparing with one, by several ways at once.

Near in place, near in meaning (kNN), sharing rare words, of the same chat, a copy, or bound by a
reply, forward or photo; always near in time and of the same audience. Many records are asked for
with one request, whatever the size of the store.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from core.errors import StoreAwayError, StoreError
from core.folding import fold_words
from core.records import INCIDENT_CATEGORIES, Assessed, Audience, Post
from store.elasticsearch.base import Base, groups
from store.elasticsearch.connection import translated
from store.elasticsearch.documents import vector
from store.protocol import Sought

PLACE_M = 25_000.0
"""Beyond the radius of the record itself; as wide as ``correlator.blocking``'s cells reach."""
VAGUE_M = 4_000.0
"""From here on a place says no more than the settlement."""
NEAREST = 200
ALIKE = 50
WORDY = 100
COPIES = 50
MAX_WORDS = 40
COPIED_WORDS = "75%"
"""Share of its words that a copy has; the correlator then compares runs of three words."""
MIN_COPIED = 4
SEARCHES = 400
"""Searches in one request; each sends its query of up to 3 kB and gets its ids."""
POINTS = {"posts": ("location", "platform_point"), "reports": ("location", "reported_point")}

Query = dict[str, Any]


class Blocking(Base):
    """Candidates for the correlator."""

    def neighbours(self, sought: Sequence[Sought]) -> list[set[str]]:
        """See Protocol."""
        audiences = {one.found.audience for one in sought}
        self._journal.refresh(*(g for k in POINTS for g in groups(k, audiences)))
        found: list[set[str]] = [set() for _ in sought]
        searches = list(self._searches(sought))
        for start in range(0, len(searches), SEARCHES):
            part = searches[start : start + SEARCHES]
            for (number, _, _), ids in zip(part, self._asked(part), strict=True):
                found[number] |= ids
        for one, ids in zip(sought, found, strict=True):
            ids.discard(one.found.subject.id)
        return found

    def _searches(self, sought: Sequence[Sought]) -> Iterator[tuple[int, str, Query]]:
        """Position of the record, where to look, and for what."""
        for number, one in enumerate(sought):
            for kinds, body in _ways(one, self._settings.vector_dims):
                yield number, self._where(one.found.audience, kinds), body

    def _where(self, audience: Audience, kinds: Sequence[str]) -> str:
        return ",".join(self._names.all_of(audience, kind) for kind in kinds)

    def _asked(self, searches: Sequence[tuple[int, str, Query]]) -> list[set[str]]:
        lines: list[Query] = []
        for _, index, body in searches:
            lines += [
                {"index": index, "ignore_unavailable": True, "allow_no_indices": True},
                {**body, "_source": False, "docvalue_fields": ["id"], "track_total_hits": False},
            ]
        with translated():
            answer = self._client.msearch(searches=lines)
        return [_ids(response) for response in answer["responses"]]


def _ids(response: Query) -> set[str]:
    if "error" in response:
        kind = response["error"].get("type")
        if response.get("status") in (429, 503):
            raise StoreAwayError(f"a blocking query was not taken ({kind}); it is tried again")
        raise StoreError(f"a blocking query failed ({kind}); see the cluster's log")
    if response["timed_out"] or response["_shards"]["failed"]:
        raise StoreAwayError("a blocking query could not ask all shards; see the cluster's health")
    return {hit["fields"]["id"][0] for hit in response["hits"]["hits"]}


def _ways(one: Sought, vector_dims: int) -> Iterator[tuple[Sequence[str], Query]]:
    """The searches for one record, each with the kinds of records that it is for."""
    both = tuple(POINTS)
    found, text = one.found, _text(one.found)
    at = _at(found)
    linked = _links(found)
    if linked:
        yield both, _any_of(linked, [_around(at, one.linked_s)])
    time = _around(at, one.within_s)
    if isinstance(found.subject, Post) and len(text.split()) >= MIN_COPIED:
        yield ("posts",), {"size": COPIES, **_words(text, [time], COPIED_WORDS)}
    if one.incident_from is not None:
        likely = _likely(one.incident_from, one.category_from)
        for point in one.points:
            radius_m = PLACE_M + point.radius_m
            for kind, fields in POINTS.items():
                conditions = [time] if kind == "reports" else [time, likely]
                yield (kind,), _place(point.lat, point.lon, radius_m, fields, conditions, text)
    if one.alike_from is None:
        return
    conditions = [time, _likely(one.alike_from, None)]
    if text:
        yield both, {"size": WORDY, **_words(text, conditions)}
    alike = vector(found.assessment.vector, vector_dims)
    if alike is not None:
        yield both, _meaning(alike, conditions)
    if one.same_source and isinstance(found.subject, Post):
        yield ("posts",), _chat(found.subject.source, at, conditions)


def _at(found: Assessed) -> datetime:
    subject = found.subject
    return subject.posted_at if isinstance(subject, Post) else subject.received_at


def _text(found: Assessed) -> str:
    return " ".join(list(dict.fromkeys(fold_words(found.subject.text)))[:MAX_WORDS])


def _around(at: datetime, within_s: float) -> Query:
    around = {
        "gte": (at - timedelta(seconds=within_s)).isoformat(),
        "lte": (at + timedelta(seconds=within_s)).isoformat(),
    }
    return _one_of([{"range": {field: around}} for field in ("posted_at", "received_at")])


def _one_of(conditions: Sequence[Query]) -> Query:
    return {"bool": {"should": list(conditions), "minimum_should_match": 1}}


def _any_of(conditions: Sequence[Query], filters: Sequence[Query]) -> Query:
    return {"size": NEAREST, "query": {"bool": {"filter": [*filters, _one_of(conditions)]}}}


def _likely(incident_from: float, category_from: float | None) -> Query:
    """Seems an incident, or of one category; a report always does."""
    conditions: list[Query] = [
        {"range": {"incident": {"gte": incident_from}}},
        {"exists": {"field": "received_at"}},
    ]
    if category_from is not None:
        conditions += [
            {"range": {f"categories.{category.value}": {"gte": category_from}}}
            for category in INCIDENT_CATEGORIES
        ]
    return _one_of(conditions)


def _words(text: str, filters: Sequence[Query], share: str | None = None) -> Query:
    """Those that share most of the rarest words come first."""
    words: Query = {"query": text, "operator": "or"}
    if share is not None:
        words["minimum_should_match"] = share
    return {"query": {"bool": {"must": [{"match": {"words": words}}], "filter": list(filters)}}}


def _place(
    lat: float,
    lon: float,
    radius_m: float,
    fields: Sequence[str],
    filters: Sequence[Query],
    text: str,
) -> Query:
    """The nearest; of those at the very same point (a settlement's) the ones of like words."""
    point = {"lat": lat, "lon": lon}
    near = [{"geo_distance": {"distance": f"{radius_m}m", field: point}} for field in fields]
    words = [{"match": {"words": {"query": text, "operator": "or"}}}] if text else []
    away = {fields[0]: point, "order": "asc", "unit": "km", "distance_type": "plane"}
    return {
        "size": NEAREST,
        "query": {"bool": {"filter": [*filters, _one_of(near)], "should": words}},
        "sort": [{"_geo_distance": away}, {"_score": "desc"}],
    }


def _meaning(alike: list[float], filters: Sequence[Query]) -> Query:
    return {
        "size": ALIKE,
        "knn": {
            "field": "vector",
            "query_vector": alike,
            "k": ALIKE,
            "num_candidates": 2 * ALIKE,
            "filter": list(filters),
        },
    }


def _chat(source: str, at: datetime, filters: Sequence[Query]) -> Query:
    """The nearest in time of those of a source that name no exact place."""
    vague = {"bool": {"must_not": [{"range": {"radius_m": {"lt": VAGUE_M}}}]}}
    nearest: Query = {"distance_feature": {"field": "posted_at", "origin": at.isoformat()}}
    nearest["distance_feature"]["pivot"] = "1h"
    same = [{"term": {"source": source}}, vague, *filters]
    return {"size": WORDY, "query": {"bool": {"filter": same, "should": [nearest]}}}


def _links(found: Assessed) -> list[Query]:
    """A reply, a forward, an answer to the same post, the same photo."""
    subject = found.subject
    media = [name for item in subject.media for name in (item.digest, item.url) if name]
    links: list[Query] = [{"terms": {"media": media}}] if media else []
    if isinstance(subject, Post):
        own = [subject.id, subject.native_id, f"{subject.source}/{subject.native_id}"]
        own += [subject.url] if subject.url else []
        links += [{"terms": {field: own}} for field in ("reply_to", "forwarded_from")]
        for ref in dict.fromkeys(r for r in (subject.reply_to, subject.forwarded_from) if r):
            links += _named(ref)
    return links


def _named(ref: str) -> list[Query]:
    """Who is called so (by id, number, or source and number), and who refers to the same."""
    fields = ("id", "native_id", "reply_to", "forwarded_from")
    named: list[Query] = [{"term": {field: ref}} for field in fields]
    source, _, number = ref.rpartition("/")
    if source:
        both = [{"term": {"source": source}}, {"term": {"native_id": number}}]
        named.append({"bool": {"filter": both}})
    return named
