"""What the registry keeps of a post or report: where it lies and which versions there are. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from core.records import Audience
from store.elasticsearch.documents import iso


@dataclass(frozen=True)
class Version:
    """One version: what tells repeats from edits, and whether it waits for assessment."""

    number: int
    content: str
    edited_at: datetime | None = None
    deleted_at: datetime | None = None
    pending: bool = True


@dataclass(frozen=True)
class Subject:
    """A post or report. ``kind`` is ``None`` when it is only known as a member of an event.

    ``period``: that of its indices. ``audience``: where its assessed versions lie. ``event``: the
    event that it is in, with that event's audience, the time of joining and, zero before,
    that of being shown with it (microseconds).
    ``removed``: on lawful demand; it is not taken in again.
    """

    kind: str | None = None
    period: str = ""
    source: str | None = None
    audience: Audience | None = None
    versions: tuple[Version, ...] = ()
    event: str | None = None
    event_audience: Audience | None = None
    correlated_us: int = 0
    shown_us: int = 0
    removed: bool = False

    @property
    def next_version(self) -> int:
        """The number that the next version gets."""
        return max((v.number for v in self.versions), default=0) + 1

    def version(self, number: int) -> Version | None:
        """The version of that number."""
        return next((v for v in self.versions if v.number == number), None)

    def assessed(self, number: int, audience: Audience) -> Subject:
        """With a version assessed for an audience."""
        versions = tuple(
            replace(v, pending=False) if v.number == number else v for v in self.versions
        )
        return replace(self, versions=versions, audience=audience)

    def to_json(self) -> dict[str, Any]:
        """For the registry."""
        return {
            **({} if self.kind is None else {"kind": self.kind, "period": self.period}),
            **({} if self.audience is None else {"audience": self.audience.value}),
            **({} if self.event is None else {"event": self.event}),
            "state": {
                "source": self.source,
                "versions": [
                    [v.number, v.content, iso(v.edited_at), iso(v.deleted_at), v.pending]
                    for v in self.versions
                ],
                "event_audience": self.event_audience and self.event_audience.value,
                "correlated_us": self.correlated_us,
                "shown_us": self.shown_us,
                **({"removed": True} if self.removed else {}),
            },
        }


def subject_of(row: dict[str, Any] | None) -> Subject:
    """From the registry; an absent row is a subject that nothing is known of."""
    if row is None:
        return Subject()
    state = row["state"]
    return Subject(
        kind=row.get("kind"),
        period=row.get("period", ""),
        source=state["source"],
        audience=_audience(row.get("audience")),
        versions=_versions(state["versions"]),
        event=row.get("event"),
        event_audience=_audience(state["event_audience"]),
        correlated_us=state["correlated_us"],
        shown_us=state.get("shown_us", 0),
        removed=state.get("removed", False),
    )


def _audience(value: str | None) -> Audience | None:
    return None if value is None else Audience(value)


def _versions(rows: Sequence[Sequence[Any]]) -> tuple[Version, ...]:
    return tuple(
        Version(number, content, _time(edited_at), _time(deleted_at), pending)
        for number, content, edited_at, deleted_at, pending in rows
    )


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


@dataclass(frozen=True)
class Head:
    """Where an event lies: its audience, the period of its indices, its newest version."""

    audience: Audience
    period: str
    version: int

    def to_json(self) -> dict[str, Any]:
        """For the registry."""
        return {
            "kind": "event",
            "period": self.period,
            "audience": self.audience.value,
            "state": {"version": self.version},
        }


def head_of(row: dict[str, Any] | None) -> Head | None:
    """From the registry."""
    if row is None:
        return None
    return Head(Audience(row["audience"]), row["period"], row["state"]["version"])
