"""Blocking on the cluster: which records are worth comparing with one, by four ways at once.

Near in place, near in meaning (kNN), sharing rare words, or bound by a reply, forward or photo;
always near in time and of the same audience. One request, whatever the size of the store.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from core.errors import StoreError
from core.folding import fold_words
from core.records import Assessed, Post
from store.elasticsearch.base import Base
from store.elasticsearch.connection import translated
from store.elasticsearch.documents import vector

PLACE_M = 25_000.0
"""Beyond the radius of the record itself; as wide as ``correlator.blocking``'s cells reach."""
MAX_RADIUS_M = 30_000.0
NEAREST = 200
ALIKE = 50
WORDY = 100
MAX_WORDS = 40


class Blocking(Base):
    """Candidates for the correlator."""

    def neighbours(self, found: Assessed, within_s: float) -> set[str]:
        """Ids of the records that may be the same event, itself left out.

        ``within_s``: seconds that may lie between them.
        """
        names = self._names
        kinds = ("posts", "reports")
        self._journal.refresh(*(f"{found.audience.value}-{kind}" for kind in kinds))
        index = ",".join(names.all_of(found.audience, kind) for kind in kinds)
        searches: list[dict[str, Any]] = []
        for body in _ways(found, within_s, self._settings.vector_dims):
            searches += [
                {"index": index, "ignore_unavailable": True, "allow_no_indices": True},
                {**body, "_source": ["id"], "track_total_hits": False},
            ]
        with translated():
            answer = self._client.msearch(searches=searches)
        for response in answer["responses"]:
            if "error" in response:
                kind = response["error"].get("type")
                raise StoreError(f"a blocking query failed ({kind}); see the cluster's log")
        hits = [hit for response in answer["responses"] for hit in response["hits"]["hits"]]
        ids = {hit["_source"]["id"] for hit in hits}
        return ids - {found.subject.id}


def _ways(found: Assessed, within_s: float, vector_dims: int) -> list[dict[str, Any]]:
    subject, judged = found.subject, found.assessment
    at = subject.posted_at if isinstance(subject, Post) else subject.received_at
    around = {
        "gte": (at - timedelta(seconds=within_s)).isoformat(),
        "lte": (at + timedelta(seconds=within_s)).isoformat(),
    }
    time = {
        "bool": {
            "should": [{"range": {"posted_at": around}}, {"range": {"received_at": around}}],
            "minimum_should_match": 1,
        }
    }
    ways = [_words(subject.text, time)]
    place = judged.location
    if place is not None and place.radius_m <= MAX_RADIUS_M:
        ways.append(_place(place.lat, place.lon, PLACE_M + place.radius_m, time))
    alike = vector(judged.vector, vector_dims)
    if alike is not None:
        ways.append(
            {
                "size": ALIKE,
                "knn": {
                    "field": "vector",
                    "query_vector": alike,
                    "k": ALIKE,
                    "num_candidates": 2 * ALIKE,
                    "filter": time,
                },
            }
        )
    links = _links(found)
    if links:
        ways.append(
            {
                "size": NEAREST,
                "query": {"bool": {"filter": [time], "should": links, "minimum_should_match": 1}},
            }
        )
    return ways


def _words(text: str, time: dict[str, Any]) -> dict[str, Any]:
    """Those that share most of the rarest words come first."""
    words = list(dict.fromkeys(fold_words(text)))[:MAX_WORDS]
    match = {"match": {"words": {"query": " ".join(words), "operator": "or"}}}
    return {"size": WORDY, "query": {"bool": {"must": [match], "filter": [time]}}}


def _place(lat: float, lon: float, radius_m: float, time: dict[str, Any]) -> dict[str, Any]:
    point = {"lat": lat, "lon": lon}
    near = {"geo_distance": {"distance": f"{radius_m}m", "location": point}}
    return {
        "size": NEAREST,
        "query": {"bool": {"filter": [time, near]}},
        "sort": [{"_geo_distance": {"location": point, "order": "asc"}}],
    }


def _links(found: Assessed) -> list[dict[str, Any]]:
    """A reply, a forward, an answer to the same post, the same photo."""
    subject = found.subject
    media = [name for item in subject.media for name in (item.digest, item.url) if name]
    links: list[dict[str, Any]] = [{"terms": {"media": media}}] if media else []
    if isinstance(subject, Post):
        own = [subject.id, subject.native_id, f"{subject.source}/{subject.native_id}"]
        own += [subject.url] if subject.url else []
        links += [{"terms": {field: own}} for field in ("reply_to", "forwarded_from")]
        for ref in (subject.reply_to, subject.forwarded_from):
            if ref is not None:
                links += [
                    {"term": {field: ref}}
                    for field in ("id", "native_id", "reply_to", "forwarded_from")
                ]
    return links
