from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import ModelError
from core.records import Category, Language
from nlp.assessor import Assessor, Subject
from nlp.labelled import LabelledPost
from nlp.model import Model
from nlp.train import Grounds, fit
from nlp.word_vectors import SIZE

AT = datetime(2026, 3, 20, 14, 5, tzinfo=UTC)


def subject(text: str, **more: object) -> Subject:
    return replace(Subject("1", 1, text, AT), **more)  # type: ignore[arg-type]


def test_an_incident(assessor: Assessor) -> None:
    [found] = assessor.assess(
        [
            subject(
                "сейчас на Толе би угол Байзакова горит магазин, дым валит, вызовите пожарных!",
                home="Алматы",
            )
        ]
    )
    assert found.incident > 0.5
    assert found.category is Category.FIRE_EMERGENCY
    assert found.language is Language.RU
    assert found.location is not None
    assert found.location.radius_m == 150
    assert found.event_at == AT
    assert found.urgency > 0.3
    assert "fire" in found.concepts
    assert {c.judgement for c in found.cues} >= {"incident"}
    assert len(found.vector) == SIZE
    assert math.isclose(sum(x * x for x in found.vector), 1.0, abs_tol=1e-3)


def test_no_incident(assessor: Assessor) -> None:
    texts = [
        "Продам окна, скидка 20 процентов, звоните, доставка бесплатно",
        "За полугодие в области зарегистрировано на 12 процентов меньше краж",
        "ну ты выстрелил конечно этим клипом, просто бомба 😂",
    ]
    for found in assessor.assess([subject(t) for t in texts]):
        assert found.incident < 0.5


@pytest.mark.parametrize(
    "text",
    [
        "Сейчас на площади мирный митинг, люди стоят и требуют отставки акима, полиция рядом",
        "Таксисты Актау продолжают забастовку, собрались на парковке, срочно все сюда",
        "жұмысшылар ереуілге шықты, айлық көтеруді сұрап тұр, қазір алаңда",
    ],
)
def test_politics_is_never_flagged(assessor: Assessor, text: str) -> None:
    [found] = assessor.assess([subject(text, home="Актау")])
    assert found.incident < 0.2
    assert found.urgency < 0.2


def test_violence_at_a_rally_is_an_incident(assessor: Assessor) -> None:
    text = "на митинге драка, сейчас избивают парня, он лежит без сознания в крови, вызовите скорую"
    assert assessor.assess([subject(text, home="Алматы")])[0].incident > 0.5


def test_home_is_the_place_of_an_incident_without_one(assessor: Assessor) -> None:
    texts = [
        "помогите, во дворе сейчас двое избивают парня, он лежит в крови, вызовите полицию",
        "Продам диван, недорого, самовывоз",
    ]
    incident, other = assessor.assess([subject(t, home="Костанай") for t in texts])
    assert incident.location_reasons == ("home",)
    assert other.location is None


def test_categories_sum_to_one(assessor: Assessor) -> None:
    for found in assessor.assess([subject("кража телефона"), subject("привет"), subject("")]):
        assert set(found.categories) == set(Category)
        assert math.isclose(sum(found.categories.values()), 1.0, abs_tol=1e-3)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("соседи опять шумят и не дают спать детям", Language.RU),
        ("көршілер тағы айғайлап, балаларды ұйықтатпай жатыр", Language.KK),
        ("кайырлы кеш агайын, мына жерде орт шыгып жатыр", Language.KK),
        ("sosedi opyat shumyat i ne dayut spat detyam", Language.TRANSLIT),
        ("the weather is really nice today, we are going to the lake", Language.OTHER),
        ("", Language.OTHER),
        ("🔥🔥🔥 123", Language.OTHER),
    ],
)
def test_language(assessor: Assessor, text: str, language: Language) -> None:
    assert assessor.assess([subject(text)])[0].language is language


def test_batches_change_nothing(assessor: Assessor, few_posts: list[LabelledPost]) -> None:
    items = [Subject(p.id, 1, p.text, p.at, p.home) for p in few_posts[:80]]
    together = assessor.assess(items)
    assert together == assessor.assess(items)
    for item, found in list(zip(items, together, strict=True))[::9]:
        alone = assessor.assess([item])[0]
        assert alone.incident == pytest.approx(found.incident, abs=1e-4)
        assert alone.model_copy(update={"incident": 0, "urgency": 0, "categories": {},
                                        "vector": (), "cues": ()}) == found.model_copy(
            update={"incident": 0, "urgency": 0, "categories": {}, "vector": (), "cues": ()}
        )  # fmt: skip


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=st.text(max_size=400))
def test_any_text_is_assessed(assessor: Assessor, text: str) -> None:
    found = assessor.assess([subject(text)])[0]
    for place in found.places:
        assert text[place.start : place.end] == place.text
    for cue in found.cues:
        assert text[cue.start : cue.end] == cue.text


def test_a_long_text(assessor: Assessor) -> None:
    [found] = assessor.assess([subject("пожар на складе, люди бегут. " * 3_000)])
    assert 0 <= found.incident <= 1


def test_saved_and_loaded_is_the_same(
    tmp_path: Path, few_posts: list[LabelledPost], grounds: Grounds
) -> None:
    gazetteer = grounds.gazetteer
    model = fit(few_posts[:160], grounds)
    digest = model.save(tmp_path / "a")
    loaded = Model.load(tmp_path / "a")
    assert loaded.digest == digest
    assert fit(few_posts[:160], grounds).save(tmp_path / "b") == digest  # the same bytes
    items = [subject(p.text) for p in few_posts[:20]]
    before, after = Assessor(model, gazetteer), Assessor(loaded, gazetteer)
    assert [a.incident for a in before.assess(items)] == [a.incident for a in after.assess(items)]
    assert digest in after.id
    assert gazetteer.digest in after.id


def test_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="oqiga train"):
        Assessor.load(tmp_path)
