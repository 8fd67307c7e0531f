"""Records with their copies and links: one state for batch and live.

Every public result is a function of the set of records alone, never of the order in which they
came: links are symmetric, and copies are collapsed by a rule on the set. The one exception is a
crowd: which of its records were compared depends on which were there (``ENOUGH``,
``blocking.MOST``).

A link is kept from even odds on (with a report from slight ones, which people are shown); what
weaker pairs say is asked where it matters, within a component.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping
from math import inf

from core.settings import CorrelatorSettings
from correlator.blocking import Index, comparable, reach_s, speaks, widest_s
from correlator.constraints import Constraints
from correlator.features import replies
from correlator.items import MIN_REPOST_WORDS, Item
from correlator.model import PairModel
from correlator.odds import log_odds
from correlator.pairs import pair_log_odds
from correlator.runs import Moment, Runs
from correlator.screen import Screen

KEEP_FROM = log_odds(0.05)
"""Weaker pairs are forgotten: nobody is shown them."""
ENOUGH = 32
"""With so many links a record is joined, and the rest of its likenesses is not compared: in a mass
event of thousands of posts the cost of one more stays what it was."""
NO_EDGES: Mapping[str, float] = {}
Names = set[tuple[str | None, str]]
"""Names with the source within which they hold."""


class Links:
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
        self._copies = Runs()
        self._copy_of: dict[str, str] = {}
        self._groups: dict[str, list[str]] = {}
        self._group_names: dict[str, Names] = {}
        self._group_refers: dict[str, Names] = {}
        self.constraints = Constraints()
        self._bound: dict[str, set[str]] = {}
        self._alone: set[str] = set()

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

    def near(self, item_ids: Iterable[str]) -> set[str]:
        """First copies of the records, and of what resembles their reports at all.

        Of those the event may change: a report is shown beside events that it is not in.
        """
        firsts = {self.first(i) for i in item_ids if i in self._index}
        reports = [first for first in firsts & self.edges.keys() if self.items[first].is_report]
        return firsts.union(*(self.edges[first] for first in reports))

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
        self._group_names.pop(first, None)
        self._group_refers.pop(first, None)
        self._screen.remove(first)
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
