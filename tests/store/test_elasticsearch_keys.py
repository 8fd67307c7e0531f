"""Keys by which blocking on the cluster finds documents."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.records import Category
from store.elasticsearch.keys import cells_around, reaching, with_keys

shares = st.floats(0.0, 1.0)


def document(**fields: Any) -> dict[str, Any]:
    return {"id": "a", "incident": 0.0, "categories": {}, **fields}


@given(shares, shares, shares, st.none() | shares)
def test_what_reaches_the_probabilities_has_one_of_the_keys(
    incident: float, violence: float, incident_from: float, category_from: float | None
) -> None:
    """Whatever fits is found; what is found besides lies less than a step below."""
    found = with_keys(document(incident=incident, categories={"violence": violence, "none": 1.0}))
    wanted = reaching(incident_from, category_from)
    fits = incident >= incident_from or (category_from is not None and violence >= category_from)
    if wanted is not None and fits:
        assert set(wanted) & set(found["seems"])
    elif wanted is not None and max(incident_from, category_from or 0.0) <= 0.5:
        near = incident >= incident_from - 0.05 or (
            category_from is not None and violence >= category_from - 0.05
        )
        assert near or not set(wanted) & set(found.get("seems", []))


@pytest.mark.parametrize("probability", [0.1, 0.3, 0.35, 0.4])
def test_the_correlators_probabilities_are_steps(probability: float) -> None:
    wanted = set(reaching(probability, None) or [])
    assert wanted & set(with_keys(document(incident=probability))["seems"])
    assert not wanted & set(with_keys(document(incident=probability - 0.01)).get("seems", []))


def test_a_report_always_seems_one_and_what_is_none_has_no_key() -> None:
    report = with_keys(document(received_at="2026-03-20T00:00:00+00:00"))
    assert set(reaching(0.9, None) or []) & set(report["seems"])
    nothing = with_keys(document(categories={Category.NONE.value: 1.0}))
    assert "seems" not in nothing
    assert "cells" not in nothing


def test_a_place_too_wide_for_one_grid_is_in_the_other() -> None:
    town = with_keys(document(location={"lat": 43.25, "lon": 76.9}, radius_m=9_000.0))
    assert {cell.split(":")[0] for cell in town["cells"]} == {"wide"}
    assert set(cells_around("wide", [(43.2, 76.95, 300.0)])) & set(town["cells"])


def test_keys_made_anew_take_the_place_of_the_old() -> None:
    source = document(incident=0.6, platform_point={"lat": 43.25, "lon": 76.9})
    assert with_keys({**source, "seems": ["incident:50"], "cells": ["wide:1:1"]}) == with_keys(
        source
    )


def test_copies_share_a_key_and_what_says_little_has_none() -> None:
    text = "на саина горит дом люди на балконе просят о помощи"
    keys = set(with_keys(document(words=text))["openings"])
    assert keys & set(with_keys(document(words=f"перешлите {text}"))["openings"])
    assert not keys & set(with_keys(document(words="доброе утро всем кто встал"))["openings"])
    assert "openings" not in with_keys(document(words="горит дом"))


def test_words_and_meaning_are_kept_for_what_may_be_an_incident() -> None:
    asked = document(words="горит дом", vector=[1.0])
    told = with_keys({**asked, "incident": 0.3})
    assert (told["told"], told["vector"]) == ("горит дом", [1.0])
    report = with_keys({**asked, "received_at": "2026-03-20T00:00:00+00:00"})
    assert (report["told"], report["vector"]) == ("горит дом", [1.0])
    assert not {"told", "vector"} & set(with_keys({**asked, "incident": 0.2}))


def test_a_post_without_a_place_lies_in_the_town_of_its_channel() -> None:
    almaty = set(cells_around("wide", [(43.25, 76.92, 100.0)]))
    named = with_keys(document(home="Алматы", source="telegram:city_news"))
    assert almaty & set(named["cells"])
    channel = with_keys(document(source="telegram:almaty_dtp"))
    assert almaty & set(channel["cells"])
    elsewhere = {"location": {"lat": 51.13, "lon": 71.43}, "radius_m": 500.0}
    assert not almaty & set(with_keys({**document(home="Алматы"), **elsewhere})["cells"])


def test_a_post_lies_in_every_town_that_it_names() -> None:
    place = {"kind": "city", "lat": 43.25, "lon": 76.92, "radius_m": 12_000.0}
    street = {"kind": "street", "lat": 51.13, "lon": 71.43, "radius_m": 300.0}
    told = json.dumps({"places": [place, street, {**place, "lat": None}]})
    found = set(with_keys(document(assessments=["{}", told]))["cells"])
    assert found & set(cells_around("wide", [(43.25, 76.92, 100.0)]))
    assert not found & set(cells_around("wide", [(51.13, 71.43, 100.0)]))
