"""The page of figures: one section measured anew leaves the others."""

from __future__ import annotations

from benchmarks.run import HEAD
from benchmarks.sections import with_section


def test_a_section_is_added_and_replaced_where_it_stands() -> None:
    page = with_section(HEAD, "## One", "## One\n\nfirst\n")
    page = with_section(page, "## One more", "## One more\n\nother\n")
    again = with_section(page, "## One", "## One\n\nsecond\n")
    assert again == f"{HEAD}\n## One\n\nsecond\n\n## One more\n\nother\n"
    assert with_section(again, "## One", "## One\n\nsecond\n") == again
