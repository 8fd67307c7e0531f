"""Every saved query on the real server, over events whose answers are known."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from core.errors import InputError
from core.records import Audience, Category, DecisionKind, Point, ReportState
from core.settings import ElasticsearchSettings
from oqiga.cli import app
from oqiga.query import as_csv, as_geojson, as_map, listing
from store.elasticsearch import ElasticsearchStore
from store.elasticsearch.saved import Row, filled, flattened, load_query, run_query, saved_queries
from tests.elastic import Elastic, wipe
from tests.store.contract import (
    NOW,
    a_decision,
    a_post,
    a_report,
    accept,
    an_assessment,
    an_event,
    write,
)

WINDOW = {"since": "2026-03-20T00:00:00+05:00", "until": "2026-03-22T00:00:00+05:00"}
HOUR = timedelta(hours=1)
PATH = ("kz/almaty/street/abaya", "kz/almaty/district/bostandyk", "kz/almaty", "kz")
HOUSE = Point(lat=43.2401, lon=76.9101, radius_m=100)
TOWN = Point(lat=51.16, lon=71.43, radius_m=9_000)
SECRET = "жемкорлык"


def fill(store: ElasticsearchStore) -> None:
    """Four open events of two days, one of them merged away, and a confidential one."""
    first = a_post("1", "Пожар на Абая, горит крыша пятиэтажки", source="telegram:one")
    copy = a_post(
        "2", "Пожар на Абая горит крыша пятиэтажки!", source="telegram:two",
        posted_at="2026-03-20T19:10:00+05:00",
    )  # fmt: skip
    forward = a_post(
        "3", "смотрите", source="telegram:two", forwarded_from="1",
        posted_at="2026-03-20T19:20:00+05:00",
    )  # fmt: skip
    other = a_post("4", "мост закрыли", source="telegram:one")
    secret = a_post("5", f"гаишник {SECRET}", source="telegram:three")
    report = a_report("r1", channel="call_card")
    accept(store, first, copy, forward, other, secret)
    store.accept_reports([report, a_report("r2", "другое", channel="app_photo")])
    rest = (0.0,) * (ElasticsearchSettings().vector_dims - 2)
    towards = [(1.0, 0.0, *rest), (0.9, 0.1, *rest), (0.0, 1.0, *rest)]
    vectors = dict(zip((first.id, copy.id, other.id), towards, strict=True))
    judged = [
        an_assessment(name, vector=vectors.get(name, ()))
        for name in (first.id, copy.id, forward.id, other.id, "r1", "r2")
    ]
    store.save_assessments([(one, Audience.OPEN) for one in judged], NOW)
    store.save_assessments([(an_assessment(secret.id), Audience.CONFIDENTIAL)], NOW)
    late, reported = ReportState.REPORTED_AFTER, {"report_state": ReportState.REPORTED_BEFORE}
    hidden = Audience.CONFIDENTIAL
    write(
        store,
        an_event("a", 1, first, copy, location=HOUSE, location_path=PATH),
        an_event("b", 1, forward, location=HOUSE, location_path=PATH, started_at=NOW + HOUR),
        an_event(
            "c", 1, other, report, location=TOWN, category=Category.ROAD_CRASH, lead_s=120.0,
            report_state=late, started_at=NOW + 24 * HOUR, location_path=("kz/astana", "kz"),
        ),
        an_event("d", 1, a_post("6"), merged_into="a"),
        an_event("e", 1, a_post("7"), location=HOUSE, location_path=PATH, incident=0.2, **reported),
        an_event("s", 1, secret, location=HOUSE, location_path=PATH, audience=hidden),
    )  # fmt: skip
    store.add_decision(a_decision("d1", "a"))
    store.add_decision(a_decision("d2", "c", kind=DecisionKind.REJECT, reason="учения"))
    write(
        store,
        an_event("a", 2, first, copy, location=HOUSE, location_path=PATH, decided="confirm"),
        an_event(
            "c", 2, other, report, location=TOWN, category=Category.ROAD_CRASH, lead_s=120.0,
            report_state=late, started_at=NOW + 24 * HOUR, location_path=("kz/astana", "kz"),
            decided="reject",
        ),
    )  # fmt: skip
    store.client.indices.refresh(index=f"{store.settings.prefix}-*")


@pytest.fixture(scope="module")
def filled_store(elastic: Elastic, elastic_prefix: str) -> Iterator[ElasticsearchStore]:
    store = elastic.open(elastic_prefix)
    wipe(store)
    fill(store)
    yield store
    store.close()


def ask(store: ElasticsearchStore, name: str, **given: Any) -> list[Row]:
    query = load_query(name)
    known = {p.name for p in query.parameters}
    texts = {**{k: v for k, v in WINDOW.items() if k in known}, **given}
    return run_query(store._connection, store.settings, query, texts)


def test_unreported_by_district_and_hour(filled_store: ElasticsearchStore) -> None:
    rows = ask(filled_store, "unreported")
    assert {(r["district"], r["hour"], r["count"]) for r in rows} == {
        ("kz/almaty", 19, 1),
        ("kz/almaty", 20, 1),
        ("kz/almaty/district/bostandyk", 19, 1),
        ("kz/almaty/district/bostandyk", 20, 1),
    }


def test_lead_over_the_first_report(filled_store: ElasticsearchStore) -> None:
    (row,) = ask(filled_store, "lead")
    assert (row["category"], row["count"], row["mean_s"], row["lead_s_p50"]) == (
        "road_crash", 1, 120.0, 120.0,
    )  # fmt: skip


def test_sources_by_precision(filled_store: ElasticsearchStore) -> None:
    rows = {r["source"]: r for r in ask(filled_store, "sources")}
    assert (rows["telegram:one"]["confirmed"], rows["telegram:one"]["rejected"]) == (1, 1)
    assert rows["telegram:one"]["precision"] == 0.5
    assert rows["telegram:two"]["precision"] == 1.0
    assert "telegram:three" not in rows


def test_heat_grid(filled_store: ElasticsearchStore) -> None:
    (row,) = ask(filled_store, "heat")
    assert row["count"] == 2, "a town's middle is no place"
    assert (row["lat"], row["lon"]) == (pytest.approx(43.2401), pytest.approx(76.9101))
    assert len(ask(filled_store, "heat", radius_m="10000", zoom="8")) == 2


def test_near_a_point_within_a_time(filled_store: ElasticsearchStore) -> None:
    rows = ask(filled_store, "near", lat="43.24", lon="76.91", within_m="500")
    assert [r["id"] for r in rows] == ["a", "b", "e"]
    assert all(r["distance_m"] < 20 for r in rows)
    assert ask(filled_store, "near", lat="43.24", lon="76.91", within_m="5") == []
    with pytest.raises(InputError, match="lat: has to be given"):
        ask(filled_store, "near", lon="76.91")
    with pytest.raises(InputError, match="is no number"):
        ask(filled_store, "near", lat="x", lon="76.91")


def test_reposts_of_a_post(filled_store: ElasticsearchStore) -> None:
    rows = ask(filled_store, "reposts", post=a_post("1", source="telegram:one").id)
    assert [r["source"] for r in rows] == ["telegram:two", "telegram:two"]
    with pytest.raises(InputError, match="no such document"):
        ask(filled_store, "reposts", post="x")


def test_category_trends(filled_store: ElasticsearchStore) -> None:
    rows = [(r["day"], r["category"], r["count"]) for r in ask(filled_store, "trends")]
    assert rows == [
        ("2026-03-20 00:00", "fire_emergency", 2),
        ("2026-03-21 00:00", "road_crash", 1),
    ]


def test_repeated_places(filled_store: ElasticsearchStore) -> None:
    rows = {r["place"]: r for r in ask(filled_store, "repeated", least="2")}
    assert set(rows) == {"kz/almaty/street/abaya", "kz/almaty/district/bostandyk"}
    street = rows["kz/almaty/street/abaya"]
    assert (street["count"], street["unreported"]) == (2, 2)
    assert street["lat"] == pytest.approx(43.2401)


def test_words_in_any_form(filled_store: ElasticsearchStore) -> None:
    rows = ask(filled_store, "words", text="пожары крыши")
    assert {r["id"] for r in rows} == {
        a_post(n, source=s).id for n, s in (("1", "telegram:one"), ("2", "telegram:two"))
    }
    assert ask(filled_store, "words", text=SECRET) == []


def test_posts_alike(filled_store: ElasticsearchStore) -> None:
    rows = ask(filled_store, "alike", post=a_post("1", source="telegram:one").id, limit="2")
    assert [r["source"] for r in rows] == ["telegram:two", "telegram:one"]
    assert rows[0]["score"] > 0.99 > rows[1]["score"]


def test_counts_by_language_channel_and_person(filled_store: ElasticsearchStore) -> None:
    languages = ask(filled_store, "languages")
    assert {(r["source"], r["count"]) for r in languages} == {
        ("telegram:one", 2), ("telegram:two", 2),
    }  # fmt: skip
    reports = ask(filled_store, "reports")
    assert {(r["channel"], r["count"]) for r in reports} == {("call_card", 1), ("app_photo", 1)}
    decisions = ask(filled_store, "decisions")
    assert {(r["kind"], r["by"], r["count"]) for r in decisions} == {
        ("confirm", "ann", 1), ("reject", "ann", 1),
    }  # fmt: skip


def test_no_query_tells_of_what_is_confidential(filled_store: ElasticsearchStore) -> None:
    given = {"lat": "43.24", "lon": "76.91", "text": "гаишник",
             "post": a_post("1", source="telegram:one").id}  # fmt: skip
    for name in saved_queries():
        parameters = {p.name for p in load_query(name).parameters}
        rows = ask(filled_store, name, **{k: v for k, v in given.items() if k in parameters})
        assert "telegram:three" not in str(rows), name
        assert SECRET not in str(rows), name
    query = load_query("words")
    rows = run_query(
        filled_store._connection, filled_store.settings, query,
        {"text": SECRET, **WINDOW}, confidential=True,
    )  # fmt: skip
    assert [r["source"] for r in rows] == ["telegram:three"]


def test_every_query_is_explained() -> None:
    for name, about, _ in listing():
        query = load_query(name)
        assert about.endswith("."), name
        assert query.comment, name
        text = json.dumps(query.given["body"])
        assert all(f"${{{p.name}}}" in text for p in query.parameters if p.name != "post"), name


# -- rows and forms -------------------------------------------------------------------------------


def test_filling_in_keeps_types() -> None:
    body = {"a": "${n}", "b": ["${n}m", "${none}"], "c": 1}
    assert filled(body, {"n": 2.5, "none": None}) == {"a": 2.5, "b": ["2.5m"], "c": 1}


def test_nested_aggregations_become_rows() -> None:
    found = {
        "x": {
            "buckets": [
                {"key": "k", "doc_count": 3, "y": {"buckets": []}},
                {"key": "l", "doc_count": 1, "m": {"value": 2.0}},
            ]
        }
    }
    assert list(flattened(found)) == [{"x": "l", "count": 1, "m": 2.0}]


def test_forms() -> None:
    rows: list[Row] = [
        {"id": "a", "lat": 43.2, "lon": 76.9, "count": 2, "text": "=1+1"},
        {"id": "b", "lat": None, "lon": None, "count": 1, "text": "t"},
    ]
    read = list(csv.DictReader(io.StringIO(as_csv(rows))))
    assert [row["text"] for row in read] == ["'=1+1", "t"], "a spreadsheet does not calculate it"
    features = json.loads(as_geojson(rows))["features"]
    assert [f["geometry"]["coordinates"] for f in features] == [[76.9, 43.2]]
    page = as_map(load_query("near"), rows, date(2026, 3, 20))
    assert page.count("<circle") == 1
    assert "http" not in page, "it needs nothing from the network"
    with pytest.raises(InputError, match="no row has a place"):
        as_map(load_query("near"), rows[1:], date(2026, 3, 20))


def test_the_command(filled_store: ElasticsearchStore, elastic: Elastic, tmp_path: Any) -> None:
    environment = elastic.environment(filled_store.settings.prefix, tmp_path)
    run = CliRunner(env=environment).invoke
    listed = run(app, ["query"])
    assert "unreported:" in listed.output
    table = run(app, ["query", "trends", *(f"-p{k}={v}" for k, v in WINDOW.items())])
    assert "road_crash" in table.output
    page = tmp_path / "map.html"
    made = run(app, ["query", "heat", "-f", "map", "-o", str(page),
                     *(f"-p{k}={v}" for k, v in WINDOW.items())])  # fmt: skip
    assert made.exit_code == 0, made.output
    assert "<circle" in page.read_text(encoding="utf-8")
    assert isinstance(run(app, ["query", "nothing"]).exception, InputError)
