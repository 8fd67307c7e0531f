"""Several processes on one file, and processes that are killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import apsw
import pytest

from core.chain import first_break
from core.records import Audience, Outcome
from store.protocol import ALL, CONFIDENTIAL, OPEN
from store.sqlite import SqliteStore
from tests.store.contract import a_post, accept

HEAD = """
import sys
from pathlib import Path
from core.records import Audience
from store.sqlite import SqliteStore
from tests.store.contract import a_post, accept, an_event, assess, write
store = SqliteStore(Path(sys.argv[1]))
"""
ACCEPT = """
for i in range(20, 80):
    accept(store, a_post(str(i)))
"""
CHAIN = """
for i in range(10**6):
    post = a_post(str(i), f"құпия{i}соңы өрт")
    accept(store, post)
    print(f"accepted {i}", flush=True)
    assess(store, post.id)
    write(store, an_event(post.id, 1, post))
    print(f"open {i}", flush=True)
    if i % 2:
        assess(store, post.id, audience=Audience.CONFIDENTIAL)
        print(f"confidential {i}", flush=True)
"""


def start(script: str, path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HEAD + script, str(path)], stdout=subprocess.PIPE, text=True
    )


def test_threads_and_processes_write_at_once(tmp_path: Path) -> None:
    """They make the file at once, too."""
    path = tmp_path / "o.db"
    others = [start(ACCEPT, path) for _ in range(2)]
    store = SqliteStore(path)

    def work(first: int) -> None:
        for i in range(first, first + 30):
            accept(store, a_post(str(i)))

    threads = [threading.Thread(target=work, args=(first,)) for first in (0, 10, 60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for other in others:
        other.communicate(timeout=60)
        assert other.returncode == 0
    kept = store.unassessed(1000)
    assert sorted(int(p.native_id) for p in kept if hasattr(p, "native_id")) == list(range(90))
    links = list(store.chain("evidence"))
    assert len(links) == 90
    assert first_break(links) is None
    assert store.broken_links("evidence") == []
    store.close()


def test_processes_that_make_the_file_at_once(tmp_path: Path) -> None:
    """SQLite does not wait for another's lock when it switches to the write-ahead log."""
    path = tmp_path / "o.db"
    first = apsw.Connection(str(path))
    first.execute("CREATE TABLE t (x); BEGIN IMMEDIATE")
    letting_go = threading.Timer(0.2, first.execute, args=("COMMIT",))
    letting_go.start()
    store = SqliteStore(path)
    store.put_note("k", "v")
    letting_go.join()
    first.close()
    store.close()


@pytest.mark.parametrize("seed", range(3))
def test_what_was_promised_survives_kill_9(tmp_path: Path, seed: int) -> None:
    """Each line was printed after its call returned, so what it says is there; nothing is half."""
    path = tmp_path / "o.db"
    child = start(CHAIN, path)
    assert child.stdout is not None
    said = [child.stdout.readline() for _ in range(30)]
    time.sleep(random.Random(seed).uniform(0, 0.2))
    os.kill(child.pid, signal.SIGKILL)
    said += child.stdout.read().splitlines()
    child.stdout.close()
    child.wait()
    promised: dict[str, set[int]] = {"accepted": set(), "open": set(), "confidential": set()}
    for line in said:
        what, _, number = line.strip().partition(" ")
        if number.isdigit():
            promised[what].add(int(number))
    store = SqliteStore(path)
    places = Counter[int]()
    for i in sorted(promised["accepted"]):
        post = a_post(str(i))
        places[len(store.post_versions(post.id, ALL))] += 1
        assert accept(store, a_post(str(i), f"құпия{i}соңы өрт")) == [Outcome.REPEATED]
        if i in promised["open"] and i % 2 == 0:
            assert len(store.assessed([post.id], OPEN)) == 1
            assert store.events_of([post.id], OPEN) == {post.id: post.id}
        if i in promised["confidential"]:
            assert store.search_posts(f"құпия{i}соңы", OPEN) == []
            assert store.event(post.id, OPEN) is None
            assert store.event(post.id, CONFIDENTIAL) is not None
    assert set(places) == {1}
    assert len(promised["accepted"]) > 5
    assert first_break(store.chain("evidence")) is None
    assert store.broken_links("evidence") == []
    db = store._connection()
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    for audience in Audience:
        words = f"words_{audience}"
        db.execute(f"INSERT INTO {words} ({words}) VALUES ('integrity-check')")  # noqa: S608
        assert db.execute(f"SELECT rtreecheck('event_box_{audience}')").fetchone() == ("ok",)
    store.close()
