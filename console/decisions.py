"""What decisions mean for an event: where it stands, what changed, what can be undone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from core.errors import InputError
from core.ids import digest
from core.inputs import clean_text
from core.records import Category, Decision, DecisionKind, Event

MAX_REASON_CHARS = 500
_VERDICTS = (DecisionKind.CONFIRM, DecisionKind.REJECT)


class RejectReason(StrEnum):
    """Why a flag was none. Stored as ``code`` or ``code: own words``."""

    NOT_INCIDENT = "not_incident"
    OLD = "old"
    NOT_LOCAL = "not_local"
    KNOWN_TO_102 = "known_to_102"
    NOT_REAL = "not_real"
    DRILL = "drill"
    DUPLICATE = "duplicate"
    OTHER = "other"


@dataclass(frozen=True)
class Standing:
    """Where an event stands. ``verdict``: confirm or reject, ``None`` while open.

    ``by`` is the decision that says so, ``None`` when only the event itself says it.
    ``snooze``: the decision that put it off, also when its time has come; ``category``: what a
    person says it is, ``None`` when nobody did; ``notes``: decisions that are remarks.
    """

    verdict: DecisionKind | None
    by: Decision | None = None
    snooze: Decision | None = None
    category: Category | None = None
    notes: tuple[Decision, ...] = ()

    def snoozed(self, now: datetime) -> bool:
        """Whether it is put off at that time."""
        return self.snooze is not None and (self.snooze.until or now) > now

    @property
    def key(self) -> tuple[str | None, ...]:
        """What tells two standings of one version of an event apart."""
        ids = (d.id for d in (self.by, self.snooze, *self.notes) if d is not None)
        return (self.verdict, self.category, *ids)


@dataclass(frozen=True)
class Change:
    """One thing that differs between two versions of an event, by name."""

    what: str
    before: str
    after: str


def in_force(decisions: Sequence[Decision]) -> list[Decision]:
    """The decisions that nobody took back, without the undos themselves."""
    undone = {d.undoes for d in decisions if d.kind is DecisionKind.UNDO}
    return [d for d in decisions if d.kind is not DecisionKind.UNDO and d.id not in undone]


def standing(event: Event, decisions: Sequence[Decision]) -> Standing:
    """Where the event stands, also before the correlator has heard of the newest decision."""
    verdict, by, snooze, category = None, None, None, None
    notes: list[Decision] = []
    for decision in in_force(decisions):
        if decision.kind in _VERDICTS:
            verdict, by = decision.kind, decision
        elif decision.kind is DecisionKind.SNOOZE:
            snooze = decision
        elif decision.kind is DecisionKind.CATEGORY:
            category = decision.category
        elif decision.kind is DecisionKind.NOTE:
            notes.append(decision)
    judged = any(d.kind in _VERDICTS for d in decisions)
    if verdict is None and not judged and event.decided in _VERDICTS:
        verdict = DecisionKind(event.decided)
    return Standing(verdict, by, snooze, category, tuple(notes))


def changes(old: Event, new: Event) -> list[Change]:
    """What a person who looked at ``old`` has to know of ``new``."""
    pairs = {
        "category": (old.category.value, new.category.value),
        "report_state": (old.report_state.value, new.report_state.value),
        "posts": (str(len(old.posts)), str(len(new.posts))),
        "reports": (str(len(old.reports)), str(len(new.reports))),
        "location": (_where(old), _where(new)),
        "decided": (old.decided or "", new.decided or ""),
    }
    found = [Change(what, a, b) for what, (a, b) in pairs.items() if a != b]
    if not found and members(old) != members(new):
        found.append(Change("members", str(len(members(old))), str(len(members(new)))))
    return found


def members(event: Event) -> set[str]:
    """Ids of the posts and reports of an event."""
    return {link.id for link in (*event.posts, *event.reports)}


def reason_text(code: RejectReason | None, words: str | None) -> str | None:
    """A reason as it is stored; raises InputError where it says too much or too little."""
    words = " ".join(clean_text(words or "").split())
    if len(words) > MAX_REASON_CHARS:
        raise InputError(f"a reason has at most {MAX_REASON_CHARS} characters")
    if code is RejectReason.OTHER and not words:
        raise InputError("the reason 'other' needs words of its own")
    if code is None:
        return words or None
    return f"{code}: {words}" if words else code.value


def anchor_for(event: Event, moved: Sequence[str], given: str | None) -> str:
    """The member of the event with which ``moved`` are (not) the same; raises InputError.

    Without ``given`` it is the earliest post, or the earliest report where there is no post.
    """
    if given is not None:
        if given not in members(event) or given in moved:
            raise InputError("the anchor is no other post or report of this event")
        return given
    for links in (event.posts, event.reports):
        rest = [link for link in links if link.id not in moved]
        if rest:
            return min(rest, key=lambda link: (link.at, link.id)).id
    raise InputError("an event cannot lose its only post or report")


def undoable(decisions: Sequence[Decision], decision_id: str | None) -> Decision:
    """The decision to take back, by default the newest in force; raises InputError."""
    candidates = in_force(decisions)
    if decision_id is not None:
        candidates = [d for d in candidates if d.id == decision_id]
    if not candidates:
        raise InputError("there is no such decision to undo, or it was undone already")
    return candidates[-1]


def decision_id(event_id: str, user: str, request: str) -> str:
    """Id of a decision: the same request of the same person is the same decision."""
    return digest("decision", event_id, user, request)


def _where(event: Event) -> str:
    if event.location is None:
        return ""
    at = event.location
    return f"{at.lat:.3f}, {at.lon:.3f} ±{at.radius_m:.0f}"
