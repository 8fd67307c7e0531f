"""Every command of the contract, as a user runs it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.records import Category, Language
from tests.oqiga.conftest import Oqiga

Write = Callable[..., Path]

CRASH = {
    "id": "p1",
    "text": "Только что на углу Абая и Саина две машины столкнулись, есть пострадавшие, скорой нет",
    "posted_at": "2026-03-20T19:00:00+05:00",
    "home": "Алматы",
}
CRASH_KK = {
    "id": "p2",
    "text": "Абай мен Саиннің қиылысында екі көлік соғысып қалды, адамдар жараланды, жедел жоқ",
    "posted_at": "2026-03-20T19:03:00+05:00",
    "home": "Алматы",
}
ADVERT = {
    "id": "p3",
    "text": "Продаю зимнюю резину, почти новая, торг у капота",
    "posted_at": "2026-03-20T19:04:00+05:00",
    "home": "Алматы",
}
BRIBE = {
    "id": "p4",
    "text": "Прямо сейчас на Рыскулова гаишник остановил и требует 20 тысяч, иначе штрафстоянка, "
    "вымогают деньги у водителей",
    "posted_at": "2026-03-20T19:05:00+05:00",
    "home": "Алматы",
}
CALL = {
    "id": "r1",
    "text": "Заявитель сообщает о ДТП, пр. Абая угол ул. Саина, два автомобиля, пострадавшие есть",
    "received_at": "2026-03-20T19:10:00+05:00",
    "channel": "call_card",
    "lat": 43.2325,
    "lon": 76.8453,
    "accuracy_m": 100,
}


def rows(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_assess_keeps_order_and_reports_bad_lines(oqiga: Oqiga, write_lines: Write) -> None:
    file = write_lines("posts.jsonl", CRASH, "{broken", {"id": "x"}, ADVERT, CRASH_KK)
    done = oqiga("assess", "--input", file)
    assert done.returncode == 0, done.stderr
    found = rows(done.stdout)
    assert [row["id"] for row in found] == ["p1", "p3", "p2"]
    assert set(found[0]) == {
        "id", "language", "incident", "category", "categories", "urgency", "places", "location",
        "event_at", "assessor",
    }  # fmt: skip
    crash, advert, crash_kk = found
    assert crash["incident"] >= 0.5 > advert["incident"]
    assert crash["category"] == crash_kk["category"] == "road_crash"
    assert (crash["language"], crash_kk["language"]) == ("ru", "kk")
    assert set(crash["categories"]) <= {c.value for c in Category}
    assert crash["language"] in {item.value for item in Language}
    assert abs(crash["location"]["lat"] - 43.23) < 0.03
    assert "line 2: not JSON" in done.stderr
    assert "line 3:" in done.stderr
    assert "3 read, 2 refused" in done.stderr


def test_assess_shows_the_languages_of_a_mixed_post(oqiga: Oqiga) -> None:
    text = "көршілер тағы айқайлап жатыр, полицию вызвали уже два раза"
    line = json.dumps({**CRASH, "text": text}, ensure_ascii=False)
    [row] = rows(oqiga("assess", stdin=line + "\n").stdout)
    assert row["language"] == "mixed"
    assert [(p["language"], text[p["start"] : p["end"]]) for p in row["language_parts"]] == [
        ("kk", "көршілер тағы айқайлап жатыр"),
        ("ru", "полицию вызвали уже два раза"),
    ]


def test_assess_reads_standard_input_and_is_repeatable(oqiga: Oqiga) -> None:
    line = json.dumps(CRASH, ensure_ascii=False) + "\n"
    first, second = oqiga("assess", stdin=line), oqiga("assess", stdin=line)
    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout


def test_exit_codes(oqiga: Oqiga, write_lines: Write, tmp_path: Path) -> None:
    assert oqiga("assess", "--input", write_lines("bad.jsonl", "{", "[]")).returncode == 1
    assert oqiga("assess", "--input", tmp_path / "absent.jsonl").returncode == 2
    assert oqiga("assess", "--colour", "red").returncode == 2
    assert oqiga("nonsense").returncode == 2


def test_correlate(oqiga: Oqiga, write_lines: Write, tmp_path: Path) -> None:
    posts = write_lines("posts.jsonl", CRASH, CRASH_KK, ADVERT, BRIBE, CRASH)
    reports = write_lines("reports.jsonl", CALL)
    out = tmp_path / "events.jsonl"
    done = oqiga("correlate", "--posts", posts, "--reports", reports, "--output", out)
    assert done.returncode == 0, done.stderr
    events = rows(out.read_text(encoding="utf-8"))
    by_post = {post: event for event in events for post in event["posts"]}
    assert set(by_post) == {"p1", "p2", "p3", "p4"}
    assert sum(len(event["posts"]) for event in events) == 4
    crash = by_post["p1"]
    assert sorted(crash["posts"]) == ["p1", "p2"]
    assert [report["id"] for report in crash["reports"]] == ["r1"]
    assert crash["report_state"] == "reported_after"
    assert crash["lead_s"] == pytest.approx(600)
    assert crash["flagged"] is False
    assert by_post["p4"]["confidential"] is True
    assert by_post["p4"]["category"] == "police_corruption"
    assert by_post["p3"]["flagged"] is False


def test_correlate_as_of_before_the_call(oqiga: Oqiga, write_lines: Write) -> None:
    done = oqiga(
        "correlate",
        "--posts", write_lines("posts.jsonl", CRASH, CRASH_KK, ADVERT),
        "--reports", write_lines("reports.jsonl", CALL),
        "--as-of", "2026-03-20T19:03:30+05:00",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    events = rows(done.stdout)
    assert sorted(post for event in events for post in event["posts"]) == ["p1", "p2"]
    crash = next(event for event in events if "p1" in event["posts"])
    assert (crash["report_state"], crash["flagged"], crash["lead_s"]) == ("unreported", True, None)
    assert oqiga(
        "correlate", "--posts", "x", "--reports", "y", "--as-of", "2026-03-20T19:03:30"
    ).returncode == 2  # fmt: skip


def test_edits_and_conflicts_in_correlate(oqiga: Oqiga, write_lines: Write) -> None:
    edit = {**ADVERT, "text": CRASH["text"], "edited_at": "2026-03-20T19:20:00+05:00"}
    conflict = {**CRASH_KK, "text": "басқа мәтін"}
    posts = write_lines("posts.jsonl", edit, ADVERT, CRASH_KK, conflict)
    done = oqiga("correlate", "--posts", posts, "--reports", write_lines("r.jsonl"))
    assert done.returncode == 0, done.stderr
    assert "line 4: p2: this id is known with other content" in done.stderr
    flagged = [event for event in rows(done.stdout) if event["flagged"]]
    assert {post for event in flagged for post in event["posts"]} == {"p2", "p3"}


def test_pairs(oqiga: Oqiga, write_lines: Write) -> None:
    file = write_lines(
        "pairs.jsonl",
        {"left": CRASH, "right": CRASH_KK},
        {"left": CRASH, "right": ADVERT},
        {"left": CRASH},
        {"left": CRASH, "right": CALL},
    )
    done = oqiga("pairs", "--input", file)
    assert done.returncode == 0, done.stderr
    same, other, report = rows(done.stdout)
    assert same["same"] > 0.5 > other["same"]
    assert report["same"] > 0.5
    assert all(isinstance(value, float) for value in same["why"].values())
    assert "line 3: right is missing" in done.stderr


def test_pairs_by_text_alone(oqiga: Oqiga, write_lines: Write) -> None:
    told = {"text": "Умер режиссёр Алексей Балабанов"}
    file = write_lines(
        "pairs.jsonl",
        {"left": told, "right": {"text": "Скончался режиссер Алексей Балабанов"}},
        {"left": told, "right": {"text": "В Шымкенте подорожал хлеб"}},
        {"left": told, "right": {}},
    )
    done = oqiga("pairs", "--text-likeness", "--input", file)
    assert done.returncode == 0, done.stderr
    same, other = rows(done.stdout)
    assert same["same"] > 0.5 > other["same"]
    assert "line 3: right.text is missing" in done.stderr


def test_ingest_twice_and_conflict(oqiga: Oqiga, write_lines: Write) -> None:
    posts = write_lines("posts.jsonl", CRASH, CRASH_KK, "{broken")
    first, second = oqiga("ingest", "posts", posts), oqiga("ingest", "posts", posts)
    assert "2 accepted, 0 repeated, 1 refused" in first.stdout
    assert "0 accepted, 2 repeated, 1 refused" in second.stdout
    changed = write_lines("changed.jsonl", {**CRASH, "text": "другое"})
    third = oqiga("ingest", "posts", changed)
    assert third.returncode == 0
    assert "1 refused" in third.stdout
    assert "other content" in third.stderr
    reports = oqiga("ingest", "reports", write_lines("reports.jsonl", CALL))
    assert "1 accepted" in reports.stdout
    status = oqiga("status")
    assert "set aside 2" in status.stdout, status.stdout + status.stderr
    assert "backlog 3" in status.stdout


def test_flags_status_verify_and_report_on_an_empty_store(oqiga: Oqiga, tmp_path: Path) -> None:
    assert oqiga("flags", "--json").stdout == ""
    assert "0 flagged events" in oqiga("flags").stdout
    assert "posts 0" in oqiga("status").stdout
    verified = oqiga("verify")
    assert verified.returncode == 0
    assert "evidence: 0 links, 0 broken" in verified.stdout
    done = oqiga("report", "nightly", "--date", "2026-03-20", "--output", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    forms = {path.name.removeprefix("nightly-2026-03-20") for path in (tmp_path / "out").iterdir()}
    assert forms >= {".csv", ".html", ".json", ".pdf", ".short.html", ".kk.html", ".kk.pdf"}
    assert oqiga("report", "nightly", "--copy", "nobody").returncode == 1
    due = oqiga("report", "due", "--at", "2026-03-21T06:10:00+05:00")
    assert {row["copy"] for row in json.loads(due.stdout)} == {"country", "internal_security"}


def test_verify_finds_a_changed_record(oqiga: Oqiga, write_lines: Write, tmp_path: Path) -> None:
    assert oqiga("ingest", "posts", write_lines("posts.jsonl", CRASH, ADVERT)).returncode == 0
    assert "evidence: 2 links, 0 broken" in oqiga("verify").stdout
    base = sqlite3.connect(tmp_path / "home" / "oqiga.db")
    with base:
        changed = base.execute("UPDATE evidence SET digest = 'forged' WHERE position = 1").rowcount
    base.close()
    assert changed == 1
    done = oqiga("verify")
    assert done.returncode == 1
    assert "link 1" in done.stderr


def test_a_stage_in_shares_does_it_all(oqiga: Oqiga, write_lines: Write, tmp_path: Path) -> None:
    posts = write_lines("posts.jsonl", CRASH, CRASH_KK, ADVERT)
    assert oqiga("ingest", "posts", posts).returncode == 0
    assert oqiga("stage", "assess").stdout.strip() == "3"
    for share in ("0/2", "1/2"):
        done = oqiga("stage", "correlate", "--share", share)
        assert (done.returncode, done.stdout.strip()) == (0, "3"), done.stderr
    [flag] = rows(oqiga("flags", "--json").stdout)
    assert len(flag["posts"]) == 2
    for share in ("2/2", "half", "-1/2"):
        done = oqiga("stage", "assess", "--share", share)
        assert done.returncode == 2
        assert "is no share" in done.stderr


def test_gazetteer_check(oqiga: Oqiga, tmp_path: Path) -> None:
    reference = "name,name_ru,name_kk,lat,lon\nКаскелен,Каскелен,Қаскелең,43.2,76.62\n"
    (tmp_path / "osm_places_kz.csv").write_text(reference, encoding="utf-8")
    done = oqiga("gazetteer", "check", str(tmp_path))
    assert done.returncode == 0
    assert "city, osm" in done.stdout
    empty = tmp_path / "empty"
    empty.mkdir()
    assert oqiga("gazetteer", "check", str(empty)).returncode == 2


def test_gazetteer_find(oqiga: Oqiga) -> None:
    done = oqiga("gazetteer", "find", "Алматы, угол Абая и Саина")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_mistakes_in_settings_are_told_together(oqiga: Oqiga) -> None:
    done = oqiga("crawl", "nowhere")
    assert done.returncode == 2
    assert "no source 'nowhere'" in done.stderr
