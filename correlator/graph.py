"""Records, their compared pairs and the clusters that follow: one state for batch and live.

Every public result is a function of the set of records alone, never of the order in which they
came: edges are symmetric, copies are collapsed by a rule on the set, and a component is
clustered anew from its pairs. The one exception is a crowd: which of its records were compared
depends on which were there (``ENOUGH``, ``blocking.MOST``).

A link is kept from even odds on (with a report from slight ones, which people are shown); what
weaker pairs say is asked where it matters, within a component.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, MutableMapping
from itertools import combinations
from math import inf

from core.settings import CorrelatorSettings
from correlator.blocking import Index, comparable, reach_s, speaks, widest_s
from correlator.clustering import FLOOR, Span, cluster, edges_of
from correlator.constraints import Constraints, Pair, pair
from correlator.context import LIMIT, refined
from correlator.features import replies
from correlator.items import MIN_REPOST_WORDS, Item
from correlator.model import PairModel
from correlator.odds import log_odds
from correlator.pairs import pair_log_odds
from correlator.runs import Moment, Runs
from correlator.screen import Screen

KEEP_FROM = log_odds(0.05)
"""Weaker pairs are forgotten: nobody is shown them."""
DOUBTFUL_BELOW = 0.5
"""A post less likely an incident is joined by its own words and links, not by its neighbours'."""
ENOUGH = 32
"""With so many links a record is joined, and the rest of its likenesses is not compared: in a mass
event of thousands of posts the cost of one more stays what it was."""
CROWD = 128
"""Components up to this size are clustered by all their pairs, larger ones by those near in time.
The largest of the labelled streams have 30 (test part) and 101 records (train part)."""
SOME = 24
"""Of a crowd each record is weighed against so many before and after it."""
GROWTH = 0.25
"""A crowd is clustered in full when it has grown by this share, and when it grows no more; until
then what is new stands with what it resembles most."""
NO_EDGES: Mapping[str, float] = {}
Names = set[tuple[str | None, str]]
"""Names with the source within which they hold."""


class Graph:
    """All records in memory with their links.

    Most records are alone: what is none, no link and no copy, takes no memory. ``items``: what
    holds the records; a plain dictionary by default.
    """

    def __init__(
        self,
        settings: CorrelatorSettings,
        model: PairModel,
        items: MutableMapping[str, Item] | None = None,
    ) -> None:
        self._settings = settings
        self._model = model
        self._threshold = log_odds(settings.link_at)
        self._keep_from = min(KEEP_FROM, self._threshold)
        self._screen = Screen(model)
        self._widest_s = widest_s(settings)
        self._index = Index()
        self.items: MutableMapping[str, Item] = {} if items is None else items
        self.edges: dict[str, dict[str, float]] = {}
        self._asked: dict[str, dict[str, float]] = {}
        self._copies = Runs()
        self._copy_of: dict[str, str] = {}
        self._groups: dict[str, list[str]] = {}
        self._cluster: dict[str, str] = {}
        self._waiting: set[str] = set()
        self._group_names: dict[str, Names] = {}
        self._group_refers: dict[str, Names] = {}
        self.constraints = Constraints()
        self._bound: dict[str, set[str]] = {}
        self._alone: set[str] = set()

    # -- changing ---------------------------------------------------------------------------

    def put(self, item: Item) -> set[str]:
        """Add or replace a record; ids of the records whose cluster may have changed."""
        known = self.items.get(item.id)
        if known is not None and known.stamp == item.stamp:
            return set()
        touched = self.drop(item.id) if known is not None else set()
        self.items[item.id] = item
        key = self._copy_key(item)
        if key is None:
            self._install(item.id, [item.id])
        else:
            self._copies.add(key, (item.at, item.id))
            touched |= self._regroup(key, item.at)
        touched |= {item.id, *self._around(item.id)}
        return touched

    def drop(self, item_id: str) -> set[str]:
        """Forget a record; ids of the records whose cluster may have changed."""
        item = self.items.pop(item_id, None)
        if item is None:
            return set()
        touched = self._around(item_id)
        if item.is_report:  # it may have been shown as a candidate
            touched |= self._links(item_id).keys()
        key = self._copy_key(item)
        if key is None:
            self._uninstall(item_id)
        else:
            self._copies.remove(key, (item.at, item_id))
            self._uninstall(self.first(item_id))
            touched |= self._regroup(key, item.at)
        touched.discard(item_id)
        return touched

    def forget(self, item_ids: Iterable[str]) -> None:
        """Drop records whose events are closed; whole groups of copies go at once."""
        leaving = set(item_ids) & self.items.keys()
        for first in {self.first(i) for i in leaving}:
            members = self._group(first)
            if not leaving.issuperset(members):
                continue
            key = self._copy_key(self.items[first])
            if key is not None:
                for member in members:
                    self._copies.remove(key, (self._index.span(member)[0], member))
            self._uninstall(first)
            for member in members:
                del self.items[member]
                leaving.discard(member)
        for item_id in sorted(leaving):
            self.drop(item_id)

    def constrain(self, constraints: Constraints) -> set[str]:
        """Take over people's decisions; ids of the records whose cluster may have changed."""
        changed = constraints.touched(self.constraints)
        around = {other for record in changed for other in self._around(record)}
        alone = {record for two in constraints.apart for record in two}
        moved = [self.items[i] for i in sorted(alone ^ self._alone) if i in self.items]
        for item in moved:
            around |= self.drop(item.id)
        self.constraints, self._alone = constraints, alone
        if changed:
            self._cluster = {}
        self._bound = {}
        for a, b in constraints.together:
            self._bound.setdefault(a, set()).add(b)
            self._bound.setdefault(b, set()).add(a)
        for item in moved:
            around |= self.put(item)
        around |= {other for record in changed for other in self._around(record)}
        return {record for record in changed | around if record in self.items}

    # -- reading ----------------------------------------------------------------------------

    def first(self, item_id: str) -> str:
        """The earliest of the copies that a record is one of (itself when there are none)."""
        return self._copy_of.get(item_id, item_id)

    def log_odds(self, a: str, b: str) -> float | None:
        """Log-odds that two records are the same event, ``None`` when never compared or slight."""
        x, y = self.first(a), self.first(b)
        if x == y:
            return inf
        return self._links(x).get(y)

    def until(self, item_ids: Iterable[str]) -> float:
        """Until when others may be of the records' event, in seconds since 1970."""
        return max((sum(self._index.span(item_id)) for item_id in item_ids), default=0.0)

    def closest(self, first: str, inside: Collection[str]) -> str | None:
        """Of some records the one that a first copy resembles most, if not plainly another."""
        best: tuple[float, str] | None = None
        for known in (self._asked.get(first, NO_EDGES), self._links(first)):
            for other, value in known.items():
                if value >= self._keep_from and other in inside:
                    best = (value, other) if best is None else max(best, (value, other))
        return None if best is None else best[1]

    @property
    def waiting(self) -> int:
        """How many records wait until their crowd is clustered in full."""
        return len(self._waiting)

    def grown(self) -> set[str]:
        """Records of crowds that wait to be clustered in full, which is done next."""
        waiting, self._waiting = self._waiting, set()
        for record in waiting:
            for other in self._component(record):
                self._cluster.pop(other, None)
        return waiting

    def near(self, item_ids: Iterable[str]) -> set[str]:
        """First copies of the records, and of what resembles their reports at all.

        Of those the event may change: a report is shown beside events that it is not in.
        """
        firsts = {self.first(i) for i in item_ids if i in self._index}
        reports = [first for first in firsts & self.edges.keys() if self.items[first].is_report]
        return firsts.union(*(self.edges[first] for first in reports))

    def clusters_around(self, item_ids: Iterable[str]) -> list[list[str]]:
        """The clusters of every component that one of the records is in, in a fixed order."""
        seen: set[str] = set()
        clusters: list[list[str]] = []
        for item_id in sorted(item_ids):
            if item_id not in self.items or self.first(item_id) in seen:
                continue
            component = self._component(self.first(item_id))
            seen |= component
            clusters += self._partition(component)
        return sorted(clusters)

    def joined(self, item_ids: Iterable[str]) -> set[str]:
        """All records of the components that the records are in, their copies too."""
        nodes: set[str] = set()
        for item_id in item_ids:
            if item_id in self._index and (first := self.first(item_id)) not in nodes:
                nodes |= self._component(first)
        return {member for node in nodes for member in self._group(node)}

    def components(self) -> Iterator[tuple[list[str], dict[Pair, float]]]:
        """Every component of two to ``LIMIT`` records: its nodes by time, and their pairs."""
        seen: set[str] = set()
        for first in sorted(self.edges):
            if first not in seen:
                component = self._component(first)
                seen |= component
                if 1 < len(component) <= LIMIT:
                    nodes = self._by_time(component)
                    yield nodes, self._pairs(nodes)

    # -- inside -----------------------------------------------------------------------------

    def _links(self, first: str) -> Mapping[str, float]:
        """What a record is linked to, with the log-odds."""
        return self.edges.get(first, NO_EDGES)

    def _group(self, first: str) -> list[str]:
        """A record and its copies, by time."""
        return self._groups.get(first) or [first]

    def _copy_key(self, item: Item) -> int | None:
        """What copies share; ``None`` for reports, for texts too short to be known as copies, and
        for records that somebody told apart from another: they have to stand for themselves.
        """
        if item.is_report or item.n_words < MIN_REPOST_WORDS or item.id in self._alone:
            return None
        return hash((item.audience.value, item.text_key))

    def _around(self, item_id: str) -> set[str]:
        """Records joined to this one now: its copies and those linked to them."""
        if item_id not in self._index:
            return set()
        first = self.first(item_id)
        near = {first}
        near |= {o for o, value in self._links(first).items() if value > self._threshold}
        if self._bound:
            audience = self.items[first].audience
            for member in self._group(first):
                near |= {
                    self.first(o)
                    for o in self._bound.get(member, ())
                    if o in self._index and self.items[o].audience is audience
                }
        return near

    def _regroup(self, key: int, around: float) -> set[str]:
        """Make the groups of copies of one text anew near a time; ids of the records touched."""
        run = self._copies.all_of(key)
        touched: set[str] = set()
        for members in self._runs(run, around):
            first = members[0]
            if all(m in self._index and self.first(m) == first for m in members) and len(
                self._group(first)
            ) == len(members):
                continue
            for old in {self.first(m) for m in members if m in self._index}:
                touched |= self._around(old)
                if old != first:
                    self._uninstall(old)
            if first in self._index:
                self._extend(first, members)
            else:
                self._install(first, members)
            touched |= set(members)
        return touched

    def _runs(self, run: list[Moment], around: float) -> list[list[str]]:
        """Copies without a longer pause than the shortest window, those near ``around``."""
        pause = 3600.0 * self._settings.window_h
        runs: list[list[Moment]] = []
        for moment in run:
            if runs and moment[0] - runs[-1][-1][0] <= pause:
                runs[-1].append(moment)
            else:
                runs.append([moment])
        return [
            [item_id for _, item_id in r]
            for r in runs
            if r[0][0] - pause <= around <= r[-1][0] + pause
        ]

    def _install(self, first: str, members: list[str]) -> None:
        """Index a group of copies under its first and compare it with its candidates."""
        item = self.items[first]
        reach = reach_s(item, self._settings)
        self._index.add(item, reach)
        self._join_copies(first, members)
        self._screen.add(item, reach)
        found = self._index.linked(item, self._widest_s)
        for member in members[1:]:
            found |= self._index.referring(self.items[member], self._widest_s)
        self._compare(first, found)
        self._find_alike(item, found)

    def _extend(self, first: str, members: list[str]) -> None:
        """More copies of a known first: only who refers to them has to be compared again."""
        known = set(self._group(first))
        self._join_copies(first, members)
        found: set[str] = set()
        for member in members:
            if member not in known:
                found |= self._index.referring(self.items[member], self._widest_s)
        self._compare(first, found)

    def _join_copies(self, first: str, members: list[str]) -> None:
        """Make a known first and its copies, by time, one group."""
        if len(members) == 1:
            return
        self._groups[first] = members
        names = self._group_names.setdefault(first, self._names_of(first))
        refers = self._group_refers.setdefault(first, self._refers_of(first))
        for member in members[1:]:
            if self._copy_of.get(member) != first:
                self._copy_of[member] = first
                copy = self.items[member]
                self._index.add(copy, reach_s(copy, self._settings), names_only=True)
                names |= self._names_of(member)
                refers |= self._refers_of(member)

    def _names_of(self, item_id: str) -> Names:
        item = self.items[item_id]
        return {(item.source, name) for name in item.names}

    def _refers_of(self, item_id: str) -> Names:
        item = self.items[item_id]
        return set() if item.reply_to is None else {(item.source, item.reply_to)}

    def _uninstall(self, first: str) -> None:
        for other in self.edges.pop(first, ()):
            self._unlink(other, first)
        for other in self._asked.pop(first, ()):
            self._asked[other].pop(first, None)
        self._group_names.pop(first, None)
        self._group_refers.pop(first, None)
        self._screen.remove(first)
        self._cluster.pop(first, None)
        self._waiting.discard(first)
        for member in self._groups.pop(first, [first]):
            self._copy_of.pop(member, None)
            self._index.remove(member)

    def _unlink(self, node: str, other: str) -> None:
        row = self.edges.get(node)
        if row is not None:
            row.pop(other, None)
            if not row:
                del self.edges[node]

    def _compare(self, first: str, found: set[str]) -> None:
        """Compare a record with what it is linked to."""
        item = self.items[first]
        for other in {self.first(o) for o in found if o in self._index} - {first}:
            self._note_edge(item, self.items[other])

    def _find_alike(self, item: Item, linked: set[str]) -> None:
        """Compare a record with what resembles it, the nearest in time first."""
        if not speaks(item):
            return
        times = self._index.alike(item, self._index.span(item.id)[1])
        possible = self._screen.possible(
            item, times.keys() - linked, posts_from=self._threshold, reports_from=self._keep_from
        )
        links = 0
        for other in sorted(possible, key=lambda o: (abs(times[o] - item.at), o)):
            links += self._note_edge(item, self.items[other])
            if links == ENOUGH:
                return

    def _note_edge(self, item: Item, other: Item) -> bool:
        """Compare two records and keep what that tells; whether they are joined."""
        value = self._edge(item, other)
        if value is None or value < self._keep_from:
            self._unlink(item.id, other.id)
            self._unlink(other.id, item.id)
            return False
        self.edges.setdefault(item.id, {})[other.id] = value
        self.edges.setdefault(other.id, {})[item.id] = value
        return value > self._threshold

    def _edge(self, a: Item, b: Item) -> float | None:
        left, right = (a, b) if a.id < b.id else (b, a)
        if left.audience is not right.audience:
            return None
        by_copy = self._answers_copy(left, right)
        if not by_copy:
            seconds = min(self._index.span(left.id)[1], self._index.span(right.id)[1])
            if not comparable(left, right, seconds):
                return None
        value = pair_log_odds(left, right, self._model)
        return value + self._model.weights["reply"] if by_copy else value

    def _answers_copy(self, a: Item, b: Item) -> bool:
        """Whether one answers a copy of the other, not the other itself."""
        if a.id not in self._groups and b.id not in self._groups:
            return False
        if replies(a, b):
            return False
        return self._answers(a.id, b.id) or self._answers(b.id, a.id)

    def _answers(self, node: str, other: str) -> bool:
        """Whether a record or a copy of it answers another or a copy of that."""
        refers = self._group_refers.get(node) or self._refers_of(node)
        if not refers:
            return False
        names = self._group_names.get(other) or self._names_of(other)
        return not refers.isdisjoint(names)

    def _component(self, start: str) -> set[str]:
        component = {start}
        front = [start]
        while front:
            node = front.pop()
            for other in self._around(node):
                if other not in component:
                    component.add(other)
                    front.append(other)
        return component

    def _partition(self, component: set[str]) -> list[list[str]]:
        nodes = self._by_time(component)
        if len(nodes) == 1:
            return [list(self._group(nodes[0]))]
        clusters = self._clustered(nodes) if len(nodes) <= CROWD else self._crowd(nodes)
        return [sorted(m for node in c for m in self._group(node)) for c in clusters]

    def _crowd(self, nodes: list[str]) -> list[list[str]]:
        """The clusters of a large component: in full, or the last ones with what is new."""
        new = [node for node in nodes if node not in self._cluster]
        if len(new) > GROWTH * len(nodes):
            clusters = self._clustered(nodes)
            self._cluster |= {node: c[0] for c in clusters for node in c}
            self._waiting.difference_update(nodes)
            return clusters
        self._waiting.update(new)
        found: dict[str, list[str]] = {}
        home: dict[str, str] = {}
        for node in nodes:
            closest = self.closest(node, home) if node in self._waiting else None
            home[node] = self._cluster.get(node) or (home[closest] if closest else node)
            found.setdefault(home[node], []).append(node)
        return list(found.values())

    def _clustered(self, nodes: list[str]) -> list[list[str]]:
        """A component of first copies, given by time, clustered in full."""
        member_of = {m: node for node in nodes for m in self._group(node)}
        edges: dict[str, Mapping[str, float]] = {node: {} for node in nodes}
        spans: dict[str, Span | None] = dict.fromkeys(nodes)
        if len(nodes) <= CROWD:
            doubtful = {node for node in nodes if self.items[node].incident < DOUBTFUL_BELOW}
            pairs = refined(nodes, self._pairs(nodes), self._model.context, doubtful)
            edges |= edges_of(pairs)
            spans = {node: self._span(node) for node in nodes}
        else:
            edges |= self._near_in_time(nodes)
        self._push_out(edges, member_of)
        return cluster(
            nodes,
            edges,
            together=_between(self.constraints.together, member_of),
            apart=_between(self.constraints.apart, member_of),
            threshold=self._threshold,
            average_share=self._model.average_share,
            spans=spans,
            threads=self._threads(nodes),
        )

    def _threads(self, nodes: list[str]) -> list[Pair]:
        """Answers that name no place, each with the first that it answers, if that is likely."""
        inside = set(nodes)
        found = []
        for node in nodes:
            if not _by_thread(self.items[node]):
                continue
            asked = [
                other
                for other, value in self._links(node).items()
                if other in inside and value > self._threshold and self._answers(node, other)
            ]
            if asked:
                found.append((self._by_time(asked)[0], node))
        return found

    def _by_time(self, component: Iterable[str]) -> list[str]:
        return sorted(component, key=lambda node: (self._index.span(node)[0], node))

    def _pairs(self, nodes: list[str]) -> dict[Pair, float]:
        """Log-odds of all pairs of which something can be said, of at most ``CROWD`` records.

        Pairs that blocking did not propose are compared now.
        """
        pairs = self._known(nodes)
        speaking = [(span, node) for node in nodes if (span := self._span(node)) is not None]
        for ((at, reach), a), ((other_at, other_reach), b) in combinations(speaking, 2):
            if abs(at - other_at) <= min(reach, other_reach):
                two = (a, b) if a < b else (b, a)
                if two not in pairs:
                    pairs[two] = self._ask(*two)
        return pairs

    def _known(self, nodes: Iterable[str]) -> dict[Pair, float]:
        """The links between records of one component."""
        inside = set(nodes)
        return {
            (a, b): value
            for a in nodes
            for b, value in self._links(a).items()
            if a < b and b in inside
        }

    def _near_in_time(self, nodes: list[str]) -> dict[str, dict[str, float]]:
        """Of a crowd, given by time, each record's pairs with the nearest; its links with others
        where none of those is one.
        """
        pairs: dict[Pair, float] = {}
        spans = {node: self._span(node) for node in nodes}
        for position, a in enumerate(nodes):
            for b in nodes[position + 1 : position + 1 + SOME]:
                value = self._links(a).get(b)
                if value is None and _may_tell(spans[a], spans[b]):
                    value = self._ask(a, b)
                if value is not None:
                    pairs[pair(a, b)] = value
        joined = {node for two, value in pairs.items() if value > self._threshold for node in two}
        for node in nodes:
            if node not in joined:
                pairs |= {pair(node, other): v for other, v in self._links(node).items()}
        return edges_of(pairs)

    def _span(self, node: str) -> Span | None:
        """When a record was, and within how many seconds others may be of its event; ``None`` for
        one that says too little to tell anything by what is absent.
        """
        return self._index.span(node) if node in self._screen else None

    def _silent(self, a: str, b: str) -> bool:
        """Whether nothing can be said of two records that were not compared."""
        return not _may_tell(self._span(a), self._span(b))

    def _ask(self, a: str, b: str) -> float:
        """Log-odds of two records of one component that blocking did not propose."""
        known = self._asked.setdefault(a, {}).get(b)
        if known is None:
            left, right = sorted((a, b))
            known = pair_log_odds(self.items[left], self.items[right], self._model)
            self._asked[a][b] = self._asked.setdefault(b, {})[a] = known
        return known

    def _push_out(self, edges: dict[str, Mapping[str, float]], member_of: dict[str, str]) -> None:
        """What was taken out of an event resembles no record more than that event does not.

        If z is the same as the event's anchor, what is not the anchor's event cannot be z's.
        """
        for record, anchors in sorted(self.constraints.anchors.items()):
            node = member_of.get(record)
            for anchor in sorted(member_of[a] for a in anchors if a in member_of):
                if node is None or node == anchor:
                    continue
                own = dict(edges[node])
                for other in set(member_of.values()) - {node, anchor}:
                    to_anchor = edges[anchor].get(other, FLOOR)
                    if to_anchor > 0.0 and (other in own or not self._silent(node, other)):
                        own[other] = min(own.get(other, FLOOR), -to_anchor)
                        edges[other] = {**edges[other], node: own[other]}
                edges[node] = own


def _by_thread(item: Item) -> bool:
    return item.reply_to is not None and not item.named


def _may_tell(one: Span | None, other: Span | None) -> bool:
    """Whether something can be said of two records by their times."""
    return bool(one and other and abs(one[0] - other[0]) <= min(one[1], other[1]))


def _between(pairs: Iterable[Pair], member_of: dict[str, str]) -> set[Pair]:
    """Pairs of records as pairs of the groups of copies they are in."""
    return {
        pair(member_of[a], member_of[b])
        for a, b in pairs
        if a in member_of and b in member_of and member_of[a] != member_of[b]
    }
