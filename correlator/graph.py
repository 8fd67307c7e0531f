"""The clusters that follow from records and their links.

A component is clustered anew from its pairs, so that the outcome depends on the set of records
alone; of a crowd on what was compared (see ``links``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, MutableMapping
from itertools import combinations

from core.settings import CorrelatorSettings
from correlator.clustering import FLOOR, Span, cluster, edges_of
from correlator.constraints import Constraints, Pair, pair
from correlator.context import LIMIT, refined
from correlator.items import Item
from correlator.links import NO_EDGES, Links
from correlator.model import PairModel
from correlator.pairs import pair_log_odds

DOUBTFUL_BELOW = 0.5
"""A post less likely an incident is joined by its own words and links, not by its neighbours'."""
CROWD = 128
"""Components up to this size are clustered by all their pairs, larger ones by those near in time.
The largest of the labelled streams have 30 (test part) and 101 records (train part)."""
SOME = 24
"""Of a crowd each record is weighed against so many before and after it."""
GROWTH = 0.25
"""A crowd is clustered in full when it has grown by this share, and when it grows no more; until
then what is new stands with what it resembles most."""


class Graph(Links):
    """All records in memory with their links and clusters."""

    def __init__(
        self,
        settings: CorrelatorSettings,
        model: PairModel,
        items: MutableMapping[str, Item] | None = None,
    ) -> None:
        super().__init__(settings, model, items)
        self._asked: dict[str, dict[str, float]] = {}
        self._cluster: dict[str, str] = {}
        self._waiting: set[str] = set()

    def constrain(self, constraints: Constraints) -> set[str]:
        """Take over people's decisions; ids of the records whose cluster may have changed."""
        if constraints.touched(self.constraints):
            self._cluster = {}
        return super().constrain(constraints)

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

    def _uninstall(self, first: str) -> None:
        super()._uninstall(first)
        for other in self._asked.pop(first, ()):
            self._asked[other].pop(first, None)
        self._cluster.pop(first, None)
        self._waiting.discard(first)

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
