"""What the pages show: queue, event, history, search, status, in three languages."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from console.app import create_app
from core.errors import SettingsError
from core.links import kept_link
from core.records import Audience, Category, Heartbeat, ReportState, Role, SetAside
from core.settings import ConsoleSettings, Settings
from store.protocol import OPEN, EventWrite
from tests.console.conftest import NOW, make_assessment, make_event, make_post, sign_in

HOSTILE = (
    '<script>alert(1)</script> "><img src=x onerror=alert(2)> {{ 7*7 }} '
    "مرحبا بالعالم شارع آباي ‏ 🔥 &lt;b&gt; javascript:alert(3) 8 701 555 66 77"
)


def order(text: str) -> list[str]:
    """Ids of the rows on a page."""
    return re.findall(r'<li class="row[^>]* data-id="(\w+)"', text)


def test_the_queue_holds_flags_most_pressing_first(
    person: Callable[[Role], Any], filled: Any
) -> None:
    page = person(Role.SPECIALIST).get("/queue")
    priorities = [float(p) for p in re.findall(r'data-priority="([\d.]+)"', page.text)]
    assert priorities == sorted(priorities, reverse=True)
    assert len(priorities) == 30
    assert filled.quiet not in page.text
    assert "102 узнала позже" not in "".join(re.findall(r"badge state.*?</span>", page.text))


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("view=known", 8),
        ("view=all", 38),
        ("view=decided", 0),
        ("state=unknown", 4),
        ("category=road_crash&category=weapon", 5),
        ("category=road_crash&state=unknown", 1),
    ],
)
def test_filters(person: Callable[[Role], Any], query: str, count: int) -> None:
    who = person(Role.SPECIALIST)
    answer = who.get(f"/api/queue?{query}").json()
    assert answer["count"] == len(answer["events"]) == count
    assert len(order(who.get(f"/queue?{query}").text)) == count


def test_the_event_page_explains_itself(person: Callable[[Role], Any], filled: Any) -> None:
    text = person(Role.SPECIALIST).get(f"/events/{filled.crash}").text
    assert "скорая уже подъехала" in text  # the newest version
    assert "в красной ниве" in text  # and the one before
    assert re.search(r'<mark class="place"[^>]*>Саина – Толе би</mark>', text)
    assert re.search(r'<mark class="for"[^>]*>На</mark>', text)
    assert "между местами 140 м, общая неточность 300 м" in text
    assert "41%" in text
    assert "изменено" in text
    assert 'href="https://example.org/ochevidec_kz/0"' in text
    assert "222 33 44" not in text
    assert "111 22 33" not in text  # in a candidate report


def test_what_was_known_when(person: Callable[[Role], Any], filled: Any) -> None:
    who = person(Role.SPECIALIST)
    past = who.get(f"/events/{filled.crash}?version=1").text
    assert "Показана версия 1" in past
    assert "скорая уже подъехала" not in past
    assert "в красной ниве" in past
    assert 'data-act="confirm"' not in past
    assert who.get(f"/events/{filled.crash}?version=3").status_code == 404
    assert who.get(f"/api/events/{filled.crash}?version=1").json()["newest_version"] == 2


def test_a_deleted_post_stays_readable_and_marked(
    person: Callable[[Role], Any], filled: Any
) -> None:
    event = filled.store.event(filled.crash, OPEN)
    (old, *_) = filled.store.post_versions(event.posts[1].id, OPEN)
    mark = old.model_copy(update={"deleted_at": NOW, "text": "", "content": "gone"})
    filled.store.accept_posts([(mark, None)])
    made = make_assessment(mark.model_copy(update={"version": 2}), Category.NONE, None)
    filled.store.save_assessments([(made, Audience.OPEN)], NOW)
    text = person(Role.SPECIALIST).get(f"/events/{filled.crash}").text
    assert "Подтверждаю" in text
    assert 'class="post gone"' in text
    assert "Публикация удалена" in text


def test_a_merged_event_leads_to_the_one_that_has_its_posts(
    person: Callable[[Role], Any], filled: Any
) -> None:
    who = person(Role.SPECIALIST)
    quiet = filled.store.event(filled.quiet, OPEN)
    merged = quiet.model_copy(update={"version": 2, "merged_into": filled.crash, "posts": ()})
    filled.store.write_events([EventWrite(merged, 1)])
    answer = who.get(f"/events/{filled.quiet}")
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/events/{filled.crash}"


@pytest.mark.parametrize("role", [Role.SPECIALIST])
def test_hostile_text_stays_text(person: Callable[[Role], Any], role: Role, filled: Any) -> None:
    long = make_post(
        "hostile",
        HOSTILE + " длинно" * 14_000,
        NOW,
        source="telegram:<b>x</b>",
        url="javascript:alert(4)",
    )
    filled.store.accept_posts([(long, None)])
    made = make_assessment(long, Category.VIOLENCE, None)
    filled.store.save_assessments([(made, Audience.OPEN)], NOW)
    event = make_event(
        "hostile",
        [long],
        [],
        category=Category.VIOLENCE,
        priority=0.99,
        headline=HOSTILE,
        report_state=ReportState.UNREPORTED,
    )
    filled.store.write_events([EventWrite(event, 0)])
    who = person(role)
    for path in (
        "/queue",
        f"/events/{event.id}",
        "/search?q=длинно",
        "/search?q=%22%3E%3Cscript%3Ealert(5)%3C/script%3E",
    ):
        text = who.get(path).text
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert 'href="javascript:' not in text
        assert "<b>x</b>" not in text
        assert "555 66 77" not in text
        assert "{{ 7*7 }}" in text or "alert(5)" in path
    assert len(who.get("/queue").text) < 200_000
    assert "<script>alert" not in who.get("/api/queue").headers.get("content-type", "")
    assert who.get("/api/queue").headers["content-type"].startswith("application/json")


def test_links_that_would_name_an_author_are_not_shown(
    person: Callable[[Role], Any], filled: Any
) -> None:
    post = make_post(
        "own",
        "Стреляют во дворе",
        NOW,
        source="vk:almaty_online",
        url=kept_link("https://example.org/id4455/wall1", key=b"k" * 32, place="own")[0],
    )
    filled.store.accept_posts([(post, None)])
    filled.store.save_assessments(
        [(make_assessment(post, Category.WEAPON, None), Audience.OPEN)], NOW
    )
    event = make_event("own", [post], [], category=Category.WEAPON)
    filled.store.write_events([EventWrite(event, 0)])
    who = person(Role.SPECIALIST)
    assert "id4455" not in who.get(f"/events/{event.id}").text
    assert who.get(f"/api/events/{event.id}").json()["posts"][0]["url"] is None


def test_search_finds_words_and_no_numbers(person: Callable[[Role], Any], filled: Any) -> None:
    who = person(Role.SPECIALIST)
    found = who.get("/api/search?q=Толе би").json()["events"]
    assert [event["id"] for event in found] == [filled.crash]
    assert who.get("/api/search?q=").json()["count"] == 0
    assert who.get("/api/search?q=87012223344").status_code == 422
    assert "Поиск по номеру" in who.get("/search?q=8 701 222 33 44").text
    for odd in ('"', "*", "a OR", "NEAR(", "'; DROP TABLE", "%00", "а" * 200):
        assert who.get(f"/api/search?q={odd}").status_code == 200, odd
    assert who.get(f"/api/search?q={'а' * 201}").status_code == 422


def test_the_status_page_shows_counts_and_no_contents(
    person: Callable[[Role], Any], filled: Any
) -> None:
    filled.store.set_aside(
        [
            SetAside(
                id="s1",
                kind="post",
                where="posts.jsonl:7",
                problem="not JSON",
                at=NOW,
                size_bytes=120,
                record="секрет инспектор".encode(),
            )
        ]
    )
    filled.store.beat(Heartbeat(feed="calls", at=NOW + timedelta(seconds=1), limit_s=0.5))
    text = person(Role.ADMINISTRATOR).get("/admin").text
    assert "posts.jsonl:7" in text
    assert "секрет" not in text
    assert re.search(r"<b>39</b><span>событий", text)  # the confidential one is not counted


@pytest.mark.parametrize(
    ("lang", "words"),
    [("ru", "К решению"), ("kk", "Шешу керек"), ("en", "To decide"), ("xx", "К решению")],
)
def test_the_language_is_kept_in_a_cookie(
    person: Callable[[Role], Any], lang: str, words: str
) -> None:
    who = person(Role.SPECIALIST)
    answer = who.client.post(
        "/preferences",
        data={"lang": lang, "theme": "dark", "csrf": who.csrf, "next": "/queue"},
        follow_redirects=True,
    )
    assert words in answer.text
    assert 'data-theme="dark"' in answer.text


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil", "x"])
def test_nobody_is_sent_to_another_site(person: Callable[[Role], Any], target: str) -> None:
    who = person(Role.SPECIALIST)
    answer = who.client.post(
        "/preferences", data={"csrf": who.csrf, "next": target}, follow_redirects=False
    )
    assert answer.headers["location"] == "/"
    assert who.get(f"/login?next={target}").headers["location"] == "/queue"


def test_times_are_shown_in_the_configured_zone(filled: Any, clock: Any, tmp_path: Path) -> None:
    for zone, shown in (("Asia/Almaty", "19:26:00"), ("UTC", "14:26:00")):
        settings = Settings(home=tmp_path, console=ConsoleSettings(time_zone=zone))
        client = TestClient(create_app(filled.store, settings, clock))
        sign_in(client, "specialist")
        assert shown in client.get(f"/events/{filled.crash}").text


def test_an_unknown_time_zone_is_a_mistake_in_the_settings(
    filled: Any, clock: Any, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path, console=ConsoleSettings(time_zone="Asia/Nowhere"))
    with pytest.raises(SettingsError, match="time_zone"):
        create_app(filled.store, settings, clock)
