"""Signs of a text. The sentences are made for these tests."""

from __future__ import annotations

import numpy as np
import pytest

from nlp.features import sign_values
from nlp.pipeline import FindCues
from nlp.reading import Reading, Subject
from nlp.train import INCIDENT_SHARE, _shares
from nlp.words import words_of
from tests.nlp.conftest import AT


def signs(text: str) -> dict[str, float]:
    reading = Reading(Subject("x", 1, text, AT), words_of(text))
    FindCues()([reading])
    return sign_values(reading)


def test_what_names_no_danger_says_so() -> None:
    assert signs("кто заберёт диван с третьего этажа")["f:no_hazard"] == 1.0
    assert "f:hazards" not in signs("базарда қауын арзандапты")
    burning = signs("горит балкон, кричат, дым валит")
    assert burning["f:hazards"] == 0.5
    assert "f:no_hazard" not in burning


@pytest.mark.parametrize(
    ("text", "cue"),
    [
        ("у нас по выходным вечно шумят", "habit"),
        ("көршім күн сайын ән салады", "habit"),
        ("ему бы руки оторвать за такое", "wish"),
        ("ондайларды түрмеге жабу керек", "wish"),
        ("обновление сломало всё, одна звезда", "review"),
        ("жаңартудан кейін бағдарлама қатып қалды", "review"),
        ("говорят, там теперь платно", "hearsay"),
        ("возьму попутчика до утра", "seek"),
        ("сөмке тауып алдым", "found"),
        ("ржу с вашего чата", "joke"),
        ("обожаю запах дождя", "joy"),
        ("на углу кладут плитку", "works"),
        ("көпір салынады дейді", "works"),
    ],
)
def test_cues_of_ordinary_posts(text: str, cue: str) -> None:
    assert f"q:{cue}" in signs(text)


def test_posts_are_weighed_to_the_share_of_incidents() -> None:
    truth = np.array([True, True, True, False])
    weights = _shares(truth)
    assert weights[truth].sum() / weights.sum() == pytest.approx(INCIDENT_SHARE)
    assert weights.sum() == pytest.approx(4)
    assert _shares(np.array([True, True])).tolist() == [1.0, 1.0]
