"""The small parts: words, towns, constraints, clustering, freshness, priority, measures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.records import Assessed, Category, Decision, DecisionKind, Heartbeat
from core.settings import CorrelatorSettings
from core.spelling import fold
from core.towns import town_at, town_of_channel, town_of_home
from correlator.blocking import Index, comparable, widest_s
from correlator.clustering import CEILING, FLOOR, Span, cluster, edges_of
from correlator.constraints import Pair, constraints, pair
from correlator.evaluation import b_cubed, pairwise, post_report
from correlator.features import FEATURES
from correlator.freshness import Freshness
from correlator.items import make_item
from correlator.model import PairModel
from correlator.priority import priority
from correlator.train import labelled_pairs, train
from correlator.words import key_of

SETTINGS = CorrelatorSettings()


@pytest.mark.parametrize(
    "forms",
    [
        ("Саина", "Саин", "Саинда", "Sain"),
        ("Сейфуллина", "Сейфуллин", "Сейфуллинде"),
        ("Рыскулова", "Рысқұлов", "Рысқұловта", "ryskulova"),
        ("Розыбакиева", "Розыбакиев"),
        ("барахолке", "барахолкада", "Барахолка"),
    ],
)
def test_endings_and_scripts_meet(forms: tuple[str, ...]) -> None:
    assert len({key_of(form) for form in forms}) == 1


def test_towns_by_home_channel_and_point() -> None:
    assert town_of_home("Өскемен") == town_of_home("Усть-Каменогорск") is not None
    assert town_of_home("Нигде") is None
    shymkent = town_of_channel("shymkent_podslushano")
    assert shymkent is not None
    assert shymkent.key == fold("Шымкент")
    assert town_of_channel("kz_news") is None
    assert town_of_channel("almaty_astana_trassa") is None
    assert town_at(51.13, 71.43) == town_of_home("Астана")
    assert town_at(48.0, 60.0) is None


@given(data=st.data(), size=st.integers(2, 7))
def test_clustering_is_a_partition_that_keeps_constraints_in_any_order(
    data: st.DataObject, size: int
) -> None:
    nodes = [f"n{i}" for i in range(size)]
    pairs = [pair(a, b) for a, b in combinations(nodes, 2)]
    odds = {p: data.draw(st.floats(-9, 9)) for p in pairs if data.draw(st.booleans())}
    span = st.one_of(st.none(), st.tuples(st.floats(0, 9), st.floats(1, 9)))
    spans = {node: data.draw(span) for node in nodes}
    apart = set(data.draw(st.lists(st.sampled_from(pairs), max_size=2)))
    together = set(data.draw(st.lists(st.sampled_from(pairs), max_size=1))) - apart

    def run(items: Iterable[tuple[Pair, float]]) -> list[list[str]]:
        return cluster(
            nodes,
            edges_of(dict(items)),
            together=together,
            apart=apart,
            threshold=0.0,
            average_share=0.5,
            spans=spans,
        )

    clusters = run(odds.items())
    assert sorted(n for c in clusters for n in c) == nodes
    home = {n: i for i, c in enumerate(clusters) for n in c}
    assert all(home[a] == home[b] for a, b in together)
    assert all(home[a] != home[b] for a, b in apart)
    assert run(list(reversed(odds.items()))) == clusters


def test_one_vague_post_does_not_chain_two_events() -> None:
    nodes = ["a1", "a2", "b1", "b2", "vague"]
    odds = {
        pair("a1", "a2"): 4.0,
        pair("b1", "b2"): 4.0,
        pair("a1", "vague"): 1.5,
        pair("a2", "vague"): 1.0,
        pair("b1", "vague"): 1.0,
        pair("b2", "vague"): 1.0,
    }
    clusters = cluster(
        nodes, edges_of(odds), together=(), apart=(), threshold=0.0, average_share=0.5
    )
    assert clusters == [["a1", "a2", "vague"], ["b1", "b2"]]


def closest_by_brute_force(
    nodes: list[str], odds: Mapping[Pair, float], spans: Mapping[str, Span | None], share: float
) -> list[list[str]]:
    """The rule of ``cluster`` as it is stated, every mean computed anew."""

    def value(a: str, b: str) -> float | None:
        known = odds.get(pair(a, b))
        if known is not None:
            return min(CEILING, max(FLOOR, known))
        one, other = spans[a], spans[b]
        apart = one is None or other is None or abs(one[0] - other[0]) > min(one[1], other[1])
        return None if apart else FLOOR

    groups = [[node] for node in nodes]
    while True:
        best, found = 0.0, None
        for i, j in combinations(range(len(groups)), 2):
            values = [v for a in groups[i] for b in groups[j] if (v := value(a, b)) is not None]
            if values:
                close = share * sum(values) / len(values) + (1 - share) * max(values)
                if close > best:
                    best, found = close, (i, j)
        if found is None:
            return [sorted(group) for group in groups]
        i, j = found
        groups[i] += groups.pop(j)


@given(data=st.data(), size=st.integers(2, 9))
def test_clustering_joins_the_closest_first(data: st.DataObject, size: int) -> None:
    nodes = [f"n{i}" for i in range(size)]
    values = st.sampled_from([x + y / 64 for x in range(-6, 8) for y in range(64)])
    pairs = [pair(a, b) for a, b in combinations(nodes, 2)]
    chosen = data.draw(st.lists(values, min_size=len(pairs), max_size=len(pairs), unique=True))
    odds = {p: v for p, v in zip(pairs, chosen, strict=True) if v > -5}
    span = st.one_of(st.none(), st.tuples(st.integers(0, 9), st.sampled_from([3, 6, 20])))
    spans = {node: data.draw(span) for node in nodes}
    found = cluster(
        nodes,
        edges_of(odds),
        together=(),
        apart=(),
        threshold=0.0,
        average_share=0.5,
        spans=spans,
    )
    assert found == closest_by_brute_force(nodes, odds, spans, 0.5)


def test_an_answer_stays_with_what_it_answers_unless_people_say_otherwise() -> None:
    nodes = ["a", "b", "answer"]
    odds = edges_of({("a", "b"): 4.0, ("a", "answer"): 0.5, ("answer", "b"): -3.0})

    def found(*, threads: list[Pair], apart: list[Pair]) -> list[list[str]]:
        return cluster(
            nodes,
            odds,
            together=(),
            apart=apart,
            threshold=0.0,
            average_share=0.6,
            threads=threads,
        )

    thread = [("a", "answer")]
    assert found(threads=[], apart=[]) == [["a", "b"], ["answer"]]
    assert found(threads=thread, apart=[]) == [["a", "b", "answer"]]
    assert found(threads=thread, apart=thread) == [["a", "b"], ["answer"]]


def test_later_of_two_contradicting_decisions_holds(decision: Callable[..., Decision]) -> None:
    link = decision("d1", DecisionKind.LINK, 1.0, anchor="a", members=("b", "c"))
    unlink = decision("d2", DecisionKind.UNLINK, 2.0, anchor="b", members=("c",))
    said = constraints([unlink, link])
    assert said.apart == {("b", "c")}
    assert len(said.together) == 1  # a cannot be with both b and c any more


def test_blocking_is_symmetric(model: PairModel, world: list[Assessed]) -> None:
    items = {r.subject.id: make_item(r, model.idf) for r in world}
    index = Index()
    for item in items.values():
        index.add(item)
    found = {
        (a, b) for a, item in items.items() for b in index.candidates(item, widest_s(SETTINGS))
    }
    assert found == {(b, a) for a, b in found}
    for a, b in combinations(items.values(), 2):
        assert comparable(a, b, 9e9) == comparable(b, a, 9e9)
    index.remove("a1")
    assert "a1" not in set(index.candidates(items["a2"], widest_s(SETTINGS)))


def test_short_talk_never_joins_on_likeness(post: Callable[..., Assessed]) -> None:
    one = make_item(post("p", "ужас какой", 0, town=None, incident=0.6), {})
    two = make_item(post("q", "ужас какой", 1, town=None, incident=0.6), {})
    answer = make_item(post("r", "ужас", 2, town=None, incident=0.1, reply_to="n-p"), {})
    assert not comparable(one, two, 9e9)
    assert comparable(one, answer, 9e9)


def test_freshness(at: Callable[[float], datetime]) -> None:
    beats = [Heartbeat(feed="app", at=at(0), limit_s=300.0)]
    assert Freshness.of(beats, ["app"], at(5)).live
    assert Freshness.of(beats, ["app"], at(5) + timedelta(seconds=1)).silent == ("app",)
    assert Freshness.of(beats, ["app", "calls"], at(1)).silent == ("calls",)
    assert Freshness.always().live


@given(
    incident=st.floats(0, 1), unknown=st.floats(0, 1), urgency=st.floats(0, 1), h=st.floats(0, 99)
)
def test_priority_is_the_product_of_what_is_shown(
    at: Callable[[float], datetime], incident: float, unknown: float, urgency: float, h: float
) -> None:
    value, factors = priority(
        category=Category.FIRE_EMERGENCY,
        urgency=urgency,
        incident=incident,
        unknown_to_102=unknown,
        last_at=at(0),
        now=at(60 * h),
    )
    assert 0.0 <= value <= 1.0
    assert value == pytest.approx(np.prod([f.value for f in factors]), abs=1e-3)


def test_measures() -> None:
    truth = {"a": "1", "b": "1", "c": "2", "r": "1"}
    split = {"a": "x", "b": "y", "c": "z", "r": "x"}
    assert b_cubed(truth, truth).f1 == 1.0
    assert b_cubed(split, truth).precision == 1.0
    assert b_cubed(split, truth).recall == pytest.approx((2 / 3 + 1 / 3 + 1 + 2 / 3) / 4)
    assert pairwise(split, truth).recall == pytest.approx(1 / 3)
    assert post_report(split, truth, {"r"}).recall == pytest.approx(1 / 2)


def test_training_learns_and_repeats(model: PairModel, world: list[Assessed]) -> None:
    labels = {r.subject.id: r.subject.id[0] for r in world}
    pairs = labelled_pairs(world, labels, idf=model.idf, settings=SETTINGS)
    assert {p.same for p in pairs} == {True, False}
    one, two = (train(pairs, idf=model.idf) for _ in range(2))
    assert one == two
    assert set(one.weights) == set(FEATURES)
    assert one.weights["near"] > 0.0
