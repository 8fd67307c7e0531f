"""Reading posts and reports, with what was assessed of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from heapq import merge
from typing import Any

from core.geo import distance_m
from core.records import Assessed, Assessment, Audience, Post, RawPost, Report
from core.versions import newest, speaking
from store.elasticsearch.base import Base, groups, kept
from store.elasticsearch.connection import Key, Source
from store.elasticsearch.inputs import inflated, record_of
from store.elasticsearch.queries import MOST, words_query
from store.elasticsearch.registry import subject_of
from store.protocol import Audiences

BODIES = ["versions", "assessments"]


class Reading(Base):
    """What was accepted and assessed."""

    def post_versions(self, post_id: str, audiences: Audiences) -> list[Post]:
        """See Protocol."""
        found = [r for r in self._records(post_id, audiences) if isinstance(r, Post)]
        return sorted(found, key=lambda post: post.version)

    def raw_posts(self, post_id: str, audiences: Audiences) -> list[RawPost]:
        """The untouched payloads of a post's versions, in the order of their numbers.

        A version that came without a payload, or whose payload is kept no longer, has none here.
        """
        self._journal.sync()
        state = subject_of(self._connection.get(*self._subject(post_id)))
        audience = state.audience
        keys: list[Key] = []
        for version in state.versions:
            if version.pending and Audience.PENDING in audiences:
                keys.append((self._names.pipeline("pending"), f"{post_id}:{version.number}"))
            elif not version.pending and audience is not None and audience in kept(audiences):
                index = self._names.of(audience, "raw", state.period)
                keys.append((index, f"{post_id}:{version.number}"))
        field = {
            key: "raw" if key[0] == self._names.pipeline("pending") else "body" for key in keys
        }
        found = self._connection.get_many(keys)
        payloads = [found[key].get(field[key]) for key in keys if key in found]
        return [RawPost.model_validate_json(inflated(text)) for text in payloads if text]

    def report(self, report_id: str, audiences: Audiences) -> Report | None:
        """See Protocol."""
        return next((r for r in self._records(report_id, audiences) if isinstance(r, Report)), None)

    def assessments(self, subjects: Collection[str], audiences: Audiences) -> dict[str, Assessment]:
        """See Protocol."""
        return {a.assessment.subject: a.assessment for a in self.assessed(subjects, audiences)}

    def assessed(self, subjects: Collection[str], audiences: Audiences) -> list[Assessed]:
        """See Protocol."""
        self._journal.sync()
        mine = kept(audiences)
        rows = self._connection.get_many(map(self._subject, sorted(set(subjects))))
        keys: dict[Key, Audience] = {}
        for (_, name), row in rows.items():
            state = subject_of(row)
            if state.audience in mine and state.audience is not None and state.kind is not None:
                index = self._names.of(state.audience, f"{state.kind}s", state.period)
                keys[index, name.removeprefix("subject:")] = state.audience
        documents = self._connection.get_many(keys, BODIES)
        return [
            assessed_of(source, keys[key], self._names.parts(key[0])[1])
            for key, source in documents.items()
        ]

    def window(self, since: datetime, audiences: Audiences) -> Iterator[Assessed]:
        """See Protocol. What is assessed while it is read may be missing: see ``changes``."""
        mine = kept(audiences)
        kinds = (("posts", "posted_at"), ("reports", "received_at"))
        self._journal.refresh(*(g for kind, _ in kinds for g in groups(kind, mine)))
        streams = [
            self._since(kind, field, since, audience) for audience in mine for kind, field in kinds
        ]
        for _, found in merge(*streams, key=lambda item: item[0]):
            yield found

    def search_posts(self, text: str, audiences: Audiences, limit: int = 50) -> list[Post]:
        """See Protocol. A deleted post comes as in ``assessed``."""
        words, mine = words_query(text), kept(audiences)
        if words is None or not mine:
            return []
        self._journal.refresh(*groups("posts", mine))
        hits = self._connection.search(
            ",".join(self._names.all_of(audience, "posts") for audience in mine),
            query=words,
            size=min(limit, MOST),
            sort=[{"posted_at": "desc"}, {"id": "desc"}],
            source_includes=["versions"],
        )
        return [
            as_it_stands([Post.model_validate_json(b) for b in hit["_source"]["versions"]])
            for hit in hits
        ]

    def reports_near(
        self, lat: float, lon: float, radius_m: float, since: datetime, audiences: Audiences
    ) -> list[Report]:
        """See Protocol."""
        mine = kept(audiences)
        if not mine:
            return []
        self._journal.refresh(*groups("reports", mine))
        # Elasticsearch rounds points to centimetres and has an Earth of its own: ask for a little
        # more, then measure as everybody here measures.
        asked_m = radius_m * 1.01 + 1.0
        near: list[tuple[float, str, Report]] = []
        hits = self._connection.search(
            ",".join(self._names.all_of(audience, "reports") for audience in mine),
            query={
                "bool": {
                    "filter": [
                        {"range": {"received_at": {"gte": since.isoformat()}}},
                        {
                            "geo_distance": {
                                "distance": f"{asked_m}m",
                                "reported_point": {"lat": lat, "lon": lon},
                            }
                        },
                    ]
                }
            },
            size=MOST,
            sort=["_doc"],
            source_includes=["versions"],
        )
        for hit in hits:
            report = Report.model_validate_json(hit["_source"]["versions"][0])
            if report.lat is not None and report.lon is not None:
                away_m = distance_m(lat, lon, report.lat, report.lon)
                if away_m <= radius_m:
                    near.append((away_m, report.id, report))
        return [report for _, _, report in sorted(near, key=lambda item: item[:2])]

    # -- inside -----------------------------------------------------------------------------

    def _records(self, subject: str, audiences: Audiences) -> Iterable[Post | Report]:
        """All versions that the reader may see, pending ones among them when asked for."""
        self._journal.sync()
        row = self._connection.get(*self._subject(subject))
        state = subject_of(row)
        keys: list[Key] = []
        if Audience.PENDING in audiences:
            index = self._names.pipeline("pending")
            keys += [(index, f"{subject}:{v.number}") for v in state.versions if v.pending]
        audience = state.audience
        if state.kind is not None and audience is not None and audience in kept(audiences):
            keys.append((self._names.of(audience, f"{state.kind}s", state.period), subject))
        for source in self._connection.get_many(keys).values():
            if "body" in source:
                yield record_of(source)
            else:
                kind: type[Post] | type[Report] = Post if state.kind == "post" else Report
                yield from (kind.model_validate_json(body) for body in source["versions"])

    def _since(
        self, kind: str, field: str, since: datetime, audience: Audience
    ) -> Iterator[tuple[tuple[datetime, str], Assessed]]:
        query: dict[str, Any] = {"range": {field: {"gte": since.isoformat()}}}
        for hit in self._connection.scan(
            self._names.all_of(audience, kind),
            query=query,
            sort=[{field: "asc"}, {"id": "asc"}],
            source_includes=BODIES,
        ):
            found = assessed_of(hit["_source"], audience, kind)
            subject = found.subject
            at = subject.posted_at if isinstance(subject, Post) else subject.received_at
            yield (at, subject.id), found


def assessed_of(source: Source, audience: Audience, kind: str) -> Assessed:
    """A post or report with the assessment of its speaking version."""
    judged = {
        found.version: found for found in map(Assessment.model_validate_json, source["assessments"])
    }
    if kind == "reports":
        report = Report.model_validate_json(source["versions"][0])
        return Assessed(subject=report, assessment=judged[1], audience=audience)
    post = as_it_stands([Post.model_validate_json(body) for body in source["versions"]])
    return Assessed(subject=post, assessment=judged[post.version], audience=audience)


def as_it_stands(versions: list[Post]) -> Post:
    """The version that speaks, marked as deleted when the newest is a deletion mark."""
    return speaking(versions).model_copy(update={"deleted_at": newest(versions).deleted_at})
