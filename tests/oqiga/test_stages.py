"""Single stages for a scheduler: which source is due, what has gaps, waiting, alerts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.clock import FixedClock
from core.coverage import Gap, Ledger
from core.settings import Settings
from oqiga import stages
from oqiga.context import Context
from store.coverage import keep_ledger
from store.troubles import raise_trouble

NOW = datetime(2026, 3, 20, 14, tzinfo=UTC)
SOURCES = """
[[source]]
name = "chat"
kind = "telegram_preview"
address = "chat_one"
interval_s = 60

[[source]]
name = "slow"
kind = "telegram_preview"
address = "chat_two"
interval_s = 600

[[source]]
name = "paper"
kind = "feed"
address = "https://example.org/feed"

[[source]]
name = "file"
kind = "replay"
address = "posts.jsonl"
"""


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    (tmp_path / "sources.toml").write_text(SOURCES, encoding="utf-8")
    settings = Settings.model_validate(
        {"home": tmp_path, "crawlers": {"sources_file": tmp_path / "sources.toml"}}
    )
    made = at(Context(settings), NOW)
    yield made
    made.store.close()


def at(context: Context, time_: datetime) -> Context:
    """The same context at a time."""
    later = replace(context)
    later.__dict__.update(context.__dict__, clock=FixedClock(time_))
    return later


def test_each_group_has_its_own_sources(context: Context) -> None:
    assert {group: stages.due_sources(context, group) for group in stages.GROUPS} == {
        "telegram": ["chat", "slow"],
        "platforms": [],
        "sites": ["paper"],
        "files": ["file"],
    }


def test_due_by_interval_and_ever_more_seldom_after_failures(context: Context) -> None:
    for name in ("chat", "slow"):
        stages.mark_tried(context, name)

    def due(seconds: float) -> list[str]:
        return stages.due_sources(at(context, NOW + timedelta(seconds=seconds)), "telegram")

    assert (due(59), due(61), due(601)) == ([], ["chat"], ["chat", "slow"])
    keep_ledger(context.store, Ledger(source="chat", failures=3))
    assert (due(479), due(481)) == ([], ["chat"]), "60 s doubled three times"


def test_gaps(context: Context) -> None:
    gap = Gap(first="3", last="9", found_at=NOW, why="the connection broke")
    for name in ("chat", "paper"):
        keep_ledger(context.store, Ledger(source=name, gaps=(gap,)))
    assert stages.gaps(context) == ["chat"]


def test_waiting_ends_with_the_first_finding() -> None:
    answers = [0, 0, 2]
    assert stages.waited(lambda: answers.pop(0), 30.0) == 2
    started = time.monotonic()
    assert stages.waited(lambda: 0, 0.0) == 0
    assert time.monotonic() - started < 0.4


def test_nothing_to_assess_loads_no_model(context: Context, tmp_path: Path) -> None:
    assert stages.assess(context) == 0


def test_an_alert_is_kept_once_and_masked(context: Context) -> None:
    kept = [
        raise_trouble(context.store, context.clock, where="crawl.read", problem=text, key="k")
        for text in ("позвоните 8 700 000 00 00", "again")
    ]
    assert kept == [True, False]
    (item,) = context.store.set_aside_items()
    assert (item.kind, item.where) == ("alert", "crawl.read")
    assert "700" not in item.problem
