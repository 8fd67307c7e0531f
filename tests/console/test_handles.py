"""Who wrote a post: only with a case number, a second person, and a trace of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from console.handles import Handles
from core.clock import FixedClock
from core.errors import InputError
from core.inputs import make_post
from core.records import Audience, Category, Role
from core.sealing import seal, unseal
from core.secret_files import secret_key
from core.settings import PSEUDONYM_KEY
from store.protocol import ALL, OPEN, EventWrite
from tests.console.conftest import NOW, make_assessment, make_event

HANDLE = "@aigul_zhanova_98"


def add_with_author(filled: Any, settings: Any, audience: Audience = Audience.OPEN) -> Any:
    """An event whose post has a sealed handle."""
    key = secret_key(settings.under_home(PSEUDONYM_KEY))
    value = {
        "id": f"by-{audience}",
        "text": "Стреляют во дворе",
        "posted_at": "2026-03-20T19:20:00+05:00",
        "author": HANDLE,
        "source": "telegram:dvor",
    }
    post = make_post(value, now=NOW, key=key)
    assert HANDLE not in post.model_dump_json()
    filled.store.accept_posts([(post, None)])
    filled.store.save_assessments([(make_assessment(post, Category.WEAPON, None), audience)], NOW)
    event = make_event(f"by-{audience}", [post], [], category="weapon", audience=audience)
    filled.store.write_events([EventWrite(event, 0)])
    return event


def test_what_is_sealed_opens_with_its_key_and_place_alone() -> None:
    sealed = seal(HANDLE, b"k" * 32, "post-1")
    assert unseal(sealed, b"k" * 32, "post-1") == HANDLE
    assert seal(HANDLE, b"k" * 32, "post-1") == sealed  # a repeat changes nothing
    assert seal(HANDLE, b"k" * 32, "post-2") != sealed
    for key, place, text in (
        (b"x" * 32, "post-1", sealed),
        (b"k" * 32, "post-2", sealed),
        (b"k" * 32, "post-1", sealed[:-8] + "AAAAAAA="),
        (b"k" * 32, "post-1", "no base64"),
        (b"k" * 32, "post-1", ""),
    ):
        with pytest.raises(InputError):
            unseal(text, key, place)


def test_one_asks_another_approves_the_first_sees(
    person: Callable[[Role], Any], filled: Any, settings: Any
) -> None:
    event = add_with_author(filled, settings)
    post = event.posts[0].id
    one, two = person(Role.SPECIALIST), person(Role.SUPERVISOR)
    assert HANDLE not in one.get(f"/events/{event.id}").text
    assert one.form("/handles", event=event.id, post=post, case="x").status_code == 422
    assert one.form("/handles", event=event.id, post=post, case="ЕРДР 2612").status_code == 303
    (asked,) = Handles(filled.store, FixedClock(NOW), bytes).requests(OPEN) or [None]
    path = f"/handles/{asked.id}"
    assert one.form(f"{path}/show").status_code == 422
    assert one.form(f"{path}/answer", say="yes").status_code == 403
    assert two.form(f"{path}/answer", say="yes").status_code == 303
    assert two.form(f"{path}/answer", say="no").status_code == 422
    assert two.form(f"{path}/show").status_code == 422
    shown = one.form(f"{path}/show")
    assert HANDLE in shown.text
    assert HANDLE not in one.get("/handles").text
    trail = [(e.action, e.by) for e in filled.store.audit(OPEN)]
    assert trail[:3] == [
        ("handle_shown", "specialist"),
        ("handle_approved", "supervisor"),
        ("handle_asked", "specialist"),
    ]
    assert all("ЕРДР 2612" in e.detail for e in filled.store.audit(OPEN)[:3])
    assert HANDLE not in str(filled.store.audit(ALL))


def test_nobody_approves_for_themselves_and_approvals_end(filled: Any, settings: Any) -> None:
    event = add_with_author(filled, settings)
    (post,) = filled.store.post_versions(event.posts[0].id, OPEN)

    def at(hours: float) -> Handles:
        clock = FixedClock(NOW + timedelta(hours=hours))
        key = secret_key(settings.under_home(PSEUDONYM_KEY))
        return Handles(filled.store, clock, lambda: key)

    asked = at(0).ask(post, event.id, Audience.OPEN, "дело 7", "boss")
    with pytest.raises(InputError, match="second person"):
        at(0).answer(asked.id, "boss", approve=True)
    at(0).answer(asked.id, "other", approve=True)
    assert at(23).show(asked.id, post, "boss") == HANDLE
    with pytest.raises(InputError, match="ended"):
        at(25).show(asked.id, post, "boss")
    refused = at(0).ask(post, event.id, Audience.OPEN, "дело 8", "boss")
    at(0).answer(refused.id, "other", approve=False)
    with pytest.raises(InputError):
        at(0).show(refused.id, post, "boss")


def test_requests_about_confidential_posts_are_of_their_audience(
    person: Callable[[Role], Any], filled: Any, settings: Any
) -> None:
    event = add_with_author(filled, settings, Audience.CONFIDENTIAL)
    officer, other = person(Role.INTERNAL_SECURITY), person(Role.SUPERVISOR)
    post = event.posts[0].id
    assert other.form("/handles", event=event.id, post=post, case="дело 9").status_code == 404
    assert officer.form("/handles", event=event.id, post=post, case="дело 9").status_code == 303
    assert "дело 9" in officer.get("/handles").text
    assert "дело 9" not in other.get("/handles").text
    (asked,) = re.findall(r"request (\w+)", str(filled.store.audit(ALL)))
    assert other.form(f"/handles/{asked}/answer", say="yes").status_code == 404
    assert [e for e in filled.store.audit(OPEN) if e.action.startswith("handle")] == []


def test_hidden_numbers_are_shown_for_a_reason_and_only_of_this_event(
    person: Callable[[Role], Any], filled: Any
) -> None:
    who = person(Role.SPECIALIST)
    post = filled.store.event(filled.crash, OPEN).posts[0].id
    path = f"/api/events/{filled.crash}/reveal"
    assert who.post(path, {"subject": post, "reason": "  "}).status_code == 422
    answer = who.post(path, {"subject": post, "reason": "звонок свидетелю"})
    assert "8 701 222 33 44" in answer.json()["text"]
    candidate = who.post(path, {"subject": "r-far-0", "reason": "звонок свидетелю"})
    assert "8 707 111 22 33" in candidate.json()["text"]
    assert who.post(path, {"subject": "r-1", "reason": "звонок свидетелю"}).status_code == 404
    for subject in (filled.confidential_report, "unknown"):
        answer = who.post(path, {"subject": subject, "reason": "звонок свидетелю"})
        assert answer.status_code == 404
    entries = [e for e in filled.store.audit(OPEN) if e.action == "reveal_text"]
    assert [(e.subject, e.detail) for e in entries] == [
        ("r-far-0", "звонок свидетелю"),
        (post, "звонок свидетелю"),
    ]
