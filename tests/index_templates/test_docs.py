"""The analysts' page names what there is."""

from __future__ import annotations

import re
from pathlib import Path

from core.settings import ElasticsearchSettings
from store.elasticsearch.saved import load_query, saved_queries
from store.elasticsearch.templates import mapping_of

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "analysts.md").read_text(encoding="utf-8")


def test_every_field_is_explained() -> None:
    named = set(re.findall(r"`([a-z_.*]+)`", PAGE))
    for kind in ("posts", "reports", "events", "versions", "decisions", "audit"):
        fields = set(mapping_of(kind, ElasticsearchSettings())["mappings"]["properties"])
        assert fields - {"categories"} <= named, kind


def test_every_query_is_named_and_every_command_can_be_asked() -> None:
    for name in saved_queries():
        assert f"`{name}`" in PAGE
    for name, rest in re.findall(r"`oqiga query ([a-z]+)([^`]*)`", PAGE):
        known = {p.name for p in load_query(name).parameters}
        given = set(re.findall(r"-p '?([a-z_]+)=", rest))
        assert given <= known, name
