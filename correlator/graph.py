"""Records, their compared pairs and the clusters that follow: one state for batch and live.

Every public result is a function of the set of records alone, never of the order in which they
came: edges are symmetric, copies are collapsed by a rule on the set, and a component is
clustered anew from its pairs. The one exception is a crowd (``CROWD``): which of its records were
compared depends on the clusters at the time.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from math import inf

from core.records import Audience
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

KEEP_FROM = log_odds(0.05)
"""Weaker pairs are forgotten: nobody is shown them."""
DOUBTFUL_BELOW = 0.5
"""A post less likely an incident is joined by its own words and links, not by its neighbours'."""
CROWD = 400
"""With more candidates than this a record is compared with some of each cluster only, ``SOME`` of
each: in a mass event of thousands of posts the cost of one more stays what it was. The most
that a record of the labelled streams has is 170."""
SOME = 24
TextKey = tuple[Audience, str]
Place = tuple[float, str]


class Graph:
    """All records in memory with their links."""

    def __init__(self, settings: CorrelatorSettings, model: PairModel) -> None:
        self._settings = settings
        self._model = model
        self._threshold = log_odds(settings.link_at)
        self._keep_from = min(KEEP_FROM, self._threshold)
        self._widest_s = widest_s(settings)
        self._index = Index()
        self.items: dict[str, Item] = {}
        self.edges: dict[str, dict[str, float]] = {}
        self._asked: dict[str, dict[str, float]] = {}
        self._reach: dict[str, float] = {}
        self._copies: dict[TextKey, list[Place]] = {}
        self._first: dict[str, str] = {}
        self._group: dict[str, list[str]] = {}
        self._cluster: dict[str, str] = {}
        self._sampled: set[str] = set()
        self._names: dict[str, set[tuple[str | None, str]]] = {}
        self._refers: dict[str, set[tuple[str | None, str]]] = {}
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
        self._reach[item.id] = reach_s(item, self._settings)
        key = self._copy_key(item)
        if key is None:
            self._install(item.id, [item.id])
        else:
            insort(self._copies.setdefault(key, []), (item.at, item.id))
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
            touched |= self.edges[item_id].keys()
        key = self._copy_key(item)
        if key is None:
            self._uninstall(item_id)
        else:
            run = self._copies[key]
            del run[bisect_left(run, (item.at, item_id))]
            self._uninstall(self._first[item_id])
            if run:
                touched |= self._regroup(key, item.at)
            else:
                del self._copies[key]
        del self._reach[item_id]
        touched.discard(item_id)
        return touched

    def expect(self, clusters: Mapping[str, str]) -> None:
        """Say in which cluster records have been before: only crowds are sampled by that."""
        self._cluster |= clusters

    def forget(self, item_ids: Iterable[str]) -> None:
        """Drop records whose events are closed; whole groups of copies go at once."""
        leaving = set(item_ids) & self.items.keys()
        for first in {self._first[i] for i in leaving}:
            members = self._group[first]
            if not leaving.issuperset(members):
                continue
            key = self._copy_key(self.items[first])
            if key is not None:
                run = self._copies[key]
                gone = set(members)
                run[:] = [place for place in run if place[1] not in gone]
                if not run:
                    del self._copies[key]
            self._uninstall(first)
            for member in members:
                del self.items[member], self._reach[member]
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
        return self._first[item_id]

    def log_odds(self, a: str, b: str) -> float | None:
        """Log-odds that two records are the same event, ``None`` when never compared or slight."""
        x, y = self._first[a], self._first[b]
        if x == y:
            return inf
        return self.edges.get(x, {}).get(y)

    def near(self, item_ids: Iterable[str]) -> set[str]:
        """First copies of the records, and of what resembles their reports at all.

        Of those the event may change: a report is shown beside events that it is not in.
        """
        firsts = {self._first[i] for i in item_ids if i in self._first}
        reports = [first for first in firsts if self.items[first].is_report]
        return firsts.union(*(self.edges[first] for first in reports))

    def clusters_around(self, item_ids: Iterable[str]) -> list[list[str]]:
        """The clusters of every component that one of the records is in, in a fixed order."""
        seen: set[str] = set()
        clusters: list[list[str]] = []
        for item_id in sorted(item_ids):
            if item_id not in self.items or self._first[item_id] in seen:
                continue
            component = self._component(self._first[item_id])
            seen |= component
            clusters += self._partition(component)
        return sorted(clusters)

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

    def _copy_key(self, item: Item) -> TextKey | None:
        """What copies share; ``None`` for reports, for texts too short to be known as copies, and
        for records that somebody told apart from another: they have to stand for themselves.
        """
        if item.is_report or item.n_words < MIN_REPOST_WORDS or item.id in self._alone:
            return None
        return (item.audience, item.text_key)

    def _around(self, item_id: str) -> set[str]:
        """Records joined to this one now: its copies and those linked to them."""
        first = self._first.get(item_id)
        if first is None:
            return set()
        near = {first}
        near |= {o for o, value in self.edges.get(first, {}).items() if value > self._threshold}
        if self._bound:
            audience = self.items[first].audience
            for member in self._group[first]:
                near |= {
                    self._first[o]
                    for o in self._bound.get(member, ())
                    if o in self._first and self.items[o].audience is audience
                }
        return near

    def _regroup(self, key: TextKey, around: float) -> set[str]:
        """Make the groups of copies of one text anew near a time; ids of the records touched."""
        run = self._copies[key]
        touched: set[str] = set()
        for members in self._runs(run, around):
            first = members[0]
            if all(self._first.get(m) == first for m in members) and len(
                self._group.get(first, ())
            ) == len(members):
                continue
            for old in {self._first[m] for m in members if m in self._first}:
                touched |= self._around(old)
                if old != first or old not in self._group:
                    self._uninstall(old)
            if first in self._group:
                self._extend(first, members)
            else:
                self._install(first, members)
            touched |= set(members)
        return touched

    def _runs(self, run: list[Place], around: float) -> list[list[str]]:
        """Copies without a longer pause than the shortest window, those near ``around``."""
        pause = 3600.0 * self._settings.window_h
        runs: list[list[Place]] = []
        for place in run:
            if runs and place[0] - runs[-1][-1][0] <= pause:
                runs[-1].append(place)
            else:
                runs.append([place])
        return [
            [item_id for _, item_id in r]
            for r in runs
            if r[0][0] - pause <= around <= r[-1][0] + pause
        ]

    def _install(self, first: str, members: list[str]) -> None:
        """Index a group of copies under its first and compare it with its candidates."""
        self._group[first] = members
        for member in members:
            self._first[member] = first
            self._index.remove(member)
            self._index.add(self.items[member], names_only=member != first)
        self._note_references(first, members)
        self.edges[first] = {}
        found = set(self._index.candidates(self.items[first], self._widest_s))
        for member in members[1:]:
            found |= set(self._index.referring(self.items[member], self._widest_s))
        self._compare(first, found)

    def _extend(self, first: str, members: list[str]) -> None:
        """More copies of a known first: only who refers to them has to be compared again."""
        known = set(self._group[first])
        added = [member for member in members if member not in known]
        self._group[first] = members
        self._note_references(first, added)
        found: set[str] = set()
        for member in added:
            self._first[member] = first
            self._index.remove(member)
            self._index.add(self.items[member], names_only=True)
            found |= set(self._index.referring(self.items[member], self._widest_s))
        self._compare(first, found)

    def _note_references(self, first: str, members: list[str]) -> None:
        names = self._names.setdefault(first, set())
        refers = self._refers.setdefault(first, set())
        for member in members:
            item = self.items[member]
            names.update((item.source, name) for name in item.names)
            if item.reply_to is not None:
                refers.add((item.source, item.reply_to))

    def _uninstall(self, first: str) -> None:
        for other in self.edges.pop(first, ()):
            self.edges[other].pop(first, None)
        for other in self._asked.pop(first, ()):
            self._asked[other].pop(first, None)
        self._names.pop(first, None)
        self._refers.pop(first, None)
        self._sampled.discard(first)
        for member in self._group.pop(first, ()):
            self._first.pop(member, None)
            self._cluster.pop(member, None)
            self._index.remove(member)

    def _compare(self, first: str, found: set[str]) -> None:
        item = self.items[first]
        others = {self._first[o] for o in found if o in self._first} - {first}
        if len(others) > CROWD:
            others = self._some_of_each(first, others)
            self._sampled.add(first)
        for other in others:
            value = self._edge(item, self.items[other])
            if value is None or value < self._keep_from:
                self.edges[first].pop(other, None)
                self.edges[other].pop(first, None)
            else:
                self.edges[first][other] = value
                self.edges[other][first] = value

    def _some_of_each(self, first: str, others: set[str]) -> set[str]:
        """Of each cluster the records that are nearest in time, of what is new the nearest too."""
        item = self.items[first]
        clusters: dict[str | None, list[str]] = {}
        for other in others:
            clusters.setdefault(self._cluster.get(other), []).append(other)
        chosen: set[str] = set()
        for cluster_id, members in clusters.items():
            members.sort(key=lambda other: (abs(self.items[other].at - item.at), other))
            chosen.update(members[: CROWD if cluster_id is None else SOME])
        named = {self._first.get(o) for o in self._index.referring(item, self._widest_s)}
        return chosen | (others & named)

    def _edge(self, a: Item, b: Item) -> float | None:
        left, right = (a, b) if a.id < b.id else (b, a)
        if left.audience is not right.audience:
            return None
        by_copy = self._answers_copy(left, right)
        if not by_copy:
            seconds = min(self._reach[left.id], self._reach[right.id])
            if not comparable(left, right, seconds):
                return None
        value = pair_log_odds(left, right, self._model)
        return value + self._model.weights["reply"] if by_copy else value

    def _answers_copy(self, a: Item, b: Item) -> bool:
        """Whether one answers a copy of the other, not the other itself."""
        if len(self._group[a.id]) == 1 and len(self._group[b.id]) == 1:
            return False
        if replies(a, b):
            return False
        return not (
            self._refers[a.id].isdisjoint(self._names[b.id])
            and self._refers[b.id].isdisjoint(self._names[a.id])
        )

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
            self._cluster[nodes[0]] = nodes[0]
            return [list(self._group[nodes[0]])]
        member_of = {m: node for node in nodes for m in self._group[node]}
        doubtful = {node for node in nodes if self.items[node].incident < DOUBTFUL_BELOW}
        edges: dict[str, Mapping[str, float]] = {node: {} for node in nodes}
        if len(nodes) <= LIMIT:
            edges |= edges_of(refined(nodes, self._pairs(nodes), self._model.context, doubtful))
        else:
            edges |= {node: self.edges[node] for node in nodes}
        self._push_out(edges, member_of)
        clusters = cluster(
            nodes,
            edges,
            together=_between(self.constraints.together, member_of),
            apart=_between(self.constraints.apart, member_of),
            threshold=self._threshold,
            average_share=self._model.average_share,
            spans={node: self._span(node) for node in nodes},
        )
        self._cluster |= {node: nodes_of[0] for nodes_of in clusters for node in nodes_of}
        return [sorted(m for node in c for m in self._group[node]) for c in clusters]

    def _by_time(self, component: Iterable[str]) -> list[str]:
        return sorted(component, key=lambda node: (self.items[node].at, node))

    def _pairs(self, nodes: list[str]) -> dict[Pair, float]:
        """Log-odds of all pairs of which something can be said, of at most ``LIMIT`` records.

        Pairs that blocking did not propose are compared now.
        """
        pairs: dict[Pair, float] = {}
        for a, b in combinations(nodes, 2):
            known = self.edges[a].get(b)
            if known is not None:
                pairs[pair(a, b)] = known
            elif not self._silent(a, b):
                pairs[pair(a, b)] = self._ask(a, b)
        return pairs

    def _span(self, node: str) -> Span | None:
        """When a record was, and within how many seconds others may be of its event.

        ``None``: a record that was compared with only some tells nothing by what is absent, nor
        does one that says too little.
        """
        item = self.items[node]
        if node in self._sampled or not speaks(item):
            return None
        return item.at, self._reach[node]

    def _silent(self, a: str, b: str) -> bool:
        """Whether nothing can be said of two records that were not compared."""
        one, other = self._span(a), self._span(b)
        return one is None or other is None or abs(one[0] - other[0]) > min(one[1], other[1])

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


def _between(pairs: Iterable[Pair], member_of: dict[str, str]) -> set[Pair]:
    """Pairs of records as pairs of the groups of copies they are in."""
    return {
        pair(member_of[a], member_of[b])
        for a, b in pairs
        if a in member_of and b in member_of and member_of[a] != member_of[b]
    }
