"""The event page: everything a person needs to decide, gathered from records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from console.decisions import Standing, in_force, members
from console.highlight import Mark, Stretch, fold, marks, shown, stretches
from console.rows import Row
from core.links import opening
from core.records import (
    Assessment,
    Contribution,
    Decision,
    DecisionKind,
    Event,
    Link,
    Post,
    Report,
)
from core.versions import newest, speaking
from store.protocol import Stages

MAX_CANDIDATES = 3
LOUDEST_WEIGHT = 4.0
"""Log-odds at which a contribution's bar is full."""


@dataclass(frozen=True)
class TextView:
    """A text to show: the stretches that stand open, and those behind a click.

    ``masked``: something in it is hidden until revealed with a reason.
    """

    first: list[Stretch]
    rest: list[Stretch]
    masked: bool = False


@dataclass(frozen=True)
class Reason:
    """One feature's contribution. ``width``: share of the bar, 0 to 1; ``sign``: for, against."""

    feature: str
    sentence: str
    sign: str
    width: float


@dataclass(frozen=True)
class VersionView:
    """One version of a post: what it said, when, and whether it is the one that was assessed."""

    post: Post
    text: TextView
    kind: str
    assessed: bool


@dataclass(frozen=True)
class PostView:
    """A post of the event with all its versions, the newest first."""

    link: Link
    newest: Post
    speaking: Post
    text: TextView
    versions: list[VersionView]
    assessment: Assessment | None
    reasons: list[Reason]
    url: str | None

    @property
    def changed(self) -> bool:
        """Whether there is more than one version to read."""
        return len(self.versions) > 1


@dataclass(frozen=True)
class ReportView:
    """A report beside the event: linked to it, or a candidate that was judged another event.

    ``said``: what a person decided of it: link, unlink or unsure, ``None`` while nobody did.
    """

    link: Link
    report: Report
    text: TextView
    linked: bool
    reasons: list[Reason]
    category: str | None
    said: str | None = None


@dataclass(frozen=True)
class Moment:
    """A point of the time line. ``kind`` names it; ``after_s``: seconds since the first point."""

    at: datetime
    kind: str
    what: str
    by: str
    after_s: float
    id: str = ""


@dataclass(frozen=True)
class EventPage:
    """All that the page shows of one version of an event."""

    row: Row
    version: int
    versions: list[Event]
    posts: list[PostView]
    reports: list[ReportView]
    nearby: list[Report]
    moments: list[Moment]
    in_force: list[Decision]
    decisions: list[Decision]

    @property
    def event(self) -> Event:
        """The event at the version that is shown."""
        return self.row.event

    @property
    def standing(self) -> Standing:
        """Where the event stands."""
        return self.row.standing

    @property
    def is_newest(self) -> bool:
        """Whether the version shown is the newest, the only one that can be decided on."""
        return self.version == self.versions[-1].version

    @property
    def undoable(self) -> Decision | None:
        """The decision that ``undo`` takes back."""
        return self.in_force[-1] if self.in_force else None


@dataclass(frozen=True)
class Material:
    """The records beside an event, as far as its reader may see them."""

    versions: list[Event]
    posts: Mapping[str, list[Post]]
    reports: Mapping[str, Report]
    assessments: Mapping[str, Assessment]
    nearby: Sequence[Report]
    decisions: Sequence[Decision]
    stages: Mapping[str, Stages] = field(default_factory=dict)


def make_page(row: Row, material: Material) -> EventPage:
    """The page of ``row.event``; an older version shows what was known when it was written."""
    event = row.event
    newest_version = event.version == material.versions[-1].version
    until = None if newest_version else event.updated_at
    posts = [
        view for link in sorted(event.posts, key=_by_time) if (view := _post(link, material, until))
    ]
    decisions = [d for d in material.decisions if until is None or d.at <= until]
    reports = _reports(event, material, _said(in_force(decisions)))
    stages = {key: _known(stage, until) for key, stage in material.stages.items()}
    beside = {view.report.id for view in reports}
    return EventPage(
        row=row,
        version=event.version,
        versions=material.versions,
        posts=posts,
        reports=reports,
        nearby=[report for report in material.nearby if report.id not in beside],
        moments=_moments(event, posts, reports, decisions, stages),
        in_force=in_force(decisions),
        decisions=decisions,
    )


def reasons(contributions: Sequence[Contribution]) -> list[Reason]:
    """Contributions for reading, the weightiest first."""
    return [
        Reason(
            feature=item.feature,
            sentence=shown(item.sentence),
            sign="for" if item.weight >= 0 else "against",
            width=min(1.0, abs(item.weight) / LOUDEST_WEIGHT),
        )
        for item in sorted(contributions, key=lambda item: -abs(item.weight))
    ]


def _by_time(link: Link) -> tuple[datetime, str]:
    return (link.at, link.id)


def _text(text: str, found: Sequence[Mark] = ()) -> TextView:
    visible = shown(text)
    return TextView(*fold(stretches(visible, found)), masked=visible != text)


def _post(link: Link, material: Material, until: datetime | None) -> PostView | None:
    versions = [
        post
        for post in material.posts.get(link.id, ())
        if until is None or post.accepted_at <= until
    ]
    if not versions:
        return None
    last, said = newest(versions), speaking(versions)
    assessment = material.assessments.get(link.id)
    if assessment is not None and assessment.version != said.version:
        assessment = None  # it speaks of another version than the one known then
    found = marks(assessment) if assessment else []
    return PostView(
        link=link,
        newest=last,
        speaking=said,
        text=_text(said.text, found),
        versions=[
            VersionView(
                post=version,
                text=_text(version.text, found if version is said else ()),
                kind=_kind(version),
                assessed=version is said and assessment is not None,
            )
            for version in sorted(versions, key=lambda v: (v.known_at, v.version), reverse=True)
        ],
        assessment=assessment,
        reasons=reasons(link.contributions),
        url=opening(last.url) or opening(said.url),
    )


def _kind(version: Post) -> str:
    if version.deleted_at is not None:
        return "deleted"
    return "edited" if version.edited_at is not None else "posted"


def _said(decisions: Sequence[Decision]) -> dict[str, str]:
    """What the standing decisions say of posts and reports, the newest last."""
    kinds = (DecisionKind.LINK, DecisionKind.UNLINK, DecisionKind.UNSURE)
    return {m: d.kind.value for d in decisions if d.kind in kinds for m in d.members}


def _reports(event: Event, material: Material, said: Mapping[str, str]) -> list[ReportView]:
    linked = {link.id for link in event.reports}
    candidates = [link for link in event.candidates if link.id not in linked]
    views = []
    for link in (*event.reports, *candidates[:MAX_CANDIDATES]):
        report = material.reports.get(link.id)
        if report is None:
            continue
        assessment = material.assessments.get(link.id)
        category = report.category or (assessment.category if assessment else None)
        views.append(
            ReportView(
                link=link,
                report=report,
                text=_text(report.text, marks(assessment) if assessment else ()),
                linked=link.id in linked,
                reasons=reasons(link.contributions),
                category=category.value if category else None,
                said=said.get(report.id),
            )
        )
    return views


def _moments(
    event: Event,
    posts: Sequence[PostView],
    reports: Sequence[ReportView],
    decisions: Sequence[Decision],
    stages: Mapping[str, Stages],
) -> list[Moment]:
    points: list[tuple[datetime, str, str, str, str]] = []
    for post in posts:
        for view in post.versions:
            version = view.post
            points.append((version.known_at, view.kind, version.source, "", version.id))
        first = min(view.post.accepted_at for view in post.versions)
        points.append((first, "accepted", post.newest.source, "", post.newest.id))
        passed = stages.get(post.newest.id, Stages())
        for name in ("assessed", "correlated", "shown"):
            at = getattr(passed, f"{name}_at")
            if at is not None:
                points.append((at, name, post.newest.source, "", post.newest.id))
    for report in reports:
        if report.linked:
            points.append(
                (
                    report.report.received_at,
                    "report",
                    report.report.channel.value,
                    "",
                    report.report.id,
                )
            )
    for decision in decisions:
        what = decision.reason or ""
        if decision.category is not None:
            what = decision.category.value
        points.append((decision.at, f"decision_{decision.kind}", what, decision.by, decision.id))
    if not points:
        points.append((event.started_at, "started", "", "", ""))
    points.sort(key=lambda point: point[0])
    start = points[0][0]
    return [
        Moment(at, kind, what, by, (at - start).total_seconds(), id=key)
        for at, kind, what, by, key in points
    ]


def _known(stages: Stages, until: datetime | None) -> Stages:
    """The stages that had been passed by then."""
    times = (stages.assessed_at, stages.correlated_at, stages.shown_at)
    return Stages(*(at if at and (until is None or at <= until) else None for at in times))


def member_ids(event: Event) -> tuple[set[str], set[str]]:
    """Ids of the posts, and of the linked and candidate reports, that the page needs."""
    posts = {link.id for link in event.posts}
    return posts, (members(event) - posts) | {link.id for link in event.candidates}
