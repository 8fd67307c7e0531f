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
from core.records import Assessed, Audience, Post
from store.elasticsearch.base import Base, groups
from store.elasticsearch.connection import translated
from store.elasticsearch.documents import vector
from store.elasticsearch.keys import cells_around, openings_of, reaching
from store.protocol import Sought

VAGUE_M = 4_000.0
"""From here on a place says no more than the settlement."""
NEAREST = 400
"""In place or bound by a link: of those that share a town or a name the nearest in time. The
embedded index takes 256 where one of its keys has more, and where none has all of several keys."""
CLOSE_BY = 200
"""Where a town has more than that within the time, these lie within some 3 km, too."""
ALIKE = 50
WORDY = 100
COPIES = 50
MAX_WORDS = 40
ANSWER: dict[str, Any] = {
    "stored_fields": "_none_", "docvalue_fields": ["id"], "track_total_hits": False
}  # fmt: skip
"""The id from its column: a stored field, ``_id`` too, has a block of whole documents unpacked a
hit, which cost more than finding it: 12 ms of 14 for the 50 nearest in meaning, 17 of 20 for 100 by
words."""
SEARCHES = 400
"""Searches in one request; each sends its query of up to 3 kB and gets its ids."""
TIMES = {"posts": "posted_at", "reports": "received_at"}

Query = dict[str, Any]


class Blocking(Base):
    """Candidates for the correlator."""

    def neighbours(self, sought: Sequence[Sought]) -> list[set[str]]:
        """See Protocol."""
        audiences = {one.found.audience for one in sought}
        self._journal.refresh(*(g for k in TIMES for g in groups(k, audiences)))
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
                {**body, **ANSWER},
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
    both = tuple(TIMES)
    found, text = one.found, _text(one.found)
    at = _at(found)
    linked = _links(found)
    if linked:
        yield both, _any_of(linked, [_around(at, one.linked_s)])
    time = _around(at, one.within_s)
    copied = openings_of(fold_words(found.subject.text))
    if copied and isinstance(found.subject, Post):
        same = [{"terms": {"openings": copied}}, _within("posted_at", at, one.within_s)]
        yield ("posts",), _nearest_in_time("posted_at", at, same, COPIES)
    if one.voice_from is not None and isinstance(found.subject, Post):
        yield ("posts",), _voice(found.subject, one.voice_from, one.voice_s)
    if one.incident_from is not None:
        yield from _near(one, at)
    if one.alike_from is None:
        return
    conditions = [time, *_reaching(one.alike_from, None)]
    if text:
        yield both, _words(text, conditions)
    alike = vector(found.assessment.vector, vector_dims)
    if alike is not None:
        yield both, _meaning(alike, conditions)
    if one.same_source and isinstance(found.subject, Post):
        yield ("posts",), _chat(found.subject.source, at, conditions)


def _near(one: Sought, at: datetime) -> Iterator[tuple[Sequence[str], Query]]:
    """The nearest in time of those in the same town, and of those close by."""
    likely = _reaching(one.incident_from or 0.0, one.category_from)
    points = [(point.lat, point.lon, point.radius_m) for point in one.points]
    for grid, most in (("wide", NEAREST), ("close", CLOSE_BY)):
        cells = cells_around(grid, points)
        for kind, time in TIMES.items() if cells else ():
            here = [*likely, {"terms": {"cells": cells}}, _within(time, at, one.within_s)]
            yield (kind,), _nearest_in_time(time, at, here, most)


def _at(found: Assessed) -> datetime:
    subject = found.subject
    return subject.posted_at if isinstance(subject, Post) else subject.received_at


def _text(found: Assessed) -> str:
    return " ".join(list(dict.fromkeys(fold_words(found.subject.text)))[:MAX_WORDS])


def _around(at: datetime, within_s: float) -> Query:
    return _one_of([_within(time, at, within_s) for time in TIMES.values()])


def _within(time: str, at: datetime, within_s: float) -> Query:
    around = {
        "gte": (at - timedelta(seconds=within_s)).isoformat(),
        "lte": (at + timedelta(seconds=within_s)).isoformat(),
    }
    return {"range": {time: around}}


def _one_of(conditions: Sequence[Query]) -> Query:
    return {"bool": {"should": list(conditions), "minimum_should_match": 1}}


def _any_of(conditions: Sequence[Query], filters: Sequence[Query]) -> Query:
    return {"size": NEAREST, "query": {"bool": {"filter": [*filters, _one_of(conditions)]}}}


def _reaching(incident_from: float, category_from: float | None) -> list[Query]:
    """Seems an incident, or of one category; a report always does."""
    keys = reaching(incident_from, category_from)
    return [] if keys is None else [{"terms": {"seems": keys}}]


def _words(text: str, filters: Sequence[Query]) -> Query:
    """Those that share most of the rarest words come first."""
    words = {"match": {"told": {"query": text, "operator": "or"}}}
    return {"size": WORDY, "query": {"bool": {"must": [words], "filter": list(filters)}}}


def _nearest_in_time(time: str, at: datetime, filters: Sequence[Query], most: int) -> Query:
    """Not all that fit are looked at: once there are enough, those farther away are passed over."""
    nearest = {"distance_feature": {"field": time, "origin": at.isoformat(), "pivot": "1h"}}
    return {"size": most, "query": {"bool": {"filter": list(filters), "must": [nearest]}}}


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
    same: list[Query] = [{"term": {"source": source}}, vague, *filters]
    return _nearest_in_time("posted_at", at, same, WORDY)


def _voice(post: Post, incident_from: float, within_s: float) -> Query:
    """What the same author says in the same source, the nearest in time."""
    same: list[Query] = [{"term": {"source": post.source}}, {"term": {"author": post.author}}]
    same += [*_reaching(incident_from, None), _within("posted_at", post.posted_at, within_s)]
    return _nearest_in_time("posted_at", post.posted_at, same, COPIES)


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
