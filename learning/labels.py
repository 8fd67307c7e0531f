"""From decisions to labelled data. Pure: records in, labels out.

A label says what a person judged, which model had judged it before, and what was shown. Labels
come from open events alone: a model's files hold pieces of the words that it learned from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from core.ids import digest
from core.records import (
    Assessment,
    Category,
    Decision,
    DecisionKind,
    Event,
    Point,
    Post,
    Record,
    UtcDatetime,
)
from correlator.constraints import standing
from nlp.labelled import LabelledPost

NOT_INCIDENT = frozenset({"not_incident", "old", "not_local", "not_real", "drill"})
"""Reasons of a rejection that speak of the text; the others speak of what 102 knew."""
IS_INCIDENT = frozenset({"known_to_102", "duplicate"})
SURE_AT = 0.3
"""A post that the model gave less is in a confirmed event for its neighbours' sake, maybe."""
GROUPS = 7


class Label(Record):
    """One post as a person judged it. ``drawn``: 1 / probability of having been looked at.

    ``shown``: the event's version on the screen; ``incident_shown``: its probability there.
    """

    post: str
    text: str
    posted_at: UtcDatetime
    home: str | None
    incident: bool
    category: Category
    by: str
    at: UtcDatetime
    decision: str
    event: str
    shown: int
    incident_shown: float
    assessor: str
    audit: bool
    drawn: float

    @property
    def key(self) -> str:
        """What it speaks of."""
        return self.post


class PairLabel(Record):
    """Two posts or reports that a person said are, or are not, the same event."""

    left: str
    right: str
    same: bool
    by: str
    at: UtcDatetime
    decision: str
    shown: int

    @property
    def key(self) -> str:
        """What it speaks of."""
        return f"{self.left} {self.right}"


class PlaceLabel(Record):
    """Where a person moved an event to."""

    event: str
    point: Point
    by: str
    at: UtcDatetime
    decision: str
    shown: int


def post_labels(
    decisions: Iterable[Decision],
    shown: Mapping[tuple[str, int], Event],
    posts: Mapping[str, Post],
    assessments: Mapping[str, Assessment],
    drawn: Mapping[str, float],
) -> list[Label]:
    """Labels of the standing verdicts, the last one a post, by the order of the decisions.

    ``shown``: events by id and version. ``drawn``: of the audit sample, events' 1 / probability.
    """
    found: dict[str, Label] = {}
    standing_ones = standing(decisions)
    said = _categories(standing_ones)
    for decision in standing_ones:
        event = shown.get((decision.event, decision.event_version))
        incident = verdict(decision)
        if event is None or incident is None:
            continue
        for link in event.posts:
            post, judged = posts.get(link.id), assessments.get(link.id)
            if post is None or judged is None:
                continue
            if incident and len(event.posts) > 1 and judged.incident < SURE_AT:
                continue
            found.pop(post.id, None)
            found[post.id] = Label(
                post=post.id,
                text=post.text,
                posted_at=post.posted_at,
                home=post.home,
                incident=incident,
                category=said.get(event.id, event.category),
                by=decision.by,
                at=decision.at,
                decision=decision.id,
                event=event.id,
                shown=event.version,
                incident_shown=event.incident,
                assessor=judged.assessor,
                audit=event.id in drawn,
                drawn=drawn.get(event.id, 1.0),
            )
    return list(found.values())


def _categories(decisions: Iterable[Decision]) -> dict[str, Category]:
    """What people said that each event is: their last word."""
    return {
        d.event: d.category
        for d in decisions
        if d.kind is DecisionKind.CATEGORY and d.category is not None
    }


def verdict(decision: Decision) -> bool | None:
    """What a decision says of the text: incident or not; ``None`` when it says neither."""
    if decision.kind is DecisionKind.CONFIRM:
        return True
    if decision.kind is not DecisionKind.REJECT:
        return None
    reason = (decision.reason or "").partition(":")[0]
    if reason in NOT_INCIDENT:
        return False
    return True if reason in IS_INCIDENT else None


def pair_labels(decisions: Iterable[Decision]) -> list[PairLabel]:
    """What links, merges, unlinks and splits say of pairs."""
    same = {DecisionKind.LINK: True, DecisionKind.MERGE: True}
    other = {DecisionKind.UNLINK: False, DecisionKind.SPLIT: False}
    return [
        PairLabel(
            left=decision.anchor,
            right=member,
            same=(same | other)[decision.kind],
            by=decision.by,
            at=decision.at,
            decision=decision.id,
            shown=decision.event_version,
        )
        for decision in standing(decisions)
        if decision.kind in same | other and decision.anchor is not None
        for member in decision.members
    ]


def place_labels(decisions: Iterable[Decision]) -> list[PlaceLabel]:
    """What moves say of places."""
    return [
        PlaceLabel(
            event=decision.event,
            point=decision.point,
            by=decision.by,
            at=decision.at,
            decision=decision.id,
            shown=decision.event_version,
        )
        for decision in standing(decisions)
        if decision.kind is DecisionKind.MOVE and decision.point is not None
    ]


def as_posts(labels: Sequence[Label], most_repeats: int) -> list[LabelledPost]:
    """Labels as posts to learn from; each as often as its weight says, at most so many times.

    A post of the audit sample stands for ``drawn`` that nobody looked at, so that the model
    learns from what people see and from what they do not. An event's posts share an author:
    calibration never checks on an event that it learned from.
    """
    made = []
    for label in labels:
        group = int(digest("learning", label.event), 16) % GROUPS
        for repeat in range(min(most_repeats, max(1, round(label.drawn**0.5)))):
            made.append(
                LabelledPost(
                    id=f"decision-{label.post}-{repeat}",
                    author=f"decisions-{group}",
                    group=label.event,
                    text=label.text,
                    posted_at=label.posted_at,
                    home=label.home,
                    style="decision",
                    incident=label.incident,
                    category=label.category,
                )
            )
    return made


def since(labels: Iterable[Label], start: datetime) -> list[Label]:
    """Labels of posts that were published from then on."""
    return [label for label in labels if label.posted_at >= start]
