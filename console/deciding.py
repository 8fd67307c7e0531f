"""Taking decisions: checked against who works on the event and what the person saw."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from console.claims import Claims
from console.decisions import (
    MAX_REASON_CHARS,
    Change,
    RejectReason,
    anchor_for,
    changes,
    decision_id,
    members,
    reason_text,
    standing,
    undoable,
)
from core.clock import Clock
from core.errors import InputError, OqigaError, StaleWriteError
from core.records import (
    Audience,
    Category,
    Decision,
    DecisionKind,
    Event,
    Latitude,
    Longitude,
    Point,
)
from store.protocol import Store

MAX_VERSION = 2**31
MAX_MEMBERS = 2_000
SNOOZE_MIN, SNOOZE_MAX = 1, 24 * 60
VERDICTS = (DecisionKind.CONFIRM, DecisionKind.REJECT)
VERSIONLESS = (DecisionKind.UNDO, DecisionKind.NOTE)
"""What speaks of the event as it is, whatever came since the person looked."""

Id = Annotated[str, Field(min_length=1, max_length=300)]
Version = Annotated[int, Field(ge=1, le=MAX_VERSION)]


class Where(BaseModel):
    """Where a person says that an event is."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    lat: Latitude
    lon: Longitude
    radius_m: float = Field(ge=5, le=500_000)


class Wish(BaseModel):
    """What a person decides, without the event that it is about.

    ``words``: own words beside a reason, or the note. ``request``: a random word of the sender's,
    so that sending it twice decides once. ``other``: the event to merge with, as last seen.
    """

    model_config = ConfigDict(extra="forbid")
    kind: DecisionKind
    reason: RejectReason | None = None
    words: str | None = Field(default=None, max_length=MAX_REASON_CHARS)
    members: list[Id] = Field(default_factory=list, max_length=50)
    anchor: Id | None = None
    undoes: str | None = Field(default=None, max_length=64)
    point: Where | None = None
    snooze_min: int | None = Field(default=None, ge=SNOOZE_MIN, le=SNOOZE_MAX)
    category: Category | None = None
    other: Id | None = None
    other_version: Version | None = None
    request: str | None = Field(default=None, min_length=8, max_length=64)


class DecisionRequest(Wish):
    """A decision as a page sends it. ``version``: the one that the person looked at."""

    version: Version | None = None


class UnknownEventError(OqigaError):
    """There is no such event for this person."""


class OutdatedError(OqigaError):
    """The event is not what the person saw; ``changes`` says how."""

    def __init__(self, event: Event, found: list[Change]) -> None:
        super().__init__(f"event {event.id} has changed; look again")
        self.event = event
        self.changes = found


@dataclass(frozen=True)
class Decider:
    """Who decides, and what they may see."""

    name: str
    audiences: frozenset[Audience]


@dataclass(frozen=True)
class Done:
    """A decision that was taken. ``gone``: its event is not for this person any more."""

    decision: Decision
    event: Event
    verdict: DecisionKind | None
    gone: bool = False


class Deciding:
    """Appends decisions. ``announce`` tells open pages that an event stands otherwise now."""

    def __init__(
        self, store: Store, claims: Claims, clock: Clock, announce: Callable[[Event], None]
    ) -> None:
        self._store = store
        self._claims = claims
        self._clock = clock
        self._announce = announce

    def decide(
        self, who: Decider, event_id: str, wish: Wish, version: int | None, batch: str | None = None
    ) -> Done:
        """Take a decision once, however often it is sent.

        Raises UnknownEventError, HeldError, OutdatedError, or InputError for what makes no sense.
        """
        event = self._event(who, event_id)
        key = decision_id(event.id, who.name, wish.request or secrets.token_hex(16))
        known = self._store.decisions(who.audiences, event.id)
        taken = next((d for d in known if d.id == key), None)
        if taken is None:
            self._claims.check(event.id, who.name)
            if version != event.version and not (wish.kind in VERSIONLESS and version is None):
                raise self.outdated(who, event, version)
            stands = standing(event, known)
            if wish.kind in VERDICTS and stands.verdict is not None:
                raise OutdatedError(event, [Change("decided", "", stands.verdict.value)])
            taken = self._build(who, event, wish, key, known, batch)
            try:
                self._store.add_decision(taken)
            except StaleWriteError:
                raise self.outdated(who, self._event(who, event_id), event.version) from None
            if wish.kind in VERDICTS:
                self._claims.release(event.id, who.name)
        gone = taken.category is Category.POLICE_CORRUPTION and event.audience is Audience.OPEN
        if gone:
            self._hand_over(event)
        self._announce(event)
        decisions = self._store.decisions(who.audiences, event.id)
        return Done(taken, event, standing(event, decisions).verdict, gone=gone)

    def outdated(self, who: Decider, event: Event, seen: int | None) -> OutdatedError:
        """What changed since the version that a person saw."""
        old = self._store.event(event.id, who.audiences, seen) if seen else None
        return OutdatedError(event, changes(old, event) if old else [])

    # -- inside ----------------------------------------------------------------------------

    def _event(self, who: Decider, event_id: str) -> Event:
        event = self._store.event(event_id, who.audiences)
        if event is None or event.merged_into is not None:
            raise UnknownEventError("there is no such event")
        return event

    def _build(
        self,
        who: Decider,
        event: Event,
        wish: Wish,
        key: str,
        known: list[Decision],
        batch: str | None,
    ) -> Decision:
        made = Decision(
            id=key,
            event=event.id,
            event_version=event.version,
            kind=wish.kind,
            by=who.name,
            at=self._clock.now(),
            reason=reason_text(
                wish.reason if wish.kind is DecisionKind.REJECT else None, wish.words
            ),
            batch=batch,
            audience=event.audience,
        )
        return made.model_copy(update=self._particulars(who, event, wish, known))

    def _particulars(
        self, who: Decider, event: Event, wish: Wish, known: list[Decision]
    ) -> dict[str, object]:
        moved = tuple(dict.fromkeys(wish.members))
        match wish.kind:
            case DecisionKind.REJECT if wish.reason is None:
                raise InputError("a rejection needs a reason")
            case DecisionKind.NOTE if not (wish.words or "").strip():
                raise InputError("a note needs words")
            case DecisionKind.UNDO:
                return {"undoes": undoable(known, wish.undoes).id}
            case DecisionKind.LINK | DecisionKind.UNLINK | DecisionKind.UNSURE:
                self._check_members(who, event, wish.kind, moved)
                return {"anchor": anchor_for(event, moved, wish.anchor), "members": moved}
            case DecisionKind.SPLIT:
                return _split(event, moved)
            case DecisionKind.MERGE:
                return self._merge(who, event, wish)
            case DecisionKind.MOVE:
                if wish.point is None:
                    raise InputError("say where the event is: point with lat, lon and radius_m")
                return {"point": Point(**wish.point.model_dump())}
            case DecisionKind.SNOOZE:
                if wish.snooze_min is None:
                    raise InputError("say for how long: snooze_min")
                return {"until": self._clock.now() + timedelta(minutes=wish.snooze_min)}
            case DecisionKind.CATEGORY:
                if wish.category is None or wish.category is Category.NONE:
                    raise InputError("say which category it is")
                return {"category": wish.category}
        return {}

    def _check_members(
        self, who: Decider, event: Event, kind: DecisionKind, moved: tuple[str, ...]
    ) -> None:
        if not moved:
            raise InputError("name the posts or reports that the decision is about")
        if kind is not DecisionKind.UNLINK and members(event) & set(moved):
            raise InputError("this is in the event already")
        for member in moved:
            readable = self._store.report(member, who.audiences) or self._store.post_versions(
                member, who.audiences
            )
            if not readable:  # the same for unknown and for confidential
                raise InputError("there is no such post or report")

    def _merge(self, who: Decider, event: Event, wish: Wish) -> dict[str, object]:
        if wish.other is None or wish.other == event.id:
            raise InputError("name the other event to merge with")
        other = self._event(who, wish.other)
        self._claims.check(other.id, who.name)
        if wish.other_version is not None and wish.other_version != other.version:
            raise self.outdated(who, other, wish.other_version)
        anchor = anchor_for(event, (), None)
        both = sorted((members(event) | members(other)) - {anchor})
        if len(both) > MAX_MEMBERS:
            raise InputError(f"together they have more than {MAX_MEMBERS} posts and reports")
        return {"anchor": anchor, "members": tuple(both)}

    def _hand_over(self, event: Event) -> None:
        """Let internal security alone see all that the event is made of, from now on."""
        items = self._store.assessed(members(event), {Audience.OPEN})
        self._store.save_assessments(
            [(item.assessment, Audience.CONFIDENTIAL) for item in items], self._clock.now()
        )


def _split(event: Event, leaving: tuple[str, ...]) -> dict[str, object]:
    if not leaving:
        raise InputError("name the posts or reports that leave the event")
    if not set(leaving) <= members(event):
        raise InputError("only what is in the event can leave it")
    anchor = anchor_for(event, leaving, None)
    staying = sorted(members(event) - set(leaving) - {anchor})
    return {"anchor": anchor, "members": leaving, "staying": tuple(staying)}
