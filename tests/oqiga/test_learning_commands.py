"""Learning as an operator runs it: every command, from posts and decisions to a model in use."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.records import Decision, DecisionKind
from core.settings import load_settings
from store.open import open_store
from store.protocol import OPEN, EventQuery, Store

PLACES = ("на Абая", "на Саина", "на Толе би", "на Гоголя", "на Достык", "на Жандосова")
THINGS = ("балкон", "гараж", "крыша магазина", "машина", "мусорка", "киоск", "склад", "подвал")
WORDS = ("сильно", "прям сейчас", "на глазах", "ужас просто", "дым валит", "никто не едет", "опять")
PERSONS = ("aigerim", "daniyar", "svetlana")
COUNT = 72
EVERY = timedelta(hours=4)
ASKED = "пыхает ларёк на Райымбека, прям сейчас"


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_a_new_word_for_a_fire_is_learned_by_commands(tmp_path: Path) -> None:
    """Twelve days of a word that no corpus has: three persons know it, the model does not yet."""
    home = tmp_path / "home"
    environment = {"OQIGA_CONFIG": os.devnull, "OQIGA_HOME": str(home)}

    def run(*arguments: str | Path, given: str = "", code: int = 0, told: str = "out") -> str:
        done = subprocess.run(
            [sys.executable, "-m", "oqiga", *map(str, arguments)],
            input=given,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **environment},
        )
        assert done.returncode == code, done.stderr
        return done.stdout if told == "out" else done.stderr

    now = datetime.now(UTC)
    posts = tmp_path / "posts.jsonl"
    posts.write_text("\n".join(_post(number, now) for number in range(COUNT)), encoding="utf-8")
    run("ingest", "posts", posts)
    run("stage", "assess")
    run("stage", "correlate")
    assert "at least 3 are needed" in run("learn", "candidate", told="err")
    store = open_store(load_settings(environment))
    try:
        decided = _decide(store)
    finally:
        store.close()
    before = _judgement(run, now)
    assert decided <= int(run("learn", "labels")) <= COUNT
    assert json.loads(run("learn", "places"))["moves"] == 0
    candidate = json.loads(run("learn", "candidate"))["posts"]
    told = json.loads(run("learn", "judge"))["posts"]
    running, learned = told["figures"]["fresh incident F1"]
    assert told["candidate"] == candidate
    assert learned > running
    assert told["replay"]["posts"] > 0
    assert told["promote"], told["against"]
    assert json.loads(run("learn", "promote")) == {"posts": f"promoted {candidate}"}
    after = _judgement(run, now)
    assert after["assessor"] != before["assessor"]
    assert after["incident"] > max(0.5, before["incident"])
    assert "no candidate was judged" in run("learn", "promote", code=1, told="err")
    run("learn", "rollback", "--by", PERSONS[0])
    assert _judgement(run, now) == before
    assert "none to go back from" in run(
        "learn", "rollback", "--by", PERSONS[0], code=1, told="err"
    )


def _post(number: int, now: datetime) -> str:
    at = now - EVERY * (number + 1)
    thing, place, word = THINGS[number % 8], PLACES[number % 6], WORDS[number % 7]
    row = {
        "id": f"new-{number}",
        "text": f"пыхает {thing} {place} {number + 3}, {word}",
        "posted_at": at.isoformat(),
        "home": "Алматы",
    }
    return json.dumps(row, ensure_ascii=False)


def _decide(store: Store) -> int:
    """Each event is confirmed by one of the three; how many have one post, so that it is meant."""
    events = store.events(EventQuery(flagged=None, order="time", limit=COUNT), OPEN)
    for number, event in enumerate(events):
        store.add_decision(
            Decision(
                id=f"decision-{number}",
                event=event.id,
                event_version=event.version,
                kind=DecisionKind.CONFIRM,
                by=PERSONS[number % 3],
                at=event.started_at + timedelta(minutes=3),
            )
        )
    return sum(len(event.posts) == 1 for event in events)


def _judgement(run: Callable[..., str], now: datetime) -> dict[str, Any]:
    row = {"id": "asked", "text": ASKED, "posted_at": now.isoformat(), "home": "Алматы"}
    found: dict[str, Any] = json.loads(run("assess", given=json.dumps(row)))
    return found
