"""Taking what turned confidential out of the sight of others, and events between audiences.

One rule holds whatever happens: a version of an event that names a confidential post or report,
as member or as candidate, does not lie in the open indices.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from core.records import Audience, Decision, Event
from store.elasticsearch.base import Base
from store.elasticsearch.chains import withhold_audit
from store.elasticsearch.connection import Key, Source
from store.elasticsearch.documents import decision_document, event_document, version_document
from store.elasticsearch.registry import Head, Subject, head_of, subject_of
from store.elasticsearch.transaction import Transaction

OPEN, CONFIDENTIAL = Audience.OPEN, Audience.CONFIDENTIAL
SEARCHED = ("open-events", "open-versions", "open-decisions", "open-audit")


def members(event: Event) -> set[str]:
    """Ids of the posts and reports in an event."""
    return {link.id for link in (*event.posts, *event.reports)}


def named(event: Event) -> set[str]:
    """Ids of all posts and reports that a version of an event speaks of."""
    return members(event) | {link.id for link in event.candidates}


def decided_on(decision: Decision) -> set[str]:
    """Ids of the posts and reports that a decision names."""
    return {*decision.members, *([decision.anchor] if decision.anchor else [])}


class Withholding(Base):
    """Moves between audiences."""

    # -- where events lie -------------------------------------------------------------------

    def _newest_key(self, head: Head, event_id: str) -> Key:
        return self._names.of(head.audience, "events", head.period), event_id

    def _version_key(self, head: Head, event_id: str, number: int) -> Key:
        """Where an earlier version of an event lies."""
        return self._names.of(head.audience, "versions", head.period), f"{event_id}:{number}"

    def _version_keys(self, audience: Audience, head: Head, event_id: str) -> list[Key]:
        """Where the earlier versions of an event would lie."""
        index = self._names.of(audience, "versions", head.period)
        return [(index, f"{event_id}:{number}") for number in range(1, head.version + 1)]

    def _feed(self, tx: Transaction, audience: Audience, event: Event, period: str) -> int:
        """The next position in the audience's stream of events, for this version."""
        name = f"feed_{audience.value}"
        position = tx.next(name)
        tx.append(self._names.pipeline(name), position, [event.id, event.version, period])
        return position

    def _sources(self, tx: Transaction, event: Event) -> list[str]:
        """Sources of an event's posts."""
        states = [subject_of(tx.get(k)) for k in tx.subjects(link.id for link in event.posts)]
        return [state.source for state in states if state.source is not None]

    # -- a subject --------------------------------------------------------------------------

    def _withhold(self, tx: Transaction, subject: str, state: Subject) -> None:
        """Move all that readers of the open indices know of a subject out of their sight."""
        self._journal.refresh_known(*SEARCHED)
        names = self._names
        tx.delete((names.of(OPEN, f"{state.kind}s", state.period), subject), hide=True)
        for version in state.versions:
            key = (names.of(OPEN, "raw", state.period), f"{subject}:{version.number}")
            raw = tx.get(key)
            if raw is not None:
                tx.delete(key, hide=True)
                tx.put((names.of(CONFIDENTIAL, "raw", state.period), key[1]), raw)
        tx.put(self._subject(subject), replace(state, audience=CONFIDENTIAL).to_json())
        for event_id in self._naming(tx, subject):
            self._withhold_event(tx, event_id, subject)
        row = subject_of(tx.get(self._subject(subject)))
        if row.event_audience is OPEN:
            cleared = replace(row, event=None, event_audience=None, correlated_us=0, shown_us=0)
            tx.put(self._subject(subject), cleared.to_json())
        for key in tx.find(names.of(OPEN, "decisions"), {"term": {"names": subject}}):
            self._move_decision(tx, key, OPEN, CONFIDENTIAL)
        withhold_audit(tx, subject)

    def _naming(self, tx: Transaction, subject: str) -> list[str]:
        """Events with an open version that names the subject."""
        fields = ("posts", "reports", "candidates")
        query = {"bool": {"should": [{"term": {field: subject}} for field in fields]}}
        keys = tx.find(self._names.all_of(OPEN, "events"), query)
        keys += tx.find(self._names.all_of(OPEN, "versions"), {"term": {"names": subject}})
        found = [source["id"] for key in keys if (source := tx.get(key)) is not None]
        return sorted(set(found))

    def _withhold_event(self, tx: Transaction, event_id: str, subject: str) -> None:
        """An event that the subject is in goes with it until it was judged anew.

        Of events that it was in earlier, the versions that name it go; as a candidate it is
        struck out, so that the event itself stays in sight.
        """
        head = head_of(tx.get(self._event_key(event_id)))
        if head is None:
            return
        newest = tx.get(self._newest_key(head, event_id)) if head.audience is OPEN else None
        if newest is not None:
            event = Event.model_validate_json(newest["body"])
            if subject in members(event):
                self._move_event(tx, event_id, head, CONFIDENTIAL, with_newest=True)
                return
            candidates = tuple(link for link in event.candidates if link.id != subject)
            struck = event.model_copy(update={"candidates": candidates})
            tx.put_hidden(
                self._newest_key(head, event_id),
                event_document(
                    struck,
                    position=newest["position"],
                    suffix=head.period,
                    sources=newest.get("sources", []),
                ),
            )
        left = self._move_versions(tx, event_id, head, OPEN, CONFIDENTIAL, naming=subject)
        if newest is not None:
            left.add(head.version)
        self._move_decisions(tx, event_id, OPEN, CONFIDENTIAL, left)

    # -- an event ---------------------------------------------------------------------------

    def _move_event(
        self, tx: Transaction, event_id: str, head: Head, audience: Audience, *, with_newest: bool
    ) -> Head:
        """Move an event: versions, members, decisions; what must not be open stays behind.

        ``with_newest``: the newest version goes as such; otherwise it becomes an earlier version,
        because a newer one is about to be written.
        """
        origin = head.audience
        key = self._newest_key(head, event_id)
        newest = tx.get(key)
        self._journal.refresh_known(f"{origin.value}-decisions", "open-audit")
        left: set[int] = set()
        if newest is not None:
            event = Event.model_validate_json(newest["body"])
            tx.delete(key, hide=origin is OPEN)
            if with_newest:
                moved = event.model_copy(update={"audience": audience})
                new_head = replace(head, audience=audience)
                document = event_document(
                    moved,
                    position=self._feed(tx, audience, moved, head.period),
                    suffix=head.period,
                    sources=newest.get("sources", []),
                )
                tx.put(self._newest_key(new_head, event_id), document)
            else:
                self._keep_version(tx, event, newest["position"], head.period, origin)
            self._move_members(tx, event, audience)
        left |= self._move_versions(tx, event_id, head, origin, audience)
        self._move_decisions(tx, event_id, origin, audience, left)
        if audience is CONFIDENTIAL:
            withhold_audit(tx, event_id)
        head = replace(head, audience=audience)
        tx.put(self._event_key(event_id), head.to_json())
        return head

    def _keep_version(
        self, tx: Transaction, event: Event, position: int, period: str, audience: Audience
    ) -> None:
        """Keep a version of an event as an earlier one."""
        index = self._names.of(audience, "versions", period)
        document = version_document(event, position=position)
        tx.put((index, f"{event.id}:{event.version}"), document)

    def _move_members(self, tx: Transaction, event: Event, audience: Audience) -> None:
        for key in tx.subjects(members(event)):
            state = subject_of(tx.get(key))
            if state.event == event.id:
                tx.put(key, replace(state, event_audience=audience).to_json())

    def _move_versions(
        self,
        tx: Transaction,
        event_id: str,
        head: Head,
        origin: Audience,
        audience: Audience,
        naming: str | None = None,
    ) -> set[int]:
        """Move earlier versions (``naming``: those that name it); numbers of those that stay."""
        left: set[int] = set()
        keys = self._version_keys(origin, head, event_id)
        tx.fetch(keys)
        for key in keys:
            source = tx.get(key)
            if source is None:
                continue
            event = Event.model_validate_json(source["body"])
            stays = naming is not None and naming not in source["names"]
            if stays or (audience is OPEN and tx.is_confidential(source["names"])):
                left.add(event.version)
                continue
            moved = event.model_copy(update={"audience": audience})
            position = self._feed(tx, audience, moved, head.period)
            self._keep_version(tx, moved, position, head.period, audience)
            tx.delete(key, hide=origin is OPEN)
        return left

    # -- decisions --------------------------------------------------------------------------

    def _move_decisions(
        self,
        tx: Transaction,
        event_id: str,
        origin: Audience,
        audience: Audience,
        left: Collection[int],
    ) -> None:
        """Move an event's decisions; one stays with the version it was taken on (``left``).

        One that names a confidential record does not become open.
        """
        for key in tx.find(self._names.of(origin, "decisions"), {"term": {"event": event_id}}):
            source = tx.get(key)
            if source is None or source["event_version"] in left:
                continue
            if audience is OPEN and tx.is_confidential(source.get("names", [])):
                continue
            self._move_decision(tx, key, origin, audience)

    def _move_decision(
        self, tx: Transaction, key: Key, origin: Audience, audience: Audience
    ) -> None:
        source = tx.get(key)
        if source is None:
            return
        tx.delete(key, hide=origin is OPEN)
        tx.put((self._names.of(audience, "decisions"), key[1]), _of(source, audience))


def _of(source: Source, audience: Audience) -> Source:
    decision = Decision.model_validate_json(source["body"])
    moved = decision.model_copy(update={"audience": audience})
    return decision_document(moved, position=source["position"])
