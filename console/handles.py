"""An author's handle, shown for a case: one person asks, another approves, all is written down."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import timedelta

from core.clock import Clock
from core.errors import InputError
from core.records import Audience, AuditEntry, Post, Record, UtcDatetime
from core.sealing import unseal
from store.protocol import Store

PREFIX = "handle:"
OPEN_FOR = timedelta(hours=24)
"""An approval ends after a day; so does a request that nobody answered."""
MIN_CASE_CHARS, MAX_CASE_CHARS = 3, 100


class HandleRequest(Record):
    """A wish to see who wrote a post. ``approved_by``: the second person, ``None`` before."""

    id: str
    post: str
    event: str
    audience: Audience
    case: str
    by: str
    at: UtcDatetime
    approved_by: str | None = None
    approved_at: UtcDatetime | None = None
    refused: bool = False
    seen: int = 0


class Handles:
    """Requests in the store. ``key``: gives the key of the seals, read only when one is opened."""

    def __init__(self, store: Store, clock: Clock, key: Callable[[], bytes]) -> None:
        self._store = store
        self._clock = clock
        self._key = key

    def ask(self, post: Post, event: str, audience: Audience, case: str, by: str) -> HandleRequest:
        """Ask for the handle of a post's author; raises InputError."""
        case = " ".join(case.split())
        if not MIN_CASE_CHARS <= len(case) <= MAX_CASE_CHARS or not case.isprintable():
            raise InputError(
                f"a case number has {MIN_CASE_CHARS} to {MAX_CASE_CHARS} printable characters"
            )
        if post.handle is None:
            raise InputError("no handle is kept of this post's author")
        made = HandleRequest(
            id=secrets.token_hex(12),
            post=post.id,
            event=event,
            audience=audience,
            case=case,
            by=by,
            at=self._clock.now(),
        )
        self._store.put_note(PREFIX + made.id, made.model_dump_json())
        self._audit("handle_asked", made, by)
        return made

    def answer(self, request_id: str, by: str, *, approve: bool) -> HandleRequest:
        """Approve or refuse as the second person; raises InputError."""
        text, asked = self._find(request_id)
        if asked.by == by:
            raise InputError("the person who asked cannot approve; a second person has to")
        if asked.approved_by is not None or asked.refused:
            raise InputError("this request was answered already")
        now = self._clock.now()
        changes = {"approved_by": by, "approved_at": now} if approve else {"refused": True}
        answered = asked.model_copy(update=changes)
        if not self._store.swap_note(PREFIX + asked.id, text, answered.model_dump_json()):
            raise InputError("this request was answered already")
        self._audit("handle_approved" if approve else "handle_refused", answered, by)
        return answered

    def show(self, request_id: str, post: Post, by: str) -> str:
        """The handle, for the one who asked, within a day of the approval; raises InputError."""
        text, asked = self._find(request_id)
        if asked.by != by:
            raise InputError("only the person who asked may see it")
        if asked.approved_at is None:
            raise InputError("a second person has to approve it first")
        if self._clock.now() > asked.approved_at + OPEN_FOR:
            raise InputError("the approval has ended; ask again")
        if post.handle is None or post.id != asked.post:
            raise InputError("no handle is kept of this post's author")
        self._audit("handle_shown", asked, by)  # first: what cannot be logged is not shown
        seen = asked.model_copy(update={"seen": asked.seen + 1})
        self._store.swap_note(PREFIX + asked.id, text, seen.model_dump_json())
        return unseal(post.handle, self._key(), post.id)

    def requests(self, audiences: frozenset[Audience]) -> list[HandleRequest]:
        """Requests of these audiences that still matter, the newest first."""
        now = self._clock.now()
        found = [HandleRequest.model_validate_json(t) for t in self._store.notes(PREFIX).values()]
        living = [r for r in found if now <= (r.approved_at or r.at) + OPEN_FOR]
        mine = [r for r in living if r.audience in audiences]
        return sorted(mine, key=lambda r: (r.at, r.id), reverse=True)

    def _find(self, request_id: str) -> tuple[str, HandleRequest]:
        text = self._store.note(PREFIX + request_id)
        if text is None:
            raise InputError("there is no such request")
        return text, HandleRequest.model_validate_json(text)

    def _audit(self, action: str, asked: HandleRequest, by: str) -> None:
        self._store.add_audit(
            AuditEntry(
                at=self._clock.now(),
                by=by,
                action=action,
                subject=asked.post,
                audience=asked.audience,
                detail=f"case {asked.case}, request {asked.id}",
            )
        )
