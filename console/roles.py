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
    """What a role may do beyond reading its audiences.

    ``approve``: be the second person for an author's handle; ``export``: read the feeds.
    """

    SEE_EVENTS = "see_events"
    DECIDE = "decide"
    REVEAL = "reveal"
    APPROVE = "approve"
    SUPERVISE = "supervise"
    EXPORT = "export"
    AUDIT = "audit"
    ADMINISTER = "administer"


@dataclass(frozen=True)
class Rights:
    """What one role may read and do. ``audits``: whose trail it may read."""

    audiences: frozenset[Audience]
    actions: frozenset[Action]
    audits: frozenset[Audience] = NOBODY

    def may(self, action: Action) -> bool:
        """Whether the role may do this."""
        return action in self.actions


_READS = frozenset({Action.SEE_EVENTS, Action.EXPORT})
_WORKS = _READS | {Action.DECIDE, Action.REVEAL}
_LEADS = _WORKS | {Action.SUPERVISE, Action.APPROVE}

RIGHTS: Mapping[Role, Rights] = {
    Role.SPECIALIST: Rights(audiences=OPEN, actions=_WORKS),
    Role.SUPERVISOR: Rights(audiences=OPEN, actions=_LEADS | {Action.AUDIT}, audits=OPEN),
    Role.ANALYST: Rights(audiences=OPEN, actions=_READS),
    Role.INTERNAL_SECURITY: Rights(
        audiences=CONFIDENTIAL, actions=_LEADS | {Action.AUDIT}, audits=CONFIDENTIAL
    ),
    Role.ADMINISTRATOR: Rights(
        audiences=NOBODY, actions=frozenset({Action.ADMINISTER, Action.AUDIT}), audits=OPEN
    ),
}


def start_page(role: Role) -> str:
    """Where a person of this role begins."""
    return "/queue" if RIGHTS[role].may(Action.SEE_EVENTS) else "/admin"
