"""``oqiga learn`` judges with the assessor that runs: the operator's vectors and places."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.settings import NlpSettings, Settings
from nlp.gazetteer.importers import import_csv
from oqiga.context import Context
from oqiga.learn_commands import _grounding, _pair_grounding
from oqiga.places import own_assessor
from tests.tiny_encoder import save_tiny

PLACES = "id,kind,name_ru,name_kk,names_other,parent,lat,lon,radius_m,population,source\n"
OWN = "kz/x/landmark/byzz,landmark,Быззалы,Быззалы,,kz,50.0,70.0,500,,own\n"


@pytest.mark.slow
def test_candidates_are_judged_by_what_runs(tmp_path: Path) -> None:
    settings = Settings(
        home=tmp_path, nlp=NlpSettings(vector_model=str(save_tiny(tmp_path / "tiny")))
    )
    context = Context(settings)
    table = tmp_path / "own.csv"
    table.write_text(PLACES + OWN, encoding="utf-8")
    import_csv(table, settings.under_home(settings.nlp.gazetteer_file))
    running = own_assessor(context).id
    grounding = _grounding(context)
    assert " vectors=tiny@" in running
    assert grounding.running.id == running == _pair_grounding(context).assessor.id
    assert grounding.encoder is not None
    assert grounding.encoder.id in running
    assert grounding.own_places == context.gazetteer_file is not None
