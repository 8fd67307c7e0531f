from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.errors import ModelError
from core.records import Category, Language
from nlp.evaluate import Judged, figures, held_out
from nlp.figures import table
from nlp.labelled import DEFAULT_CORPUS, LabelledPost, author_folds, part_of, read_corpus
from nlp.train import Grounds


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


def test_the_split_is_by_author() -> None:
    posts = read_corpus(DEFAULT_CORPUS)
    parts = [part_of(p) for p in posts]
    assert 0.15 < parts.count("test") / len(posts) < 0.25
    for language in (Language.RU, Language.KK, Language.MIXED, Language.TRANSLIT):
        assert sum(p.language is language and part_of(p) == "test" for p in posts) > 50
    by_author = {(p.author, part_of(p)) for p in posts}
    assert len(by_author) == len({author for author, _ in by_author})
    by_group = {(p.group, part_of(p)) for p in posts if p.group}
    assert len(by_group) == len({group for group, _ in by_group})


def test_folds_of_authors_are_even_and_stable() -> None:
    posts = read_corpus(DEFAULT_CORPUS)
    folds = author_folds(posts, 5)
    assert folds == author_folds(reversed(posts), 5)
    sizes = [sum(folds[p.author] == fold for p in posts) for fold in range(5)]
    assert max(sizes) < 1.5 * min(sizes)


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
def test_figures(few_posts: list[LabelledPost], grounds: Grounds) -> None:
    judged: list[Judged] = held_out(few_posts, grounds)
    results = {(f.name, f.group): f for f in figures(judged)}
    assert results["incident F1", "all"].value > 0.6
    assert results["politics flagged", "all"].value == 0
    for figure in results.values():
        assert figure.low <= figure.high
    assert "incident F1" in table(list(results.values()))
