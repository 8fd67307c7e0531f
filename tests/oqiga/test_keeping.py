"""Removal on lawful demand and retention, by the commands that an operator types."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from core.inputs import make_post
from store.protocol import OPEN
from store.sqlite import SqliteStore

Oqiga = Callable[..., subprocess.CompletedProcess[str]]

MARK = "бірегейсөз"
AT = "2026-03-20T19:0{}:00+05:00"
CRASH = "ДТП на углу Абая и Саина, столкнулись две машины, люди зажаты"
LESS = "ДТП на углу Абая и Саина, столкнулись две машины, полиции нет"


def bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_one_command_removes_a_post_everywhere(
    oqiga: Oqiga, write_lines: Callable[..., Path], tmp_path: Path
) -> None:
    """Store, index, log, filed reports; the pipeline goes on and the chains hold."""
    home = tmp_path / "home"
    posts = [
        {"id": str(n), "text": text, "posted_at": AT.format(n), "home": "Алматы", "source": "chat"}
        for n, text in enumerate([f"{CRASH}, {MARK}", LESS])
    ]
    assert oqiga("ingest", "posts", write_lines("posts.jsonl", *posts)).returncode == 0
    for stage, count in (("assess", "2"), ("correlate", "2")):
        assert oqiga("stage", stage).stdout.strip() == count
    day = ("--date", "2026-03-20")
    assert oqiga("report", "nightly", *day).returncode == 0
    report = home / "reports" / "open" / "country" / "nightly-2026-03-20.html"
    assert MARK in report.read_text("utf-8")
    done = oqiga("remove", "chat:0", "--demand", "Н-17/2026", "--by", "lawyer")
    assert done.returncode == 0, done.stderr
    assert "1 versions removed, 1 events changed" in done.stdout
    assert oqiga("stage", "correlate").stdout.strip() == "1"
    (flag,) = map(json.loads, oqiga("flags", "--json").stdout.splitlines())
    assert len(flag["posts"]) == 1
    assert flag["headline"] == LESS, "judged anew by what is left"
    assert MARK not in report.read_text("utf-8")
    assert (
        "0 accepted, 1 repeated"
        in oqiga("ingest", "posts", write_lines("again.jsonl", posts[0])).stdout
    )
    assert oqiga("verify").returncode == 0
    assert MARK.encode() not in bytes_of(home)
    assert oqiga("remove", "chat:0", "--demand", "1", "--by", "x").returncode == 2


def test_what_was_kept_in_the_open_is_sealed_by_one_command(
    oqiga: Oqiga, write_lines: Callable[..., Path], tmp_path: Path
) -> None:
    home = tmp_path / "home"
    row = {"id": "1", "text": CRASH, "posted_at": AT.format(1), "source": "chat", "nick": MARK}
    oqiga("ingest", "posts", write_lines("posts.jsonl", row, "{" + MARK))
    assert MARK.encode() not in bytes_of(home), "neither unknown fields nor what was set aside"
    (row_aside,) = map(
        json.loads, oqiga("set-aside", "--by", "ann", "--limit", "5").stdout.splitlines()
    )
    assert (row_aside["where"], row_aside["record"]) == ("posts.jsonl:2", "{" + MARK)
    store = SqliteStore(home / "oqiga.db")
    assert [(e.by, e.subject) for e in store.audit(OPEN)] == [("ann", "set_aside")]
    post = make_post({**row, "id": "2"}, now=datetime.now(UTC), key=b"k")
    store.accept_posts([(post, None)])
    store.close()
    assert MARK.encode() in bytes_of(home)
    done = oqiga("seal")
    assert done.stdout.strip() == "sealed: posts 1, reports 0, payloads 0, set aside 0", done.stderr
    assert MARK.encode() not in bytes_of(home)
    assert oqiga("verify").returncode == 0
    (home / "pseudonym.key").write_text("ab" * 32)
    refused = oqiga("seal")
    assert (refused.returncode, "another key" in refused.stderr) == (1, True)


def test_retention_in_files(oqiga: Oqiga, tmp_path: Path) -> None:
    """Each kind of file goes at its own age; what is younger stays."""
    home = tmp_path / "home"
    ages = {
        "media/open/ab/c1": 89,
        "media/confidential/ab/c2": 91,
        "drop/done/app-1.ndjson": 31,
        "drop/done/app-2.ndjson": 29,
        "reports/open/country/nightly-2023-01-01.html": 1_096,
        "reports/open/country/nightly-2025-01-01.html": 400,
    }
    for name, days in ages.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
        then = time.time() - days * 86_400
        os.utime(path, (then, then))
    done = oqiga("retention", "run")
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    assert (counts["media"], counts["dropped"], counts["reports_filed"]) == (1, 1, 1)
    left = {str(p.relative_to(home)) for p in home.rglob("*") if p.is_file()}
    assert {name for name in ages if name in left} == {
        "media/open/ab/c1",
        "drop/done/app-2.ndjson",
        "reports/open/country/nightly-2025-01-01.html",
    }
    assert oqiga("retention", "maintain").stdout.strip() == '"ok"'
