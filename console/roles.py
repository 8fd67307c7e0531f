"""The one place that says who may see and do what.

Every call of the store takes its audiences from here. A role without an audience gets the same
answer for an event as for an id that does not exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from core.records import Audience, Role
from store.protocol import CONFIDENTIAL, OPEN

NOBODY: frozenset[Audience] = frozenset()
COUNTED = OPEN
"""What the status page counts: the number of confidential events is confidential itself."""


class Action(StrEnum):
    """What a role may do beyond reading its audiences."""

    SEE_EVENTS = "see_events"
    DECIDE = "decide"
    ADMINISTER = "administer"


@dataclass(frozen=True)
class Rights:
    """What one role may read and do."""

    audiences: frozenset[Audience]
    actions: frozenset[Action]

    def may(self, action: Action) -> bool:
        """Whether the role may do this."""
        return action in self.actions


_WORKS = frozenset({Action.SEE_EVENTS, Action.DECIDE})
_READS = frozenset({Action.SEE_EVENTS})
_ADMINISTERS = frozenset({Action.ADMINISTER})

RIGHTS: Mapping[Role, Rights] = {
    Role.SPECIALIST: Rights(audiences=OPEN, actions=_WORKS),
    Role.SUPERVISOR: Rights(audiences=OPEN, actions=_WORKS),
    Role.ANALYST: Rights(audiences=OPEN, actions=_READS),
    Role.INTERNAL_SECURITY: Rights(audiences=CONFIDENTIAL, actions=_WORKS),
    Role.ADMINISTRATOR: Rights(audiences=NOBODY, actions=_ADMINISTERS),
}


def start_page(role: Role) -> str:
    """Where a person of this role begins."""
    return "/queue" if RIGHTS[role].may(Action.SEE_EVENTS) else "/admin"
