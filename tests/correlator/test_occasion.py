"""How likely two records of one occasion are at all; one voice that goes on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.records import Assessed, Category
from core.settings import CorrelatorSettings
from core.towns import radius_of
from correlator.blocking import Index, comparable, widest_s
from correlator.items import Item, make_item
from correlator.occasion import (
    KINDS_BITS,
    RAREST_BITS,
    both_named,
    goes_on,
    many_concepts,
    rare_kind,
    small_town,
    within_hours,
)

Make = Callable[..., Assessed]
ALL = (small_town, rare_kind, goes_on, within_hours, many_concepts, both_named)


def item(record: Assessed) -> Item:
    return make_item(record, {})


def test_the_smaller_the_town_the_more_it_says(post: Make) -> None:
    def value(town: str) -> float:
        a, b = (
            item(
                post(name, "горит дом", town=None).model_copy(
                    update={
                        "subject": post(name, "горит дом", town=None).subject.model_copy(
                            update={"home": town}
                        )
                    }
                )
            )
            for name in "ab"
        )
        return small_town(a, b)

    assert value("Алматы") == 0.0
    assert 0.0 < value("Талдыкорган") < value("Сарань") < value("Досор") == 0.9
    assert radius_of("досор") is None


def test_another_town_or_none_says_nothing_of_size(post: Make) -> None:
    one, other = item(post("a", "горит", town="pavlodar")), item(post("b", "горит", town="astana"))
    assert small_town(one, other) == 0.0
    assert small_town(one, item(post("c", "горит", town=None))) == 0.0


def test_a_seldom_kind_in_common_says_more(post: Make) -> None:
    def value(category: Category) -> float:
        a, b = (item(post(name, "там", category=category)) for name in "ab")
        return rare_kind(a, b)

    assert value(Category.DRUGS) > value(Category.MISSING_PERSON) > value(Category.ROAD_CRASH) > 0.0
    fire = item(post("f", "там", category=Category.FIRE_EMERGENCY))
    assert rare_kind(fire, item(post("d", "там", category=Category.DRUGS))) == 0.0
    assert max(KINDS_BITS.values()) < RAREST_BITS


def test_one_voice_goes_on_in_one_chat_within_the_hour(post: Make) -> None:
    first = item(post("a", "на Саина авария", 0, author="p1"))
    then = item(post("b", "скорая приехала", 10, author="p1"))
    assert goes_on(first, then) > goes_on(first, item(post("c", "всё", 50, author="p1"))) > 0.0
    assert goes_on(first, item(post("d", "скорая приехала", 10, author="p2"))) == 0.0
    assert goes_on(first, item(post("e", "скорая приехала", 10))) == 0.0
    elsewhere = item(post("f", "скорая приехала", 10, author="p1", source="other"))
    assert goes_on(first, elsewhere) == 0.0


def test_one_voice_is_found_and_compared_though_its_kinds_differ(post: Make) -> None:
    told = item(post("a", "у нас во дворе кошек стреляют из ружья", 0, author="p1"))
    later = item(
        post("b", "увезли в клинику вроде живая", 20, town=None, incident=0.2, author="p1")
    )
    index = Index()
    index.add(told)
    assert "a" in set(index.candidates(later, widest_s(CorrelatorSettings())))
    assert comparable(told, later, 9e9)
    assert not comparable(told, item(post("c", later.text, 20, town=None, incident=0.2)), 9e9)
    late = item(post("d", "увезли в клинику", 61, town=None, incident=0.2, author="p1"))
    assert not comparable(told, late, 9e9)


def test_two_adverts_of_one_author_are_not_compared(post: Make) -> None:
    one, two = (
        item(post(name, text, 5, incident=0.02, author="p1"))
        for name, text in (("a", "Продам зимнюю резину"), ("b", "Сдам комнату у вокзала"))
    )
    assert not comparable(one, two, 9e9)


def test_concepts_and_hours(post: Make) -> None:
    a = item(post("a", "там", 0, concepts=("knife", "child", "roof", "ice")))
    assert many_concepts(a, a) == 1.0
    assert many_concepts(a, item(post("b", "там", 0, concepts=("knife",)))) == pytest.approx(1 / 3)
    assert within_hours(a, a) == 1.0 > within_hours(a, item(post("c", "там", 240)))
    assert both_named(a, a) == 0.0


@given(first=st.integers(0, 16), second=st.integers(0, 16))
def test_symmetric_and_within_bounds(world: list[Assessed], first: int, second: int) -> None:
    a, b = item(world[first]), item(world[second])
    for feature in ALL:
        assert feature(a, b) == feature(b, a)
        assert 0.0 <= feature(a, b) <= 1.0
