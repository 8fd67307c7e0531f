"""One small model and gazetteer for all tests of this stage: trained once a session."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from nlp.assessor import DEFAULT_MODELS, Assessor
from nlp.gazetteer.build import TABLES, build
from nlp.gazetteer.index import Gazetteer
from nlp.labelled import DEFAULT_CORPUS, LabelledPost, read_corpus
from nlp.train import Grounds, fit
from nlp.word_vectors import WordVectors

AT = datetime(2026, 3, 20, 14, 5, tzinfo=UTC)  # 19:05 in Almaty
SMALL = 420


@pytest.fixture(scope="session")
def gazetteer_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gazetteer") / "gazetteer.sqlite"
    build(TABLES, path)
    return path


@pytest.fixture(scope="session")
def gazetteer(gazetteer_file: Path) -> Gazetteer:
    return Gazetteer.load(gazetteer_file)


@pytest.fixture(scope="session")
def few_posts() -> list[LabelledPost]:
    """About ``SMALL`` posts spread over the corpus: enough to learn the plain cases."""
    posts = read_corpus(DEFAULT_CORPUS)
    return posts[:: max(1, len(posts) // SMALL)]


@pytest.fixture(scope="session")
def vectors() -> WordVectors:
    return WordVectors.load(DEFAULT_MODELS)


@pytest.fixture(scope="session")
def grounds(gazetteer: Gazetteer, vectors: WordVectors) -> Grounds:
    return Grounds(gazetteer, vectors)


@pytest.fixture(scope="session")
def assessor(few_posts: list[LabelledPost], grounds: Grounds) -> Assessor:
    return Assessor(fit(few_posts, grounds), grounds.gazetteer)


@pytest.fixture
def at() -> datetime:
    return AT
