"""Several processes on one store, and processes that are killed: the same for every backend.

A backend's tests say how a child is started: a script of this module behind a head of their own
that opens ``store`` and imports the contract's helpers.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable

from core.records import Outcome
from store.protocol import ALL, CONFIDENTIAL, OPEN, Store
from tests.store.contract import a_post, accept, need_whole

Child = subprocess.Popen[str]
IMPORTS = """
import sys
from pathlib import Path
from core.records import Audience
from tests.store.contract import a_post, accept, an_event, assess, write
"""
ACCEPT = """
for i in range(5, 40):
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


def write_at_once(start: Callable[[str], Child], opened: Callable[[], Store]) -> None:
    """Two processes and three threads accept posts that overlap; each is there once."""
    others = [start(ACCEPT) for _ in range(2)]
    store = opened()

    def work(first: int) -> None:
        for i in range(first, first + 15):
            accept(store, a_post(str(i)))

    threads = [threading.Thread(target=work, args=(first,)) for first in (0, 10, 30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for other in others:
        other.communicate(timeout=120)
        assert other.returncode == 0
    kept = store.unassessed(1000)
    assert sorted(int(p.native_id) for p in kept if hasattr(p, "native_id")) == list(range(45))
    assert len(list(store.chain("evidence"))) == 45
    need_whole(store)


def killed(child: Child, after: int, seed: int) -> dict[str, set[int]]:
    """Kill the ``CHAIN`` some time after that many lines; the numbers that it promised."""
    assert child.stdout is not None
    said = [child.stdout.readline() for _ in range(after)]
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
    assert len(promised["accepted"]) > 3
    return promised


def need_promised(store: Store, promised: dict[str, set[int]]) -> None:
    """Each line was printed after its call returned, so what it says is there; nothing is half."""
    for i in sorted(promised["accepted"]):
        post = a_post(str(i))
        assert len(store.post_versions(post.id, ALL)) == 1
        assert accept(store, a_post(str(i), f"құпия{i}соңы өрт")) == [Outcome.REPEATED]
        if i in promised["open"] and i % 2 == 0:
            assert len(store.assessed([post.id], OPEN)) == 1
            assert store.events_of([post.id], OPEN) == {post.id: post.id}
        if i in promised["confidential"]:
            assert store.search_posts(f"құпия{i}соңы", OPEN) == []
            assert store.event(post.id, OPEN) is None
            assert store.event(post.id, CONFIDENTIAL) is not None
    need_whole(store)
