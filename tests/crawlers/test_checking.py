"""The commands: sources check, telegram login, reparse, and what status says of gaps."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.coverage import Gap, Ledger
from core.settings import Settings
from store.coverage import keep_ledger
from store.sqlite import SqliteStore
from tests.crawlers.test_telegram_account import settings_for
from tests.servers.mtproto.server import running
from tests.servers.mtproto.world import CODE, PHONE, World

from .conftest import NOW, Site, message, page

OQIGA = [sys.executable, "-m", "oqiga"]


def _run(home: Path, *command: str, answers: str = "", **environment: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [*OQIGA, *command],
        input=answers,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=Path(__file__).parent.parent.parent,
        env={**os.environ, "OQIGA_HOME": str(home), **environment},
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.slow
def test_check_says_what_works_and_what_to_do(site: Site, tmp_path: Path) -> None:
    site.show("jumys", page(message(1), message(2)))
    site.answers("joqqa", (404, {}, b""))
    (tmp_path / "archive.jsonl").write_text(
        '{"id": "1", "text": "x", "posted_at": "2026-03-20T19:00:00+05:00"}\n'
    )
    rows = {
        "good": ("telegram_preview", f"{site.address}/s/jumys"),
        "bad": ("telegram_preview", f"{site.address}/s/joqqa"),
        "fax": ("fax", "1"),
        "vk": ("vk", "https://vk.com/x"),
        "account": ("telegram", "@x_synaq"),
        "archive": ("replay", str(tmp_path / "archive.jsonl")),
        "absent": ("replay", str(tmp_path / "no.jsonl")),
    }
    text = "".join(
        f'[[source]]\nname = "{n}"\nkind = "{k}"\naddress = "{a}"\n' for n, (k, a) in rows.items()
    )
    file = tmp_path / "sources.toml"
    file.write_text(text)
    code, out, err = _run(
        tmp_path / "home",
        "sources",
        "check",
        OQIGA_CRAWLERS__SOURCES_FILE=str(file),
        OQIGA_CRAWLERS__ALLOW_PRIVATE_ADDRESSES="true",
        OQIGA_CRAWLERS__DELAY_S="0",
    )
    said = {line.partition(" ")[0]: line for line in out.splitlines()}
    assert code == 1, err
    assert "works, 2 posts read" in said["good"]
    assert "no such page (404)" in said["bad"]
    assert "unknown kind 'fax'" in said["fax"]
    assert "OQIGA_TOKEN_VK" in said["vk"]
    assert "OQIGA_TOKEN_TELEGRAM" in said["account"]
    assert "works, 1 posts" in said["archive"]
    assert "cannot be read" in said["absent"]
    assert "2 of 7 sources work" in err
    home = SqliteStore(tmp_path / "home" / "oqiga.db")
    assert home.unassessed(10) == [], "a check keeps nothing"
    home.close()


@pytest.mark.slow
def test_login_in_the_terminal_then_crawl(tmp_path: Path) -> None:
    world = World()
    world.post(world.add_channel("almaty_synaq"), "өрт")
    with running(world) as server:
        settings = settings_for(tmp_path, server)
        file = tmp_path / "sources.toml"
        file.write_text('[[source]]\nname = "tg"\nkind = "telegram"\naddress = "@almaty_synaq"\n')
        environment = {
            "OQIGA_CRAWLERS__SOURCES_FILE": str(file),
            "OQIGA_CRAWLERS__TELEGRAM_SERVER": server.address,
            "OQIGA_CRAWLERS__TELEGRAM_SERVER_KEY": str(settings.crawlers.telegram_server_key),
            "OQIGA_CRAWLERS__DELAY_S": "0",
        }
        code, out, err = _run(
            settings.home, "telegram", "login", answers=f"{PHONE}\n{CODE}\n", **environment
        )
        assert code == 0, err
        assert f"ends in …{PHONE[-2:]}" in out
        assert PHONE not in err
        code, out, err = _run(settings.home, "crawl", "tg", **environment)
        assert code == 0, err
        assert "1 new posts" in err
        code, out, err = _run(settings.home, "reparse", **environment)
        assert "1 posts read again: 0 have a new version" in err


def test_status_tells_blind_spots(tmp_path: Path) -> None:
    file = tmp_path / "sources.toml"
    row = '[[source]]\nname = "{0}"\nkind = "replay"\naddress = "x"\n'
    file.write_text(row.format("read") + row.format("never"))
    settings = Settings(home=tmp_path / "home")
    settings.home.mkdir()
    store = SqliteStore(settings.under_home(settings.store.path))
    gap = Gap(first="5", last="9", found_at=NOW, why="updates were dropped", missing=5)
    keep_ledger(store, Ledger(source="read", posts=3, gaps=(gap,), gaps_found=1, last_ok_at=NOW))
    store.close()
    code, out, err = _run(settings.home, "status", OQIGA_CRAWLERS__SOURCES_FILE=str(file))
    assert code == 0, err
    flat = " ".join(out.split())
    assert "not read from 5 to 9, 5 ids: updates were dropped" in flat
    assert "blind spot: never: never read" in flat
