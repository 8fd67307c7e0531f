from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.errors import ModelError
from core.records import Category
from nlp.evaluate import Judged, figures, held_out, table
from nlp.gazetteer.index import Gazetteer
from nlp.labelled import DEFAULT_CORPUS, LabelledPost, fold_of, part_of, read_corpus


def test_the_corpus_reads_and_its_labels_agree() -> None:
    posts = read_corpus(DEFAULT_CORPUS)
    assert len(posts) >= 800
    for post in posts:
        assert post.text.strip()
        assert (post.urgency > 0) == post.incident or not post.incident, post.id
        assert not (post.incident and post.category is Category.NONE), post.id
        assert not (post.incident and post.negative), post.id
        for place in post.places:
            assert place.text in post.text, post.id


def test_the_split_keeps_neighbours_and_events_together() -> None:
    posts = read_corpus(DEFAULT_CORPUS)
    parts = [part_of(p) for p in posts]
    assert 0.55 < parts.count("train") / len(posts) < 0.85
    groups: dict[str, set[int]] = {}
    for post in posts:
        if post.group:
            groups.setdefault(post.group, set()).add(fold_of(post, 5))
    assert all(len(folds) == 1 for folds in groups.values())


def test_a_wrong_line_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "posts"
    folder.mkdir()
    (folder / "a.jsonl").write_text(json.dumps({"id": "a-1"}) + "\n", encoding="utf-8")
    with pytest.raises(ModelError, match="line 1"):
        read_corpus(tmp_path)


def test_an_empty_corpus_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="jsonl"):
        read_corpus(tmp_path)


@pytest.mark.slow
def test_figures(few_posts: list[LabelledPost], gazetteer: Gazetteer) -> None:
    judged: list[Judged] = held_out(few_posts, gazetteer)
    results = {(f.name, f.group): f for f in figures(judged)}
    assert results["incident F1", "all"].value > 0.6
    assert results["politics flagged", "all"].value == 0
    for figure in results.values():
        assert figure.low <= figure.high
    assert "incident F1" in table(list(results.values()))
