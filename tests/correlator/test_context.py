"""What a third record says of a pair."""

from __future__ import annotations

from itertools import permutations

import pytest

from correlator.constraints import Pair, pair
from correlator.context import LIMIT, NAMES, matrix, refined, seen

WEIGHTS = dict(zip(NAMES, (3.0, 0.3, 1.0, -0.5, -0.3, -0.4, -0.8), strict=True))


def pairs_of(**values: float) -> dict[Pair, float]:
    return {pair(name[0], name[1]): value for name, value in values.items()}


def test_a_third_that_resembles_both_speaks_for_the_pair() -> None:
    alone = refined("abc", pairs_of(ab=0.2, ac=-2.9, bc=-2.9), WEIGHTS)
    supported = refined("abc", pairs_of(ab=0.2, ac=2.0, bc=2.0), WEIGHTS)
    assert supported["a", "b"] > alone["a", "b"]


def test_a_third_that_resembles_one_and_contradicts_the_other_speaks_against_it() -> None:
    plain = refined("abc", pairs_of(ab=0.5, ac=2.0, bc=0.0), WEIGHTS)
    rivalled = refined("abc", pairs_of(ab=0.5, ac=2.0, bc=-3.0), WEIGHTS)
    assert rivalled["a", "b"] < plain["a", "b"]


def test_neighbours_speak_only_against_what_seems_no_incident() -> None:
    given = pairs_of(ab=-0.5, ac=2.0, bc=2.0)
    assert refined("abc", given, WEIGHTS)["a", "b"] > -0.5
    assert refined("abc", given, WEIGHTS, {"b"})["a", "b"] == -0.5


def test_what_nothing_can_be_said_of_stays_so_and_the_impossible_too() -> None:
    found = refined("abc", pairs_of(ac=3.0, bc=-6.0), WEIGHTS)
    assert ("a", "b") not in found
    assert found["b", "c"] == -6.0


def test_the_order_of_the_records_does_not_matter() -> None:
    given = pairs_of(ab=0.5, ac=2.0, bc=-1.0, bd=1.0, cd=-2.0)
    wanted = refined("abcd", given, WEIGHTS)
    for order in permutations("abcd"):
        assert refined(order, given, WEIGHTS) == pytest.approx(wanted)


def test_features_are_symmetric() -> None:
    found = seen(matrix("abc", pairs_of(ab=0.5, bc=-1.0)))
    assert found == pytest.approx(found.swapaxes(0, 1))


def test_two_records_many_records_and_no_weights_are_left_as_they_are() -> None:
    two = pairs_of(ab=0.5)
    assert refined("ab", two, WEIGHTS) == two
    three = pairs_of(ab=0.5, ac=1.0, bc=1.0)
    assert refined("abc", three, {}) == three
    many = [f"n{i:03}" for i in range(LIMIT + 1)]
    assert refined(many, {pair(many[0], many[1]): 0.5}, WEIGHTS) == {pair(many[0], many[1]): 0.5}
