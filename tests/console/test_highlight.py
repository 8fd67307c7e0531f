"""Marks never change the text, whatever offsets they come with."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from console.highlight import Mark, fold, shown, stretches

MARKS = st.lists(
    st.builds(
        Mark,
        start=st.integers(-5, 60),
        end=st.integers(-5, 60),
        kind=st.sampled_from(["for", "against", "place"]),
        title=st.text(max_size=5),
    ),
    max_size=8,
)


@given(st.text(max_size=50), MARKS, st.integers(0, 60))
def test_the_stretches_joined_are_the_text(text: str, marks: list[Mark], limit: int) -> None:
    cut = stretches(text, marks)
    assert "".join(stretch.text for stretch in cut) == text
    first, rest = fold(cut, limit)
    assert "".join(stretch.text for stretch in [*first, *rest]) == text
    assert sum(len(stretch.text) for stretch in first) == min(limit, len(text))


def test_overlapping_marks_are_both_told() -> None:
    cut = stretches("пожар на Абая", [Mark(0, 13, "for", "incident"), Mark(9, 13, "place", "Абая")])
    assert [(s.text, s.kinds) for s in cut] == [("пожар на ", ("for",)), ("Абая", ("for", "place"))]
    assert cut[1].title == "incident, Абая"


def test_signs_that_turn_the_reading_direction_are_replaced() -> None:
    assert shown("а\u202eб\u2066в") == "а\ufffdб\ufffdв"
