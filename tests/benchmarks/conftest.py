"""The shipped models and one author's labelled stream, read once."""

from __future__ import annotations

import json

import pytest

from benchmarks.correlation import AUTHORS, CORPUS
from correlator.model import PairModel
from learning.streams import Stream, read_labelled
from nlp.assessor import Assessor
from oqiga.context import PROJECT_MODELS


@pytest.fixture(scope="session")
def assessor() -> Assessor:
    """The shipped assessor."""
    return Assessor.load(PROJECT_MODELS)


@pytest.fixture(scope="session")
def model() -> PairModel:
    """The shipped pair model."""
    return PairModel.load()


@pytest.fixture(scope="session")
def stream(assessor: Assessor, tmp_path_factory: pytest.TempPathFactory) -> Stream:
    """The sixth author's test stream."""
    folder = tmp_path_factory.mktemp("stream")
    for name in ("test_posts.jsonl", "test_reports.jsonl"):
        lines = (CORPUS / name).read_text(encoding="utf-8").splitlines()
        mine = [line for line in lines if json.loads(line)["event"][0] in AUTHORS[5]]
        (folder / name).write_text("\n".join(mine) + "\n", encoding="utf-8")
    return read_labelled(assessor, folder / "test_posts.jsonl", folder / "test_reports.jsonl")
