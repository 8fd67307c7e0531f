"""Our model as a SentenceTransformer, and another one in its place."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import ModelError, SettingsError
from core.settings import ElasticsearchSettings, NlpSettings, Settings, StoreSettings
from nlp.assessor import Assessor, Subject
from nlp.encoder import CACHE, SentenceEncoder, encoder_of, with_dims
from nlp.labelled import LabelledPost
from nlp.train import Grounds, fit
from tests.tiny_encoder import DIMS, save_tiny

pytestmark = pytest.mark.slow
TEXTS = ["пожар на складе, горит крыша", "қоймада өрт шықты", "skladta ort", "😱 !", ""]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("tiny"))


def elastic(tiny: Path, home: Path, **more: Any) -> Settings:
    return Settings(
        home=home,
        store=StoreSettings(kind="elasticsearch"),
        nlp=NlpSettings(vector_model=str(tiny)),
        elasticsearch=ElasticsearchSettings(**more),
    )


def test_a_model_of_ours_is_a_sentence_transformer_with_the_pipelines_vectors(
    few_posts: list[LabelledPost], grounds: Grounds, tmp_path: Path
) -> None:
    from sentence_transformers import SentenceTransformer

    model = fit(few_posts[:160], grounds)
    model.save(tmp_path / "ours")
    loaded = SentenceTransformer(str(tmp_path / "ours"), trust_remote_code=True, device="cpu")
    texts = [*TEXTS, *(post.text for post in few_posts[:60])]
    items = [Subject(str(i), 1, text, few_posts[0].at) for i, text in enumerate(texts)]
    ours = [a.vector for a in Assessor(model, grounds.gazetteer).assess(items)]
    theirs = loaded.encode(texts)
    assert theirs.shape == (len(texts), loaded.get_embedding_dimension())
    assert np.abs(theirs - np.array(ours)).max() < 2e-5
    loaded.save(str(tmp_path / "again"), create_model_card=False)
    again = SentenceTransformer(str(tmp_path / "again"), trust_remote_code=True, device="cpu")
    assert np.array_equal(again.encode(texts), theirs)


def test_another_models_vectors_take_the_place_of_ours(
    tiny: Path, assessor: Assessor, few_posts: list[LabelledPost], grounds: Grounds
) -> None:
    model = assessor._pipeline.get_pipe("vector").step.model
    other = Assessor(model, grounds.gazetteer, SentenceEncoder(str(tiny)))
    items = [Subject(str(i), 1, text, few_posts[0].at) for i, text in enumerate(TEXTS)]
    found, before = other.assess(items), assessor.assess(items)
    assert [len(a.vector) for a in found] == [DIMS] * 4 + [0]
    assert found[0].vector == pytest.approx(SentenceEncoder(str(tiny)).encode(TEXTS)[0])
    for mine, theirs in zip(before, found, strict=True):
        different = {"vector": (), "assessor": ""}
        assert mine.model_copy(update=different) == theirs.model_copy(update=different)
    assert other.id.startswith(assessor.id + f" vectors={tiny.name}@")


def test_the_id_names_weights_and_prompt(tiny: Path) -> None:
    plain, asked = SentenceEncoder(str(tiny)), SentenceEncoder(str(tiny), "query: ")
    assert plain.id == SentenceEncoder(str(tiny)).id != asked.id
    assert plain.encode(["пожар"]) != asked.encode(["пожар"])


def test_the_store_takes_the_models_dimension_over(tiny: Path, tmp_path: Path) -> None:
    settings = elastic(tiny, tmp_path)
    assert with_dims(settings).elasticsearch.vector_dims == DIMS
    cache = tmp_path / CACHE
    [key] = json.loads(cache.read_text("utf-8"))
    cache.write_text(json.dumps({key: 5}), encoding="utf-8")
    assert with_dims(settings).elasticsearch.vector_dims == 5  # read, not loaded again
    encoder = encoder_of(settings)
    assert encoder is not None
    assert encoder.dims == DIMS


def test_a_dimension_that_is_set_has_to_fit(tiny: Path, tmp_path: Path) -> None:
    settings = elastic(tiny, tmp_path, vector_dims=96)
    assert with_dims(settings) is settings
    with pytest.raises(SettingsError, match=r"vectors of 7, .*vector_dims is 96; set it to 7"):
        encoder_of(settings)


def test_what_cannot_be_loaded_is_an_error_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "modules.json").write_text("[]", encoding="utf-8")
    for name in (str(tmp_path), str(tmp_path / "absent")):
        with pytest.raises(ModelError, match=r"nlp\.vector_model .* cannot be loaded"):
            SentenceEncoder(name)


def test_without_the_setting_torch_is_never_imported(tmp_path: Path) -> None:
    """It would cost the start seconds and 250 MB."""
    code = (
        "import sys; from core.settings import Settings; from oqiga.context import Context;"
        "from oqiga.places import assessor_of; c = Context(Settings(home=__import__('pathlib')"
        f".Path({str(tmp_path)!r}))); c.store; assessor_of(c);"
        "assert 'torch' not in sys.modules and 'sentence_transformers' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
