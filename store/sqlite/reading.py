"""Reading posts and reports, with what was assessed of them."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

import apsw

from core.geo import bounding_box, distance_m
from core.records import Assessed, Assessment, Audience, Post, RawPost, Report
from core.versions import newest, speaking
from store.protocol import Audiences
from store.sqlite.database import Database, across, kept, listed, per
from store.sqlite.queries import match
from store.times import us

CHUNK = 1_000


class Reading(Database):
    """What was accepted and assessed."""

    def post_versions(self, post_id: str, audiences: Audiences) -> list[Post]:
        """See Protocol."""
        query = "SELECT body FROM post_@audience WHERE id = ?"
        with self._reading() as db:
            found = [
                Post.model_validate_json(body)
                for _, (body,) in across(db, set(audiences), query, (post_id,))
            ]
        return sorted(found, key=lambda post: post.version)

    def raw_posts(self, post_id: str, audiences: Audiences) -> list[RawPost]:
        """See Protocol."""
        query = "SELECT version, body FROM raw_@audience WHERE post = ?"
        with self._reading() as db:
            rows = [row for _, row in across(db, set(audiences), query, (post_id,))]
        return [
            RawPost.model_validate_json(zlib.decompress(body))
            for _, body in sorted(rows, key=lambda row: int(row[0]))
        ]

    def report(self, report_id: str, audiences: Audiences) -> Report | None:
        """See Protocol."""
        query = "SELECT body FROM report_@audience WHERE id = ?"
        with self._reading() as db:
            for _, (body,) in across(db, set(audiences), query, (report_id,)):
                return Report.model_validate_json(body)
        return None

    def assessments(self, subjects: Collection[str], audiences: Audiences) -> dict[str, Assessment]:
        """See Protocol."""
        return {a.assessment.subject: a.assessment for a in self.assessed(subjects, audiences)}

    def assessed(self, subjects: Collection[str], audiences: Audiences) -> list[Assessed]:
        """See Protocol."""
        found: list[Assessed] = []
        for chunk in _chunks(sorted(set(subjects))):
            with self._reading() as db:
                for audience in kept(audiences):
                    found += _assessed(db, chunk, audience)
        return found

    def window(self, since: datetime, audiences: Audiences) -> Iterator[Assessed]:
        """See Protocol. What is assessed while it is read may be missing: see ``changes``."""
        query = (
            "SELECT posted_us, id FROM post_@audience WHERE posted_us >= :since "
            "UNION SELECT received_us, id FROM report_@audience WHERE received_us >= :since"
        )
        with self._reading() as db:
            rows = sorted(
                row for _, row in across(db, kept(audiences), query, {"since": us(since)})
            )
        for chunk in _chunks(list(dict.fromkeys(subject for _, subject in rows))):
            by_id = {a.assessment.subject: a for a in self.assessed(chunk, audiences)}
            yield from (by_id[subject] for subject in chunk if subject in by_id)

    def search_posts(self, text: str, audiences: Audiences, limit: int = 50) -> list[Post]:
        """See Protocol. A deleted post comes as in ``assessed``."""
        words = match(text)
        if words is None:
            return []
        query = (
            "SELECT post FROM words_key_@audience WHERE key IN "
            "(SELECT rowid FROM words_@audience WHERE words_@audience MATCH ?) "
            "ORDER BY posted_us DESC, post LIMIT ?"
        )
        found: list[Post] = []
        with self._reading() as db:
            for audience, (post_id,) in across(db, kept(audiences), query, (words, limit)):
                bodies = db.execute(
                    per(audience, "SELECT body FROM post_@audience WHERE id = ?"), (post_id,)
                )
                found.append(_as_it_stands([Post.model_validate_json(body) for (body,) in bodies]))
        found.sort(key=lambda post: (post.posted_at, post.id), reverse=True)
        return found[:limit]

    def reports_near(
        self, lat: float, lon: float, radius_m: float, since: datetime, audiences: Audiences
    ) -> list[Report]:
        """See Protocol."""
        query = (
            "SELECT body FROM report_box_@audience JOIN report_@audience USING (key) "
            "WHERE east >= ? AND west <= ? AND north >= ? AND south <= ? AND received_us >= ?"
        )
        west, south, east, north = bounding_box(lat, lon, radius_m)
        values = (west, east, south, north, us(since))
        near: list[tuple[float, str, Report]] = []
        with self._reading() as db:
            for _, (body,) in across(db, kept(audiences), query, values):
                report = Report.model_validate_json(body)
                if report.lat is not None and report.lon is not None:
                    away_m = distance_m(lat, lon, report.lat, report.lon)
                    if away_m <= radius_m:
                        near.append((away_m, report.id, report))
        return [report for _, _, report in sorted(near, key=lambda item: item[:2])]


def _assessed(db: apsw.Connection, subjects: Sequence[str], audience: Audience) -> list[Assessed]:
    ids = (listed(subjects),)
    judged: dict[tuple[str, int], Assessment] = {}
    for (body,) in db.execute(
        per(
            audience,
            "SELECT body FROM assessment_@audience "
            "WHERE subject IN (SELECT value FROM json_each(?))",
        ),
        ids,
    ):
        assessment = Assessment.model_validate_json(body)
        judged[assessment.subject, assessment.version] = assessment
    versions: dict[str, list[Post]] = {}
    for (body,) in db.execute(
        per(
            audience,
            "SELECT body FROM post_@audience WHERE id IN (SELECT value FROM json_each(?))",
        ),
        ids,
    ):
        post = Post.model_validate_json(body)
        versions.setdefault(post.id, []).append(post)
    found = []
    for known in versions.values():
        post = _as_it_stands(known)
        found.append(
            Assessed(subject=post, assessment=judged[post.id, post.version], audience=audience)
        )
    for (body,) in db.execute(
        per(
            audience,
            "SELECT body FROM report_@audience WHERE id IN (SELECT value FROM json_each(?))",
        ),
        ids,
    ):
        report = Report.model_validate_json(body)
        found.append(Assessed(subject=report, assessment=judged[report.id, 1], audience=audience))
    return found


def _as_it_stands(versions: Sequence[Post]) -> Post:
    """The version that speaks, marked as deleted when the newest is a deletion mark."""
    return speaking(versions).model_copy(update={"deleted_at": newest(versions).deleted_at})


def _chunks(items: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), CHUNK):
        yield items[start : start + CHUNK]
