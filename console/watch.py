"""What a supervisor has to see: who does how much, what waits too long, what nobody looks at.

Pure: from the board's entries, claims and decisions to figures.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from console.board import Entry
from console.decisions import in_force
from console.regions import Region
from console.rows import Level, level_of
from core.records import Claim, Decision, DecisionKind

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
VERDICTS = (DecisionKind.CONFIRM, DecisionKind.REJECT)
WRONG_REASONS = frozenset({"not_incident", "not_real", "drill"})
"""Reasons of rejection that say that the flag was none; an old or known event was an event."""
ESCALATES_AFTER = 2.0
"""An event that waits this many times its limit is for the supervisor, not for the queue."""


@dataclass(frozen=True)
class Waiting:
    """An open event and how long it has been waiting. ``limit_s``: its service level."""

    entry: Entry
    level: Level
    waited_s: float
    limit_s: float
    claimed_by: str | None

    @property
    def overdue(self) -> bool:
        """Whether it waits longer than it may."""
        return self.waited_s > self.limit_s

    @property
    def escalated(self) -> bool:
        """Whether it waits so long that a supervisor has to step in."""
        return self.waited_s > ESCALATES_AFTER * self.limit_s


@dataclass(frozen=True)
class Work:
    """One person's work. ``pace_s``: median seconds from flag to verdict."""

    name: str
    claimed: int
    hour: int
    day: int
    confirmed: int
    rejected: int
    pace_s: float | None
    last_at: datetime | None


@dataclass(frozen=True)
class Precision:
    """How often a source's flags were right, of those that a person decided on."""

    source: str
    right: int
    wrong: int

    @property
    def share(self) -> float:
        """Right ones of all."""
        return self.right / (self.right + self.wrong)


@dataclass(frozen=True)
class RegionLine:
    """A region's events of the last day. ``blind``: nothing at all was heard of it."""

    region: Region
    events: int
    open: int
    last_at: datetime | None

    @property
    def blind(self) -> bool:
        """Whether nothing was seen there for a day."""
        return self.events == 0


@dataclass(frozen=True)
class Budget:
    """What a limit on alerts costs. ``alerts`` were told of in the last day, ``held`` were not.

    ``missed``: of those that were held, how many a person confirmed. ``recall``: share of the
    confirmed that were told of, ``None`` while none was confirmed.
    """

    per_hour: int
    alerts: int
    held: int
    missed: int
    recall: float | None


def waiting(
    entries: Iterable[Entry],
    claims: Mapping[str, Claim],
    limits_min: Mapping[str, float],
    now: datetime,
) -> list[Waiting]:
    """Flagged, undecided events, those that wait longest for their level first."""
    found = []
    for entry in entries:
        open_ = entry.event.flagged and entry.standing.verdict is None
        if not open_ or entry.standing.snoozed(now):
            continue
        level = level_of(entry.event)
        claim = claims.get(entry.event.id)
        found.append(
            Waiting(
                entry=entry,
                level=level,
                waited_s=max(0.0, (now - entry.flagged_at).total_seconds()),
                limit_s=60.0 * limits_min[level.value],
                claimed_by=claim.by if claim else None,
            )
        )
    return sorted(found, key=lambda w: (-w.waited_s / w.limit_s, w.entry.event.id))


def workload(
    names: Collection[str],
    decisions: Sequence[Decision],
    entries: Mapping[str, Entry],
    claims: Mapping[str, Claim],
    now: datetime,
) -> list[Work]:
    """Each person's work of the last day; those with the most first."""
    found = []
    today = [d for d in decisions if now - d.at <= DAY]
    for name in sorted(set(names) | {d.by for d in today}):
        own = [d for d in today if d.by == name and d.kind in VERDICTS]
        paces = [
            (d.at - entries[d.event].flagged_at).total_seconds() for d in own if d.event in entries
        ]
        paces = [pace for pace in paces if pace >= 0]
        found.append(
            Work(
                name=name,
                claimed=sum(claim.by == name for claim in claims.values()),
                hour=sum(now - d.at <= HOUR for d in own),
                day=len(own),
                confirmed=sum(d.kind is DecisionKind.CONFIRM for d in own),
                rejected=sum(d.kind is DecisionKind.REJECT for d in own),
                pace_s=median(paces) if paces else None,
                last_at=max((d.at for d in own), default=None),
            )
        )
    return sorted(found, key=lambda work: (-work.day, work.name))


def precision(entries: Iterable[Entry]) -> list[Precision]:
    """Each source's precision over the decided events that it has a post in, the worst first.

    Confirmed events count as right; so do rejected ones that were real, but old, known or abroad.
    """
    counts: dict[str, list[int]] = {}
    for entry in entries:
        by = entry.standing.by
        if by is None or entry.facts is None:
            continue
        wrong = by.kind is DecisionKind.REJECT and _code(by) in WRONG_REASONS
        for source in entry.facts.sources:
            counts.setdefault(source, [0, 0])[wrong] += 1
    found = [Precision(source, right, wrong) for source, (right, wrong) in counts.items()]
    return sorted(found, key=lambda p: (p.share, -p.right - p.wrong, p.source))


def blind_spots(
    regions: Iterable[Region], entries: Iterable[Entry], now: datetime
) -> list[RegionLine]:
    """What was seen in each region in the last day, the quietest first."""
    by_region: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.region is not None:
            by_region.setdefault(entry.region, []).append(entry)
    lines = []
    for region in regions:
        there = by_region.get(region.key, [])
        recent = [e for e in there if now - e.event.last_at <= DAY]
        lines.append(
            RegionLine(
                region=region,
                events=len(recent),
                open=sum(e.event.flagged and e.standing.verdict is None for e in recent),
                last_at=max((e.event.last_at for e in there), default=None),
            )
        )
    return sorted(lines, key=lambda line: (line.events, line.region.key))


def budgets(
    entries: Iterable[Entry], limits: Sequence[int], specialists: int, now: datetime
) -> list[Budget]:
    """What each limit (alerts a specialist and hour) costs, by the events of the last day.

    In each hour those of highest priority are told of, as many as the limit allows all
    ``specialists`` together.
    """
    hours: dict[int, list[Entry]] = {}
    for entry in entries:
        age = now - entry.flagged_at
        if age <= DAY and (entry.event.flagged or entry.standing.verdict is not None):
            hours.setdefault(int(age / HOUR), []).append(entry)
    ranked = [
        sorted(hour, key=lambda e: (-e.event.priority, e.event.id)) for hour in hours.values()
    ]
    confirmed = sum(_confirmed(e) for hour in ranked for e in hour)
    found = []
    for limit in limits:
        fits = limit * max(1, specialists)
        held = [e for hour in ranked for e in hour[fits:]]
        missed = sum(map(_confirmed, held))
        found.append(
            Budget(
                per_hour=limit,
                alerts=sum(len(hour) for hour in ranked) - len(held),
                held=len(held),
                missed=missed,
                recall=1.0 - missed / confirmed if confirmed else None,
            )
        )
    return found


def standing_decisions(decisions: Mapping[str, Sequence[Decision]]) -> list[Decision]:
    """All decisions that nobody took back, in the order of their events."""
    return [d for event in sorted(decisions) for d in in_force(decisions[event])]


def _confirmed(entry: Entry) -> bool:
    return entry.standing.verdict is DecisionKind.CONFIRM


def _code(decision: Decision) -> str:
    return (decision.reason or "").partition(":")[0]
