"""From a cluster of records to an Event: category, place, time, report state, flag, priority."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from core.records import (
    INCIDENT_CATEGORIES,
    Assessed,
    Category,
    Decision,
    DecisionKind,
    Event,
    Link,
    Point,
    Post,
    Report,
    ReportState,
)
from correlator.constraints import standing
from correlator.freshness import Freshness
from correlator.graph import Graph
from correlator.items import VAGUE_RADIUS_M, distance_m, site_of
from correlator.known import chance_known
from correlator.model import PairModel
from correlator.odds import logistic
from correlator.pairs import judge
from correlator.priority import priority

HEADLINE_CHARS = 140
CANDIDATES = 3
CANDIDATE_FROM = 0.05
EXPLAINED = 200
"""Members that are kept with their reasons, the earliest; of a mass event's others
`oqiga pairs` tells them."""
OFFERS = 100
"""Places that are weighed against each other, the surest first."""
CORROBORATION = 0.35
"""How far another source's word, if it is sure, closes the gap to certainty."""
CORROBORATES_FROM = 0.4
REPORT_VOTE = 1.5
"""An operator's or caller's category counts more than a passer-by's."""
EARLIEST_BEFORE = timedelta(hours=12)
PRIORITY_STEP = 0.02
CACHE_LIMIT = 16_384
"""Links that are kept as they were made, 7 kB each: those of the events that are growing now."""

PREFERRED: tuple[tuple[Category, Category, float], ...] = (
    (Category.DRUNK_DRIVING, Category.ROAD_CRASH, 0.35),
    (Category.DOMESTIC_VIOLENCE, Category.VIOLENCE, 0.35),
)
"""(what the patrol is sent for, what it also is, share of the two votes from which it wins)."""
CORRUPTION_FROM = 0.25


@dataclass(frozen=True)
class Marks:
    """What people decided about an event."""

    decided: str | None = None
    point: Point | None = None
    snoozed_until: datetime | None = None
    category: Category | None = None


class Rulings:
    """The standing decisions by the event and by the record they speak of."""

    def __init__(self, decisions: Iterable[Decision] = ()) -> None:
        self._by_event: dict[str, list[Decision]] = {}
        for decision in standing(decisions):
            self._by_event.setdefault(decision.event, []).append(decision)

    def marks(self, event_ids: Iterable[str], members: Collection[str]) -> Marks:
        """What was decided about an event that is or was known by these ids.

        A decision that names a record as its anchor speaks of the event that the record is in.
        """
        decided: str | None = None
        point: Point | None = None
        snoozed: datetime | None = None
        category: Category | None = None
        found = [d for event_id in event_ids for d in self._by_event.get(event_id, ())]
        for decision in sorted(found, key=lambda d: (d.at, d.id)):
            if decision.anchor is not None and decision.anchor not in members:
                continue
            if decision.kind in {DecisionKind.CONFIRM, DecisionKind.REJECT}:
                decided = decision.kind.value
            elif decision.kind is DecisionKind.MOVE:
                point = decision.point
            elif decision.kind is DecisionKind.SNOOZE:
                snoozed = decision.until
            elif decision.kind is DecisionKind.CATEGORY:
                category = decision.category
        return Marks(decided=decided, point=point, snoozed_until=snoozed, category=category)

    def events(self) -> set[str]:
        """Ids of the events that a standing decision speaks of."""
        return set(self._by_event)


@dataclass(frozen=True)
class Known:
    """An event's identity: its id, the version before, and the ids merged into it."""

    id: str
    version: int = 0
    aliases: tuple[str, ...] = ()


@dataclass
class Judge:
    """Builds events. ``incident_at``: probability from which an event is an incident."""

    model: PairModel
    incident_at: float
    _cache: dict[tuple[str, str, str, str, bool], Link] = field(default_factory=dict)

    def event(
        self,
        members: Sequence[str],
        *,
        graph: Graph,
        records: Mapping[str, Assessed],
        known: Known,
        marks: Marks,
        freshness: Freshness,
        now: datetime,
    ) -> Event:
        """The event of a cluster, as its next version.

        ``flagged``: probably real and not known to be known: ``unreported``, and ``unknown`` too,
        because then a person has to decide; undecided, not snoozed, and seen by at least one post.
        That 102 may know of it without a report that is told apart only lowers its priority.
        """
        ordered = sorted(members, key=lambda m: (graph.items[m].at, m))
        links = self._links(ordered, graph, records)
        posts = tuple(link for link in links if link.kind == "post")
        reports = tuple(link for link in links if link.kind == "report")
        candidates = self._candidates(ordered, graph, records)
        state, lead_s = report_state(posts, reports, freshness)
        assessed = [records[m] for m in ordered]
        incident = _incident(assessed, graph, reports)
        category = marks.category or _category(assessed)
        location, path = _location(assessed, graph)
        last_at = max(link.at for link in links)
        urgency = max(r.assessment.urgency for r in assessed)
        report = max((link.probability for link in reports or candidates), default=0.0)
        known_to_102 = self._chance_known(assessed, graph, report)
        value, factors = priority(
            category=category,
            urgency=urgency,
            incident=incident,
            unknown_to_102=1.0 - known_to_102,
            last_at=last_at,
            now=now,
        )
        snoozed = marks.snoozed_until is not None and now < marks.snoozed_until
        return Event(
            id=known.id,
            version=known.version + 1,
            audience=assessed[0].audience,
            category=category,
            incident=incident,
            urgency=urgency,
            location=marks.point or location,
            location_path=() if marks.point else path,
            started_at=_started_at(assessed, graph),
            last_at=last_at,
            posts=posts,
            reports=reports,
            candidates=candidates,
            report_state=state,
            lead_s=lead_s,
            flagged=bool(posts)
            and incident >= self.incident_at
            and state in {ReportState.UNREPORTED, ReportState.UNKNOWN}
            and marks.decided is None
            and not snoozed,
            priority=value,
            priority_factors=factors,
            headline=_headline(assessed),
            decided=marks.decided,
            aliases=known.aliases,
            updated_at=now,
        )

    def _chance_known(self, assessed: Sequence[Assessed], graph: Graph, report: float) -> float:
        """``report``: probability of the best pair with a report. What reports say of the incident
        does not count, so that a further one never makes the event less known.
        """
        firsts = sorted(
            {graph.first(r.subject.id) for r in assessed if isinstance(r.subject, Post)}
        )
        posts = [graph.items[first] for first in firsts]
        return chance_known(self.model.known, posts, _incident(assessed, graph, ()), report)

    def _links(
        self, ordered: Sequence[str], graph: Graph, records: Mapping[str, Assessed]
    ) -> list[Link]:
        inside = set(ordered)
        links: list[Link] = []
        for number, member in enumerate(ordered):
            partner = _partner(member, ordered, inside, graph)
            explained = number < EXPLAINED
            links.append(self._link(member, partner, graph, records, explained=explained))
        return links

    def _candidates(
        self, members: Sequence[str], graph: Graph, records: Mapping[str, Assessed]
    ) -> tuple[Link, ...]:
        inside = set(members)
        best: dict[str, tuple[float, str]] = {}
        for member in members:
            for other, value in graph.edges.get(graph.first(member), {}).items():
                if other not in inside and graph.items[other].is_report:
                    best[other] = max(best.get(other, (value, member)), (value, member))
        ranked = sorted(best.items(), key=lambda item: (-item[1][0], item[0]))
        return tuple(
            self._link(report, member, graph, records)
            for report, (value, member) in ranked[:CANDIDATES]
            if logistic(value) >= CANDIDATE_FROM
        )

    def _link(
        self,
        member: str,
        partner: str | None,
        graph: Graph,
        records: Mapping[str, Assessed],
        *,
        explained: bool = True,
    ) -> Link:
        """Why a record is in an event; the same link is made once."""
        item, record = graph.items[member], records[member].subject
        at = record.posted_at if isinstance(record, Post) else record.received_at
        kind = "report" if item.is_report else "post"
        if partner is None:
            return Link(kind=kind, id=member, at=at)
        other = graph.items[partner]
        key = (member, item.stamp, partner, other.stamp, explained)
        found = self._cache.get(key)
        if found is None:
            if len(self._cache) >= CACHE_LIMIT:
                self._cache.clear()
            judged = judge(item, other, self.model)
            found = self._cache[key] = Link(
                kind=kind,
                id=member,
                at=at,
                to=partner,
                probability=judged.same,
                contributions=judged.contributions if explained else (),
            )
        return found


def report_state(
    posts: Sequence[Link], reports: Sequence[Link], freshness: Freshness
) -> tuple[ReportState, float | None]:
    """What 102 knows, and for ``reported_after`` the seconds from first post to first report.

    Without a report it is ``unreported`` only while all report feeds are alive.
    """
    if not reports:
        return (ReportState.UNREPORTED if freshness.live else ReportState.UNKNOWN), None
    first_report = min(link.at for link in reports)
    if not posts:
        return ReportState.REPORTED_BEFORE, None
    lead_s = (first_report - min(link.at for link in posts)).total_seconds()
    if lead_s <= 0.0:
        return ReportState.REPORTED_BEFORE, None
    return ReportState.REPORTED_AFTER, lead_s


def material(old: Event, new: Event) -> bool:
    """Whether a new version says something that the old one did not."""
    return abs(old.priority - new.priority) > PRIORITY_STEP or _essence(old) != _essence(new)


def _essence(event: Event) -> tuple[object, ...]:
    return (
        event.audience,
        event.category,
        round(event.incident, 2),
        event.location,
        event.started_at,
        event.last_at,
        tuple((link.id, link.to, round(link.probability, 2)) for link in event.posts),
        tuple((link.id, link.to, round(link.probability, 2)) for link in event.reports),
        tuple((link.id, round(link.probability, 1)) for link in event.candidates),
        event.report_state,
        event.lead_s,
        event.flagged,
        event.headline,
        event.decided,
        event.aliases,
        event.merged_into,
    )


def _partner(
    member: str, ordered: Sequence[str], inside: Collection[str], graph: Graph
) -> str | None:
    """The member that this one resembles most; ``None`` for the event's first."""
    if member == ordered[0]:
        return None
    first = graph.first(member)
    if first != member and first in inside:
        return first
    return graph.closest(first, inside) or ordered[0]


def _incident(assessed: Sequence[Assessed], graph: Graph, reports: Sequence[Link]) -> float:
    """Noisy combination: never below the best member, raised by other sources and by reports."""
    voices: dict[object, float] = {}
    for record in assessed:
        subject = record.subject
        if isinstance(subject, Report):
            continue
        voice = graph.first(subject.id)
        if subject.author is not None:
            voice = f"{subject.source}/{subject.author}"
        voices[voice] = max(voices.get(voice, 0.0), record.assessment.incident)
    if not voices:
        return max(r.assessment.incident for r in assessed)
    ranked = sorted(voices.values(), reverse=True)
    doubt = 1.0 - ranked[0]
    for chance in ranked[1:]:
        if chance >= CORROBORATES_FROM:
            doubt *= 1.0 - CORROBORATION * chance
    for link in reports:
        doubt *= 1.0 - CORROBORATION * link.probability
    return min(1.0, 1.0 - doubt)


def _category(assessed: Sequence[Assessed]) -> Category:
    named_none = all(r.assessment.category is Category.NONE for r in assessed)
    if named_none and not any(_set_by_operator(r) for r in assessed):
        return Category.NONE
    votes: dict[Category, float] = dict.fromkeys(INCIDENT_CATEGORIES, 0.0)
    for record in assessed:
        subject, found = record.subject, record.assessment
        is_report = isinstance(subject, Report)
        weight = REPORT_VOTE if is_report else max(found.incident, 0.05)
        if isinstance(subject, Report) and subject.category in votes:
            votes[subject.category] += 2.0 * weight
        for category, chance in found.categories.items():
            if category in votes:
                votes[category] += weight * chance
        if not found.categories and found.category in votes:
            votes[found.category] += weight
    total = sum(votes.values())
    if total <= 0.0:
        return Category.NONE
    if votes[Category.POLICE_CORRUPTION] >= CORRUPTION_FROM * total:
        return Category.POLICE_CORRUPTION
    top = max(INCIDENT_CATEGORIES, key=lambda c: votes[c])
    for preferred, other, share in PREFERRED:
        if top is other and votes[preferred] >= share * (votes[preferred] + votes[other]):
            return preferred
    return top


def _set_by_operator(record: Assessed) -> bool:
    return isinstance(record.subject, Report) and record.subject.category is not None


def _location(assessed: Sequence[Assessed], graph: Graph) -> tuple[Point | None, tuple[str, ...]]:
    """The point that most of the precise places agree with, its radius kept honest.

    Among the members' points the one with the least weighted distance to the others (weight: one
    over the radius) is chosen; when others contradict it, its radius grows to half the median gap.
    """
    offers: list[tuple[Point, tuple[str, ...], float]] = []
    for record in assessed:
        subject, found = record.subject, record.assessment
        weight = 1.0 if isinstance(subject, Report) else max(found.incident, 0.1)
        if found.location is not None:
            offers.append((found.location, found.location_path, weight))
        sites = graph.items[subject.id].sites
        if sites and subject.lat is not None and subject.lon is not None:
            own = sites[0]
            point = Point(lat=subject.lat, lon=subject.lon, radius_m=own.radius_m)
            if found.location is None or distance_m(own, site_of(found.location)) > 1.0:
                offers.append((point, found.location_path, weight))
    if not offers:
        return None, ()
    finest = min(point.radius_m for point, _, _ in offers)
    fine = [o for o in offers if o[0].radius_m <= max(4.0 * finest, 300.0)]
    if len(fine) > OFFERS:
        fine = sorted(fine, key=lambda o: (-o[2], o[0].radius_m, o[0].lat, o[0].lon))[:OFFERS]
    sites_of = [site_of(point) for point, _, _ in fine]

    def cost(i: int) -> tuple[float, float, float, float]:
        away = sum(
            weight / site.radius_m * min(distance_m(sites_of[i], site), VAGUE_RADIUS_M)
            for (_, _, weight), site in zip(fine, sites_of, strict=True)
        )
        point = fine[i][0]
        return (away + 0.3 * point.radius_m / finest, point.radius_m, point.lat, point.lon)

    chosen = min(range(len(fine)), key=cost)
    point, path, _ = fine[chosen]
    gaps = sorted(distance_m(sites_of[chosen], site) for site in sites_of)
    radius = max(point.radius_m, 0.5 * gaps[len(gaps) // 2])
    return Point(lat=point.lat, lon=point.lon, radius_m=radius), path


def _started_at(assessed: Sequence[Assessed], graph: Graph) -> datetime:
    """The earliest time that a member gives or has; a time far before its record is not believed.

    A missing person may have been gone for days: there the record's own word is taken.
    """
    times: list[float] = []
    for record in assessed:
        item = graph.items[record.subject.id]
        times.append(item.at)
        told = item.event_at
        if told is not None and record.assessment.incident >= 0.3:
            limit_s = EARLIEST_BEFORE.total_seconds()
            if record.assessment.category is Category.MISSING_PERSON:
                limit_s *= 4.0
            if item.at - told <= limit_s:
                times.append(told)
    return datetime.fromtimestamp(min(times), UTC)


def _headline(assessed: Sequence[Assessed]) -> str:
    posts = [r for r in assessed if isinstance(r.subject, Post)]
    if not posts:
        return ""
    best = max(posts, key=lambda r: (r.assessment.incident, -len(r.subject.text), r.subject.id))
    text = " ".join(best.subject.text.split())
    return text if len(text) <= HEADLINE_CHARS else f"{text[: HEADLINE_CHARS - 1]}…"
